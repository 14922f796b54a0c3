"""A ledger that is made anew from the audit knows what the lost one knew."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.catalog.ledger.audit import FILE_NAME as AUDIT
from packshot.catalog.ledger.audit import AuditLog
from packshot.catalog.ledger.audit_check import verify_audit
from packshot.catalog.ledger.ledger import FILE_NAME, Ledger
from packshot.catalog.ledger.records import Judged
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan
from packshot.catalog.rebuild import replay, set_aside
from packshot.catalog.runner.station import row_hash
from packshot.errors import ChecksFailed, InputInvalid, JobFailed, OutOfMemory

WORKFLOWS = {"": "w" * 64}

HOST = "http://host"


def _item(sku: str, prompt: str = "a mug") -> Item:
    return Item(sku, "", sku, f"Product {sku}", sku, {"prompt": prompt}, 7, f"row of {sku}", {})


PLAN = Plan((_item("A"), _item("B"), _item("C")), ())


class Run:
    """A ledger as the scheduler drives it, with real files for pictures."""

    def __init__(self, folder: Path, plan: Plan = PLAN) -> None:
        self.folder = folder
        self.ledger = Ledger(folder, create=True)
        write_plan(self.ledger, plan)

    def begin(self, item_id: str) -> str:
        job = str(uuid.uuid4())
        item = self.ledger.item(item_id)
        row = row_hash(item, WORKFLOWS[item.workflow])
        self.ledger.begin(item_id, job, HOST, boot="b", change=item.change, audit={"row": row})
        return job

    def picture(self, item_id: str, job: str, folder: str) -> tuple[str, str, str, float]:
        data = f"{item_id} {job}".encode()
        name = f"{job[:8]}-{item_id}.png" if folder == "attempts" else f"{item_id}.png"
        self.content = data
        return job, f"{folder}/{name}", hashlib.sha256(data).hexdigest(), 1.5

    def publish(self, file: str) -> None:
        path = self.folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(self.content)
        record = {"outputs": [{"file": file, "sha256": hashlib.sha256(self.content).hexdigest()}], "timings": {"3": 2}}
        path.with_suffix(".json").write_text(json.dumps(record))

    def judged(self, item_id: str) -> Judged:
        return Judged(100 + self.ledger.item(item_id).seeds, [{"id": "technical.sharpness", "value": 0.5}])

    def accept(self, item_id: str, *, judged: bool = True) -> str:
        job = self.begin(item_id)
        picture = self.picture(item_id, job, "pictures")
        said = self.judged(item_id) if judged else None
        self.ledger.accept(
            *picture, detail={"timings": {"3": 2}}, judged=said, publish=lambda: self.publish(picture[1])
        )
        return job

    def reject(self, item_id: str) -> None:
        job = self.begin(item_id)
        picture = self.picture(item_id, job, "attempts")
        self.publish(picture[1])
        self.ledger.reject(*picture, self.judged(item_id), ChecksFailed("too dark", place=picture[1]))

    def quarantine(self, item_id: str) -> None:
        job = self.begin(item_id)
        picture = self.picture(item_id, job, "quarantine")
        error = ChecksFailed("too dark", place=picture[1], remedy="look at it")
        self.ledger.quarantine(*picture, self.judged(item_id), error, lambda: self.publish(picture[1]))

    def fail(self, item_id: str) -> None:
        self.ledger.fail(item_id, JobFailed("no", place="node 3", remedy="mend it"), self.begin(item_id))

    def lose(self, item_id: str) -> None:
        self.ledger.lost(self.begin(item_id), "the host was restarted", "died", alone=True)

    def part(self, item_id: str) -> None:
        """Lose an item's host, which turns out to have died."""
        job = self.begin(item_id)
        self.ledger.lost(job, "its host is away", "away", alone=True)
        self.ledger.found_dead(job, alone=True)

    def again(self, item_id: str) -> None:
        self.ledger.again(self.begin(item_id), OutOfMemory("full"), {"width": "768"})

    def unsent(self, item_id: str) -> None:
        self.ledger.unsent(self.begin(item_id))

    def rebuilt(self, plan: Plan = PLAN) -> int:
        self.ledger.close()
        assert set_aside(self.folder) is not None
        self.ledger = Ledger(self.folder, create=True)
        write_plan(self.ledger, plan)
        return replay(self.ledger, WORKFLOWS)

    def known(self) -> dict[str, Any]:
        """All that the ledger knows, but for times, and for how often an attempt's place was looked up."""
        everything: dict[str, Any] = {}
        for name, columns in {
            "items": "item_id, state, error, file, sha256, seed, change, tries, losses, deaths",
            "attempts": "prompt_id, item_id, host, outcome, reason, slug, boot, change, file, sha256, seconds, detail",
            "judgements": "item_id, prompt_id, tries, failures, seed, scores",
        }.items():
            everything[name] = sorted(self.ledger.all(f"SELECT {columns} FROM {name}"), key=repr)
        everything["rows"] = [
            {key: value for key, value in row.items() if key != "position"} for row in self.ledger.rows()
        ]
        return everything


