"""The command's frame: sub-commands, and how an error is shown and which exit code it gives."""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import Annotated

import typer

from ..errors import PackshotError
from ..version import version
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
            # What a file says of itself may hold what cannot be encoded; JSON reads the escapes that take its place.
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(message)s")
    if not verbose:
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # our own errors say what its retries came to


def main() -> None:
    """Run the command; exit with 0 done, 1 a bug, 2 bad usage or input, 3 some items failed, 4 host unreachable."""
    try:
        app()
    except PackshotError as error:
        if "--json" in sys.argv:
            typer.echo(json.dumps({"error": error.as_dict()}, ensure_ascii=False))
        else:
            _explain(error)
        sys.exit(error.exit_code)


def _explain(error: PackshotError) -> None:
    """One line: the slug, the place, what was wrong, what to do."""
    label = typer.style(f"error [{error.slug}]", fg="red", bold=True)
    place = f" {error.place}:" if error.place else ""
    remedy = typer.style(f" → {error.remedy}", fg="cyan") if error.remedy else ""
    typer.echo(f"{label}{place} {error.message}{remedy}", err=True)
