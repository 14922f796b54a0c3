"""What a plan will take, from what earlier runs took on this user's hosts."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from ...models.cards import card_ids
from ...models.licensing.licences import Profile
from ...paths import cache_dir
from ...run.weights import Weights, judge_weights, weights_of_graph
from ...side_files import read_json, update_json
from ...workflow.canvas.convert import is_model_file
from ..ledger.ledger import Ledger
from .catalog_file import Catalog

_FILE = "timings.json"
_TOOK = ("seconds", "bytes")


def remember(ledger: Ledger) -> None:
    """Keep what a run's pictures took, by workflow and size, for the estimates of later ones."""
    took = {
        f"{workflow} {size}": {"seconds": seconds, "bytes": bytes_each, "pictures": count}
        for workflow, size, seconds, bytes_each, count in _measured(ledger)
    }
    update_json(cache_dir() / _FILE, lambda content: {**_timings(content), **took})


def estimate(catalog: Catalog, profile: Profile, out: Path | None) -> dict[str, Any]:
    """What a plan will take, without a host.

    Returns:
        ``rows`` of the table, ``jobs``, ``hosts``, ``expected_seconds`` (None where a workflow was never measured),
        ``disk_bytes`` (likewise), ``disk_free``, and ``licence``: the decision with its reasons.
    """
    hosts = max(len(catalog.file.hosts), 1)
    known = _timings(read_json(cache_dir() / _FILE))
    seconds: float | None = 0.0
    disk: float | None = 0.0
    jobs = Counter((item.workflow, _size(item.inputs)) for item in catalog.plan.items)
    for (workflow, size), count in jobs.items():
        took = known.get(f"{catalog.workflows[workflow].sha256} {size}")
        seconds = None if took is None or seconds is None else seconds + count * took["seconds"] / hosts
        disk = None if took is None or disk is None else disk + count * took["bytes"]
    there = out or Path()
    while not there.exists():
        there = there.parent
    return {
        "rows": len(catalog.table.products) + len(catalog.table.problems),
        "jobs": len(catalog.plan.items),
        "hosts": hosts,
        "expected_seconds": None if seconds is None else round(seconds, 1),
        "disk_bytes": None if disk is None else round(disk),
        "disk_free": shutil.disk_usage(there).free,
        "licence": judge_weights(_weights(catalog), profile).as_dict(),
    }


def preview(catalog: Catalog, profile: Profile) -> dict[str, Any]:
    """What a run of a catalogue would make, and what it takes, without a host; nothing is made.

    Returns:
        ``items``, each with ``item_id seed file inputs axes workflow``; ``problems`` of the rows that would not be
        made; ``notes`` on the table; and the fields of :func:`estimate`.
    """
    items = [
        {
            "item_id": item.item_id,
            "seed": item.seed,
            "file": item.name,
            "inputs": dict(item.inputs),
            "axes": dict(item.axes),
            "workflow": catalog.workflows[item.workflow].name,
        }
        for item in catalog.plan.items
    ]
    problems = [
        {"slug": problem.slug, "message": problem.message, "place": problem.place, "remedy": problem.remedy}
        for problem in catalog.plan.problems
    ]
    taken = estimate(catalog, profile, Path(catalog.file.out) if catalog.file.out else None)
    return {"items": items, "problems": problems, "notes": list(catalog.table.notes), **taken}


def _weights(catalog: Catalog) -> Weights:
    """What the workflows of a plan load, as far as their files and the plan tell."""
    loads = [weights_of_graph(workflow.graph) for workflow in catalog.workflows.values()]
    cards = frozenset(card_ids())
    texts = {str(value).strip() for item in catalog.plan.items for value in item.inputs.values()}
    files = frozenset(filter(is_model_file, texts))
    named = frozenset(texts & cards)
    return Weights(files.union(*(one.files for one in loads)), named.union(*(one.cards for one in loads)))


def _measured(ledger: Ledger) -> list[tuple[str, str, float, int, int]]:
    """Workflow, size, mean seconds, mean bytes and count of the pictures of a run."""
    facts = ledger.facts()
    hashes = {"": facts["workflow"]["sha256"], **{k: one["sha256"] for k, one in facts.get("workflows", {}).items()}}
    groups: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for row in ledger.rows():
        if row["state"] == "done" and row["seconds"] is not None:
            file = ledger.folder / row["file"]
            size = file.stat().st_size if file.is_file() else 0
            key = (hashes[row["workflow"]], _size(json.loads(row["inputs"])))
            groups.setdefault(key, []).append((row["seconds"], size))
    return [
        (workflow, size, sum(s for s, _ in took) / len(took), sum(b for _, b in took) // len(took), len(took))
        for (workflow, size), took in groups.items()
    ]


def _size(inputs: Any) -> str:
    """What the time of a picture depends on most, as far as inputs tell."""
    return "x".join(str(inputs[name]) for name in ("width", "height", "steps") if name in inputs) or "default"


def _timings(content: Any) -> dict[str, dict[str, float]]:
    """The entries of the file that are as :func:`remember` writes them."""
    entries = content.items() if isinstance(content, dict) else ()
    return {key: took for key, took in entries if isinstance(took, dict) and all(map(_amount, map(took.get, _TOOK)))}


def _amount(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < math.inf
