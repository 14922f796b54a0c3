"""Ledgers that somebody else has made, as the host reads them: nothing of theirs runs, and none of them runs on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from packshot.budget import deadline
from packshot.catalog.ledger.database import FILE_NAME, open_to_read
from packshot.catalog.ledger.ledger import Ledger

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"


def tampered(folder: Path, *statements: str) -> Path:
    """A ledger that had statements run on it."""
    Ledger(folder, create=True).close()
    with closing(sqlite3.connect(folder / FILE_NAME)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()
    return folder


STRANGERS = {
    "view": ["CREATE VIEW extra AS SELECT 1"],
    "view for a table": ["DROP TABLE items", f"CREATE VIEW items AS {ENDLESS}"],
    "trigger": ["CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM items; END"],
    "virtual table": ["CREATE VIRTUAL TABLE words USING fts5(text)"],
    "generated column": ["ALTER TABLE run ADD COLUMN extra TEXT GENERATED ALWAYS AS (upper(value)) VIRTUAL"],
    "view under an index's name": [
        "PRAGMA writable_schema = ON",
        "INSERT INTO sqlite_master VALUES ('index', 'x', 'items', 0, 'CREATE VIEW v AS SELECT 1')",
    ],
    "view of no kind": [
        "PRAGMA writable_schema = ON",
        "INSERT INTO sqlite_master VALUES (NULL, 'v', 'v', 0, 'CREATE VIEW v AS SELECT 1')",
    ],
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_computes_in_place_of_what_is_stored_is_refused(tmp_path: Path, name: str) -> None:
    folder = tampered(tmp_path, *STRANGERS[name])
    with pytest.raises(sqlite3.Error):
        open_to_read(folder)


def test_a_ledger_of_today_is_opened_and_cannot_be_written(tmp_path: Path) -> None:
    with closing(open_to_read(tampered(tmp_path))) as db:
        assert db.execute("SELECT count(*) FROM items").fetchone()[0] == 0
        with pytest.raises(sqlite3.OperationalError):
            db.execute("DELETE FROM items")
        with pytest.raises(sqlite3.OperationalError):
            db.execute("CREATE TEMP TABLE scratch (x)")


def test_a_query_ends_with_the_deadline(tmp_path: Path) -> None:
    with deadline(0.2), closing(open_to_read(tampered(tmp_path))) as db, pytest.raises(sqlite3.OperationalError):
        db.execute(f"SELECT count(*) FROM ({ENDLESS})").fetchone()
