"""``packshot plan``: will it fit, and by which means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .common import JsonOption, SetOption, pairs
from .models.fetch import models_folder


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
    from ..models.memory.estimates import GIB, parse_size
    from ..models.memory.plan import Picture, Planner
    from ..workflow import Workflow
    from ..workflow.loads import read_loads

    loads = read_loads(Workflow.load(workflow), pairs(values))
    size = parse_size(vram)
    planner = Planner(size, parse_size(ram) if ram else None, models_folder(models))
    if card is not None:
        loaded = [planner.card(card)]
    else:
        loaded = [planner.card(name, None if precision == "auto" else precision) for name, precision in loads.cards]
        loaded += [planner.files(folder, names) for folder, names in loads.files]
    pictures = [Picture(latent.width, latent.height, latent.batch, latent.frames) for latent in loads.latents]
    result = planner.plan(loaded, pictures, loads.tile)
    if as_json:
        typer.echo(json.dumps(result.as_dict(), ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for heading in ("phase", "means", "GiB", "weights", "working"):
        table.add_column(heading, justify="left" if heading in ("phase", "means") else "right")
    for phase in result.phases:
        figures = (phase.gib, phase.weights_gib, phase.working_gib)
        table.add_row(phase.phase, phase.means, *(f"{figure:.1f}" for figure in figures))
    Console().print(table)
    verdict = "fits" if result.fits else "does not fit"
    typer.echo(f"{verdict} in {size / GIB:.1f} GiB; peak {result.peak_gib:.1f} GiB (estimates, not measurements)")
    for file in result.files:
        typer.echo(f"  {file.file}  {file.precision}  {file.gib:.1f} GiB{'' if file.here else '  (not here)'}")
    for line in result.advice:
        typer.echo(f"- {line}")
