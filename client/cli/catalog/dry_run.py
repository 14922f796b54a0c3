"""What ``packshot catalog run --dry-run`` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..common import say

if TYPE_CHECKING:
    from ...catalog.planning.catalog_file import Catalog


def print_plan(catalog: Catalog, profile: Path | None, as_json: bool) -> None:
    """Say what would be made, which rows would not, and what it takes."""
    from ...catalog.planning.estimate import estimate
    from ...models.licensing.licences import load_profile

    taken = estimate(catalog, load_profile(profile), Path(catalog.file.out) if catalog.file.out else None)
    if as_json:
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
        answer = {"items": items, "problems": problems, "notes": list(catalog.table.notes), **taken}
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    for item in catalog.plan.items:
        typer.echo(f"{item.item_id}  seed {item.seed}  {item.inputs.get('prompt', '')}")
    for problem in catalog.plan.problems:
        say(f"refused [{problem.slug}] {problem.place}: {problem.message} → {problem.remedy}")
    say(f"{len(catalog.plan.items)} pictures would be made, {len(catalog.plan.problems)} rows refused")
    seconds, disk = taken["expected_seconds"], taken["disk_bytes"]
    never = "not known: no run of this workflow was measured yet"
    expected = never if seconds is None else f"{_duration(seconds)} on {taken['hosts']} host(s)"
    say(f"time     {expected}")
    free = f"{taken['disk_free'] / 1e9:,.1f} GB free"
    say(f"disk     {never if disk is None else f'{disk / 1e9:,.2f} GB'} ({free})")
    say(f"licence  {taken['licence']['decision']}")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min {rest:02} s"
