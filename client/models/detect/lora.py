"""Which diffusion model a LoRA was made for, from the names and shapes of the layers that it changes."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..files.adapters import Adapter, adapters, most_common, stated_alpha
from ..files.header import Header
from ..files.quantisation import logical_shapes
from .choice import choose
from .claims import Claim
from .findings import Finding
from .model_shapes import Match, layer, matches

# Share of the layers that fit a base. Image-to-video and control models have layers more than their base; none has
# layers beyond its blocks, which is how the larger models of an architecture show.
_KNOWN = 0.6


@dataclass(frozen=True, slots=True)
class LoraInfo:
    """What a LoRA file is, beside what it is for.

    Attributes:
        layout: in whose naming: kohya, diffusers, comfyui, onetrainer, lycoris, xlabs or bare.
        algorithm: lora, dora, loha, lokr, oft, boft, glora, diff or norm: of most layers.
        rank: of most layers; None where the algorithm has none.
        ranks: all ranks, ascending.
        alpha: as the metadata states it; a file's own alphas are tensors. None if it states none.
        layers: how many it changes, by algorithm.
        text_layers: how many of them are of text encoders.
    """

    layout: str
    algorithm: str
    rank: int | None
    ranks: tuple[int, ...]
    alpha: float | None
    layers: dict[str, int]
    text_layers: int


def describe_lora(header: Header) -> LoraInfo | None:
    """What a LoRA file is; None for any other file."""
    found = adapters(logical_shapes(header))
    return _describe(found, header.metadata) if found else None


def lora(header: Header, claim: Claim | None) -> tuple[Finding, LoraInfo] | None:
    """What a LoRA file is for, and what it is; None for any other file.

    Where the shapes allow several bases, ``claim`` decides between them; it never decides against the shapes.
    """
    found = adapters(logical_shapes(header))
    if not found:
        return None
    return _base(found, claim), _describe(found, header.metadata)


def _describe(found: list[Adapter], metadata: Mapping[str, str]) -> LoraInfo:
    algorithms = Counter(adapter.algorithm for adapter in found)
    ranks = [adapter.rank for adapter in found if adapter.rank is not None]
    # Some tools name the layers of text encoders as others do.
    naming = [adapter.layout for adapter in found if not adapter.text] or [adapter.layout for adapter in found]
    return LoraInfo(
        Counter(naming).most_common(1)[0][0],
        algorithms.most_common(1)[0][0],
        most_common(ranks),
        tuple(sorted(set(ranks))),
        stated_alpha(metadata),
        dict(algorithms.most_common()),
        sum(adapter.text for adapter in found),
    )


def _base(found: list[Adapter], claim: Claim | None) -> Finding:
    layers = [layer(adapter.layer, _sides(adapter)) for adapter in found if not adapter.text and adapter.shape]
    if not layers:
        return _text_only(found)
    compared = matches(layers)
    fitting = [match for match in compared if not match.beyond and match.share >= _KNOWN]
    if fitting:
        told = any(None not in item.shape[:2] for item in layers)
        answer = choose("lora", fitting, claim, 1.0 if told else 0.7)  # without shapes, names alone have to do
        why = answer.reasons if told else (*answer.reasons, "its tensors do not tell the shapes of the layers")
        return dataclasses.replace(answer, reasons=why)
    return _foreign(compared, len(layers))


def _sides(adapter: Adapter) -> tuple[int | None, ...]:
    """The layer's sides; the kernel of a convolution is not told by what changes it."""
    return adapter.shape if adapter.algorithm == "diff" else (*adapter.shape, *[None] * (5 - len(adapter.shape)))


def _foreign(compared: list[Match], total: int) -> Finding:
    """The layers fit no base: those of a size of its own, of an unknown model, or of several."""
    alike = max(compared, key=lambda match: (match.fitting, match.alike), default=None)
    if alike is None:
        return Finding("lora", confidence=0.5, reasons=("its layers have names of no known model",))
    reason = (
        f"{alike.fitting} of {total} layers fit {alike.variant.name}, {alike.beyond} are in blocks it does not have"
    )
    why = (reason, alike.differs) if alike.differs else (reason,)
    return Finding("lora", "other", None, alike.variant.architecture, 0.5, why)


def _text_only(found: list[Adapter]) -> Finding:
    """A LoRA of text encoders: CLIP-G's width, or the second encoder, is SDXL's; CLIP-H's is SD 2's."""
    widths = {adapter.shape[1] for adapter in found if adapter.text and len(adapter.shape) > 1}
    for width, base, architecture in ((1280, "sdxl", "sdxl-unet"), (1024, "sd21", "sd-unet")):
        if width in widths:
            reason = f"changes a text encoder of width {width} and no diffusion model"
            return Finding("lora", base, None, architecture, 0.6, (reason,))
    reason = "changes a text encoder and no diffusion model; several models use that encoder"
    return Finding("lora", confidence=0.3, reasons=(reason,))
