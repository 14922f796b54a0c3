"""Will it fit, and by which means: the phases of making a picture, priced before anything is loaded.

All figures are estimates (see :mod:`.memory`): weights from the headers of the files or, where a file is not there,
from its card; working memory from core's formulas. Nothing is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ...errors import InputInvalid, ModelMissing
from ..cards import Card, Component, ModelFile, card_ids, load_card
from ..fetch import look_for
from ..rules import fit_size
from .advisor import BYTES, Device, choose, file_bytes, runs
from .estimates import FAMILIES, GIB, INFERENCE, RESERVED, TILE, UNKNOWN, Family, decode_bytes, sampling_bytes
from .weigh import Parts, split_checkpoint, weigh

PhaseName = Literal["text encoder", "diffusion", "VAE decode"]
_PHASE_OF = {"text_encoder": "text encoder", "diffusion_model": "diffusion", "checkpoint": "diffusion"}
_SLOT_OF = {
    "checkpoints": "checkpoint",
    "diffusion_models": "diffusion_model",
    "text_encoders": "text_encoder",
    "vae": "vae",
}

# Core streams layer by layer and copies the next ones while it computes (two streams on NVIDIA and AMD). Assumed: room
# for both; the two largest layers of the models served come to about 1 GiB (FLUX.2 dev in fp8: 0.7).
_STREAM = 1 * GIB

# The first generation of chips that compute in a precision which others have to unpack (see :mod:`.advisor`).
_CHIPS = {"int8": "Turing", "nvfp4": "Blackwell", "fp4": "Blackwell"}

RESIDENT, STREAM, TILED, TILED_STREAM, NONE = (
    "resident",
    "stream (dynamic offload)",
    "tile",
    "tile, stream (dynamic offload)",
    "does not fit",
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is made at once: pixels (0: the model's own size), pictures, latent frames of a video."""

    width: int = 0
    height: int = 0
    batch: int = 1
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase. ``gib`` is what it takes on the device by its means; a streamed phase takes all there is."""

    phase: PhaseName
    gib: float
    means: str
    weights_gib: float
    working_gib: float


@dataclass(frozen=True, slots=True)
class Priced:
    """A file that was priced, as ``folder/name``; ``here`` says whether it is in the models folder."""

    file: str
    precision: str
    gib: float
    here: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The phases in their order, whether all of them fit, the files of cards that were priced, and what to do."""

    fits: bool
    phases: tuple[Phase, ...]
    files: tuple[Priced, ...]
    advice: tuple[str, ...]

    @property
    def peak_gib(self) -> float:
        """The most that any phase takes."""
        return max(phase.gib for phase in self.phases)

    def as_dict(self) -> dict[str, Any]:
        """The object that ``packshot plan --json`` prints."""
        return {
            "fits": self.fits,
            "phases": [
                {
                    "phase": phase.phase,
                    "gib": round(phase.gib, 2),
                    "means": phase.means,
                    "weights_gib": round(phase.weights_gib, 2),
                    "working_gib": round(phase.working_gib, 2),
                }
                for phase in self.phases
            ],
            "peak_gib": round(self.peak_gib, 2),
            "files": [asdict(file) | {"gib": round(file.gib, 2)} for file in self.files],
            "advice": list(self.advice),
        }


@dataclass(frozen=True, slots=True)
class _Model:
    """What one loader loads: bytes of each phase, where they come from, and files of unknown size."""

    parts: Parts
    family: str | None
    card: Card | None = None
    choice: tuple[tuple[Component, ModelFile], ...] = ()
    unknown: tuple[str, ...] = ()


