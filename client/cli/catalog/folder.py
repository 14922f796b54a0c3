"""``packshot catalog status|audit``: what can be asked of a run's folder, also while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...catalog.ledger.audit_check import verify_audit
from ...catalog.sealing.pictures import verify_pictures
from ...catalog.status import read_status
from ..common import JsonOption
from .show import show_audit, show_pictures, show_status
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


def audit(
    folder: Folder,
    key: Annotated[
        list[str] | None,
        typer.Option(help="Public key that may have signed it, besides your own; no other then. May be repeated."),
    ] = None,
    anchor: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Answer of this command with --json, from earlier; it must still hold."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify that a run's folder is as its maker left it: audit, ledger, pictures, records, verdicts.

    Exits with 3 when it is not. It changes nothing, so a read-only copy will do. Who can change the folder, your key
    and your anchors together is not found.
    """
    answer = verify_audit(folder, keys=key or (), anchor=anchor)
    show_audit(answer, as_json)
    if not answer["ok"]:
        raise typer.Exit(3)


def verify(folder: Folder, as_json: JsonOption = False) -> None:
    """Read every picture of a run: is it the one that was accepted? Exits with 3 when one is missing or damaged."""
    answer = verify_pictures(folder)
    show_pictures(answer, as_json)
    if answer["damaged"]:
        raise typer.Exit(3)
