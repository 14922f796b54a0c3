"""``packshot run``: one job of one workflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import HeaderOption, HostOption, JsonOption, SetOption, connect, pairs, say

if TYPE_CHECKING:
    from ..comfy.job import Job


def run(
    workflow: Annotated[str, typer.Argument(help="Name[@version] in the library, or a file saved from the canvas.")],
    values: SetOption = None,
    brand: Annotated[
        Path | None, typer.Option(metavar="KIT", help="A brand kit, for the workflow's Packshot Brand node.")
    ] = None,
    host: HostOption = None,
    header: HeaderOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("out"),
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait before the job is cancelled.")] = None,
    ignore_lock: Annotated[
        bool, typer.Option("--ignore-lock", help="Run though the host differs from the workflow's lock.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a workflow once and bring its results here.

    For example: packshot run product-shot --set prompt="a red mug" --set seed=7
    """
    from ..brand import BrandKit
    from ..errors import JobTimeout
    from ..run.brand import branded, bring_loras, enforce_kit
    from ..run.lock import hold_to_lock
    from ..run.weights import managed_models, weights_of_run
    from ..workflow import Workflow

    given = pairs(values)
    loaded = Workflow.load(workflow)
    kit = BrandKit.load(brand) if brand else None
    with connect(host, header, out=out) as client:
        if kit is not None and (models := managed_models(client.api)):
            bring_loras(kit, models)
        prepared = client.prepare(loaded)
        inputs = {name: prepared.contract.spec(name).parse(text) for name, text in given.items()}
        drift = hold_to_lock(workflow, client, prepared, inputs, ignore=ignore_lock)
        if drift:
            say(f"not as it was locked: {'; '.join(map(str, drift))}")
        if kit is not None:
            changes = {name: [text] for name, text in given.items()}
            weights = weights_of_run(prepared, client.object_info, changes)
            if kept := enforce_kit(kit, prepared, client.object_info, weights.cards, client.api):
                say(kept)
            loaded = branded(loaded, kit)
        job = client.submit(loaded, **inputs)
        try:
            _watch(job, timeout)
            result = job.result()
        except (KeyboardInterrupt, JobTimeout):
            job.cancel()
            say(f"cancelled job {job.id}")
            raise
    if as_json:
        typer.echo(json.dumps({**result.as_dict(), "drift": [each.model_dump() for each in drift]}))
        return
    for output in result.outputs:
        note = "  (the host had it already)" if output.reused else ""
        typer.echo(f"{output.file}{note}")
    if result.seconds is not None:
        say(f"{result.seconds:.1f} s on {result.host}")


def _watch(job: Job, timeout: float | None) -> None:
    """Show a job's progress until it is over."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from ..comfy.events import NodeProgress, Queued, Started

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("submitted", total=None)
        for event in job.events(timeout):
            if isinstance(event, Queued):
                progress.update(task, description=f"waiting behind {event.position}")
            elif isinstance(event, Started):
                progress.update(task, description="started")
            elif isinstance(event, NodeProgress):
                progress.update(task, description=event.title, completed=event.value, total=event.maximum)
