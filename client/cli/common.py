"""What several commands share: their options, finding a host, reading NAME=VALUE, showing progress."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputInvalid
from ..private_file import read_private
from ..secrets import printable, public_address

if TYPE_CHECKING:
    from ..run.client import Client

HostOption = Annotated[
    str | None, typer.Option("--host", help="Address of a ComfyUI host. By default our own, started when it is not up.")
]
HeaderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="'NAME: VALUE'|@FILE",
        help="Sent with every request; may be repeated. @FILE: a file with such lines that only you may read; what a"
        " command line says, others on this machine see.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ProfileOption = Annotated[
    Path | None,
    typer.Option("--profile", metavar="FILE", help="Licence profile. By default profile.yaml in your settings folder."),
]
WaiveOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STOP", help="A stop that may be passed: lock or channel; the answer says so. May be repeated."
    ),
]
PhotosOption = Annotated[
    list[str] | None,
    typer.Option(
        "--photos", metavar="DIR", help="Folder or address below which the table's photographs lie. May be repeated."
    ),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="FIELD=NAME",
        help="The table's column that holds a field, such as sku=Reference. May be repeated; images= several times.",
    ),
]
EncodingOption = Annotated[
    str | None, typer.Option(help="Of the table's text, such as cp1250. By default it is told from the bytes.")
]
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="May be repeated.")]


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text without secrets of addresses and without what a terminal would act on; see :mod:`..secrets`."""
    typer.echo(printable(public_address(text)), err=err, nl=nl)


def say(line: str) -> None:
    """A line for people; standard output is for answers."""
    echo(line, err=True)


@contextlib.contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Shows the steps of a set-up: gives a function that says what begins now.

    On a terminal the step at work has a spinner and its time, and stays as a line when the next one begins. Elsewhere
    each step is a line.
    """
    if not interactive():
        yield say
        return
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    from .console import PrintableConsole

    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn())
    progress = Progress(*columns, console=PrintableConsole(stderr=True))
    current: TaskID | None = None

    def end() -> None:
        if current is not None:
            progress.update(current, total=1, completed=1)

    def begin(line: str) -> None:
        nonlocal current
        progress.start()  # with the first step: where there is none, nothing is drawn
        end()
        current = progress.add_task(line, total=None)

    try:
        yield begin
        end()
    finally:
        if current is not None:
            progress.stop()


def command_name() -> str:
    """How this command is called from here: by its name where that is found, else by its path."""
    started = Path(sys.argv[0])
    if shutil.which("packshot") or started.stem != "packshot":
        return "packshot"
    with contextlib.suppress(ValueError):
        return str(started.absolute().relative_to(Path.cwd()))
    return str(started)


def pairs(options: list[str] | None, separator: str = "=") -> dict[str, str]:
    """``NAME=VALUE`` options as a dict; the value may hold the separator. ``@FILE`` is a private file of headers.

    Raises:
        KeyRefused: others may read the file.
    """
    result = {}
    for text in _header_lines(options or []) if separator == ":" else options or []:
        name, separated, value = text.partition(separator)
        if not separated or not name.strip():
            raise typer.BadParameter(f"'{text}' is not of the form NAME{separator}VALUE")
        result[name.strip()] = value.lstrip() if separator == ":" else value
    return result


def _header_lines(options: list[str]) -> Iterator[str]:
    """The options, and in place of each ``@FILE`` the lines of the file that are neither empty nor begin with ``#``."""
    for option in options:
        if not option.startswith("@"):
            yield option
            continue
        try:
            lines = read_private(Path(option[1:])).decode().splitlines()
        except UnicodeDecodeError as error:
            raise InputInvalid("is no text", place=option[1:], remedy="write a 'Name: value' on each line") from error
        yield from (line for line in lines if line.strip() and not line.startswith("#"))


def column_choice(options: list[str] | None) -> dict[str, Any] | None:
    """``FIELD=NAME`` options as fields with their columns; a list where a field is given several times."""
    choice: dict[str, Any] = {}
    for option in options or []:
        for field, name in pairs([option]).items():
            earlier = choice.get(field)
            choice[field] = name if earlier is None else [*([earlier] if isinstance(earlier, str) else earlier), name]
    return choice or None


def connect(url: str | None, headers: list[str] | None, **options: Any) -> Client:
    """A client of the host named, or of the managed one, which is started when it is not up."""
    from ..run.client import Client

    return Client(url or managed_url(), headers=pairs(headers, ":"), **options)


def managed_url() -> str:
    """The address of the managed host, which is started when it is not up."""
    from ..host import managed

    with steps() as begin:
        return managed.managed_url(begin)


def interactive() -> bool:
    """Whether a person watches standard error."""
    return sys.stderr.isatty()
