"""Catalogue runs as their ledgers have them, read while they run, and what people said of their pictures.

The ledger is only ever read here. Verdicts are in ``approvals.json`` beside it::

    {"format": 1, "items": {"<item id>": {"verdict": "approved" | "rejected", "reason": "…", "sha256": "…",
                                          "file": "pictures/….png", "at": "2026-11-27T16:20:00+00:00"}}}

A verdict is about one picture: where the item was made again, its SHA-256 differs and the verdict no longer counts.
"""

from __future__ import annotations

import datetime
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import folder_paths

from ..client.catalog.known_runs import LEDGER, known_runs, run_id
from ..client.errors import CatalogInvalid
from ..client.paths import write_text

APPROVALS = "approvals.json"
STATES = ("pending", "running", "done", "failed", "quarantined")
VERDICTS = ("approved", "rejected")
_FORMAT = 1
_writing = threading.Lock()

_ITEMS = """
SELECT i.item_id, i.sku, i.variant, i.title, i.inputs, i.seed, i.state, i.error, i.file, i.sha256,
       EXISTS (SELECT 1 FROM attempts t WHERE t.item_id = i.item_id AND t.outcome = 'open') AS running
FROM items i ORDER BY i.position
"""


def runs() -> dict[str, Path]:
    """Folders of runs by id: those that began on this machine, and those below this host's output folder."""
    output = Path(folder_paths.get_output_directory())
    below = sorted({*output.glob(f"*/{LEDGER}"), *output.glob(f"*/*/{LEDGER}")})
    return {**known_runs(), **{run_id(path.parent): path.parent for path in below}}


def _open(folder: Path) -> sqlite3.Connection:
    uri = f"{(folder / LEDGER).absolute().as_uri()}?mode=ro"
    db = sqlite3.connect(uri, uri=True, timeout=5.0)
    db.row_factory = sqlite3.Row
    return db


def _damaged(folder: Path, error: sqlite3.Error) -> CatalogInvalid:
    return CatalogInvalid(f"the ledger cannot be read: {error}", place=str(folder / LEDGER), remedy="see its log")


def summary(folder: Path) -> dict[str, Any]:
    """A run in a line: its brand or table, how many items are in which state, and when it last changed."""
    try:
        with closing(_open(folder)) as db:
            facts = {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM run")}
            counts = dict(db.execute("SELECT state, count(*) FROM items GROUP BY state").fetchall())
            (running,) = db.execute("SELECT count(*) FROM attempts WHERE outcome = 'open'").fetchone()
    except sqlite3.Error as error:
        raise _damaged(folder, error) from error
    brand, table = facts.get("brand") or {}, facts.get("table") or {}
    workflow = facts.get("workflow") or {}
    counts["running"], counts["pending"] = running, max(0, counts.get("pending", 0) - running)
    return {
        "title": brand.get("name") or table.get("name") or folder.name,
        "folder": folder.name,
        "workflow": f"{workflow.get('name', '')}@{workflow.get('version', '')}".strip("@"),
        "counts": {state: counts.get(state, 0) for state in STATES},
        "report": (folder / "index.html").is_file(),
        "changed": max(path.stat().st_mtime for path in folder.glob(f"{LEDGER}*")),
    }


def items(
    folder: Path, *, state: str, verdict: str, words: str, offset: int, limit: int
) -> tuple[int, list[dict[str, Any]]]:
    """How many items fit, and some of them, in the table's order.

    Args:
        state: one of :data:`STATES`; empty: all.
        verdict: one of :data:`VERDICTS`, ``open`` for pictures without one; empty: all.
        words: each must be in the title, SKU, variant or inputs, whatever its capitals.
    """
    said = verdicts(folder)
    wanted = words.casefold().split()
    found: list[dict[str, Any]] = []
    total = 0
    try:
        with closing(_open(folder)) as db:
            for row in db.execute(_ITEMS):
                item = _item(row, said)
                if (
                    (state and item["state"] != state)
                    or (verdict and (item["verdict"].get("verdict", "open") != verdict or not item["file"]))
                    or not all(word in item["words"] for word in wanted)
                ):
                    continue
                total += 1
                if offset < total <= offset + limit:
                    found.append(item)
            for item in found:
                item["attempts"] = list(_attempts(db, item["id"]))
                del item["words"]
    except sqlite3.Error as error:
        raise _damaged(folder, error) from error
    return total, found


def _item(row: sqlite3.Row, said: Mapping[str, Any]) -> dict[str, Any]:
    verdict = said.get(row["item_id"]) or {}
    inputs = json.loads(row["inputs"])
    words = " ".join(map(str, (row["item_id"], row["sku"], row["variant"], row["title"], *inputs.values())))
    return {
        "id": row["item_id"],
        "sku": row["sku"],
        "variant": row["variant"],
        "title": row["title"],
        "inputs": inputs,
        "seed": None if row["seed"] is None else str(row["seed"]),  # JavaScript would round a large one
        "state": "running" if row["state"] == "pending" and row["running"] else row["state"],
        "error": json.loads(row["error"]) if row["error"] else None,
        "file": row["file"] or "",
        "sha256": row["sha256"] or "",
        "verdict": verdict if verdict.get("sha256") == row["sha256"] else {},
        "words": words.casefold(),
    }


def _attempts(db: sqlite3.Connection, item_id: str) -> Iterator[dict[str, Any]]:
    rows = db.execute("SELECT * FROM attempts WHERE item_id = ? ORDER BY started, rowid", (item_id,))
    kept = "file" in {column[0] for column in rows.description}  # ledgers know the picture of each since version 2
    for row in rows:
        yield {
            "host": row["host"],
            "outcome": row["outcome"],
            "reason": row["reason"],
            "started": row["started"],
            "seconds": row["seconds"],
            "file": row["file"] if kept else "",
            "sha256": row["sha256"] if kept else "",
        }


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
        with closing(_open(folder)) as db:
            row = db.execute("SELECT file, sha256 FROM items WHERE item_id = ?", (item_id,)).fetchone()
    except sqlite3.Error as error:
        raise _damaged(folder, error) from error
    if row is None or not row["file"]:
        raise CatalogInvalid("the run has no picture of it", place=f"'{item_id[:80]}'")
    if row["sha256"] != sha256:
        return False
    at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with _writing:
        said = verdicts(folder)
        said.pop(item_id, None)
        if verdict:
            said[item_id] = {"verdict": verdict, "reason": reason, "sha256": sha256, "file": row["file"], "at": at}
        content = {"format": _FORMAT, "items": said}
        write_text(folder / APPROVALS, json.dumps(content, indent=1) + "\n")
    return True
