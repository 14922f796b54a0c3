"""Brings a ledger in line with a plan."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import replace

from ...errors import CatalogInvalid
from ...secrets import public_address
from ..ledger.ledger import Ledger
from ..table.products import RowProblem
from .items import Item, Plan


def write_plan(ledger: Ledger, plan: Plan, beyond: Collection[str] = ()) -> None:
    """Bring the items in line with a plan.

    An address stands in the items without what signs it or lets in, and so another signature is no other row. The whole
    address is kept apart until the picture is accepted.

    New rows are added. A row whose inputs, seed or workflow changed is to be made again. A refused row is recorded as
    failed with its reason. A row that is no longer in the table is dropped from the run when it has no picture.

    Args:
        beyond: ids of the table's other items, which are not to be made this time: those that the run has already stay
            in it as they are.
    """
    with ledger.transaction() as db:
        db.execute("CREATE TEMP TABLE seen (item_id TEXT PRIMARY KEY)")
        position = 0
        for item in plan.items:
            position += 1
            shown = {name: public_address(str(text)) for name, text in item.inputs.items()}
            hidden = {name: str(text) for name, text in item.inputs.items() if shown[name] != str(text)}
            changed = _write_item(db, replace(item, inputs=shown), position)
            ledger.keep_private(item.item_id, hidden)
            if changed:
                ledger.outdated(item.item_id)
                ledger.reopen(item.item_id)
        for problem in plan.problems:
            position += 1
            ledger.outdated(_write_problem(db, problem, position))
        for item_id in beyond:
            position += 1
            db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (item_id,))
            db.execute("UPDATE items SET position = ? WHERE item_id = ?", (position, item_id))
        # A picture that was made is kept, in its file and here, though its row has gone from the table.
        gone = "item_id IN (SELECT item_id FROM items WHERE state != 'done' EXCEPT SELECT item_id FROM seen)"
        db.execute(f"DELETE FROM attempts WHERE {gone}")
        db.execute(f"DELETE FROM items WHERE {gone}")
        # What is done needs no secrets any more, and what is gone neither.
        db.execute(
            "DELETE FROM private WHERE item_id NOT IN (SELECT '' UNION SELECT item_id FROM items WHERE state != 'done')"
        )
        db.execute("DROP TABLE seen")
        ledger.audit("planned", {"items": len(plan.items), "refused": len(plan.problems)})
    ledger.empty_log()
    ledger.limit = len(plan.items) if beyond else None


def _write_item(db: sqlite3.Connection, item: Item, position: int) -> bool:
    """Add or update an item; True when it was there and is to be made again."""
    db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (item.item_id,))
    inputs = json.dumps(dict(item.inputs), ensure_ascii=False)
    axes = json.dumps(dict(item.axes), ensure_ascii=False)
    title, place = public_address(item.title), public_address(item.place)
    fields = (position, item.sku, item.variant, title, item.name, place, item.model, axes)
    row = db.execute("SELECT inputs, seed, workflow FROM items WHERE item_id = ?", (item.item_id,)).fetchone()
    if row is None:
        db.execute(
            "INSERT INTO items (position, sku, variant, title, name, place, model, axes, item_id, inputs, seed,"
            " workflow, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending')",
            (*fields, item.item_id, inputs, item.seed, item.workflow),
        )
        return False
    db.execute(
        "UPDATE items SET position = ?, sku = ?, variant = ?, title = ?, name = ?, place = ?, model = ?, axes = ?"
        " WHERE item_id = ?",
        (*fields, item.item_id),
    )
    if row == (inputs, item.seed, item.workflow):
        return False
    db.execute(
        "UPDATE items SET inputs = ?, seed = ?, workflow = ? WHERE item_id = ?",
        (inputs, item.seed, item.workflow, item.item_id),
    )
    db.execute("DELETE FROM judgements WHERE item_id = ?", (item.item_id,))
    return True


def _write_problem(db: sqlite3.Connection, problem: RowProblem, position: int) -> str:
    """Record a refused row; the id that it has in the ledger."""
    # The row of a product that stands in the table twice is refused; the product itself is not.
    taken = db.execute("SELECT 1 FROM seen WHERE item_id = ?", (problem.item_id,)).fetchone()
    item_id = problem.place if taken or not problem.item_id else problem.item_id
    error = CatalogInvalid(problem.message, place=problem.place, remedy=problem.remedy)
    db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (item_id,))
    db.execute(
        "INSERT INTO items (item_id, position, sku, variant, title, name, place, inputs, state, error)"
        " VALUES (?, ?, ?, '', '', '', ?, '{}', 'failed', ?) ON CONFLICT (item_id) DO UPDATE"
        " SET position = excluded.position, state = 'failed', error = excluded.error, seed = NULL",
        (
            item_id,
            position,
            problem.item_id,
            public_address(problem.place),
            json.dumps(error.as_dict(), ensure_ascii=False),
        ),
    )
    return item_id
