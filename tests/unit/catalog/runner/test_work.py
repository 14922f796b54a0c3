"""The share of the work that a host takes at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.runner.failures import Limits
from packshot.catalog.runner.work import CatalogWork
from packshot.catalog.table.photos import PhotoPlaces


def work(folder: Path, rows: int, *urls: str) -> CatalogWork:
    ledger = Ledger(folder, create=True)
    for number in range(rows):
        ledger.db.execute(
            "INSERT INTO items (item_id, position, sku, variant, title, name, place, inputs, seed, state)"
            " VALUES (?, ?, '', '', '', '', '', '{}', 1, 'pending')",
            (f"S{number}", number),
        )
    made = CatalogWork(
        ledger,
        folder,
        facts={},
        limits=Limits(),
        locks={},
        phases=True,
        settled=lambda _id, _error: None,
        places=PhotoPlaces(),
    )
    for url in urls:
        made.backlog.host_is_live(url, True)
    return made


@pytest.mark.parametrize(
    ("rows", "hosts", "shares"),
    [(5, 1, [4]), (1000, 1, [99, 99]), (60, 2, [19, 13, 8]), (1000, 4, [99, 99, 99, 99, 85, 73])],
)
def test_shares_grow_smaller_with_what_is_left(tmp_path: Path, rows: int, hosts: int, shares: list[int]) -> None:
    made = work(tmp_path, rows, *(f"h{number}" for number in range(hosts)))
    seen = []
    for _ in shares:
        assert made.take("h0") is not None
        seen.append(len(made.take_share("h0")))
    assert seen == shares
    made.ledger.close()


def test_nothing_is_shared_out_once_a_run_drains(tmp_path: Path) -> None:
    made = work(tmp_path, 10, "h")
    made.drain("stopped")
    assert made.take_share("h") == []
    made.ledger.close()
