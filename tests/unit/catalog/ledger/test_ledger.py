"""The ledger on its own: what a plan does to it, and that it never contradicts itself."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from packshot.catalog.ledger.ledger import FILE_NAME, Ledger
from packshot.catalog.ledger.records import Judged
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan
from packshot.catalog.table.products import RowProblem
from packshot.errors import CatalogInvalid, ChecksFailed, JobFailed, OutputUnwritable


def _item(sku: str, prompt: str = "a mug", seed: int = 1) -> Item:
    return Item(
        sku=sku,
        variant="",
        item_id=sku,
        title=f"Product {sku}",
        name=sku.lower(),
        inputs={"prompt": prompt},
        seed=seed,
        place=f"row of {sku}",
        source={},
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = Ledger(tmp_path, create=True)
    write_plan(opened, Plan((_item("A"), _item("B"), _item("C")), ()))
    return opened


def _make(ledger: Ledger, sku: str, job: str) -> None:
    ledger.begin(sku, job, "http://host")
    ledger.accept(job, f"pictures/{sku}.png", "0" * 64, 1.5)


def test_counts_follow_an_item_through_its_life(ledger: Ledger) -> None:
    assert (ledger.counts().rows, ledger.counts().pending) == (3, 3)
    ledger.begin("A", "job-a", "http://host")
    assert (ledger.counts().pending, ledger.counts().running) == (2, 1)
    assert ledger.pending() == ["B", "C"]
    ledger.accept("job-a", "pictures/a.png", "0" * 64, 2.0)
    ledger.begin("B", "job-b", "http://host")
    ledger.fail("B", JobFailed("no", place="node 3", remedy="mend it"), "job-b")
    counts = ledger.counts()
    assert (counts.done, counts.failed, counts.pending, counts.running, counts.extra_runs) == (1, 1, 1, 0, 0)
    assert counts.seconds_per_row == 2.0


def test_an_attempt_survives_the_process_that_began_it(tmp_path: Path) -> None:
    with Ledger(tmp_path, create=True) as first:
        write_plan(first, Plan((_item("A"),), ()))
        first.begin("A", "job-a", "http://host")
    with Ledger(tmp_path) as second:
        (attempt,) = second.open_attempts()
        assert (attempt.prompt_id, attempt.item_id, attempt.host) == ("job-a", "A", "http://host")
        second.lost("job-a", "restarted", "died", alone=True)
        assert second.pending() == ["A"]
        assert second.counts().extra_runs == 1


def test_a_job_that_was_never_sent_is_no_extra_run(ledger: Ledger) -> None:
    ledger.begin("A", "job-a", "http://host")
    ledger.unsent("job-a")
    assert ledger.pending() == ["A", "B", "C"]
    assert ledger.counts().extra_runs == 0


def test_two_accepted_pictures_for_one_item_are_impossible(ledger: Ledger) -> None:
    _make(ledger, "A", "job-1")
    ledger.begin("A", "job-2", "http://host")
    with pytest.raises(sqlite3.IntegrityError):
        ledger.accept("job-2", "pictures/a.png", "1" * 64, 1.0)
    assert ledger.counts().running == 1, "the transaction was rolled back as a whole"


def test_planning_again_keeps_what_is_done(ledger: Ledger) -> None:
    _make(ledger, "A", "job-a")
    write_plan(ledger, Plan((_item("A"), _item("B"), _item("C")), ()))
    assert ledger.pending() == ["B", "C"]


def test_a_changed_row_is_made_again_and_a_new_one_added(ledger: Ledger) -> None:
    _make(ledger, "A", "job-a")
    _make(ledger, "B", "job-b")
    write_plan(ledger, Plan((_item("D"), _item("A", "another prompt"), replace(_item("B"), title="Renamed")), ()))
    assert ledger.pending() == ["D", "A"]
    assert {row["item_id"]: row["title"] for row in ledger.rows()}["B"] == "Renamed"
    _make(ledger, "A", "job-a2")
    assert ledger.counts().extra_runs == 0


def test_a_job_that_was_sent_for_a_row_as_it_was_is_not_taken_for_the_changed_one(ledger: Ledger) -> None:
    ledger.begin("A", "job-a", "http://host")
    write_plan(ledger, Plan((_item("A", "another prompt"), _item("B"), _item("C")), ()))
    assert ledger.open_attempts() == []
    assert ledger.pending() == ["A", "B", "C"]
    assert ledger.counts().extra_runs == 0


def test_a_row_that_left_the_table_goes_unless_it_has_a_picture(ledger: Ledger) -> None:
    _make(ledger, "A", "job-a")
    write_plan(ledger, Plan((_item("B"),), ()))
    assert {row["item_id"]: row["state"] for row in ledger.rows()} == {"A": "done", "B": "pending"}


def test_refused_rows_are_recorded_and_leave_the_others_alone(ledger: Ledger) -> None:
    problems = (
        RowProblem("X", "table.csv, row 9", "the title is empty", "give it one"),
        RowProblem("A", "table.csv, row 10", "SKU 'A' stands already in row 2", "give it its own"),
        RowProblem("", "table.csv, row 11", "no handle", "give it one"),
    )
    write_plan(ledger, Plan((_item("A"), _item("B")), problems))
    counts = ledger.counts()
    assert (counts.rows, counts.failed, counts.pending) == (5, 3, 2)
    assert ledger.pending() == ["A", "B"]
    assert ledger.retry(None) == 0, "a refused row cannot be retried before the table is mended"
    write_plan(ledger, Plan((_item("A"), _item("B"), _item("X")), ()))
    assert ledger.pending() == ["A", "B", "X"]
    assert ledger.counts().failed == 0


def test_retry_takes_the_failed_or_the_named(ledger: Ledger) -> None:
    _make(ledger, "A", "job-a")
    ledger.begin("B", "job-b", "http://host")
    ledger.fail("B", JobFailed("no"), "job-b")
    assert ledger.retry(None) == 1
    assert ledger.retry(["A"]) == 1
    assert ledger.pending() == ["A", "B", "C"]
    _make(ledger, "A", "job-a2")
    with pytest.raises(CatalogInvalid, match="no such item"):
        ledger.retry(["nowhere"])


def test_no_ledger_is_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(CatalogInvalid, match="no catalogue run"):
        Ledger(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_damaged_ledger_says_so(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is no database" * 100)
    with pytest.raises(CatalogInvalid, match="cannot be read"):
        Ledger(tmp_path)


def test_an_unwritable_place_says_so(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    with pytest.raises(OutputUnwritable) as caught:
        Ledger(blocker / "run", create=True)
    assert str(blocker) in caught.value.place


def test_a_row_that_is_refused_while_its_job_is_on_a_host_leaves_no_open_attempt(ledger: Ledger) -> None:
    ledger.begin("A", "job-a", "http://host")
    problem = RowProblem("A", "table.csv, row 2", "the product has no title", "give it a title")
    write_plan(ledger, Plan((_item("B"), _item("C")), (problem,)))
    assert ledger.open_attempts() == []
    assert (ledger.counts().failed, ledger.counts().running) == (1, 0)
    write_plan(ledger, Plan((_item("A"), _item("B"), _item("C")), ()))
    assert ledger.pending() == ["A", "B", "C"]


def test_what_lies_beyond_a_limit_stays_and_is_not_made(ledger: Ledger) -> None:
    ledger.begin("B", "job-b", "http://host")
    ledger.fail("B", JobFailed("no"), "job-b")
    judged = Judged(5, [{"id": "technical.sharpness", "value": 0.1}])
    ledger.begin("C", "job-c", "http://host")
    ledger.quarantine("job-c", "quarantine/c.png", "0" * 64, 1.0, judged, ChecksFailed("dark"))
    before = [list(ledger.rows()), ledger.attempts_of("B"), ledger.attempts_of("C")]
    write_plan(ledger, Plan((_item("A"),), ()), beyond=("B", "C", "D"))
    assert [list(ledger.rows()), ledger.attempts_of("B"), ledger.attempts_of("C")] == before
    write_plan(ledger, Plan((_item("A"),), ()), beyond=("C", "D"))
    assert [row["item_id"] for row in ledger.rows()] == ["A", "C"], "B is no longer in the table at all"
    ledger.retry(["C"])
    assert ledger.pending() == ["A"]
    assert ledger.counts().pending == 2
    write_plan(ledger, Plan((_item("A"), _item("C")), ()))
    assert ledger.pending() == ["A", "C"]


def _accept_file(ledger: Ledger, job: str, content: bytes, folder: str = "pictures") -> str:
    """A picture of B with its record; returns its hash."""
    sha256 = hashlib.sha256(content).hexdigest()
    record = {"outputs": [{"file": f"{folder}/b.png"}, {"file": f"{folder}/b-2.txt"}]}

    def publish() -> None:
        (ledger.folder / folder).mkdir(exist_ok=True)
        for name, data in (("b.png", content), ("b-2.txt", content), ("b.json", json.dumps(record).encode())):
            (ledger.folder / folder / name).write_bytes(data)

    ledger.begin("B", job, "http://host")
    if folder == "quarantine":
        judged = Judged(5, [{"id": "technical.sharpness", "value": 0.1}])
        ledger.quarantine(job, f"{folder}/b.png", sha256, 1.0, judged, ChecksFailed("dark"), publish)
    else:
        ledger.accept(job, f"{folder}/b.png", sha256, 1.0, publish=publish)
    return sha256


def test_a_picture_that_is_replaced_is_kept_under_a_name_of_its_own(ledger: Ledger) -> None:
    hashes = [_accept_file(ledger, "11111111-a", b"first")]
    for number, change in enumerate(["another", "a third"], 2):
        write_plan(ledger, Plan((_item("A"), _item("B", change), _item("C")), ()))
        hashes.append(_accept_file(ledger, f"{number}{number * 1111111}-a", f"picture {number}".encode()))
    attempts = ledger.attempts_of("B")
    assert [one["outcome"] for one in attempts] == ["replaced", "replaced", "accepted"]
    files = [one["file"] for one in attempts]
    assert files == ["attempts/11111111-b.png", "attempts/22222222-b.png", "pictures/b.png"]
    for file, sha256 in zip(files, hashes, strict=True):
        assert hashlib.sha256((ledger.folder / file).read_bytes()).hexdigest() == sha256
    kept = json.loads((ledger.folder / "attempts" / "11111111-b.json").read_text())
    assert [one["file"] for one in kept["outputs"]] == ["attempts/11111111-b.png", "attempts/11111111-b-2.txt"]
    assert (ledger.folder / "attempts" / "11111111-b-2.txt").read_bytes() == b"first"


def test_a_picture_in_quarantine_is_kept_when_more_seeds_are_tried(ledger: Ledger) -> None:
    first = _accept_file(ledger, "11111111-a", b"first", "quarantine")
    ledger.retry(None)
    second = _accept_file(ledger, "22222222-a", b"second", "quarantine")
    ledger.retry(None)
    _accept_file(ledger, "33333333-a", b"third")
    kept = {one["file"]: one["sha256"] for one in ledger.attempts_of("B")}
    assert kept["attempts/11111111-b.png"] == first
    assert kept["attempts/22222222-b.png"] == second
    assert not list((ledger.folder / "quarantine").glob("*.png"))
    assert (ledger.folder / "attempts" / "22222222-b.png").read_bytes() == b"second"


def test_a_crash_between_the_move_and_its_entry_loses_no_picture(ledger: Ledger) -> None:
    _accept_file(ledger, "11111111-a", b"first")
    write_plan(ledger, Plan((_item("A"), _item("B", "another"), _item("C")), ()))

    def crash() -> None:
        with ledger.transaction():
            _accept_file(ledger, "22222222-a", b"second")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    _accept_file(ledger, "22222222-a", b"second")
    assert (ledger.folder / "attempts" / "11111111-b.png").read_bytes() == b"first"
    assert (ledger.folder / "pictures" / "b.png").read_bytes() == b"second"


def test_of_an_older_ledger_only_what_is_still_there_is_kept(ledger: Ledger) -> None:
    """Before pictures were moved aside, each took the place of the one before it."""
    _accept_file(ledger, "11111111-a", b"first")
    with ledger.transaction() as db:
        db.execute("UPDATE attempts SET outcome = 'replaced'")
        db.execute("UPDATE items SET state = 'pending'")
    (ledger.folder / "pictures" / "b.png").write_bytes(b"second")
    with ledger.transaction() as db:
        db.execute(
            "INSERT INTO attempts (prompt_id, item_id, host, outcome, started, file, sha256)"
            " VALUES ('22222222-a', 'B', 'http://host', 'replaced', 1, 'pictures/b.png', 'second')"
        )
    _accept_file(ledger, "33333333-a", b"third")
    assert [one["file"] for one in ledger.attempts_of("B")] == ["", "attempts/22222222-b.png", "pictures/b.png"]
    assert (ledger.folder / "attempts" / "22222222-b.png").read_bytes() == b"second"


def test_the_log_of_a_large_plan_does_not_stay(tmp_path: Path) -> None:
    log = tmp_path / f"{FILE_NAME}-wal"
    with Ledger(tmp_path, create=True) as opened:
        write_plan(opened, Plan(tuple(_item(f"S{number}", "a mug " * 300) for number in range(5000)), ()))
        assert log.stat().st_size == 0
        assert (tmp_path / FILE_NAME).stat().st_size > 8 << 20


def test_the_log_of_a_long_run_is_bounded(tmp_path: Path) -> None:
    log = tmp_path / f"{FILE_NAME}-wal"
    with Ledger(tmp_path, create=True) as opened:
        with opened.transaction():  # no plan, but as large as one
            opened.record_facts({f"fact {number}": "long " * 4000 for number in range(500)})
        assert log.stat().st_size > 8 << 20
        for number in range(3):
            opened.record_facts({"fact": number})
        assert log.stat().st_size <= 4 << 20


def test_who_reads_a_ledger_does_not_hold_a_plan_up(tmp_path: Path) -> None:
    with Ledger(tmp_path, create=True) as opened:
        write_plan(opened, Plan((_item("A"),), ()))
        with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM items").fetchone()
            write_plan(opened, Plan((_item("A"), _item("B")), ()))
        assert opened.pending() == ["A", "B"]
