"""``packshot catalog status|audit``: what can be asked of a run's folder, also while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...catalog.ledger.audit_check import verify_audit
from ...catalog.status import read_status
from ..common import JsonOption
from .show import show_audit, show_status
from .watch import watch_run

Folder = Annotated[Path, typer.Argument(help="The --out folder of a catalogue run.")]


def status(
    folder: Folder,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing it until the run is over, or Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say where a run stands; it may be running."""
    if watch and not as_json:
        watch_run(folder)
    found = read_status(folder)
    show_status(found, as_json)


def audit(folder: Folder, as_json: JsonOption = False) -> None:
    """Verify the audit of a run: a changed, missing or added byte is found. Exits with 3 when it is broken."""
    answer = verify_audit(folder)
    show_audit(answer, as_json)
    if not answer["ok"]:
        raise typer.Exit(3)
