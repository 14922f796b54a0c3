"""What several commands share: their options, finding a host, reading NAME=VALUE, showing progress."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import HostUnreachable, PackshotError

if TYPE_CHECKING:
    from ..comfy.client import Client

HostOption = Annotated[
    str | None, typer.Option("--host", help="Address of a ComfyUI host. By default our own, started when it is not up.")
]
HeaderOption = Annotated[
    list[str] | None, typer.Option("--header", help="'Name: value' sent with every request; may be repeated.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ProfileOption = Annotated[
    Path | None,
    typer.Option("--profile", metavar="FILE", help="Licence profile. By default profile.yaml in your settings folder."),
]
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="May be repeated.")]

_RETURN = 120.0  # seconds that a host of the user's own is given to come back in the middle of a run


def say(line: str) -> None:
    """A line for people; standard output is for answers."""
    typer.echo(line, err=True)


@contextlib.contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Shows the steps of a set-up: gives a function that says what begins now.

    On a terminal the step at work has a spinner and its time, and stays as a line when the next one begins. Elsewhere
    each step is a line.
    """
    if not interactive():
        yield say
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn())
    current: TaskID | None = None
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def begin(line: str) -> None:
            nonlocal current
            if current is not None:
                progress.update(current, total=1, completed=1)
            current = progress.add_task(line, total=None)

        yield begin
        if current is not None:
            progress.update(current, total=1, completed=1)


def command_name() -> str:
    """How this command is called from here: by its name where that is found, else by its path."""
    started = Path(sys.argv[0])
    if shutil.which("packshot") or started.stem != "packshot":
        return "packshot"
    with contextlib.suppress(ValueError):
        return str(started.absolute().relative_to(Path.cwd()))
    return str(started)


def pairs(given: list[str] | None, separator: str = "=") -> dict[str, str]:
    """``NAME=VALUE`` options as a dict; the value may hold the separator."""
    result = {}
    for text in given or []:
        name, found, value = text.partition(separator)
        if not found or not name.strip():
            raise typer.BadParameter(f"'{text}' is not of the form NAME{separator}VALUE")
        result[name.strip()] = value.lstrip() if separator == ":" else value
    return result


def connect(url: str | None, headers: list[str] | None, **options: Any) -> Client:
    """A client of the host named, or of the managed one, which is started when it is not up."""
    from ..comfy.client import Client

    return Client(url or _managed(), headers=pairs(headers, ":"), **options)


def reviver(url: str | None, headers: list[str] | None) -> Callable[[PackshotError], Client]:
    """What to do when a host is lost in the middle of a run: start ours again, or wait for the user's own."""

    def revive(error: PackshotError) -> Client:
        if url is None:
            say(f"the host was lost ({error.message}); starting it again")
            return connect(None, headers)
        say(f"the host was lost ({error.message}); waiting up to {_RETURN:g} s for it to come back")
        client = connect(url, headers)
        deadline = time.monotonic() + _RETURN
        while True:
            try:
                client.api.system_stats()
                return client
            except PackshotError:
                if time.monotonic() > deadline:
                    client.close()
                    raise HostUnreachable(
                        f"the host did not come back within {_RETURN:g} s",
                        place=client.url,
                        remedy="start it and run the same command again: it goes on where it stopped",
                    ) from error
                time.sleep(1.0)

    return revive


def _managed() -> str:
    from ..comfy.host import ManagedHost

    host = ManagedHost()
    status = host.status()
    if not status.healthy:
        with steps() as say_step:
            status = host.up(progress=say_step)
    assert status.url is not None
    return status.url


def interactive() -> bool:
    """Whether a person watches standard error."""
    return sys.stderr.isatty()
