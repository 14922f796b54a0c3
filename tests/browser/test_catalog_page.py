"""The catalogue page in a real Chromium, on a run that goes on: filter, compare, judge, all from the keyboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page

from packshot.catalog.known_runs import remember_run, run_id
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan
from packshot.host.managed import HostStatus
from support.host.hostile import HOSTILE


@pytest.fixture
def run(tmp_path: Path) -> Iterator[tuple[Path, Ledger]]:
    """Four pictures of two products, one of them made, one being made."""
    folder = tmp_path / "run"
    with Ledger(folder, create=True) as ledger:
        ledger.record_facts(
            {
                "brand": {"name": HOSTILE},
                "workflow": {"name": "product-shot", "version": "1.1.0"},
                "table": {"name": "t"},
            }
        )
        items = [
            Item(f"S{n // 2}", f"size {n % 2}", f"i{n}", f"{HOSTILE} {n}", f"i{n}", {"prompt": f"a mug {n}"}, n, "", {})
            for n in range(4)
        ]
        write_plan(ledger, Plan(tuple(items), ()))
        (folder / "pictures").mkdir()
        make(folder, ledger, 0)
        make(folder, ledger, 1)
        ledger.begin("i2", "p2", "http://127.0.0.1:1")
        remember_run(folder)
        yield folder, ledger


def make(folder: Path, ledger: Ledger, number: int, begin: bool = True) -> None:
    """Accept a picture of an item."""
    Image.new("RGB", (96, 96), (60 * number, 90, 120)).save(folder / "pictures" / f"i{number}.png")
    if begin:
        ledger.begin(f"i{number}", f"p{number}", "http://127.0.0.1:1")
    ledger.accept(f"p{number}", f"pictures/i{number}.png", f"{number}" * 64, 1.5)


@pytest.fixture(params=["light", "dark"])
def page(
    request: pytest.FixtureRequest, browser: Browser, host: HostStatus, run: tuple[Path, Ledger]
) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=request.param)
    page.goto(f"{host.url}/packshot/web/catalog/index.html")
    page.get_by_role("link", name=HOSTILE).first.wait_for()
    page.goto(f"{host.url}/packshot/web/catalog/index.html?run={run_id(run[0])}")
    page.locator(".card").nth(3).wait_for()
    yield page
    assert page.evaluate("window.hacked") is None
    page.close()


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def test_a_run_is_judged_from_the_keyboard(page: Page, run: tuple[Path, Ledger]) -> None:
    folder, ledger = run
    assert not serious(page)
    # Filter by words, and out again.
    page.keyboard.press("/")
    page.keyboard.type("i1")
    page.get_by_text("1 of 1 shown").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("4 of 4 shown").wait_for()
    # To the first picture, into the large view, and beside the other of the same product.
    page.locator(".card button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    assert dialog.locator("figure").count() == 1
    page.keyboard.press("c")
    assert dialog.locator("figure").count() == 2
    assert not serious(page)
    # Rejected only with a reason.
    page.keyboard.press("r")
    dialog.get_by_text("Say what is wrong with the picture.").wait_for()
    page.keyboard.type(f"bent {HOSTILE}")
    page.keyboard.press("Tab")  # out of the text, to the buttons
    page.keyboard.press("r")
    dialog.get_by_text("rejected: bent").wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("a")
    dialog.get_by_text("approved", exact=True).first.wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    said = json.loads((folder / "approvals.json").read_text())["items"]
    assert said["i0"]["verdict"] == "rejected"
    assert said["i0"]["reason"] == f"bent {HOSTILE}"
    assert said["i1"]["verdict"] == "approved"
    # A picture that is made meanwhile appears by itself, and a new one takes its verdict back.
    make(folder, ledger, 2, begin=False)
    page.wait_for_function("() => document.querySelectorAll('.card img').length === 3", timeout=30_000)
    page.get_by_role("combobox", name="Verdict").select_option("open")
    page.get_by_text("1 of 1 shown").wait_for()


def test_a_run_that_is_not_there(browser: Browser, host: HostStatus) -> None:
    page = browser.new_page()
    page.goto(f"{host.url}/packshot/web/catalog/index.html?run=nothing")
    page.get_by_text("there is no such catalogue run on this machine").wait_for()
    page.close()
