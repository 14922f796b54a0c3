"""Whether a run's audit is whole: a changed, missing or added byte is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .audit import read_audit
from .ledger import FILE_NAME, Ledger


def verify_audit(folder: Path) -> dict[str, Any]:
    """Verify a run's audit: every line by itself, the chain, and its end against the ledger.

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
