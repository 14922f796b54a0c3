"""A catalogue from Python: planned, made, drained and gone on with, without a command."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from packshot import CatalogRun, ItemSettled, RunNotice, RunStarted
from packshot.errors import CatalogInvalid
from packshot.host.managed import HostStatus
from support.host.catalogs import PLAIN


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "products.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["sku", "title"], *([f"A-{number}", f"Mug {number}"] for number in range(6))])
    return path


def test_a_catalogue_is_made_and_tells_what_happens(host: HostStatus, table: Path, tmp_path: Path) -> None:
    assert host.url is not None
    events: list[object] = []
    with CatalogRun(tmp_path / "run", create=True) as run:
        planned = run.plan(table, {"color": "{{ product.title | last }}"}, workflow=PLAIN, limit=2)
        assert [item.item_id for item in planned.plan.items] == ["A-0", "A-1"]
        status = run.run([host.url], on_event=events.append)
    assert events[0] == RunStarted(2, 0)
    assert {event.item_id for event in events if isinstance(event, ItemSettled)} == {"A-0", "A-1"}
    assert (status.counts.done, status.counts.rows, status.failures) == (2, 2, {})
    assert not status.unfinished
    assert status.report.is_file()
    with Image.open(tmp_path / "run" / "pictures" / "A-1.png") as image:
        assert image.getpixel((0, 0)) == (0, 0, 1)
    record = json.loads((tmp_path / "run" / "pictures" / "A-1.json").read_text())
    assert (record["warnings"], record["waived"]) == ([], [])
    assert CatalogRun.status(tmp_path / "run") == status


def test_a_run_that_is_drained_begins_nothing_more_and_goes_on_later(
    host: HostStatus, table: Path, tmp_path: Path
) -> None:
    """In a thread of the program, where there is no Ctrl-C."""
    assert host.url is not None
    notices: list[str] = []
    with CatalogRun(tmp_path / "run", create=True) as run:
        run.plan(table, {"color": "{{ product.title | last }}"}, workflow=PLAIN, phases=False)

        def told(event: object) -> None:
            if isinstance(event, RunNotice):
                notices.append(event.message)
            if isinstance(event, ItemSettled):
                run.drain("enough for today")

        with ThreadPoolExecutor(1) as pool:
            status = pool.submit(run.run, [host.url], on_event=told).result(120)
        assert status.unfinished
        assert 1 <= status.counts.done < 6
        assert status.counts.running == 0
        assert notices == ["enough for today; run it again to go on"]
        assert run.run([host.url]).counts.done == 6


def test_a_run_that_is_drained_before_its_hosts_are_reached_makes_nothing(
    host: HostStatus, table: Path, tmp_path: Path
) -> None:
    assert host.url is not None
    with CatalogRun(tmp_path / "run", create=True) as run:
        run.plan(table, {"color": "{{ product.title | last }}"}, workflow=PLAIN, limit=2)
        status = run.run([host.url], on_event=lambda event: run.drain() if isinstance(event, RunStarted) else None)
        assert (status.counts.done, status.unfinished) == (0, True)
        assert run.run([host.url]).counts.done == 2


def test_an_option_that_does_not_exist_is_refused(table: Path, tmp_path: Path) -> None:
    with CatalogRun(tmp_path / "run", create=True) as run, pytest.raises(CatalogInvalid, match="no field") as caught:
        run.plan(table, workflow=PLAIN, brnad="kit")
    assert caught.value.remedy == "did you mean 'brand'?"
