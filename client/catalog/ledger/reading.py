"""Catalogue runs as their ledgers have them, looked into while they run. The ledger is only ever read here.

A ledger may have been made by somebody else. What it holds is taken for what it is: values of the wrong type count as
empty, and what takes too long or is too much ends in an error. See :func:`~.database.harden`.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ...budget import Budget, OverBudget, deadline
from ...paths import leads_down
from ..known_runs import known_runs, run_id
from .database import FILE_NAME, open_to_read, unreadable
from .verdicts import verdicts

STATES = ("pending", "running", "done", "failed", "quarantined")
RUNS_VARIABLE = "PACKSHOT_RUNS"

_SUMMARY_SECONDS = 4.0
_ITEMS_SECONDS = 15.0
_MOST_BYTES = 32 << 20  # of text in one answer
_MOST_ATTEMPTS = 100  # of an item, the latest

_FACTS = "SELECT key, value FROM run WHERE key IN ('brand', 'table', 'workflow') LIMIT 3"
_COUNTS = """
SELECT state, count(*) FROM items WHERE state IN ('pending', 'done', 'failed', 'quarantined') GROUP BY state
"""
# The clock may have been set meanwhile: of the latest attempts, the latest time.
_CHANGED = """
SELECT max(coalesce(ended, started)) FROM (SELECT ended, started FROM attempts ORDER BY rowid DESC LIMIT 1000)
"""
_ATTEMPT = ("host", "outcome", "reason", "started", "seconds", "file", "sha256")
_ITEMS = """
SELECT i.item_id, i.sku, i.variant, i.title, i.inputs, i.seed, i.state, i.error, i.file, i.sha256,
       EXISTS (SELECT 1 FROM attempts t WHERE t.item_id = i.item_id AND t.outcome = 'open') AS running
FROM items i ORDER BY i.position
"""


def runs() -> dict[str, Path]:
    """Tell the folders of runs by id: those that began on this machine, and those that ``PACKSHOT_RUNS`` names.

    A folder that merely holds a ledger is no run: whoever may upload to the host could have put it there.
    """
    folders = [Path(name) for name in os.environ.get(RUNS_VARIABLE, "").split(os.pathsep) if name]
    return {**known_runs(), **{run_id(folder): folder for folder in folders if (folder / FILE_NAME).is_file()}}


def summary(folder: Path) -> dict[str, Any]:
    """Sum a run up in a line: its brand or table, how many items are in which state, and when it last changed.

    Raises:
        CatalogInvalid: its ledger cannot be read.
    """
    with _ledger(folder, _SUMMARY_SECONDS) as db:
        facts = {str(key): _object(value) for key, value in db.execute(_FACTS)}
        counts = dict(db.execute(_COUNTS).fetchall())
        (running,) = db.execute("SELECT count(*) FROM attempts WHERE outcome = 'open'").fetchone()
        (changed,) = db.execute(_CHANGED).fetchone()
    workflow = facts.get("workflow", {})
    counts["running"], counts["pending"] = running, max(0, counts.get("pending", 0) - running)
    title = facts.get("brand", {}).get("name") or facts.get("table", {}).get("name") or folder.name
    return {
        "title": str(title)[:500],
        "folder": folder.name,
        "workflow": f"{workflow.get('name', '')}@{workflow.get('version', '')}".strip("@")[:500],
        "counts": {state: counts.get(state, 0) for state in STATES},
        "report": (folder / "index.html").is_file(),
        "changed": _number(changed) or (folder / FILE_NAME).stat().st_mtime,
    }


@contextmanager
def _ledger(folder: Path, seconds: float) -> Iterator[sqlite3.Connection]:
    """Open a ledger for so many seconds.

    Raises:
        CatalogInvalid: it cannot be read, or not in this time.
    """
    try:
        with deadline(seconds), closing(open_to_read(folder)) as db:
            yield db
    except (sqlite3.Error, OverBudget) as error:
        raise unreadable(folder, error) from error


def items(
    folder: Path, *, state: str, verdict: str, words: str, offset: int, limit: int
) -> tuple[int, list[dict[str, Any]]]:
    """Count the items that fit, and read some of them, in the table's order.

    Args:
        state: one of :data:`STATES`; empty: all.
        verdict: one of :data:`VERDICTS`, ``open`` for pictures without one; empty: all.
        words: each must be in the title, SKU, variant, inputs or error, whatever its capitals.

    Raises:
        CatalogInvalid: the ledger or the verdicts cannot be read.
    """
    judged = verdicts(folder)
    needles = words.casefold().split()
    page: list[dict[str, Any]] = []
    filters = bool(state or verdict or needles)
    total, budget = 0, Budget(most_bytes=_MOST_BYTES)
    with _ledger(folder, _ITEMS_SECONDS) as db:
        for row in db.execute(_ITEMS):
            if not filters and not offset <= total < offset + limit:
                total += 1
                continue
            item = _item(row, judged)
            if (
                (state and item["state"] != state)
                or (verdict and (item["verdict"].get("verdict", "open") != verdict or not item["file"]))
                or not all(word in item["words"] for word in needles)
            ):
                continue
            total += 1
            if offset < total <= offset + limit:
                budget.take_bytes(len(item["words"]))
                page.append(item)
        # Ledgers know the picture of each attempt since version 2.
        columns = [name for _, name, *_ in db.execute("PRAGMA table_info(attempts)") if name in _ATTEMPT]
        for item in page:
            item["attempts"] = list(_attempts(db, columns, item["id"], budget))
            del item["words"]
    return total, page


def _item(row: sqlite3.Row, judged: Mapping[str, Any]) -> dict[str, Any]:
    verdict = judged.get(row["item_id"]) or {}
    inputs = {name: str(value) for name, value in _object(row["inputs"]).items()}
    texts = {name: _text(row[name]) for name in ("sku", "variant", "title", "sha256")}
    error = {name: str(value) for name, value in _object(row["error"]).items()}
    words = " ".join((str(row["item_id"]), *texts.values(), *inputs.values(), *error.values()))
    return {
        "id": _text(row["item_id"]),
        **texts,
        "inputs": inputs,
        "seed": str(row["seed"]) if isinstance(row["seed"], int) else None,  # JavaScript would round a large one
        "state": "running" if row["state"] == "pending" and row["running"] else _text(row["state"]),
        "error": error or None,
        "file": _file(row["file"]),
        "verdict": verdict if verdict.get("sha256") == row["sha256"] else {},
        "words": words.casefold(),
    }


def _attempts(db: sqlite3.Connection, columns: list[str], item_id: str, budget: Budget) -> Iterator[dict[str, Any]]:
    query = f"SELECT {', '.join(columns)} FROM attempts WHERE item_id = ? ORDER BY rowid DESC LIMIT ?"
    for row in reversed(db.execute(query, (item_id, _MOST_ATTEMPTS)).fetchall()):
        attempt = {**dict.fromkeys(_ATTEMPT), **dict(row)}
        budget.take_bytes(sum(len(_text(value)) for value in attempt.values()))
        yield {
            **{name: _text(attempt[name]) for name in ("host", "outcome", "reason", "sha256")},
            **{name: _number(attempt[name]) for name in ("started", "seconds")},
            "file": _file(attempt["file"]),
        }


def _object(value: Any) -> dict[str, Any]:
    """Parse a column that should hold a JSON object."""
    try:
        content = json.loads(value) if isinstance(value, str) else {}
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _file(value: Any) -> str:
    """Take a picture's name; one that leads elsewhere would have the page ask for another address of the host."""
    return value if isinstance(value, str) and leads_down(value) else ""
