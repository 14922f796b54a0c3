"""Which diffusion model a set of weights is."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

from .choice import choose
from .claims import Claim
from .findings import CARDS, Finding
from .model_shapes import Match, layer, matches

Shapes = Mapping[str, tuple[int, ...]]

_PREFIXES = ("model.diffusion_model.", "diffusion_model.", "model.model.", "net.", "transformer.", "unet.", "model.")
_KNOWN = 0.75  # share of the layers, of file and model, from which on it is that model: fine-tunes change a few
_PART = 0.6  # share of the file's layers from which on it is a part of that model
_ALIKE = 0.5  # share of the names, of file and model, from which on it is of that architecture, in a size of its own
_NAMED = 0.9  # the same of the file's names alone, of which some must be in blocks

# What stands beside the names that tell FLUX.1's and SDXL's models apart.
_FIRST = ("time_in.in_layer.weight", "vector_in.in_layer.weight", "img_in.weight", "x_embedder.weight",
          "time_text_embed.timestep_embedder.linear_1.weight", "input_blocks.0.0.weight")  # fmt: skip

# One name that only this model has, of those that ComfyUI runs and Packshot has no card for; and what would stand
# beside it in a model that has a card.
_OTHERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("double_layers.0.attn.w1q.weight", "AuraFlow", ()),
    ("clf.1.weight", "Stable Cascade", ()),
    ("encoder_hid_proj.weight", "Kolors", ()),
    ("mlp_t5.0.weight", "Hunyuan-DiT", ()),
    ("txt_in.individual_token_refiner.blocks.0.norm1.weight", "HunyuanVideo", ("byt5_in.",)),
    ("t5_yproj.weight", "Mochi", ()),
    ("adaln_single.emb.timestep_embedder.linear_1.bias", "LTX-Video", ("audio_", "pos_embed.")),
    ("genre_embedder.weight", "ACE-Step", ()),
    ("blocks.block0.blocks.0.block.attn.to_q.0.weight", "Cosmos", ()),
    ("blocks.0.mlp.layer1.weight", "Cosmos Predict2", ()),
    ("blocks.0.norm1.linear.weight", "CogVideoX", ()),
    ("latent_in.weight", "Hunyuan3D", ()),
    ("caption_projection.0.linear.weight", "HiDream", ()),
    ("time_caption_embed.timestep_embedder.linear_1.bias", "OmniGen2", ()),
    ("embed_image_indicator.weight", "Ideogram 4", ()),
    ("txtfusion.projector.weight", "Krea 2", ()),
    ("visual_transformer_blocks.0.cross_attention.key_norm.weight", "Kandinsky 5", ()),
)


def without_prefix(shapes: Shapes) -> Shapes:
    """The weights of the diffusion model under their own names, whichever prefix the file gives them."""
    for prefix in _PREFIXES:
        own = {name[len(prefix) :]: shape for name, shape in shapes.items() if name.startswith(prefix)}
        # More than five, as ComfyUI counts, or most of the file: fewer are names that happen to begin so.
        if own and ("diffusion_model" in prefix or len(own) > 5 or len(own) * 2 > len(shapes)):
            return own
    return shapes


def diffusion_model(shapes: Shapes, file: Collection[str], claim: Claim | None) -> Finding | None:
    """What the weights are; None if they are no diffusion model.

    Args:
        shapes: by names without prefix.
        file: all names in the file, with prefixes.
        claim: what the metadata says; it decides where a part of a model is the same in several.
    """
    layers = [layer(name, shape) for name, shape in shapes.items() if len(shape) >= 2]
    found = matches(layers) if layers else []
    best = max(found, key=lambda match: (match.whole, match.alike), default=None)
    if best is not None and best.whole >= _KNOWN:
        return _known(best, file)
    for name, title, beside in _OTHERS:
        if name in shapes and not any(part in other for part in beside for other in shapes):
            reason = f"has {name}, which only {title} has; there is no card for it"
            return Finding("diffusion_model", "other", confidence=0.8, reasons=(reason,))
    part = _part(found, shapes, file, claim)
    if part is not None:
        return part
    alike = max(found, key=lambda match: (match.alike, match.named), default=None)
    if alike is not None and (alike.alike >= _ALIKE or alike.named >= _NAMED):
        reason = f"{alike.named:.0%} of the names are those of {alike.variant.name}, in other sizes"
        confidence = round(max(alike.alike, _ALIKE) * 0.8, 2)
        # A base that has no card is a family of models in many sizes; that of a card is one published model.
        base = "other" if CARDS[alike.variant.base] else alike.variant.base
        return Finding("diffusion_model", base, None, alike.variant.architecture, confidence, _why(reason, alike))
    return None


def _known(best: Match, file: Collection[str]) -> Finding:
    variant = best.variant
    reason = f"{best.fitting} of {best.total} layers have the names and shapes of {variant.name} ({variant.count})"
    why, cards = _cards(variant.base, file, whole=True)
    return Finding(
        "diffusion_model",
        variant.base,
        None,
        variant.architecture,
        1.0 if best.whole == 1 else min(0.99, round(best.whole, 2)),
        (*_why(reason, best), *why),
        cards=cards,
    )


def _part(found: list[Match], shapes: Shapes, file: Collection[str], claim: Claim | None) -> Finding | None:
    """One file of a model that is saved in several, or a model with blocks cut out: its layers fit, but not all are
    there. Layers beyond a model's blocks, or most of them in other sizes, are those of another model."""
    fitting = [match for match in found if not match.beyond and match.share >= _PART]
    if not fitting:
        return None
    most = max(match.whole for match in fitting)
    answer = choose("diffusion_model", fitting, claim, 0.5 + most / 2)
    reasons = [*answer.reasons, f"{most:.0%} of the model is here: a part of it, or one with blocks cut out"]
    cards = None
    if answer.base is not None:
        why, cards = _cards(answer.base, file, whole=any(name in shapes for name in _FIRST))
        reasons += why
    return dataclasses.replace(answer, reasons=tuple(reasons), cards=cards)


def _why(reason: str, match: Match) -> tuple[str, ...]:
    return (reason, match.differs) if match.differs else (reason,)


def _cards(base: str, file: Collection[str], whole: bool) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Why, and which cards, where a name tells models of one base apart.

    Args:
        whole: what the file lacks tells something too: it is a whole model, or the part where the name would be.
    """
    if base == "flux1":
        if any("guidance_in." in name or "guidance_embedder." in name for name in file):
            return ("takes guidance, as dev does",), ("flux1-dev",)
        if whole:
            return ("takes no guidance, as schnell",), ("flux1-schnell",)
    if base == "sdxl":
        if "edm_mean" in file and "edm_std" in file:
            return ("has edm_mean and edm_std, as Playground v2.5 does",), ("playground-v2.5",)
        # Only files in this naming keep the two tensors by which ComfyUI samples as Playground needs it.
        if whole and any(name.endswith("input_blocks.0.0.weight") for name in file):
            others = tuple(card for card in CARDS["sdxl"] if card != "playground-v2.5")
            return ("has no edm_mean and edm_std, as Playground v2.5 would",), others
    return (), None
