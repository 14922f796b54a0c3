"""That a verdict was given by the user whose key it carries, and that none was taken away since the last one.

A verdict is written inside ComfyUI, by the user who runs it. Its ``code`` is that of his key over the item and the
verdict, and ``key`` says whose: 16 digits that tell keys apart and nothing of them. The SHA-256 of the file as it was
last written lies in the user's state folder, by the run's folder.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import OutputUnwritable
from ...paths import state_dir, write_text
from .key import AuditKey

_log = logging.getLogger(__name__)


def prove_verdict(item_id: str, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a verdict what proves who gave it; nothing where the user can have no key.

    Raises:
        KeyRefused: others may read or change the user's key.
    """
    try:
        key = AuditKey.of_user()
    except OutputUnwritable as error:
        _log.warning("the verdict is not proven: %s", error)
        return dict(verdict)
    keyed = {**verdict, "key": key.fingerprint}
    return {**keyed, "code": key.code(_bytes(item_id, keyed))}


def verdict_fault(item_id: str, verdict: Mapping[str, Any], user: AuditKey | None) -> str:
    """What speaks against a verdict: ``unproven``, ``forged``, ``other key``; empty where the user's key gave it."""
    code, fingerprint = str(verdict.get("code", "")), str(verdict.get("key", ""))
    if not code:
        return "unproven"
    if user is None or fingerprint != user.fingerprint:
        return "other key"
    return "" if hmac.compare_digest(code.encode(), user.code(_bytes(item_id, verdict)).encode()) else "forged"


def _bytes(item_id: str, verdict: Mapping[str, Any]) -> bytes:
    plain = {name: value for name, value in verdict.items() if name != "code"}
    return json.dumps([item_id, plain], sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()


def _anchor(folder: Path) -> Path:
    place = hashlib.sha256(str(folder.absolute()).encode(errors="surrogateescape")).hexdigest()[:32]
    return state_dir() / "verdicts" / f"{place}.sha256"


def anchor_verdicts(folder: Path, content: bytes) -> None:
    """Keep the hash of a run's verdicts outside its folder; where the state folder refuses, the log says so."""
    try:
        write_text(_anchor(folder), hashlib.sha256(content).hexdigest() + "\n")
    except OutputUnwritable as error:
        _log.warning("the verdicts have no anchor outside their folder: %s", error)


def verdicts_as_anchored(folder: Path, content: bytes) -> bool:
    """Whether the verdicts of a run are those that were last written here; True where nothing is known of them."""
    try:
        anchored = _anchor(folder).read_text("ascii").strip()
    except (OSError, ValueError):
        return True
    return anchored == hashlib.sha256(content).hexdigest()
