"""The items of a run, as its reports show them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..ledger.ledger import Ledger
from .report import Entry


def entries(ledger: Ledger) -> Iterator[Entry]:
    """Every item of the run, as reports show it."""
    facts = ledger.facts()
    labels = {"": label_of(facts["workflow"]), **{k: label_of(one) for k, one in facts.get("workflows", {}).items()}}
    brand = facts["brand"]["name"] if facts["brand"] else ""
    for row in ledger.rows():
        made = row["state"] in ("done", "quarantined")
        yield Entry(
            item_id=row["item_id"],
            sku=row["sku"],
            variant=row["variant"],
            title=row["title"] or row["item_id"],
            status=row["state"],
            file=row["file"] if made else "",
            sha256=row["sha256"] if made else "",
            seed=row["made_with"],
            inputs={**json.loads(row["inputs"]), **json.loads(row["change"])},  # what memory ran out for is smaller
            workflow=labels[row["workflow"]],
            brand=brand,
            host=row["host"] or "",
            prompt_id=row["prompt_id"] or "",
            seconds=row["seconds"],
            attempts=row["attempts"],
            error=json.loads(row["error"]) if row["error"] else None,
            problems=(),
            checks=json.loads(row["scores"]) if row["scores"] else (),
            axes=json.loads(row["axes"]),
            record=json.loads(row["detail"]) if row["detail"] else {},
            tried=_tried(ledger, row) if row["attempts"] > 1 else (),
        )


def label_of(workflow: Mapping[str, str]) -> str:
    """A workflow's name and version, as people write it."""
    return f"{workflow['name']}@{workflow['version']}" if workflow["version"] else workflow["name"]


def _tried(ledger: Ledger, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The attempts at an item before the one that its picture is from.

    Earlier versions let each picture take the place of the one before: the file is the last one's that names it.
    """
    attempts = ledger.attempts_of(row["item_id"])
    owner = {one["file"]: one["prompt_id"] for one in attempts}
    return [
        {**one, "file": one["file"] if owner[one["file"]] == one["prompt_id"] else ""}
        for one in attempts
        if one["prompt_id"] != row["prompt_id"]
    ]
