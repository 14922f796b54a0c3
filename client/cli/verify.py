"""``packshot verify``: what a picture says of itself, whether that holds, and whether a run agrees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import JsonOption

if TYPE_CHECKING:
    from ..provenance.reading import Account


def verify(
    image: Annotated[Path, typer.Argument(help="A picture.")],
    run: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The --out folder of a catalogue run: do its ledger and audit agree?"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a picture says of itself: marking, manifest, recipe. Exits with 3 when something does not hold."""
    from ..catalog.ledger.agreement import agreement
    from ..provenance.reading import read_account

    account = read_account(image)
    recipe = account.statement.recipe if account.statement else {}
    ledger = agreement(run, image, account.sha256, recipe) if run else None
    holds = not account.problems and (ledger is None or ledger["agrees"])
    if as_json:
        typer.echo(json.dumps({**account.as_dict(), "ledger": ledger, "ok": holds}, ensure_ascii=False))
    else:
        _show(account, ledger)
    if not holds:
        raise typer.Exit(3)


def _show(account: Account, ledger: dict[str, Any] | None) -> None:
    from ..provenance.marking import meaning

    said = account.as_dict()
    manifest = account.manifest
    typer.echo(f"{account.file}  {account.format} {account.width} x {account.height}  sha256 {account.sha256}")
    typer.echo(f"marking   {account.source_type.rpartition('/')[2] or 'none'}  {meaning(account.source_type)}".rstrip())
    for name in ("title", "rights", "creator", "tool"):
        if said[name]:
            typer.echo(f"{name:9} {said[name]}")
    if said["recipe"]:
        typer.echo(f"recipe    {json.dumps(said['recipe'], ensure_ascii=False)}")
    signer = f", signed by '{manifest.signer}'" if manifest.signer else ""
    test = " (a test certificate, which proves nothing of who signed)" if manifest.test else ""
    typer.echo(f"manifest  {manifest.state}{signer}{test}")
    if manifest.actions:
        typer.echo(f"actions   {', '.join(manifest.actions)}")
    if manifest.ingredients:
        typer.echo(f"made from {', '.join(manifest.ingredients)}")
    if account.graph:
        typer.echo(f"graph     ComfyUI's {' and '.join(account.graph)} is in the file")
    if ledger is not None:
        typer.echo(f"ledger    {'agrees' if ledger['agrees'] else 'DIFFERS'}  {ledger['item_id'] or ''}".rstrip())
        typer.echo(f"audit     {ledger['audit']}")
    for problem in (*account.problems, *(ledger["differences"] if ledger else ())):
        typer.echo(f"PROBLEM   {problem}")
