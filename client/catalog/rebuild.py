"""A ledger made anew from the audit, when its own file is damaged."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CatalogInvalid, from_dict
from ..paths import writing
from .ledger.audit import OUT_OF_ORDER, read_audit
from .ledger.lease import wait_for_owner
from .ledger.ledger import FILE_NAME, Ledger
from .ledger.places import earlier_place
from .ledger.records import Judged
from .runner.station import row_hash, seed_of

_DETAIL = ("graph", "timings", "look", "memory")  # what a job's record holds for reports


def set_aside(folder: Path) -> Path | None:
    """Move a ledger out of the way, whatever its state; returns its new path, None when there was none.

    Raises:
        InputInvalid: another process works on the run, as far as the ledger can still tell.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    with contextlib.suppress(CatalogInvalid), Ledger(folder) as ledger:
        wait_for_owner(ledger)
    aside = folder / f"{FILE_NAME}.damaged-{time.strftime('%Y%m%dT%H%M%S')}"
    with writing(path):
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            if (beside := folder / f"{FILE_NAME}{suffix}").exists():
                beside.rename(folder / f"{aside.name}{suffix}")
    return aside


def replay(ledger: Ledger, workflows: Mapping[str, str]) -> int:
    """Do once more, in a new ledger that has its plan already, what the audit tells of the rows that are in it.

    A picture counts as done when it was accepted for the same row and its file is still what was accepted. A job
    without an end is looked for on its host by the next run. What was rejected, quarantined or failed is so again, with
    its reason; but a row that failed before anything was sent for it is tried again, which costs nothing.

    Args:
        workflows: key -> SHA-256 of each workflow of the run.

    Returns:
        How many items are done.

    Raises:
        CatalogInvalid: there is no audit.
    """
    with ledger.repeating():
        once_more = _Replay(ledger, workflows)
        faults = 0
        for number, record, fault in read_audit(ledger.folder):
            faults += bool(fault)
            if record is not None and fault in ("", OUT_OF_ORDER):
                once_more.take(number, record)
        once_more.check_files()
    counts = ledger.counts()
    with ledger.transaction():
        ledger.audit("rebuilt", {"done": counts.done, "open": counts.running, "faults": faults})
    return counts.done


class _Replay:
    """What each line of the audit means for the ledger.

    A line whose transaction a crash undid stands in the audit all the same, and what was done instead follows it: so
    the last word on a job counts, and of two jobs for one item without an end between them the first was never sent.
    """

    def __init__(self, ledger: Ledger, workflows: Mapping[str, str]) -> None:
        self._ledger = ledger
        self._rows = {item: row_hash(ledger.item(item), workflows[key]) for item, key, _ in ledger.backlog()}
        self._open: dict[str, str] = {}  # job -> item, of those that have no end yet
        self._tried: set[str] = set()  # items whose latest job was for the row as it is now
        self._last = {
            str(record["prompt_id"]): number
            for number, record, _ in read_audit(ledger.folder)
            if record is not None and record.get("prompt_id") and record.get("event") != "found-dead"
        }

    def take(self, number: int, told: Mapping[str, Any]) -> None:
        event, prompt_id = told.get("event"), str(told.get("prompt_id"))
        if event == "sent":
            if told["item_id"] in self._rows:
                self._sent(told, told["item_id"], prompt_id)
        elif event == "reopened":
            for item_id in self._rows.keys() & set(told["items"]):
                self._ledger.reopen(item_id)
        elif event == "found-dead":
            self._ledger.found_dead(prompt_id, alone=told["alone"])
        elif event == "failed" and told["prompt_id"] is None:
            if told["item_id"] in self._tried:
                self._ledger.fail(told["item_id"], from_dict(told["error"]))
        elif prompt_id in self._open and number == self._last[prompt_id]:
            self._ended(told, self._open.pop(prompt_id), prompt_id)

    def _sent(self, told: Mapping[str, Any], item_id: str, prompt_id: str) -> None:
        ledger = self._ledger
        for undone in [job for job, of in self._open.items() if of == item_id]:
            ledger.unsent(undone)
            del self._open[undone]
        of_this_row = told.get("row") == self._rows[item_id]
        if of_this_row and not ledger.is_pending(item_id):
            ledger.reopen(item_id)  # its row was another one meanwhile
        change = ledger.item(item_id).change
        ledger.begin(item_id, prompt_id, told["host"], boot=told["boot"], change=change)
        if of_this_row:
            self._open[prompt_id] = item_id
            self._tried.add(item_id)
        else:
            ledger.outdated(item_id)
            self._tried.discard(item_id)

    def _ended(self, told: Mapping[str, Any], item_id: str, prompt_id: str) -> None:
        ledger, event = self._ledger, told["event"]
        if event == "unsent":
            ledger.unsent(prompt_id)
        elif event == "lost":
            ledger.lost(prompt_id, told["reason"], told.get("cause", "gone"), alone=told.get("alone", False))
        elif event == "again":
            ledger.again(prompt_id, from_dict(told["error"]), told["change"])
        elif event == "failed":
            ledger.fail(item_id, from_dict(told["error"]), prompt_id)
        elif event == "accepted":
            judged = self._judged(told, item_id) if "seed" in told or ledger.item(item_id).seeds else None
            picture = (prompt_id, told["file"], told["sha256"], told["seconds"])
            ledger.accept(*picture, detail=self._detail(told), judged=judged)
        else:
            error, judged = from_dict(told["error"]), self._judged(told, item_id)
            # What earlier versions wrote names the file as the place of the error alone.
            picture = (prompt_id, told.get("file", error.place), told["sha256"], told.get("seconds"))
            (ledger.reject if event == "rejected" else ledger.quarantine)(*picture, judged, error)

    def _judged(self, told: Mapping[str, Any], item_id: str) -> Judged:
        """What the gate said. Earlier versions did not write it down, but the seed follows from the item's own."""
        return Judged(told.get("seed", seed_of(self._ledger.item(item_id))), told.get("checks", ()))

    def _detail(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """What the job's record held besides, which lies beside its picture."""
        for place in (told["file"], earlier_place(told["file"], told["prompt_id"])):
            try:
                record = json.loads((self._ledger.folder / place).with_suffix(".json").read_text("utf-8"))
                if record["outputs"][0]["sha256"] == told["sha256"]:
                    return {name: record[name] for name in _DETAIL if name in record}
            except (OSError, ValueError, LookupError, TypeError):
                continue  # removed or changed by somebody
        return {name: told[name] for name in _DETAIL if name in told}

    def check_files(self) -> None:
        """Have those made again whose picture is not there as it was accepted."""
        ledger = self._ledger
        for item_id, file, sha256 in ledger.all("SELECT item_id, file, sha256 FROM items WHERE state = 'done'"):
            if item_id in self._rows and not _is(ledger.folder / file, sha256):
                ledger.reopen(item_id)
                ledger.db.execute("UPDATE attempts SET file = '' WHERE item_id = ? AND file = ?", (item_id, file))


def _is(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False
