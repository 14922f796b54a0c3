"""``packshot lora dataset check``: what is wrong with a folder of training pictures."""

from __future__ import annotations

import json

import typer

from ...brand.dataset.dataset import Report, check_dataset
from ..common import JsonOption, echo
from .options import BaseOption, FolderArgument, HeldOption, ResolutionOption, TriggerOption

app = typer.Typer(help="Pictures to train on.", no_args_is_help=True)


@app.command("check")
def check(
    folder: FolderArgument,
    trigger: TriggerOption,
    base: BaseOption = "starter",
    resolution: ResolutionOption = None,
    held_out: HeldOption = 0.1,
    as_json: JsonOption = False,
) -> None:
    """Find what is wrong with a folder of training pictures. Exits with 3 when it may not be trained on."""
    report = check_dataset(folder, trigger, base, resolution=resolution, validation_fraction=held_out)
    if as_json:
        echo(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        _show(report)
    if not report.ok:
        raise typer.Exit(3)


def _show(report: Report) -> None:
    for fault in report.faults:
        echo(f"{fault.severity:7} {fault.picture or 'the whole set'}: {fault.message} ({fault.id})")
        echo(f"        → {fault.remedy}")
    counts = report.as_dict()
    echo(f"{counts['train']} pictures to train on, {counts['validation']} to judge by")
    echo("ready" if report.ok else "not ready")
