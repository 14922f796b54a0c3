"""What people said of a run's pictures, in ``approvals.json`` beside its ledger::

    {"format": 1, "items": {"<item id>": {"verdict": "approved" | "rejected", "reason": "…", "sha256": "…",
                                          "file": "pictures/….png", "at": "2026-11-27T16:20:00+00:00",
                                          "by": "Ada"}}}

A verdict is about one picture: where the item was made again, its SHA-256 differs and the verdict no longer counts.
Each carries a ``code`` that only the key of the user who runs this process gives; see :mod:`..sealing.verdict_proof`.
Verdicts that were written before Packshot asked who judges have no ``by``.
"""

from __future__ import annotations

import datetime
import json
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ...budget import OverBudget, deadline, read_regular
from ...errors import CatalogInvalid
from ...paths import write_text
from ..sealing.verdict_proof import anchor_verdicts, prove_verdict
from .database import open_to_read, unreadable

APPROVALS = "approvals.json"
VERDICTS = ("approved", "rejected")
_FORMAT = 1
_MOST_BYTES = 64 << 20  # of the file: some 250,000 verdicts
_SECONDS = 4.0  # that looking into the ledger may take
_writing = threading.Lock()


def verdicts(folder: Path) -> dict[str, Any]:
    """Read what people said of the pictures, by item id; values are texts.

    Raises:
        CatalogInvalid: the file is damaged or too large; it is never overwritten then.
    """
    path = folder / APPROVALS
    try:
        content = json.loads(read_regular(path, _MOST_BYTES))
        if content["format"] == _FORMAT and isinstance(content["items"], dict):
            return {key: _texts(verdict) for key, verdict in content["items"].items() if isinstance(verdict, dict)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverBudget):
        pass
    raise CatalogInvalid(
        "the verdicts cannot be read", place=str(path), remedy="put back a copy, or move the file away to begin anew"
    )


def _texts(verdict: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in verdict.items() if isinstance(value, str)}


def say(folder: Path, item_id: str, sha256: str, verdict: str, reason: str, by: str) -> bool:
    """Write down what somebody said of a picture; empty takes it back. False: the item has another picture by now.

    Args:
        by: who says it.

    Raises:
        CatalogInvalid: there is no such item, or the verdicts cannot be read.
        OutputUnwritable: the folder or the disk refuses; the verdicts are as they were.
    """
    try:
        with deadline(_SECONDS), closing(open_to_read(folder)) as db:
            row = db.execute("SELECT file, sha256 FROM items WHERE item_id = ?", (item_id,)).fetchone()
    except sqlite3.Error as error:
        raise unreadable(folder, error) from error
    if row is None or not (isinstance(row["file"], str) and row["file"]):
        raise CatalogInvalid("the run has no picture of it", place=f"'{item_id[:80]}'")
    if row["sha256"] != sha256:
        return False
    at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with _writing:
        said = verdicts(folder)
        said.pop(item_id, None)
        if verdict:
            facts = {"verdict": verdict, "reason": reason, "sha256": sha256, "file": row["file"], "at": at, "by": by}
            said[item_id] = prove_verdict(item_id, facts)
        content = {"format": _FORMAT, "items": said}
        text = json.dumps(content, indent=1) + "\n"
        write_text(folder / APPROVALS, text)
        anchor_verdicts(folder, text.encode())
    return True
