"""``packshot plan``: will it fit, and by which means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..host.memory import plan_memory
from ..models.memory.estimates import GIB, parse_size
from ..models.memory.plan import Plan
from .common import JsonOption, SetOption, echo, pairs
from .console import PrintableConsole


def plan(
    workflow: Annotated[str, typer.Argument(help="Name[@version] in the library, or a file saved from the canvas.")],
    vram: Annotated[str, typer.Option(metavar="SIZE", help="The device's memory, such as 12GiB.")],
    ram: Annotated[str | None, typer.Option(metavar="SIZE", help="Main memory, where that may be short.")] = None,
    values: SetOption = None,
    card: Annotated[str | None, typer.Option(help="Price this model in place of the workflow's own.")] = None,
    models: Annotated[
        Path | None, typer.Option(help="ComfyUI's models folder. By default, that of the host that Packshot manages.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a workflow fits a device's memory. Estimates from file headers and core's formulas."""
    size = parse_size(vram)
    main_memory = parse_size(ram) if ram else None
    result = plan_memory(workflow, size, main_memory, values=pairs(values), card=card, models=models)
    if as_json:
        echo(json.dumps(result.as_dict(), ensure_ascii=False))
    else:
        _show(result, size)


def _show(result: Plan, size: int) -> None:
    """The phases as a table, the verdict for a device of a size in bytes, the files and what to do."""
    table = Table()
    for heading in ("phase", "means", "GiB", "weights", "working"):
        table.add_column(heading, justify="left" if heading in ("phase", "means") else "right")
    for phase in result.phases:
        figures = (phase.gib, phase.weights_gib, phase.working_gib)
        table.add_row(phase.phase, phase.means, *(f"{figure:.1f}" for figure in figures))
    PrintableConsole().print(table)
    verdict = "fits" if result.fits else "does not fit"
    echo(f"{verdict} in {size / GIB:.1f} GiB; peak {result.peak_gib:.1f} GiB (estimates, not measurements)")
    for file in result.files:
        echo(f"  {file.file}  {file.precision}  {file.gib:.1f} GiB{'' if file.here else '  (not here)'}")
    for line in result.advice:
        echo(f"- {line}")
