"""Whether a run's folder is as its maker left it: audit, ledger, pictures, the files beside them, and verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ...errors import CatalogInvalid
from ..runner.station import row_hash
from ..sealing.anchors import find_anchors, read_anchor
from ..sealing.key import AuditKey, read_public_key
from ..sealing.pictures import compare_files
from ..sealing.seal import derived_files, ledger_sha256
from ..sealing.trail import AuditFault, AuditTrail, Ending
from ..sealing.verdict_proof import verdict_fault, verdicts_as_anchored
from .audit import read_audit
from .ledger import FILE_NAME, Ledger
from .verdicts import APPROVALS, verdicts

_MOST = 20  # faults that are listed


def verify_audit(folder: Path, *, keys: Iterable[str] = (), anchor: Path | None = None) -> dict[str, Any]:
    """Verify a run's audit, and by it the rest of the run's folder, which may be read-only.

    Args:
        keys: public keys that are trusted besides the user's own; the audit must be signed by one of all these.
        anchor: a file with the end of the audit as it was earlier; see :func:`~..sealing.anchors.read_anchor`.

    Returns:
        ``ok``, ``lines``, ``events`` (how many of each), ``faults``, twenty at most: ``line`` (0: none), ``message``;
        ``signer``: ``known``, ``unknown`` or ``unsigned``; ``keys`` that signed it; ``unsealed``: lines after the last
        signature; ``pictures`` that were compared; ``head``: the end of the audit, to be kept elsewhere.

    Raises:
        CatalogInvalid: there is no audit, or the ledger is damaged.
        InputInvalid: a key is none.
    """
    trusted = [read_public_key(key) for key in keys]
    user = AuditKey.present()
    trail = AuditTrail({*trusted, *([user.public] if user else [])}, user)
    ledger = Ledger(folder, read_only=True) if (folder / FILE_NAME).is_file() else None
    try:
        return _verified(folder, ledger, trail, trusted, anchor)
    finally:
        if ledger is not None:
            ledger.close()


def _verified(
    folder: Path, ledger: Ledger | None, trail: AuditTrail, trusted: list[str], anchor: Path | None
) -> dict[str, Any]:
    head = ledger.audit_head() if ledger else None
    events: dict[str, int] = {}
    faults: list[AuditFault] = []
    for number, record, fault in read_audit(folder):
        if record is not None:
            events[str(record.get("event"))] = events.get(str(record.get("event")), 0) + 1
            trail.take(number, record)
        if fault:
            faults.append(AuditFault(number, fault))
    if head is not None and trail.hashes.get(head[0]) != head[1]:
        faults.append(AuditFault(trail.lines, f"the ledger knows of line {head[0]}, which is not there as it was"))
    ids = {*trail.runs, *([ledger.known_run_id()] if ledger else [])}
    anchors = [*find_anchors(ids, folder), *([read_anchor(anchor)] if anchor else [])]
    faults += trail.judge(anchors, trusted)
    pictures = 0
    if ledger is None:
        faults.append(AuditFault(0, f"{FILE_NAME} is not there"))
    else:
        faults += _ledger_faults(ledger, trail)
        compared = list(_files_of(ledger, trail))
        pictures = len(compared)
        faults += [AuditFault(line, message) for line, message in compared if message]
        faults += _sidecar_faults(folder, trail.endings)
    faults += _derived_faults(folder, trail)
    faults += _verdict_faults(folder, trail)
    return {
        "ok": not faults,
        "lines": trail.lines,
        "events": events,
        "faults": [fault.as_dict() for fault in faults[:_MOST]],
        "signer": trail.signer,
        "keys": list(trail.keys),
        "unsealed": trail.lines - trail.sealed,
        "pictures": pictures,
        "head": {
            "run": next(iter(sorted(trail.runs)), ""),
            "folder": "",
            "seq": trail.lines,
            "hash": trail.hashes.get(trail.lines, ""),
            "key": next(reversed(trail.keys), ""),
        },
    }


def _ledger_faults(ledger: Ledger, trail: AuditTrail) -> Iterator[AuditFault]:
    """Where the ledger says another thing than the audit."""
    if trail.closing is not None and trail.closing["ledger"] != ledger_sha256(ledger):
        yield AuditFault(trail.lines, "the ledger is not as it was sealed")
    for item_id, state, file, sha256 in ledger.all(
        "SELECT item_id, state, file, sha256 FROM items WHERE state IN ('done', 'quarantined') ORDER BY position"
    ):
        ending = trail.endings.get(item_id)
        event = "accepted" if state == "done" else "quarantined"
        if ending is None or ending.event != event:
            yield AuditFault(0, f"the ledger has item '{item_id}' as {state}, and the audit does not")
        elif (ending.file, ending.sha256) != (file or "", sha256 or ""):
            yield AuditFault(ending.line, f"the ledger has another picture of item '{item_id}'")
        elif state == "done" and not _is_row_of(ledger, item_id, *trail.rows.get(ending.prompt_id, ("", ""))):
            yield AuditFault(ending.line, f"the row of item '{item_id}' in the ledger is not what was made")


def _is_row_of(ledger: Ledger, item_id: str, row: str, workflow: str) -> bool:
    """Whether an item's row has the hash that its job was sent for; True where the audit has none."""
    return not (row and workflow) or row_hash(ledger.item(item_id), workflow) == row


