"""``packshot verify``: what a picture says of itself, whether that holds, and whether a run's ledger agrees."""

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
        Path | None, typer.Option(metavar="DIR", help="The --out folder of a catalogue run: does its ledger agree?")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a picture says of itself: marking, manifest, recipe. Exits with 3 when something does not hold."""
    from ..provenance.reading import read_account

    account = read_account(image)
    ledger = _compare(account, image, run) if run else None
    holds = not account.problems and (ledger is None or ledger["agrees"])
    if as_json:
        typer.echo(json.dumps({**account.as_dict(), "ledger": ledger, "ok": holds}, ensure_ascii=False))
    else:
        _show(account, ledger)
    if not holds:
        raise typer.Exit(3)


def _compare(account: Account, image: Path, folder: Path) -> dict[str, Any]:
    """What the ledger of a run says of a picture: its item, and where both differ."""
    from ..catalog.ledger import Ledger

    with Ledger(folder) as ledger:
        workflow = ledger.facts().get("workflow", {})
        rows = [row for row in ledger.rows() if row["file"]]
    row = next((row for row in rows if row["sha256"] == account.sha256), None)
    if row is None:
        named = next((row for row in rows if Path(row["file"]).name == image.name), None)
        if named is None:
            return {
                "item_id": None,
                "agrees": False,
                "differences": ["no picture of this name or content in the ledger"],
            }
        difference = "the file is not the one that was made: its SHA-256 differs"
        return {"item_id": named["item_id"], "agrees": False, "differences": [difference]}
    expected = {"seed": row["seed"], "sku": row["sku"], "workflow": workflow.get("name")}
    recipe = dict(account.statement.recipe) if account.statement else {}
    differences = [
        f"{name}: the picture says {recipe[name]!r}, the ledger {value!r}"
        for name, value in expected.items()
        if name in recipe and str(recipe[name]).partition("@")[0] != str(value)
    ]
    return {"item_id": row["item_id"], "agrees": not differences, "differences": differences}


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
    for problem in (*account.problems, *(ledger["differences"] if ledger else ())):
        typer.echo(f"PROBLEM   {problem}")