class Planner:
    """Prices pictures for one device.

    Args:
        vram: bytes of the device's memory.
        ram: bytes of main memory; None where it is not known.
        models: ComfyUI's models folder. What is not in it is priced by its card.
    """

    def __init__(self, vram: int, ram: int | None, models: Path) -> None:
        self.vram, self.ram, self.models = vram, ram, models
        # Of the device only the memory is known, so that 4-bit floats, which need a certain chip, are not proposed.
        self.device = Device("cuda", "", vram)

    def card(self, card_id: str, precision: str | None = None) -> _Model:
        """What a card's files weigh: those in the folder first, else what the advisor would fetch."""
        card = load_card(card_id)
        if not card.supported_by_host:
            raise InputInvalid(f"ComfyUI has no code for {card.name}", place=f"card '{card_id}'", remedy=card.host_note)
        chosen = choose(
            card, self.device, precision, lambda part, file: look_for(part, file, self.models).state == "present"
        )
        parts = Parts()
        for component, file in chosen.items():
            path = look_for(component, file, self.models).path
            parts += weigh(path, component.slot) or _by_card(card, component, file)
        return _Model(parts, card.family, card, tuple(chosen.items()))

    def files(self, folder: str, names: Sequence[str]) -> _Model:
        """What the files of one loader weigh. A text encoder or VAE of unknown size is left out, and said to be.

        Raises:
            ModelMissing: the diffusion model is not there, and no card knows of it.
        """
        parts, family, unknown = Parts(), None, []
        for name in names:
            known = _find(folder, name)
            slot = known[1].slot if known else _SLOT_OF[folder]
            weighed = weigh(self.models / folder / name, slot)
            if weighed is None and known is not None:
                weighed = _by_card(*known)
            if weighed is None and slot in ("text_encoder", "vae"):
                unknown.append(f"{folder}/{name}")
                continue
            if weighed is None:
                raise ModelMissing(
                    "this file is not there and no card knows of it, so its size is not known",
                    place=str(self.models / folder / name),
                    remedy="name the models folder with --models, or a card of the same model with --card",
                )
            family = family or weighed.family or (known[0].family if known else None)
            parts += weighed
        return _Model(parts, family, unknown=tuple(unknown))

    def plan(self, models: Iterable[_Model], pictures: Sequence[Picture], tile: int | None) -> Plan:
        """Price the phases of the largest picture.

        Core loads one model after the other, so each phase is that of the heaviest loader of its kind.

        Args:
            models: from :meth:`card` and :meth:`files`.
            pictures: the sizes of all latents.
            tile: side of the tiles, in pixels, in which pictures are decoded; None: whole, where that fits.

        Raises:
            InputInvalid: there is no diffusion model among them.
        """
        loaded = list(models)
        if not any(model.parts.diffusion for model in loaded):
            raise InputInvalid(
                "no diffusion model is loaded by a node that is known", place="workflow", remedy="name its card: --card"
            )
        diffusion = max(loaded, key=lambda model: model.parts.diffusion)
        family = FAMILIES.get(diffusion.family or "", UNKNOWN)
        sizes = [_sized(diffusion.card, picture) for picture in pictures or [Picture()]]
        working = max(sampling_bytes(family, size.width, size.height, size.batch, size.frames) for size in sizes)
        largest = max(sizes, key=lambda size: decode_bytes(family, size.width, size.height, size.frames))
        phases = (
            self._phase("text encoder", max(model.parts.encoder for model in loaded), family.encode),
            self._phase("diffusion", diffusion.parts.diffusion, working),
            self._decode(max(model.parts.vae for model in loaded), family, largest, tile),
        )
        fits = all(phase.means != NONE for phase in phases)
        files = dict.fromkeys(file for model in loaded for file in self._priced(model))
        return Plan(fits, phases, tuple(files), tuple(self._advice(loaded, diffusion, phases, largest)))

    def _priced(self, model: _Model) -> Iterable[Priced]:
        for component, file in model.choice:
            here = look_for(component, file, self.models).state == "present"
            yield Priced(f"{component.folder}/{file.name}", file.precision, _size(component, file) / GIB, here)

    def _phase(self, name: PhaseName, weights: int, working: int, *, tiled: bool = False) -> Phase:
        working = RESERVED + max(INFERENCE, working)
        if weights + working <= self.vram:
            gib, means = weights + working, TILED if tiled else RESIDENT
        elif working + _STREAM <= self.vram:
            gib, means = self.vram, TILED_STREAM if tiled else STREAM
        else:
            gib, means = working + min(weights, _STREAM), NONE
        return Phase(name, gib / GIB, means, weights / GIB, working / GIB)

    def _decode(self, weights: int, family: Family, size: Picture, tile: int | None) -> Phase:
        if tile is None:
            whole = self._phase("VAE decode", weights, decode_bytes(family, size.width, size.height, size.frames))
            if whole.means == RESIDENT:
                return whole
        side = tile or TILE
        working = decode_bytes(family, min(side, size.width), min(side, size.height), size.frames)
        return self._phase("VAE decode", weights, working, tiled=True)

    def _advice(self, loaded: list[_Model], diffusion: _Model, phases: Sequence[Phase], size: Picture) -> Iterable[str]:
        if diffusion.family not in FAMILIES:
            yield "the model's family is not known: working memory is priced as FLUX.1's"
        for name in (name for model in loaded for name in model.unknown):
            yield f"{name} is not there and no card knows of it: its weights are not counted"
        for phase in phases:
            if phase.means in (STREAM, TILED_STREAM, NONE):
                yield from self._lighter(loaded, phase)
        decode = phases[-1]
        if decode.means in (TILED, TILED_STREAM):
            yield (
                f"decode {size.width} x {size.height} in tiles, with VAE Decode (Tiled): core falls back to tiles by"
                " itself only after it has run out of memory"
            )
        if phases[1].means == NONE:
            yield "make a smaller picture, or fewer at once"
        total = sum(model.parts.total for model in loaded)
        if self.ram is not None and total > self.ram:
            yield (
                f"{total / GIB:.1f} GiB of weights do not stay in {self.ram / GIB:.1f} GiB of main memory: they are"
                " read from the disk again for every picture"
            )

    def _lighter(self, loaded: list[_Model], phase: Phase) -> Iterable[str]:
        """Files of a lower precision with which a phase would fit whole."""
        room = self.vram - round(phase.working_gib * GIB)
        for model in loaded:
            for component, file in model.choice:
                if model.card is None or _PHASE_OF.get(component.slot) != phase.phase:
                    continue
                others = round(phase.weights_gib * GIB) - _size(component, file)
                smaller = [
                    other
                    for other in component.files
                    if other.node is None
                    and _size(component, other) < _size(component, file)
                    and others + _size(component, other) <= room
                ]
                if not smaller:
                    continue
                usable = [other for other in smaller if runs(other.precision, self.device)]
                best = max(usable or smaller, key=lambda other: _size(component, other))
                chip = "" if usable else f", but only on an NVIDIA GPU of {_CHIPS[best.precision]} or later"
                yield (
                    f"lower precision: {component.title} in {best.precision} ({_size(component, best) / GIB:.1f}"
                    f" GiB) would stay resident{chip}: packshot models fetch {model.card.id} --precision"
                    f" {best.precision}"
                )


def _size(component: Component, file: ModelFile) -> int:
    return file_bytes(component, file) or 0


def _by_card(card: Card, component: Component, file: ModelFile) -> Parts:
    """Weights by a card's size."""
    size = _size(component, file) // (2 if file.precision == "fp32" else 1)
    if component.slot == "checkpoint":
        encoders = not card.slot("text_encoder")
        return split_checkpoint(card.family, size, component.parameters, BYTES[file.precision], encoders=encoders)
    return Parts.of(component.slot, size)


def _find(folder: str, name: str) -> tuple[Card, Component, ModelFile] | None:
    """The first card that has a file of that name in that folder."""
    for card in map(load_card, card_ids()):
        for component in card.components:
            for file in component.files:
                if component.folder == folder and _base(file.name) == _base(name):
                    return card, component, file
    return None


def _base(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def _sized(card: Card | None, picture: Picture) -> Picture:
    """The size in pixels, where the picture leaves it to the model; 1024 x 1024 where that is not known."""
    if card is not None:
        width, height, _ = fit_size(card, picture.width, picture.height)
    else:
        width, height = picture.width or 1024, picture.height or 1024
    return Picture(width, height, picture.batch, picture.frames)
