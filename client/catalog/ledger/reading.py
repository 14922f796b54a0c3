"""Catalogue runs as their ledgers have them, looked into while they run. The ledger is only ever read here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ..known_runs import known_runs, run_id
from .database import FILE_NAME, open_to_read, unreadable
from .verdicts import verdicts

STATES = ("pending", "running", "done", "failed", "quarantined")

_ITEMS = """
SELECT i.item_id, i.sku, i.variant, i.title, i.inputs, i.seed, i.state, i.error, i.file, i.sha256,
       EXISTS (SELECT 1 FROM attempts t WHERE t.item_id = i.item_id AND t.outcome = 'open') AS running
FROM items i ORDER BY i.position
"""


def runs(output: Path) -> dict[str, Path]:
    """Folders of runs by id: those that began on this machine, and those below a folder."""
    below = sorted({*output.glob(f"*/{FILE_NAME}"), *output.glob(f"*/*/{FILE_NAME}")})
    return {**known_runs(), **{run_id(path.parent): path.parent for path in below}}


def summary(folder: Path) -> dict[str, Any]:
    """A run in a line: its brand or table, how many items are in which state, and when it last changed."""
    try:
        with closing(open_to_read(folder)) as db:
            facts = {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM run")}
            counts = dict(db.execute("SELECT state, count(*) FROM items GROUP BY state").fetchall())
            (running,) = db.execute("SELECT count(*) FROM attempts WHERE outcome = 'open'").fetchone()
    except sqlite3.Error as error:
        raise unreadable(folder, error) from error
    brand, table = facts.get("brand") or {}, facts.get("table") or {}
    workflow = facts.get("workflow") or {}
    counts["running"], counts["pending"] = running, max(0, counts.get("pending", 0) - running)
    return {
        "title": brand.get("name") or table.get("name") or folder.name,
        "folder": folder.name,
        "workflow": f"{workflow.get('name', '')}@{workflow.get('version', '')}".strip("@"),
        "counts": {state: counts.get(state, 0) for state in STATES},
        "report": (folder / "index.html").is_file(),
        "changed": max(path.stat().st_mtime for path in folder.glob(f"{FILE_NAME}*")),
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
        with closing(open_to_read(folder)) as db:
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
        raise unreadable(folder, error) from error
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
