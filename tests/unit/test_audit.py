"""The audit, the lease, and ledgers of earlier versions."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.catalog.ledger import lease as leases
from packshot.catalog.ledger.audit import FILE_NAME, AuditLog
from packshot.catalog.ledger.lease import Lease
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.rebuild import verify
from packshot.errors import CatalogInvalid, InputInvalid, RunTakenOver

VERSION_1 = """
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE items (
    item_id TEXT PRIMARY KEY, position INTEGER NOT NULL, sku TEXT NOT NULL, variant TEXT NOT NULL, title TEXT NOT NULL,
    name TEXT NOT NULL, place TEXT NOT NULL, inputs TEXT NOT NULL, seed INTEGER,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'failed', 'quarantined')),
    error TEXT, file TEXT, sha256 TEXT
) STRICT;
CREATE INDEX items_by_state ON items (state, position);
CREATE TABLE attempts (
    prompt_id TEXT PRIMARY KEY, item_id TEXT NOT NULL REFERENCES items, host TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('open', 'accepted', 'failed', 'lost', 'replaced')),
    reason TEXT NOT NULL DEFAULT '', started REAL NOT NULL, ended REAL, seconds REAL
) STRICT;
CREATE INDEX attempts_by_item ON attempts (item_id);
CREATE INDEX attempts_open ON attempts (outcome) WHERE outcome = 'open';
CREATE UNIQUE INDEX one_accepted_picture ON attempts (item_id) WHERE outcome = 'accepted';
INSERT INTO run VALUES ('base_seed', '7');
INSERT INTO items VALUES ('A', 1, 'A', '', 'Mug', 'A', 'row 2', '{"prompt": "a mug"}', 5, 'done', NULL, 'A.png', 'aa');
INSERT INTO items VALUES ('B', 2, 'B', '', 'Cup', 'B', 'row 3', '{"prompt": "a cup"}', 6, 'pending', NULL, NULL, NULL);
INSERT INTO attempts VALUES ('job-a', 'A', 'http://h', 'accepted', '', 1.0, 2.0, 0.5);
INSERT INTO attempts VALUES ('job-b', 'B', 'http://h', 'open', '', 3.0, NULL, NULL);
PRAGMA user_version = 1;
"""


def test_a_ledger_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "ledger.sqlite")
    database.executescript(VERSION_1)
    database.close()
    with Ledger(tmp_path) as ledger:
        assert ledger.facts() == {"base_seed": 7}
        counts = ledger.counts()
        assert (counts.done, counts.running, counts.seconds_per_row) == (1, 1, 0.5)
        assert [attempt.prompt_id for attempt in ledger.open_attempts("http://h")] == ["job-b"]
        item = ledger.item("B")
        assert (item.workflow, item.model, item.change, item.tries) == ("", "", {}, 0)
        ledger.accept("job-b", "pictures/B.png", "bb", 1.0)
        assert ledger.counts().done == 2
    with Ledger(tmp_path) as again:
        assert again.counts().done == 2


# ----- the audit


@pytest.fixture
def audited(tmp_path: Path) -> Path:
    with Ledger(tmp_path, create=True) as ledger:
        ledger.record_facts({"base_seed": 1, "name": "急須 = é"}, event="run")
        for number in range(5):
            with ledger.transaction():
                ledger.audit("accepted", {"item_id": f"S{number}", "sha256": "0" * 64})
    return tmp_path


def test_an_audit_that_nobody_touched_verifies(audited: Path) -> None:
    assert verify(audited) == {"ok": True, "lines": 6, "events": {"run": 1, "accepted": 5}, "faults": []}


def test_any_changed_byte_is_found(audited: Path) -> None:
    path = audited / FILE_NAME
    whole = path.read_bytes()
    assert len(whole) > 500
    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 1
        path.write_bytes(bytes(changed))
        answer = verify(audited)
        assert not answer["ok"], at
        assert answer["faults"][0]["line"] in (whole.count(b"\n", 0, at) + 1, whole.count(b"\n", 0, at) + 2)


@given(st.integers(0, 5), st.sampled_from(["cut", "gone", "twice", "swapped"]))
def test_lines_that_are_missing_or_moved_are_found(tmp_path_factory: pytest.TempPathFactory, at: int, how: str) -> None:
    folder = tmp_path_factory.mktemp("audit")
    with Ledger(folder, create=True) as ledger:
        for number in range(6):
            ledger.record_facts({"n": number}, event="run")
    lines = (folder / FILE_NAME).read_bytes().splitlines(keepends=True)
    if how == "cut":
        lines = lines[:at]
    elif how == "gone":
        del lines[at]
    elif how == "twice":
        lines.insert(at, lines[at])
    else:
        lines[at], lines[at - 1] = lines[at - 1], lines[at]
    (folder / FILE_NAME).write_bytes(b"".join(lines))
    assert not verify(folder)["ok"]


def test_a_line_that_a_crash_left_half_written_is_cut_off_and_said(audited: Path) -> None:
    with (audited / FILE_NAME).open("ab") as file:
        file.write(b'{"seq":7,"at":"2026')
    with Ledger(audited) as ledger:
        ledger.record_facts({"more": 1}, event="run")
    answer = verify(audited)
    assert answer["ok"]
    assert answer["events"] == {"run": 2, "accepted": 5, "torn": 1}


def test_long_lines_and_two_writers(tmp_path: Path) -> None:
    first, second = AuditLog(tmp_path), AuditLog(tmp_path)
    for number in range(4):
        first.append("a", {"text": "x" * 200_000})
        assert second.append("b", {"n": number}).seq == 2 * number + 2
    assert verify(tmp_path)["ok"]


def test_a_damaged_last_line_is_not_built_upon(audited: Path) -> None:
    path = audited / FILE_NAME
    path.write_bytes(path.read_bytes()[:-30] + b"\n")
    with Ledger(audited) as ledger, pytest.raises(CatalogInvalid, match="audit is damaged"):
        ledger.record_facts({"more": 1}, event="run")


# ----- the lease

HOLD = """
    import sys, time
    from pathlib import Path
    from packshot.catalog.ledger.ledger import Ledger
    from packshot.catalog.ledger.lease import Lease
    ledger = Ledger(Path(sys.argv[1]), create=True)
    Lease(ledger)
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_dead_process_loses_its_run_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with Ledger(tmp_path) as ledger, pytest.raises(InputInvalid, match="another process works on this run"):
            Lease(ledger)
        holder.kill()
    with Ledger(tmp_path) as ledger:
        Lease(ledger).release()
        assert ledger.lease() is None


