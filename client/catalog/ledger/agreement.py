"""Whether a picture is the one that a run made: its ledger and its audit against what the picture says itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .audit import FILE_NAME as AUDIT_NAME
from .audit import read_audit
from .ledger import Ledger

_ENDS = ("accepted", "quarantined")


def agreement(folder: Path, image: Path, sha256: str, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Compare a picture with the run in a folder.

    Args:
        image: its path; only the name counts, and only where the content is not known.
        sha256: of its bytes.
        recipe: what it says of how it was made; what it does not say is not compared.

    Returns:
        ``{"item_id", "agrees", "audit", "differences"}``: ``audit`` is ``agrees``, ``differs`` or ``absent``;
        differences are sentences.

    Raises:
        CatalogInvalid: there is no run in the folder.
    """
    with Ledger(folder, read_only=True) as ledger:
        facts = ledger.facts()
        rows = [row for row in ledger.rows() if row["file"]]
    differences = []
    row = next((row for row in rows if row["sha256"] == sha256), None)
    if row is None:
        row = next((row for row in rows if Path(row["file"]).name == image.name), None)
        differences.append(
            "the file is not the one that was made: its SHA-256 differs"
            if row
            else "no picture of this name or content in the ledger"
        )
    else:
        workflow = facts.get("workflows", {}).get(row["workflow"], facts.get("workflow", {}))
        label = f"{workflow.get('name')}@{workflow.get('version')}"
        expected = {"seed": row["made_with"], "sku": row["sku"], "workflow": label}
        differences += [
            f"{name}: the picture says {recipe[name]!r}, the ledger {value!r}"
            for name, value in expected.items()
            if recipe.get(name) not in (None, "", value)
        ]
    audit, faults = _audited(folder, sha256) if (folder / AUDIT_NAME).is_file() else ("absent", [])
    differences += faults
    return {
        "item_id": row["item_id"] if row else None,
        "agrees": not differences,
        "audit": audit,
        "differences": differences,
    }


def _audited(folder: Path, sha256: str) -> tuple[str, list[str]]:
    """Whether the audit's chain holds, and whether a picture of this content came out of the run."""
    faults, ended = [], False
    for number, record, fault in read_audit(folder):
        if fault:
            faults.append(f"the audit does not hold: line {number}: {fault}")
        if record is not None and record.get("event") in _ENDS and record.get("sha256") == sha256:
            ended = True
    if not ended:
        faults.append("the audit has no picture of this content")
    return ("differs" if faults else "agrees"), faults