def _files_of(ledger: Ledger, trail: AuditTrail) -> Iterator[tuple[int, str]]:
    """Line and fault of each picture that the audit ended with and the ledger still has; no fault: empty."""
    states = dict(ledger.all("SELECT item_id, state FROM items WHERE state IN ('done', 'quarantined')"))
    ended = {item: ending for item, ending in trail.endings.items() if item in states and ending.file}
    rows = [(item, ending.file, ending.sha256) for item, ending in ended.items()]
    for item, file, what in compare_files(ledger.folder, rows):
        yield ended[item].line, f"{file} is {what}" if what else ""
    earlier = ledger.all(
        "SELECT item_id, file, sha256 FROM attempts WHERE file != '' AND outcome IN ('replaced', 'rejected')"
        " AND file NOT IN (SELECT file FROM items WHERE file IS NOT NULL)"
    )
    for _, file, what in compare_files(ledger.folder, earlier):
        yield 0, f"{file}, an earlier picture, is {what}" if what and what != "missing" else ""


def _sidecar_faults(folder: Path, endings: dict[str, Ending]) -> Iterator[AuditFault]:
    """The files beside the pictures: they say how each was made, and name its further files."""
    recorded = {item: ending for item, ending in endings.items() if ending.record and ending.file}
    rows = [(item, _beside(ending.file), ending.record) for item, ending in recorded.items()]
    further: list[tuple[str, str, str]] = []
    for item, file, what in compare_files(folder, rows):
        if what:
            yield AuditFault(recorded[item].line, f"{file} is {what}")
        else:
            further += [(item, *output) for output in _further_outputs(folder / file)]
    for item, file, what in compare_files(folder, further):
        if what:
            yield AuditFault(recorded[item].line, f"{file} is {what}")


def _further_outputs(sidecar: Path) -> list[tuple[str, str]]:
    """Path and SHA-256 of what a job gave besides its picture; none where a foreign file has another form."""
    try:
        outputs = json.loads(sidecar.read_text("utf-8"))["outputs"]
        return [(str(output["file"]), str(output["sha256"])) for output in outputs[1:]]
    except (ValueError, LookupError, TypeError):
        return []


def _beside(file: str) -> str:
    return Path(file).with_suffix(".json").as_posix()


def _derived_faults(folder: Path, trail: AuditTrail) -> Iterator[AuditFault]:
    """What is made from the ledger; only a run that was sealed at its end says what that should be."""
    if trail.closing is None:
        return
    sealed, present = trail.closing.get("files") or {}, derived_files(folder)
    for name in sorted({*sealed, *present}):
        if sealed.get(name) != present.get(name):
            what = "missing" if name not in present else "changed" if name in sealed else "not of this run"
            yield AuditFault(trail.lines, f"{name} is {what}")


def _verdict_faults(folder: Path, trail: AuditTrail) -> Iterator[AuditFault]:
    """Whether each verdict was given by the user, where the run is his; of another's run they cannot be told."""
    path = folder / APPROVALS
    try:
        entries = verdicts(folder)
    except CatalogInvalid as error:
        yield AuditFault(0, f"{APPROVALS}: {error.message}")
        return
    content = path.read_bytes() if path.is_file() else b""
    if not verdicts_as_anchored(folder, content):
        yield AuditFault(0, f"{APPROVALS} is not as it was last written on this machine")
    for item_id, entry in entries.items():
        fault = verdict_fault(item_id, entry, trail.user)
        if fault and not (fault == "other key" and trail.signer != "known"):
            reasons = {"unproven": "carries no code", "forged": "was changed", "other key": "is by another user's key"}
            yield AuditFault(0, f"the verdict on item '{item_id}' {reasons[fault]}")