def test_who_wakes_up_after_his_run_was_taken_over_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "DEAD", 0.5)
    sleeper = Ledger(tmp_path, create=True)
    # A coordinator on another machine that stands still: it holds the run and does not beat.
    sleeper.take_lease("somebody", "another-machine", 1, 0.0)
    with Ledger(tmp_path) as ledger:
        held = Lease(ledger)
        before = (tmp_path / FILE_NAME).read_bytes() if (tmp_path / FILE_NAME).exists() else b""
        with pytest.raises(RunTakenOver):
            sleeper.record_facts({"late": True}, event="run")
        assert not sleeper.beat()
        sleeper.give_lease_back()
        assert ledger.lease() is not None
        assert "late" not in ledger.facts()
        ledger.record_facts({"mine": True}, event="run")
        held.release()
    sleeper.close()
    lines = (tmp_path / FILE_NAME).read_bytes()[len(before) :].splitlines()
    assert [json.loads(line)["mine"] for line in lines] == [True]


def test_a_planner_that_writes_for_a_long_time_is_not_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "DEAD", 0.3)
    monkeypatch.setattr(leases, "BEAT", 0.1)
    planner = Ledger(tmp_path, create=True)
    held = Lease(planner)
    begun = threading.Event()

    def plan() -> None:
        with planner.transaction():  # nobody can beat meanwhile
            begun.set()
            time.sleep(1.5)

    writing = threading.Thread(target=plan)
    writing.start()
    begun.wait()
    with Ledger(tmp_path) as other, pytest.raises(InputInvalid, match="another process works on this run"):
        Lease(other)
    writing.join()
    planner.record_facts({"mine": True}, event="run")
    held.release()
    planner.close()


def test_a_lease_that_cannot_be_given_back_hides_no_error_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    """As on a full disk, which has an error of its own to show."""
    code = "import sys; from pathlib import Path; from packshot.catalog.ledger.ledger import Ledger;"
    code += "from packshot.catalog.ledger.lease import Lease; ledger = Ledger(Path(sys.argv[1]), create=True);"
    code += "held = Lease(ledger); ledger.db.execute('PRAGMA query_only = ON'); held.release()"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    with Ledger(tmp_path) as ledger:
        assert ledger.lease() is not None
        Lease(ledger).release()
