"""The command's frame: sub-commands, and how an error is shown and which exit code it gives."""

from __future__ import annotations

import json
import logging
import sys
from typing import Annotated

import typer

from ..errors import PackshotError
from ..version import version
from . import brand, check, demo, host, plan, run, verify
from .catalog import commands as catalog
from .lora import train as lora
from .models import app as models
from .workflow import commands as workflow

app = typer.Typer(
    name="packshot",
    help="On-brand product pictures at catalogue scale, on your own GPUs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("plan")(plan.plan)
app.command("check")(check.check)
app.command("verify")(verify.verify)
app.add_typer(catalog.app, name="catalog")
app.add_typer(workflow.app, name="workflow")
app.add_typer(models.app, name="models")
app.add_typer(brand.app, name="brand")
app.add_typer(lora.app, name="lora")
app.add_typer(host.app, name="host")


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
