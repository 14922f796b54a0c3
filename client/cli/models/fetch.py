"""``packshot models fetch``: what models need and the models folder lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...host.models import FetchedModel, fetch_model, models_folder
from ...models.cards import load_card
from ...models.fetch import size_text
from ..common import JsonOption, echo, say


def fetch(
    cards: Annotated[list[str], typer.Argument(metavar="CARD…", help="Ids of models; see `packshot models list`.")],
    precision: Annotated[
        str | None, typer.Option(help="bf16, fp8 and so on. By default, what suits this machine.")
    ] = None,
    models: Annotated[
        Path | None, typer.Option(help="ComfyUI's models folder. By default, that of the host that Packshot manages.")
    ] = None,
    mirror: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Take files from DIR/<owner>/<name>/<path>, and use no network."),
    ] = None,
    control: Annotated[
        bool, typer.Option("--control", help="Also what steers the models by edges or depth (ControlNets).")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and ask no one.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch the files that models need, into the folders that ComfyUI reads. What is there already stays as it is."""
    folder, answers = models or models_folder(), []
    for card in [load_card(name) for name in dict.fromkeys(cards)]:  # all are known before the first is fetched
        model = fetch_model(
            card.id, precision=precision, models=folder, mirror=mirror, control=control, dry_run=dry_run, progress=say
        )
        answers.append(model.as_dict())
        if not as_json:
            _show(model)
    if as_json:
        echo(json.dumps({"models": str(folder), "cards": answers}, ensure_ascii=False))


def _show(model: FetchedModel) -> None:
    echo(f"{model.card.id} in {model.folder}")
    for item in model.files:
        state = model.state(item)
        size = size_text(item.file.size) if item.file.size else "size unknown"
        gated = "  (asks for an accepted licence and a token)" if item.file.gated and state == "missing" else ""
        echo(f"  {state:8} {item.component.folder}/{item.file.name}  {item.file.precision}  {size}{gated}")
