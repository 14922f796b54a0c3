"""``packshot run``: one job of one workflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..comfy.events import Event, NodeProgress, Queued, Started
from ..comfy.job import Result
from ..run.single import run_workflow
from .common import HeaderOption, HostOption, JsonOption, ProfileOption, SetOption, WaiveOption, echo, pairs, say
from .console import PrintableConsole


def run(
    workflow: Annotated[str, typer.Argument(help="Name[@version] in the library, or a file saved from the canvas.")],
    values: SetOption = None,
    brand: Annotated[
        Path | None, typer.Option(metavar="KIT", help="A brand kit, for the workflow's Packshot Brand node.")
    ] = None,
    channel: Annotated[
        str | None, typer.Option(help="Whose checks the pictures must pass, such as amazon-main.")
    ] = None,
    host: HostOption = None,
    header: HeaderOption = None,
    profile: ProfileOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("out"),
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait before the job is cancelled.")] = None,
    waive: WaiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a workflow once and bring its results here.

    For example: packshot run product-shot --set prompt="a red mug" --set seed=7
    """
    job = partial(run_workflow, workflow, pairs(values), host=host, headers=pairs(header, ":"), out=out)
    held = partial(job, brand=brand, profile=profile, channel=channel, waive=waive or ())
    with _progress() as shown:
        result = held(timeout=timeout, on_step=say, on_event=shown)
    _show(result, as_json)


def _show(result: Result, as_json: bool) -> None:
    """Say where the files are, and what there is to tell."""
    if as_json:
        echo(json.dumps(result.as_dict()))
        return
    for output in result.outputs:
        note = "  (the host had it already)" if output.reused else ""
        echo(f"{output.file}{note}")
    for entry in (*result.warnings, *result.waived):
        say(f"{entry['slug']}: {entry['message']}")
    if result.seconds is not None:
        say(f"{result.seconds:.1f} s on {result.host}")


@contextmanager
def _progress() -> Iterator[Callable[[Event], None]]:
    """Show a job's progress as long as the block lasts: gives the function that takes its events."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=PrintableConsole(stderr=True), transient=True) as progress:
        task = progress.add_task("submitted", total=None)

        def show(event: Event) -> None:
            if isinstance(event, Queued):
                progress.update(task, description=f"waiting behind {event.position}")
            elif isinstance(event, Started):
                progress.update(task, description="started")
            elif isinstance(event, NodeProgress):
                progress.update(task, description=event.title, completed=event.value, total=event.maximum)

        yield show
