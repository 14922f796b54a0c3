"""``packshot catalog``: a picture for every product of a table, and what can be asked of the run."""

from __future__ import annotations

import typer

from ..lazy import lazy_group

COMMANDS = {
    "inspect": (
        "inspect:inspect",
        "Say which dialect a table is in, what is read from which column, and every row that would be refused.",
    ),
    "run": (
        "run:run",
        "Make a picture for every product. What is done already stays done: run it again after anything went wrong.",
    ),
    "status": ("folder:status", "Say where a run stands; it may be running."),
    "report": ("run:report", "Write the manifest and the contact sheet again."),
    "audit": (
        "folder:audit",
        "Verify that a run's folder is as its maker left it: audit, ledger, pictures, records, verdicts.",
    ),
    "verify": (
        "folder:verify",
        "Read every picture of a run: is it the one that was accepted? Exits with 3 when one is missing or damaged.",
    ),
    "hosts": (
        "hosts:hosts",
        "The hosts of a run, what they made and what went wrong with them; add and remove some while it runs.",
    ),
    "retry": (
        "run:retry",
        "Make items again: those that failed, or those named. The same SKU gets the same seed and so the same picture.",
    ),
}

app = typer.Typer(
    cls=lazy_group(__package__, COMMANDS),
    no_args_is_help=True,
    help="Make a picture for every product of a table, and look at the run.",
)
