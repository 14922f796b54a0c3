"""The command's frame: sub-commands, and how an error is shown and which exit code it gives."""

from __future__ import annotations

import codecs
import io
import json
import logging
import struct
import sys
import traceback
from types import TracebackType
from typing import Annotated

import typer

from ..errors import PackshotError
from ..secrets import printable, public_address
from ..version import version
from .common import echo
from .lazy import lazy_group

COMMANDS = {
    "demo": ("demo:demo", "Install what is missing, start a host, and make the pictures of a small catalogue."),
    "run": ("run:run", "Run a workflow once and bring its results here."),
    "plan": (
        "plan:plan",
        "Say whether a workflow fits a device's memory. Estimates from file headers and core's formulas.",
    ),
    "check": ("check:check", "Check pictures against a channel's rules. Exits with 3 when one fails."),
    "verify": (
        "verify:verify",
        "Print what a picture says of itself: marking, manifest, recipe. Exits with 3 when something does not hold.",
    ),
    "catalog": ("catalog.app:app", "Make a picture for every product of a table, and look at the run."),
    "workflow": ("workflow.app:app", "The workflows that ship with Packshot, and your own."),
    "models": ("models.app:app", "Models: cards, licences, files and what is in them."),
    "brand": ("brand.app:app", "Brand kits: colours, words, logos, LoRAs and rules of a brand."),
    "lora": (
        "lora.app:app",
        "LoRA files: look into them, join, shrink, convert and stamp them; and train new ones.",
    ),
    "host": ("host:app", "Install, start, stop and look at a ComfyUI on this machine."),
}

_ESCAPING = "packshot-escaping"  # a name among Python's handlers of characters that cannot be encoded

app = typer.Typer(
    name="packshot",
    cls=lazy_group(__package__, COMMANDS),
    help="On-brand product pictures at catalogue scale, on your own GPUs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version())
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens to standard error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPING)
    handler = logging.StreamHandler()
    handler.setFormatter(_LogFormatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    if not verbose:
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # our own errors say what its retries came to


class _LogFormatter(logging.Formatter):
    """Writes a line of the log, with its traceback, as the command prints all text."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(public_address(super().format(record)))


def _show_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of a bug as the command prints all text: its message may quote a file or a host."""
    echo("".join(traceback.format_exception(kind, error, trace)), err=True, nl=False)


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Write what a stream's encoding cannot hold as JSON does: ``\\u`` with four digits, of each UTF-16 unit.

    What a file says of itself may be in any script, and a pipe of Windows takes 256 characters.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{unit:04x}" for (unit,) in struct.iter_unpack(">H", units)), error.end


codecs.register_error(_ESCAPING, _escape)


def main() -> None:
    """Run the command; exit with 0 done, 1 a bug, 2 bad usage or input, 3 some items failed, 4 host unreachable."""
    sys.excepthook = _show_bug
    try:
        app()
    except PackshotError as error:
        if "--json" in sys.argv:
            echo(json.dumps({"error": error.as_dict()}, ensure_ascii=False))
        else:
            _explain(error)
        sys.exit(error.exit_code)


def _explain(error: PackshotError) -> None:
    """One line: the slug, the place, what was wrong, what to do."""
    label = typer.style(f"error [{error.slug}]", fg="red", bold=True)
    place = f" {printable(error.place)}:" if error.place else ""
    remedy = typer.style(f" → {printable(error.remedy)}", fg="cyan") if error.remedy else ""
    typer.echo(f"{label}{place} {printable(error.message)}{remedy}", err=True)