STEPS = ("accept", "reject", "quarantine", "fail", "lose", "part", "again", "unsent", "begin", "retry")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from("ABC")), max_size=12))
def test_nothing_that_the_ledger_knew_is_lost(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    run = Run(tmp_path_factory.mktemp("run"))
    for step, item_id in steps:
        if step == "retry":
            run.ledger.retry([item_id])
        elif item_id in run.ledger.pending():
            getattr(run, step)(item_id)
    before = run.known()
    run.rebuilt()
    assert run.known() == before
    run.ledger.close()
    assert verify_audit(run.folder)["ok"]


def test_a_job_of_a_row_as_it_was_is_no_picture_of_the_row_as_it_is(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for sku in "ABC":
        run.accept(sku)
    changed = Plan((_item("A", "another"), _item("B", "another"), _item("C")), ())
    write_plan(run.ledger, changed)
    run.accept("A")
    assert run.rebuilt(changed) == 2
    assert run.ledger.pending() == ["B"]
    # And back to what it was at first: of B that picture is still there, of A it is not.
    assert run.rebuilt(PLAN) == 2
    assert run.ledger.pending() == ["A"]
    run.accept("A")
    assert run.ledger.counts().done == 3
    run.ledger.close()


def test_what_a_crash_undid_is_not_done_again(tmp_path: Path) -> None:
    """The audit may be ahead of the ledger by one line, and what happened instead follows it."""
    run = Run(tmp_path)

    def undone(event: str, **facts: object) -> None:
        AuditLog(tmp_path).append(event, facts)

    row = row_hash(run.ledger.item("A"), WORKFLOWS[""])
    undone("sent", item_id="A", prompt_id="never", host=HOST, boot="b", row=row)
    run.accept("A")
    job = run.begin("B")
    picture = run.picture("B", job, "pictures")
    undone("accepted", item_id="B", prompt_id=job, host=HOST, boot="b", file=picture[1], sha256=picture[2], seconds=1)
    run.ledger.lost(job, "the host has no record of it", "died", alone=False)
    run.quarantine("B")
    job = run.begin("C")
    undone("rejected", prompt_id=job, sha256="0", error=ChecksFailed("dark").as_dict())
    picture = run.picture("C", job, "pictures")
    run.ledger.accept(*picture, publish=lambda: run.publish(picture[1]))
    before = [(row["item_id"], row["state"], row["made_with"], row["attempts"]) for row in run.ledger.rows()]
    run.rebuilt()
    assert [(row["item_id"], row["state"], row["made_with"], row["attempts"]) for row in run.ledger.rows()] == before
    assert run.ledger.open_attempts() == []
    run.ledger.close()


def test_an_audit_of_an_earlier_version_still_tells_what_it_can(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.reject("A")
    run.accept("A")
    run.quarantine("B")
    run.fail("C")
    rows = {row["item_id"]: row for row in run.ledger.rows()}
    old = tmp_path / "old"
    log = AuditLog(tmp_path / "old")
    old.mkdir()
    for line in (tmp_path / AUDIT).read_text().splitlines():
        told = json.loads(line)
        left = {"rejected": ("file", "seconds"), "quarantined": ("file", "seconds")}.get(told["event"], ())
        without = {"seq", "at", "event", "prev", "hash", "seed", "checks", *left}
        log.append(told["event"], {name: value for name, value in told.items() if name not in without})
    (old / AUDIT).replace(tmp_path / AUDIT)
    old.rmdir()
    assert run.rebuilt() == 1
    again = {row["item_id"]: row for row in run.ledger.rows()}
    for sku in "ABC":
        assert [again[sku][name] for name in ("state", "error", "file", "sha256", "attempts")] == [
            rows[sku][name] for name in ("state", "error", "file", "sha256", "attempts")
        ]
    assert run.ledger.item("A").seeds == 1
    assert run.ledger.item("B").seeds == 1, "retry goes on with a seed that was not tried"
    assert again["A"]["made_with"] not in (None, 7), "not the first seed, which was rejected"
    run.ledger.close()


def test_a_picture_that_is_not_there_any_more_is_made_again(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.accept("A")
    run.accept("B")
    (tmp_path / "pictures" / "A.png").unlink()
    (tmp_path / "pictures" / "B.png").write_bytes(b"something else")
    assert run.rebuilt() == 0
    assert run.ledger.pending() == ["A", "B", "C"]
    assert [one["file"] for sku in "AB" for one in run.ledger.attempts_of(sku)] == ["", ""]
    run.ledger.close()


HOLD = """
    import sys, time
    from pathlib import Path
    from packshot.catalog.run import CatalogRun
    CatalogRun(Path(sys.argv[1]), create=True)
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_run_that_another_process_works_on_is_not_rebuilt_under_it(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("sku,title\nA,Mug\n")
    out = tmp_path / "run"
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(InputInvalid, match="another process works on this run") as caught:
                set_aside(out)
            assert f"process {holder.pid}" in caught.value.place
            assert [path.name for path in out.glob(f"{FILE_NAME}*damaged*")] == []
        finally:
            holder.kill()
    assert set_aside(out) is not None, "a dead one is nobody"
