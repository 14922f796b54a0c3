"""Which licences stand on a file of weights that is known by its name, and on what it was made from."""

from __future__ import annotations

import datetime
import fnmatch
import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field

from ..cards import Card, Component, Evidence, card_ids, load_card
from ..detect.claims import claim
from ..detect.detect import detect_header
from ..detect.findings import CARDS
from ..files.read import read_header
from .licences import UNKNOWN, UNPROVED, Part, licence_ids, load_licence, parts_of_card
from .profile import Profile, base_name

_FILE = Path(__file__).resolve().parent / "licences" / "components.yaml"
_READABLE = (".safetensors", ".sft", ".gguf")
# Bytes. The smallest base model with a card, the diffusion model of Stable Diffusion 1.5, has 860 million parameters.
_SMALLEST_MODEL = 400_000_000
_LICENCE = "modelspec.license"  # Stability AI's ModelSpec
_MODEL_SLOTS = ("checkpoint", "diffusion_model")
# Kinds of files that are made from a model: additions to it, and whole models.
_ADDITIONS, _WHOLE = ("lora", "controlnet"), ("diffusion_model", "checkpoint")


class KnownFile(BaseModel):
    """A well-known file that no card lists: a pattern of its base name, what it is, and its licences, all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str
    what: str
    licences: tuple[str, ...] = Field(min_length=1)
    source: str
    evidence: Evidence


class KnownFiles(BaseModel):
    """``licences/components.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    checked: datetime.date
    files: tuple[KnownFile, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a file's own content says of where it comes from.

    Attributes:
        cards: ids of the cards of the models that it may be made from; empty: none is known.
        addition: whether it adds to such a model (a LoRA, a ControlNet), and is no model of its own.
        licence: what its metadata call its licence; empty where they say nothing.
        read: whether its header was read, and not only what its metadata claim.
    """

    cards: tuple[str, ...]
    addition: bool
    licence: str = ""
    read: bool = True


#: Of a file that is asked about by its name, and is used for nothing yet.
AS_NAMED = Origin((), addition=False)

Look: TypeAlias = Callable[[str], Origin | None]  # file name -> its origin, None where the file cannot be looked into


def origin_of_file(path: Path) -> Origin | None:
    """What a file's header says; nothing else of it is read. None: its format has no header to read.

    A file that is smaller than any whole model needs no look to be none of them under another name.

    Raises:
        ModelCorrupt: the header cannot be read.
    """
    if not path.name.lower().endswith(_READABLE):
        return AS_NAMED if path.stat().st_size < _SMALLEST_MODEL else None
    header = read_header(path)
    found = detect_header(header)
    cards = found.cards if found.kind in _ADDITIONS + _WHOLE else ()
    return Origin(cards, found.kind in _ADDITIONS, header.metadata.get(_LICENCE, ""))


def origin_of_metadata(metadata: Mapping[str, str]) -> Origin:
    """What the metadata of a LoRA say, where its tensors cannot be looked at."""
    said = claim(metadata)
    cards = tuple(card for base in (said.bases if said else ()) for card in CARDS[base])
    return Origin(cards, True, metadata.get(_LICENCE, ""), read=False)


def parts_of_files(files: Iterable[str], cards: Iterable[str], profile: Profile, look: Look) -> list[Part]:
    """The parts of a graph: whole cards, and files by their names.

    A file is what a card lists under its base name; else what the table of well-known files says; else what the profile
    declares. One that by its header is a model under another licence has that one too, whatever its name. A LoRA that
    none of them knows stands under the licence of the model that it was made for; so does, beside what is declared for
    it, every other file that was made from a known model. What its metadata call its licence is added and takes nothing
    away. Anything else is unknown. A name is no proof: what nobody could look into, and the profile does not declare,
    is known by its name alone, which production does not allow.

    Raises:
        ModelMissing, WorkflowInvalid: there is no such card, or it is not valid.
    """
    parts = [part for card in dict.fromkeys(cards) for part in parts_of_card(load_card(card))]
    for name in dict.fromkeys(files):
        parts += _parts_of_file(name, profile, look)
    return parts


def _parts_of_file(name: str, profile: Profile, look: Look) -> list[Part]:
    short = base_name(name)
    cards = {card.id: component.licence for card, component in _listed(short)}
    listed = [Part(name, licence, f"card {card}") for card, licence in cards.items()]
    known = next((one for one in known_files().files if fnmatch.fnmatchcase(short.lower(), one.pattern)), None)
    if not listed and known is not None and UNKNOWN not in known.licences:
        listed = [Part(name, licence, f"{known.what}: {known.source}") for licence in known.licences]
    origin, declared = look(name), profile.declared.get(short)
    unproved: list[Part] = []
    if declared is None and (origin is None or not origin.read):
        unproved.append(Part(name, UNPROVED, "nobody could look into it"))
    if listed:
        stated = {part.licence: part for part in listed}
        return [*stated.values(), *_belied(name, cards, stated, origin), *unproved]
    inherited = list(_inherited(name, origin, declared))
    if declared is not None:
        return [Part(name, declared, f"declared in {profile.file}"), *inherited]
    if known is not None or not inherited:
        inherited.append(Part(name, UNKNOWN, known.source if known else "no card lists this file"))
        return inherited
    return [*inherited, *unproved]


def _belied(name: str, cards: Collection[str], stated: Collection[str], origin: Origin | None) -> Iterator[Part]:
    """The licences of what a file is by its header, where it has the name of another model.

    Args:
        cards: ids of those that list the name.
        stated: the licences that go with it.
    """
    licences = _licences(origin)
    of_its_name = cards if cards else stated
    if origin is None or not {*origin.cards, *licences}.isdisjoint(of_its_name):
        return
    for licence, models in licences.items():
        if licence not in stated:
            yield Part(name, licence, f"by its header, whatever its name, it is made from {models}")


def _licences(origin: Origin | None) -> dict[str, str]:
    """The licences of the models that a file may be made from, and the names of those that stand under each."""
    models: dict[str, list[str]] = {}
    for card in map(load_card, origin.cards if origin is not None else ()):
        for licence in dict.fromkeys(_model_licences(card)):
            models.setdefault(licence, []).append(card.name)
    return {licence: " or ".join(names) for licence, names in models.items()}


def _inherited(name: str, origin: Origin | None, declared: str | None) -> Iterator[Part]:
    """The licences that come with what a file was made from, and the one that its metadata name.

    Bases that cannot be told apart count all of them, unless the user declares the licence of one.
    """
    licences = _licences(origin)
    if origin is None or declared in licences:
        return
    others = f"; its header fits {', '.join(origin.cards)}, and `declared:` can say which"
    for licence, models in licences.items():
        yield Part(name, licence, f"made from {models}{others if len(licences) > 1 else ''}")
    if not licences:
        return
    if declared is None and not origin.addition:
        first = load_card(origin.cards[0]).name
        yield Part(name, UNKNOWN, f"a model made from {first}, whose own licence no card lists")
    if declared is None and origin.licence.strip():
        yield Part(name, _by_alias(origin.licence), f"its metadata call its licence '{origin.licence.strip()}'")


@functools.cache
def known_files() -> KnownFiles:
    """The table of well-known files that no card lists."""
    return KnownFiles.model_validate(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def _listed(short: str) -> Iterator[tuple[Card, Component]]:
    for card_id in card_ids():
        card = load_card(card_id)
        for component in (*card.components, *card.controls):
            if any(base_name(file.name) == short for file in component.files):
                yield card, component


def _model_licences(card: Card) -> list[str]:
    return [component.licence for component in card.components if component.slot in _MODEL_SLOTS]


def _by_alias(text: str) -> str:
    """The id of a licence by its id, name, SPDX expression or another name that is in use; else unknown."""
    wanted = text.strip().casefold()
    for licence_id in licence_ids():
        licence = load_licence(licence_id)
        if wanted in {licence.id, licence.name.casefold(), licence.spdx.casefold(), *licence.aliases}:
            return licence.id
    return UNKNOWN
