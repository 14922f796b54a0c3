"""Which diffusion model a LoRA was made for, from the names and shapes of the layers that it changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from .adapters import Adapter, adapters, most_common, stated_alpha
from .detect_claims import Claim
from .findings import CARDS, Finding
from .header import Header
from .model_shapes import Layer, Match, layer, matches
from .quantisation import logical_shapes

# Share of the layers that fit a base. Image-to-video and control models have layers more than their base; none has
# layers beyond its blocks, which is how the larger models of an architecture show.
_KNOWN = 0.6
_DERIVED = {"chroma": "flux1"}  # has the blocks of the other: a LoRA of those fits both


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
    return LoraInfo(
        Counter(adapter.layout for adapter in found).most_common(1)[0][0],
        algorithms.most_common(1)[0][0],
        most_common(ranks),
        tuple(sorted(set(ranks))),
        stated_alpha(metadata),
        dict(algorithms.most_common()),
        sum(adapter.text for adapter in found),
    )


def _base(found: list[Adapter], claim: Claim | None) -> Finding:
    layers = [layer(adapter.layer, adapter.shape) for adapter in found if not adapter.text and adapter.shape]
    if not layers:
        return _text_only(found)
    compared = matches(layers)
    fitting = [match for match in compared if not match.beyond and match.share >= _KNOWN]
    if fitting:
        most = max(match.fitting for match in fitting)
        return _fitting([match for match in fitting if match.fitting == most], layers, claim)
    return _foreign(compared, len(layers))


def _fitting(fitting: list[Match], layers: list[Layer], claim: Claim | None) -> Finding:
    bases = tuple(dict.fromkeys(match.variant.base for match in fitting))
    first = fitting[0]
    reason = f"{first.fitting} of {first.total} layers have names and shapes of"
    told = any(None not in item.shape for item in layers)
    sure = first.share if told else first.share * 0.7  # without shapes, names alone have to do
    own = tuple(base for base in bases if _DERIVED.get(base) not in bases)
    cards: tuple[str, ...] | None = None
    if claim is not None and len(bases) > 1 and len(named := [base for base in bases if base in claim.bases]) == 1:
        base, confidence = named[0], sure * (0.8 if len(own) > 1 else 0.9)
        why: tuple[str, ...] = (f"{reason} {' and '.join(bases)}", f"its metadata says {claim.bases[0]}")
    elif len(own) == 1:
        base, confidence = own[0], sure * (1.0 if len(bases) == 1 else 0.9)
        also = f", and of {' and '.join(set(bases) - set(own))}, made from it" if len(bases) > 1 else ""
        why = (f"{reason} {base}{also}",)
    elif (whole := _whole(fitting, own)) is not None:
        base = whole
        others = ", ".join(other for other in own if other != base)
        confidence = sure * 0.6
        cards = tuple(card for one in own for card in CARDS[one])  # it may be for any of them all the same
        why = (f"{reason} {', '.join(own)}", f"it has all of the like that {base} has, and not all that {others} has")
    else:
        together = f"{reason} {', '.join(own)}: what it changes is the same in all of them"
        return Finding("lora", None, confidence=round(sure / len(own), 2), reasons=(together,), bases=own)
    architecture = next(match.variant.architecture for match in fitting if match.variant.base == base)
    why = why if told else (*why, "its tensors do not tell the shapes of the layers")
    return Finding("lora", base, None, architecture, round(min(confidence, 0.99), 2), why, bases, cards)


def _whole(fitting: list[Match], own: tuple[str, ...]) -> str | None:
    """Of models that all have the file's layers, the one that has no more of their like; None where that is not one."""
    complete = [match for match in fitting if match.complete and match.variant.base in own]
    least = min((match.left_out for match in complete), default=0)
    bases = {match.variant.base for match in complete if match.left_out == least}
    return bases.pop() if len(bases) == 1 else None


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
