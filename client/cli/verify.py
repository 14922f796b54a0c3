"""``packshot verify``: what a picture says of itself, whether that holds, and whether a run agrees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..catalog.ledger.verification import Verification, verify_image
from ..provenance.manifest import ManifestReport
from ..provenance.marking import meaning
from .common import JsonOption, echo


def verify(
    image: Annotated[Path, typer.Argument(help="A picture.")],
    run: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The --out folder of a catalogue run: do its ledger and audit agree?"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a picture says of itself: marking, manifest, recipe. Exits with 3 when something does not hold."""
    verification = verify_image(image, run)
    if as_json:
        echo(json.dumps(verification.as_dict(), ensure_ascii=False))
    else:
        _show(verification)
    if not verification.ok:
        raise typer.Exit(3)


def _show(verification: Verification) -> None:
    account, ledger = verification.account, verification.ledger
    statement, manifest = account.as_dict(), account.manifest
    echo(f"{account.file}  {account.format} {account.width} x {account.height}  sha256 {account.sha256}")
    echo(f"marking   {account.source_type.rpartition('/')[2] or 'none'}  {meaning(account.source_type)}".rstrip())
    for name in ("title", "rights", "creator", "tool"):
        if statement[name]:
            echo(f"{name:9} {statement[name]}")
    if statement["recipe"]:
        echo(f"recipe    {json.dumps(statement['recipe'], ensure_ascii=False)}")
    echo(f"manifest  {manifest.state}{_signer(manifest)}")
    if manifest.actions:
        echo(f"actions   {', '.join(manifest.actions)}")
    if manifest.ingredients:
        echo(f"made from {', '.join(manifest.ingredients)}")
    if account.graph:
        echo(f"graph     ComfyUI's {' and '.join(account.graph)} is in the file")
    if ledger is not None:
        echo(f"ledger    {'agrees' if ledger['agrees'] else 'DIFFERS'}  {ledger['item_id'] or ''}".rstrip())
        echo(f"audit     {ledger['audit']}")
    for problem in (*account.problems, *(ledger["differences"] if ledger else ())):
        echo(f"PROBLEM   {problem}")


def _signer(manifest: ManifestReport) -> str:
    """Who signed, in words; a name alone proves nothing."""
    words = {
        "known": f", signed by '{manifest.signer}', which you trust",
        "unknown": f", signer unknown: it calls itself '{manifest.signer}'",
        "test": f", signed by '{manifest.signer}' (a test certificate, which proves nothing of who signed)",
    }
    return words.get(manifest.trust, "")
