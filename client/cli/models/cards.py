"""``packshot models list`` and ``show``: what the cards say."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ..common import JsonOption


def list_cards(as_json: JsonOption = False) -> None:
    """List the models that Packshot knows, with licence, weights and defaults."""
    from ...models.cards import card_ids, load_card
    from ...models.describe import commercial_use

    cards = [load_card(card_id) for card_id in card_ids()]
    if as_json:
        answer = [
            {
                "id": card.id,
                "name": card.name,
                "summary": card.summary,
                "family": card.family,
                "kind": card.kind,
                "supported_by_host": card.supported_by_host,
                "licence": card.licence,
                "commercial_use": commercial_use(card),
                "weights_gib": {memory.precision: memory.weights_gib for memory in card.memory},
                "steps": card.sampling.steps,
                "cfg": card.sampling.cfg,
                "capabilities": card.capabilities,
                "languages": card.languages,
            }
            for card in cards
        ]
        typer.echo(json.dumps({"models": answer}, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for heading in ("card", "commercial use", "weights", "steps", "CFG"):
        table.add_column(heading, no_wrap=heading in ("card", "weights"))
    for card in cards:
        sizes = [memory.weights_gib for memory in card.memory]
        weights = f"{sizes[0]:.1f} GiB" if len(sizes) == 1 else f"{min(sizes):.1f} to {max(sizes):.1f} GiB"
        steps, cfg = str(card.sampling.steps), f"{card.sampling.cfg:g}"
        table.add_row(card.id, commercial_use(card), weights, steps, cfg)
    Console().print(table)


def show(
    card_id: Annotated[str, typer.Argument(metavar="CARD", help="A model's id; see `packshot models list`.")],
    as_json: JsonOption = False,
) -> None:
    """Show a card: files with folder, size, licence and repository, defaults, and where each fact comes from."""
    from ...models.cards import load_card
    from ...models.describe import commercial_use, resolution_text, sampling_text, size_text

    card = load_card(card_id)
    if as_json:
        answer = card.model_dump(mode="json")
        parts = (*card.components, *card.controls)
        for shown, component in zip(answer["components"] + answer["controls"], parts, strict=True):
            shown["folder"] = component.folder
        typer.echo(json.dumps(answer | {"commercial_use": commercial_use(card)}, ensure_ascii=False))
        return
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
    typer.echo("\n".join(line for number, line in enumerate(lines) if line or number != 2))
