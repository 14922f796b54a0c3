"""What a file of weights is, and for which model: from the names and shapes in its header alone.

The shapes decide. What the metadata claims is looked at apart: it may choose among bases that the shapes allow, and
where it contradicts them the answer says so. Fine-tunes of one model, and its distilled siblings, have the same names
and shapes; the answer then lists the cards that it may be.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from ..files.adapters import is_adapter
from ..files.header import Header
from ..files.quantisation import logical_shapes
from ..files.read import read_header
from .claims import Claim, claim
from .control import controlnet
from .diffusion import diffusion_model, without_prefix
from .findings import CARDS, Finding, Kind
from .lora import LoraInfo, lora
from .model_shapes import variants
from .text_vae import text_encoder, vae

__all__ = ["Detection", "LoraInfo", "detect", "detect_header"]

_VAES = ("first_stage_model.", "vae.")
# Where checkpoints keep their text encoders; the rest of the name up to the encoder's own is found by its layout.
_TEXT = ("cond_stage_model.", "conditioner.embedders.", "text_encoders.", "text_encoder.", "text_encoder_2.")
_NONE = "no diffusion model, text encoder, VAE, LoRA or ControlNet that is known"
# Other files that stand in ComfyUI's folders, by a part of a name in them.
_ELSE = (
    ("redux_up.", "a FLUX Redux style model"),
    ("ip_adapter.", "an IP-Adapter"),
    ("vision_model.encoder.layers.", "an image encoder"),
    ("emb_params", "a textual inversion"),
    ("conv_first.weight", "an upscaler"),
    ("bb.layers.0.blocks.", "a matting model"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Detection:
    """What a file is.

    Attributes:
        kind: what it holds. A checkpoint holds a diffusion model and at least one other part.
        base: the family of cards it belongs to, ``other`` for a model that has no card, None if it cannot be told, and
            for text encoders and VAEs.
        component: of a text encoder or VAE: its name (``t5xxl``, ``flux2-vae``); None if no card uses it.
        confidence: 0..1.
        reasons: why, for people.
        mismatch: the metadata claims another base than the shapes show.
        cards: ids of the cards that it may belong to: those of the base, or of every base that is possible.
        architecture: of the diffusion model: ``flux2``, ``mmdit``, ``sdxl-unet``, …
        parts: of a checkpoint: its base, then the components in it.
        lora: of a LoRA: layout, algorithm, rank.
    """

    kind: Kind
    base: str | None
    component: str | None
    confidence: float
    reasons: tuple[str, ...]
    mismatch: bool
    cards: tuple[str, ...]
    architecture: str | None
    parts: tuple[str, ...] = ()
    lora: LoraInfo | None = None


def detect(path: str | Path) -> Detection:
    """Say which model a file of weights is, or is for, from its header alone.

    Raises:
        ModelMissing: there is no such file.
        ModelCorrupt: it is no file of weights, or a damaged one.
    """
    return detect_header(read_header(path))


def detect_header(header: Header) -> Detection:
    """Say what the file of this header is. A file that nothing fits is of kind ``unknown``, with confidence 0."""
    said = claim(header.metadata)
    shapes = logical_shapes(header)
    found = controlnet(shapes)
    if found is None and is_adapter(shapes):
        answer = lora(header, said)
        if answer is not None:
            return _detection(answer[0], said, lora=answer[1])
    if found is None:
        found, parts = _model(shapes, said)
        return _detection(found, said, parts)
    return _detection(found, said)


def _model(shapes: Mapping[str, tuple[int, ...]], said: Claim | None) -> tuple[Finding, tuple[str, ...]]:
    """A diffusion model, a VAE, a text encoder, or a checkpoint of several, with the names of its parts."""
    decoders = [found for prefix in _VAES if (found := vae(_under(shapes, prefix)))]
    encoders = [found for name in _text_parts(shapes) if (found := text_encoder(_under(shapes, name)))]
    rest = {name: shape for name, shape in shapes.items() if not name.startswith((*_VAES, *_TEXT))}
    model = diffusion_model(without_prefix(rest), shapes, said)
    if model is None:
        alone = vae(shapes) or text_encoder(shapes)
        reason = next(
            (f"{what}: nothing that Packshot loads" for mark, what in _ELSE if any(mark in n for n in shapes)), _NONE
        )
        return alone or next(iter(decoders + encoders), Finding("unknown", reasons=(reason,))), ()
    if not decoders and not encoders:
        return model, ()
    components = [found.component or found.kind for found in encoders + decoders]
    reasons = (*model.reasons, f"and in the same file: {', '.join(components)}")
    return dataclasses.replace(model, kind="checkpoint", reasons=reasons), (model.base or "other", *components)


def _text_parts(shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Prefixes of the text encoders: ``conditioner.embedders.0.``, ``text_encoders.t5xxl.``, ``cond_stage_model.``."""
    parts: dict[str, None] = {}
    for name in shapes:
        for prefix in _TEXT:
            if name.startswith(prefix):
                numbered = prefix in ("conditioner.embedders.", "text_encoders.")
                parts[prefix + name[len(prefix) :].split(".", 1)[0] + "." if numbered else prefix] = None
    return list(parts)


def _under(shapes: Mapping[str, tuple[int, ...]], prefix: str) -> dict[str, tuple[int, ...]]:
    return {name[len(prefix) :]: shape for name, shape in shapes.items() if name.startswith(prefix)}


def _detection(
    found: Finding, said: Claim | None, parts: tuple[str, ...] = (), lora: LoraInfo | None = None
) -> Detection:
    reasons = found.reasons
    mismatch = said is not None and _contradicts(said, found)
    if said is not None and mismatch:
        reasons = (*reasons, f"its metadata says {said.key} = '{said.value}', which the shapes contradict")
    cards = found.cards
    if cards is None:
        bases = (found.base,) if found.base in CARDS else found.bases
        cards = tuple(card for base in bases if base is not None for card in CARDS[base])
    return Detection(
        found.kind,
        found.base,
        found.component,
        found.confidence,
        reasons,
        mismatch,
        cards,
        found.architecture,
        parts,
        lora,
    )


def _contradicts(said: Claim, found: Finding) -> bool:
    """Whether the claim is none of what the shapes allow; of a model in a size of its own, by its architecture."""
    if found.base == "other":
        claimed = {variant.architecture for variant in variants() if variant.base in said.bases}
        return found.architecture is not None and found.architecture not in claimed
    possible = found.bases or ((found.base,) if found.base is not None else ())
    return bool(possible) and not set(said.bases) & set(possible)
