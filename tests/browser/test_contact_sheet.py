"""The contact sheet of a run of more than a page, from disk in a real Chromium: every filter finds what it should."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page

from packshot.catalog.ledger.records import Judged
from packshot.catalog.planning.catalog_file import Catalog, CatalogFile
from packshot.catalog.run import CatalogRun
from packshot.errors import ChecksFailed, JobFailed
from packshot.paths import shipped

KIT = shipped("examples") / "brands" / "aldern-quay"
ROWS = 520
FAILED, QUARANTINED, SLOW, DULL = 505, 510, 515, 3  # which rows are not like the others


def make(run: CatalogRun, number: int) -> None:
    """What a host and the gate would have said of one row: a second each, and most of it in the brand's colours."""
    item_id, job = f"SKU-{number:03}", f"job-{number:03}"
    run.ledger.begin(item_id, job, "http://host")
    if number == FAILED:
        run.ledger.fail(item_id, JobFailed("a node gave up"), job)
        return
    score = 0.25 if number in (DULL, QUARANTINED) else 0.9
    judged = Judged(number, [{"id": "palette.coverage", "value": score, "unit": "", "limit": {}, "reason": ""}])
    name, sha256 = f"{item_id}.png", f"{number:064x}"
    folder = "quarantine" if number == QUARANTINED else "pictures"

    def publish() -> None:
        (run.folder / folder).mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (number % 256, 90, 120)).save(run.folder / folder / name)

    if number == QUARANTINED:
        run.ledger.quarantine(job, f"{folder}/{name}", sha256, 1.0, judged, ChecksFailed("too dark"), publish)
    else:
        seconds = 60.0 if number == SLOW else 1.0
        run.ledger.accept(job, f"{folder}/{name}", sha256, seconds, judged=judged, publish=publish)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheet")
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "title", "colour"])
        writer.writerows([f"SKU-{number:03}", f"Mug {number}", number] for number in range(ROWS))
    prompt = "{{ product.title }} on slate {{ row.colour }}"
    asked = CatalogFile(table=str(folder / "table.csv"), brand=str(KIT), mapping={"prompt": prompt})
    with CatalogRun(folder / "run", create=True) as run:
        run.plan(Catalog(asked))
        with run.ledger.transaction():
            for number in range(ROWS):
                make(run, number)
        return run.report()


@pytest.fixture
def sheet(browser: Browser, report: Path) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(report.as_uri())
    yield page
    page.close()
    assert errors == []


def found(page: Page) -> tuple[list[str], list[str]]:
    """SKUs of the cards that are shown, and of the links to other pages."""
    here = page.locator(".card:not([hidden]) code").all_inner_texts()
    there = page.locator("#elsewhere:not([hidden]) li").all_inner_texts()
    return here, [text.split(" ")[-2].rstrip(",") for text in there]


def test_the_chips_are_those_of_the_whole_run(sheet: Page) -> None:
    chips = sheet.locator(".chip").all_inner_texts()
    assert [chip.split() for chip in chips] == [["All", "520"], ["Done", "518"], ["Failed", "1"], ["Quarantined", "1"]]
    for status, number in (("Failed", FAILED), ("Quarantined", QUARANTINED)):
        sheet.get_by_role("button", name=status).click()
        sheet.locator("#elsewhere li").first.wait_for()
        assert found(sheet) == ([], [f"SKU-{number}"])
    sheet.locator("#elsewhere a").click()
    sheet.get_by_role("dialog").wait_for()
    assert f"SKU-{QUARANTINED}" in sheet.get_by_role("dialog").inner_text()


def test_words_find_sku_title_and_prompt_on_every_page(sheet: Page) -> None:
    search = sheet.get_by_role("searchbox")
    search.fill("sku-007")
    assert found(sheet)[0] == ["SKU-007"]
    search.fill("slate 517")
    sheet.locator("#elsewhere li").first.wait_for()
    assert found(sheet) == ([], ["SKU-517"])


def test_brand_score_and_seconds_are_ranges(sheet: Page) -> None:
    sheet.get_by_label("Brand score at most").fill("0.5")
    sheet.locator("#elsewhere li").first.wait_for()
    assert found(sheet) == ([f"SKU-{DULL:03}"], [f"SKU-{QUARANTINED}"])
    sheet.get_by_label("Brand score at least").fill("0.3")
    assert found(sheet) == ([], [])
    sheet.get_by_label("Brand score at most").fill("")
    assert len(found(sheet)[0]) == 499
    sheet.get_by_label("Brand score at least").fill("")
    sheet.get_by_label("Seconds at least").fill("30")
    assert found(sheet) == ([], [f"SKU-{SLOW}"])
    sheet.get_by_label("Seconds at most").fill("59")
    assert found(sheet) == ([], [])


def test_the_sheet_is_accessible(sheet: Page) -> None:
    violations = [one for one in Axe().run(sheet).response["violations"] if one["impact"] in ("serious", "critical")]
    assert not violations, [(one["id"], one["nodes"][0]["html"]) for one in violations]
