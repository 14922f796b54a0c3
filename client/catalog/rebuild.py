"""A ledger made anew from the audit, when its own file is damaged."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..paths import writing
from .audit import read_audit
from .ledger import FILE_NAME, Ledger
from .station import row_hash


@dataclass(slots=True)
class _Told:
    """What the audit tells: by job, what was sent and has no end; by item, what came of it; and what was lost."""

    sent: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    accepted: dict[str, tuple[Mapping[str, Any], str]] = field(default_factory=dict)  # item -> event, hash of its row
    failed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    lost: list[tuple[Mapping[str, Any], str]] = field(default_factory=list)


def set_aside(folder: Path) -> Path | None:
    """Move a ledger out of the way, whatever its state; returns its new path, None when there was none."""
    path = folder / FILE_NAME
    if not path.exists():
        return None
    aside = folder / f"{FILE_NAME}.damaged-{time.strftime('%Y%m%dT%H%M%S')}"
    with writing(path):
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            if (beside := folder / f"{FILE_NAME}{suffix}").exists():
                beside.rename(folder / f"{aside.name}{suffix}")
    return aside


def replay(ledger: Ledger, workflows: Mapping[str, str]) -> int:
    """Bring what the audit tells into a new ledger that has its plan already.

    A picture counts as done when it was accepted for the same row and its file is still what was accepted. A job
    without an end is looked for on its host by the next run. What failed is to be tried again.

    Args:
        workflows: key -> SHA-256 of each workflow of the run.

    Returns:
        How many items are done.

    Raises:
        CatalogInvalid: there is no audit.
    """
    told = _Told()
    faults = 0
    for _, record, fault in read_audit(ledger.folder):
        faults += bool(fault)
        if record is not None:
            _take(told, record)
    done = 0
    with ledger.transaction() as db:
        for item_id, workflow, _ in ledger.backlog():
            if item_id not in told.accepted:
                continue
            event, row = told.accepted[item_id]
            item = ledger.item(item_id)
            if row == row_hash(item, workflows[workflow]) and _is(ledger.folder / event["file"], event["sha256"]):
                done += 1
                _write_attempt(db, event, "accepted", "")
                db.execute(
                    "UPDATE items SET state = 'done', file = ?, sha256 = ? WHERE item_id = ?",
                    (event["file"], event["sha256"], item_id),
                )
        known = {item_id for item_id, _, _ in ledger.backlog()}
        for event, reason in told.lost:
            if db.execute("SELECT 1 FROM items WHERE item_id = ?", (event["item_id"],)).fetchone():
                _write_attempt(db, event, "lost", reason)
        for event in told.sent.values():
            if event["item_id"] in known:
                _write_attempt(db, event, "open", "")
        ledger.audit("rebuilt", {"done": done, "open": len(told.sent), "faults": faults})
    return done


def _take(told: _Told, record: Mapping[str, Any]) -> None:
    event, prompt_id = record.get("event"), str(record.get("prompt_id"))
    if event == "sent":
        told.sent[prompt_id] = record
        return
    sent = told.sent.pop(prompt_id, None)
    if event == "accepted" and sent is not None:
        told.accepted[str(record["item_id"])] = (record, str(sent.get("row")))
    elif event == "lost" and sent is not None:
        told.lost.append((sent, str(record.get("reason"))))
    elif event == "reopened":
        for item_id in record.get("items", ()):
            told.accepted.pop(item_id, None)


def _write_attempt(db: Any, event: Mapping[str, Any], outcome: str, reason: str) -> None:
    fields = (event["prompt_id"], event["item_id"], event["host"], outcome, reason, time.time(), event.get("boot", ""))
    rest = (event.get("seconds"), event.get("file", ""), event.get("sha256", ""))
    db.execute(
        "INSERT OR REPLACE INTO attempts (prompt_id, item_id, host, outcome, reason, started, boot, seconds, file,"
        f" sha256) VALUES ({', '.join('?' * 10)})",
        (*fields, *rest),
    )


def _is(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def verify(folder: Path) -> dict[str, Any]:
    """Check a run's audit: every line by itself, the chain, and its end against the ledger.

    Returns:
        ``ok``, ``lines``, ``events`` (how many of each), and ``faults``, twenty at most: ``line``, ``message``.

    Raises:
        CatalogInvalid: there is no audit, or the ledger is damaged.
    """
    head = None
    if (folder / FILE_NAME).is_file():
        with Ledger(folder) as ledger:
            head = ledger.audit_head()
    events: dict[str, int] = {}
    faults: list[dict[str, Any]] = []
    lines, met = 0, head is None
    for number, record, fault in read_audit(folder):
        lines = number
        if record is not None:
            events[str(record.get("event"))] = events.get(str(record.get("event")), 0) + 1
            met = met or (record.get("seq"), record.get("hash")) == head
        if fault and len(faults) < 20:
            faults.append({"line": number, "message": fault})
    if not met and head is not None:
        faults.append({"line": lines, "message": f"the ledger knows of line {head[0]}, which is not there as it was"})
    return {"ok": not faults, "lines": lines, "events": events, "faults": faults}


def summary(answer: Mapping[str, Any]) -> str:
    """The answer of :func:`verify` in one line."""
    if answer["ok"]:
        return f"{answer['lines']} lines, unbroken: {json.dumps(answer['events'])}"
    first = answer["faults"][0]
    return f"broken at line {first['line']}: {first['message']}"
