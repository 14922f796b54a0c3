"""``packshot models list`` and ``show``: what the cards say."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from ...models.cards import Card, load_card
from ...models.describe import (
    commercial_use,
    list_models,
    resolution_text,
    sampling_text,
    show_model,
    size_text,
)
from ..common import JsonOption, echo
from ..console import PrintableConsole


def list_cards(as_json: JsonOption = False) -> None:
    """List the models that Packshot knows, with licence, weights and defaults."""
    models = list_models()
    if as_json:
        echo(json.dumps({"models": models}, ensure_ascii=False))
    else:
        _show_list(models)


def show(
    card_id: Annotated[str, typer.Argument(metavar="CARD", help="A model's id; see `packshot models list`.")],
    as_json: JsonOption = False,
) -> None:
    """Show a card: files with folder, size, licence and repository, defaults, and where each fact comes from."""
    card = load_card(card_id)
    if as_json:
        echo(json.dumps(show_model(card), ensure_ascii=False))
    else:
        _show_card(card)


def _show_list(models: list[dict[str, Any]]) -> None:
    table = Table(box=None)
    for heading in ("card", "commercial use", "weights", "steps", "CFG"):
        table.add_column(heading, no_wrap=heading in ("card", "weights"))
    for model in models:
        sizes = list(model["weights_gib"].values())
        weights = f"{sizes[0]:.1f} GiB" if len(sizes) == 1 else f"{min(sizes):.1f} to {max(sizes):.1f} GiB"
        table.add_row(model["id"], model["commercial_use"], weights, str(model["steps"]), f"{model['cfg']:g}")
    PrintableConsole().print(table)


def _show_card(card: Card) -> None:
    lines = [
        f"{card.name} ({card.id})",
        card.summary,
        card.host_note,
        "",
        f"Licence:        {card.licence}; commercial use of all files together: {commercial_use(card)}",
        f"Defaults:       {sampling_text(card.sampling)}",
        f"Size:           {resolution_text(card)}",
        f"Capabilities:   {', '.join(card.capabilities)}; prompts in {', '.join(card.languages)}",
        f"Template:       {card.template or 'none'}",
        *(f"                {line}" for line in card.differs),
        "",
    ]
    for component in (*card.components, *card.controls):
        lines.append(f"{component.title}, under {component.licence}")
        for file in component.files:
            origin = f"from {file.repo}" if file.repo else "not fetched"
            gated = ", which asks for an accepted licence and a token" if file.gated else ""
            lines.append(f"    {component.folder}/{file.name}")
            lines.append(f"        {file.precision}, {size_text(file.size)}, {origin}{gated}")
    lines.append("")
    for item in (*card.sources, *(control.source for control in card.controls)):
        lines.append(f"{', '.join(item.facts)}: {item.source} [{item.evidence}, {item.checked}]")
        if item.note:
            lines.append(f"    {item.note}")
    echo("\n".join(line for number, line in enumerate(lines) if line or number != 2))
