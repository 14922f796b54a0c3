"""Writes ``docs/models.md`` from the cards: ``python docs/make_models.py docs/models.md``, or ``make docs``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import yaml

from packshot.models import cards as model_cards
from packshot.models.cards import Card, Component, ModelFile
from packshot.models.describe import commercial_use, resolution_text, sampling_text, size_text
from packshot.models.licensing.licences import load_licence
from packshot.paths import write_text

_INTRODUCTION = """\
# Models

*Made from the cards in `client/models/cards/` by `make docs`; change the cards, not this page.*

A card is what Packshot knows of a model: which files it has and where they go, what they may be used for, how core
loads, encodes for and samples it. `packshot models list` and `packshot models show CARD` say the same in the terminal.
A card of your own in `cards/` of your settings folder adds a model, or takes the place of the one here with its id.

**Commercial use** is of all files together. *yes*: with no more than the usual duties of an open licence. *duties*:
yes, with restrictions on use to keep and to pass on. *limited*: below a limit of revenue or users, or outside some
countries. *no*: not without a licence bought. `packshot models licence CARD` answers for you, with clauses. None of
this is legal advice.

**Weights** are all components together in the precision of the diffusion model; the others in the same one where they
come in it, else as the card lists them first. Pictures need working memory beside them. **Steps and CFG** are the
card's defaults, which are the official template's wherever there is one.

"""


_BESIDE_TEMPLATES = """
## Beside the official templates

The nodes expand into the same core nodes, with the same values, as ComfyUI's own template for the model; a test
compares every value that matters. Where they differ, this table says why.

"""


def render(cards: Iterable[Card]) -> str:
    """The page, as Markdown: an overview of all cards, then a section for each."""
    cards = list(cards)
    return _INTRODUCTION + _overview(cards) + _templates(cards) + "".join(_section(card) for card in cards)


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heading = list(heading)
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _templates(cards: list[Card]) -> str:
    """What each card's graph has in common with the official template, and where and why it differs."""
    rows = [
        [card.id, f"`{card.template}`" if card.template else "none", " ".join(card.differs) or "the same"]
        for card in cards
        if card.supported_by_host
    ]
    return _BESIDE_TEMPLATES + _table(["card", "template", "differences"], rows)


def _overview(cards: list[Card]) -> str:
    rows = [
        [
            f"[{card.id}](#{card.id.replace('.', '')})",
            card.licence,
            commercial_use(card),
            ", ".join(f"{memory.precision} {memory.weights_gib:.1f} GiB" for memory in card.memory),
            f"{card.sampling.steps}, {card.sampling.cfg:g}",
            ", ".join(card.capabilities),
            " ".join(card.languages),
        ]
        for card in cards
    ]
    heading = ("card", "licence", "commercial use", "weights", "steps, CFG", "capabilities", "languages")
    return _table(heading, rows)


def _section(card: Card) -> str:
    facts = [f"**{card.name}.** {card.summary}"]
    if card.host_note:
        facts.append(card.host_note)
    encoding = card.encoding
    lines = [
        f"Licence of the model: {load_licence(card.licence).name} (`{card.licence}`)",
        f"Released: {card.released or 'with Packshot'}",
        f"Defaults: {sampling_text(card.sampling)}",
        f"Size: {resolution_text(card)}",
        f"Reference images: up to {encoding.max_references}" if encoding.edit else "",
        f"Official template: `{card.template}`" if card.template else "Official template: none",
        *card.differs,
    ]
    files = [_file_row(part, file) for part in (*card.components, *card.controls) for file in part.files]
    cited = (*card.sources, *(control.source for control in card.controls))
    sources = [[", ".join(item.facts), item.source, item.evidence, str(item.checked), item.note] for item in cited]
    return "\n".join(
        (
            "",
            f"## {card.id}",
            "",
            "\n\n".join(facts),
            "",
            "".join(f"- {line}\n" for line in lines if line),
            _table(("file", "what it is", "precision", "size", "licence", "from"), files),
            _table(("facts", "source", "evidence", "checked", "note"), sources).rstrip(),
            "",
        )
    )


def _file_row(part: Component, file: ModelFile) -> list[str]:
    if file.repo is None:
        origin = "not fetched"
    else:
        origin = f"[{file.repo}](https://huggingface.co/{file.repo})" + (" (gated)" if file.gated else "")
    name = f"`{part.folder}/{file.name}`" + (f", with {file.node}" if file.node else "")
    size = size_text(file.size) + ("" if file.size_is == "primary" or file.sha256 else f" ({file.size_is})")
    return [name, part.title, file.precision, size, part.licence, origin]


def shipped_cards() -> list[Card]:
    """The cards that ship with Packshot, by id: what the page is of, whatever cards the user has."""
    paths = sorted(Path(model_cards.__file__).with_name("cards").glob("*.yaml"), key=lambda path: path.stem)
    return [Card.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in paths]


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), render(shipped_cards()))
