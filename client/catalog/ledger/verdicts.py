"""What people said of a run's pictures, in ``approvals.json`` beside its ledger::

    {"format": 1, "items": {"<item id>": {"verdict": "approved" | "rejected", "reason": "…", "sha256": "…",
                                          "file": "pictures/….png", "at": "2026-11-27T16:20:00+00:00"}}}

A verdict is about one picture: where the item was made again, its SHA-256 differs and the verdict no longer counts.
Each carries a ``code`` that only the key of the user who runs this process gives; see :mod:`..sealing.verdict_proof`.
"""

from __future__ import annotations

import datetime
import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from ...errors import CatalogInvalid
from ...paths import write_text
from ..sealing.verdict_proof import anchor_verdicts, prove_verdict
from .database import open_to_read, unreadable

APPROVALS = "approvals.json"
VERDICTS = ("approved", "rejected")
_FORMAT = 1
_writing = threading.Lock()


def verdicts(folder: Path) -> dict[str, Any]:
    """What people said of the pictures, by item id.

    Raises:
        CatalogInvalid: the file is damaged; it is never overwritten then.
    """
    path = folder / APPROVALS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] == _FORMAT and isinstance(content["items"], dict):
            return {key: each for key, each in content["items"].items() if isinstance(each, dict)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise CatalogInvalid(
        "the verdicts cannot be read", place=str(path), remedy="put back a copy, or move the file away to begin anew"
    )


def say(folder: Path, item_id: str, sha256: str, verdict: str, reason: str) -> bool:
    """Write down what somebody said of a picture; empty takes it back. False: the item has another picture by now.

    Raises:
        CatalogInvalid: there is no such item, or the verdicts cannot be read.
        OutputUnwritable: the folder or the disk refuses; the verdicts are as they were.
    """
    try:
        with closing(open_to_read(folder)) as db:
            row = db.execute("SELECT file, sha256 FROM items WHERE item_id = ?", (item_id,)).fetchone()
    except sqlite3.Error as error:
        raise unreadable(folder, error) from error
    if row is None or not row["file"]:
        raise CatalogInvalid("the run has no picture of it", place=f"'{item_id[:80]}'")
    if row["sha256"] != sha256:
        return False
    at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with _writing:
        said = verdicts(folder)
        said.pop(item_id, None)
        if verdict:
            entry = {"verdict": verdict, "reason": reason, "sha256": sha256, "file": row["file"], "at": at}
            said[item_id] = prove_verdict(item_id, entry)
        content = {"format": _FORMAT, "items": said}
        text = json.dumps(content, indent=1) + "\n"
        write_text(folder / APPROVALS, text)
        anchor_verdicts(folder, text.encode())
    return True
