"""Ledgers that somebody else has made, as the host reads them: nothing of theirs runs, and none of them runs on."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hostile.pages import LEDGERS, write_ledger

from packshot.budget import deadline
from packshot.catalog.known_runs import remember_run
from packshot.catalog.ledger import reading
from packshot.catalog.ledger.database import FILE_NAME, open_to_read
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.ledger.verdicts import APPROVALS, say
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan
from packshot.errors import CatalogInvalid, JobFailed

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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes among its files")
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, suffix: str) -> None:
    path = tampered(tmp_path) / f"{FILE_NAME}{suffix}"
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(sqlite3.DatabaseError, match="no file"):
        open_to_read(tmp_path)


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


# -- runs


def finished_run(folder: Path) -> Path:
    """A run with one picture, whose second attempt began before the first: somebody set the clock back."""
    with Ledger(folder, create=True) as ledger:
        item = Item("S", "", "i0", "Mug", "i0", {"prompt": "mug"}, 1, "row 1", {})
        write_plan(ledger, Plan((item,), ()))
        ledger.begin("i0", "p0", "http://first")
        ledger.fail("i0", JobFailed("no"), "p0")
        ledger.retry(["i0"])
        ledger.begin("i0", "p1", "http://second")
        ledger.accept("p1", "pictures/i0.png", "a" * 64, 1.5)
        with ledger.transaction() as db:
            db.execute("UPDATE attempts SET started = 500, ended = 600 WHERE prompt_id = 'p1'")
            db.execute("UPDATE attempts SET started = 1000, ended = 1100 WHERE prompt_id = 'p0'")
    return folder


def first_item(folder: Path) -> dict[str, Any]:
    _, (item,) = reading.items(folder, state="", verdict="", words="", offset=0, limit=9)
    return item


def test_attempts_are_in_the_order_in_which_they_were_begun(tmp_path: Path) -> None:
    assert [attempt["host"] for attempt in first_item(finished_run(tmp_path))["attempts"]] == [
        "http://first",
        "http://second",
    ]


def test_to_look_at_a_run_does_not_change_when_it_changed(tmp_path: Path) -> None:
    finished_run(tmp_path)
    assert reading.summary(tmp_path)["changed"] == 1100
    first_item(tmp_path)
    for path in tmp_path.glob(f"{FILE_NAME}*"):
        os.utime(path)
    assert reading.summary(tmp_path)["changed"] == 1100


def test_a_run_is_one_that_the_machine_or_the_user_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("known", "named", "planted"):
        Ledger(tmp_path / name, create=True).close()
    remember_run(tmp_path / "known")
    monkeypatch.setenv(reading.RUNS_VARIABLE, os.pathsep.join([str(tmp_path / "named"), str(tmp_path / "gone"), ""]))
    names = {folder.name for folder in reading.runs().values()}
    assert {"known", "named"} <= names
    assert not {"planted", "gone"} & names


def test_a_verdict_says_who_gave_it_and_old_ones_still_count(tmp_path: Path) -> None:
    finished_run(tmp_path)
    assert say(tmp_path, "i0", "a" * 64, "approved", "", "Ada")
    assert first_item(tmp_path)["verdict"]["by"] == "Ada"
    stored = json.loads((tmp_path / APPROVALS).read_text())
    del stored["items"]["i0"]["by"]
    stored["items"]["i0"]["note"] = {"nested": 1}
    (tmp_path / APPROVALS).write_text(json.dumps(stored))
    verdict = first_item(tmp_path)["verdict"]
    assert verdict["verdict"] == "approved"
    assert verdict.keys() == {"verdict", "reason", "sha256", "file", "at", "key", "code"}


UNREADABLE = {
    "deep": "[" * 100_000,
    "list": '{"format": 1, "items": []}',
    "not Unicode": "\xff",
    "number": '{"format": ' + "9" * 9999 + "}",
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_verdicts_that_cannot_be_read_are_an_error(tmp_path: Path, content: str) -> None:
    finished_run(tmp_path)
    (tmp_path / APPROVALS).write_text(content, encoding="latin-1")
    with pytest.raises(CatalogInvalid, match="verdicts"):
        first_item(tmp_path)


@pytest.mark.parametrize("name", LEDGERS)
def test_a_ledger_of_a_stranger_is_shown_as_it_is_or_refused(tmp_path: Path, name: str) -> None:
    folder = write_ledger(tmp_path / "run", LEDGERS[name])
    for look in (reading.summary, lambda run: reading.items(run, state="", verdict="", words="x", offset=0, limit=60)):
        with contextlib.suppress(CatalogInvalid):
            json.dumps(look(folder), allow_nan=False)


def test_a_picture_that_lies_elsewhere_is_none(tmp_path: Path) -> None:
    folder = write_ledger(tmp_path / "run", LEDGERS["a picture elsewhere"])
    _, items = reading.items(folder, state="", verdict="", words="", offset=0, limit=60)
    assert [item["file"] for item in items] == ["", ""]
