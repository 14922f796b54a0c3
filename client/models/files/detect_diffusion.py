"""Which diffusion model a set of weights is."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .findings import CARDS, Finding
from .model_shapes import Match, layer, matches

_PREFIXES = ("model.diffusion_model.", "diffusion_model.", "model.model.", "net.", "transformer.", "unet.", "model.")
_KNOWN = 0.75  # share of the layers, of file and model, from which on it is that model: fine-tunes change a few
_ALIKE = 0.5  # share of the names from which on it is of that architecture, in a size of its own

# One name that only this architecture has, of those that ComfyUI runs and Packshot has no card for.
_OTHERS = {
    "double_layers.0.attn.w1q.weight": "AuraFlow",
    "clf.1.weight": "Stable Cascade",
    "mlp_t5.0.weight": "Hunyuan-DiT",
    "txt_in.individual_token_refiner.blocks.0.norm1.weight": "HunyuanVideo",
    "t5_yproj.weight": "Mochi",
    "adaln_single.emb.timestep_embedder.linear_1.bias": "LTX-Video",
    "genre_embedder.weight": "ACE-Step",
    "blocks.block0.blocks.0.block.attn.to_q.0.weight": "Cosmos",
    "blocks.0.mlp.layer1.weight": "Cosmos Predict2",
    "blocks.0.norm1.linear.weight": "CogVideoX",
    "latent_in.weight": "Hunyuan3D",
    "caption_projection.0.linear.weight": "HiDream",
    "time_caption_embed.timestep_embedder.linear_1.bias": "OmniGen2",
    "embed_image_indicator.weight": "Ideogram 4",
    "txtfusion.projector.weight": "Krea 2",
    "visual_transformer_blocks.0.cross_attention.key_norm.weight": "Kandinsky 5",
}


def without_prefix(shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, tuple[int, ...]]:
    """The weights of the diffusion model under their own names, whichever prefix the file gives them."""
    for prefix in _PREFIXES:
        own = {name[len(prefix) :]: shape for name, shape in shapes.items() if name.startswith(prefix)}
        if len(own) > 5:  # as ComfyUI counts: fewer are names that happen to begin so
            return own
    return shapes


def diffusion_model(shapes: Mapping[str, tuple[int, ...]], file: Collection[str]) -> Finding | None:
    """What the weights are; None if they are no diffusion model.

    Args:
        shapes: by names without prefix.
        file: all names in the file, with prefixes.
    """
    layers = [layer(name, shape) for name, shape in shapes.items() if len(shape) >= 2]
    found = matches(layers) if layers else []
    best = max(found, key=lambda match: (match.whole, match.alike), default=None)
    if best is not None and best.whole >= _KNOWN:
        return _known(best, file)
    alike = max(found, key=lambda match: match.alike, default=None)
    if alike is not None and alike.alike >= _ALIKE:
        reason = f"{alike.alike:.0%} of the names are those of {alike.variant.name}, in other sizes"
        confidence = round(alike.alike * 0.8, 2)
        return Finding("diffusion_model", "other", None, alike.variant.architecture, confidence, _why(reason, alike))
    for name, title in _OTHERS.items():
        if name in shapes:
            reason = f"has {name}, which only {title} has; there is no card for it"
            return Finding("diffusion_model", "other", confidence=0.8, reasons=(reason,))
    return None


def _known(best: Match, file: Collection[str]) -> Finding:
    variant = best.variant
    reason = f"{best.fitting} of {best.total} layers have the names and shapes of {variant.name} ({variant.count})"
    cards = _cards(best, file)
    return Finding(
        "diffusion_model",
        variant.base,
        None,
        variant.architecture,
        1.0 if best.whole == 1 else min(0.99, round(best.whole, 2)),
        (*_why(reason, best), *(why for why, _ in cards)),
        cards=cards[0][1] if cards else None,
    )


def _why(reason: str, match: Match) -> tuple[str, ...]:
    return (reason, match.differs) if match.differs else (reason,)


def _cards(best: Match, file: Collection[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Why, and which cards, where a name tells models of one base apart."""
    if best.variant.base == "flux1":
        guided = any("guidance_in." in name or "guidance_embedder." in name for name in file)
        text = "takes guidance, as dev does" if guided else "takes no guidance, as schnell"
        return [(text, ("flux1-dev",) if guided else ("flux1-schnell",))]
    if best.variant.base == "sdxl" and any(name.endswith("input_blocks.0.0.weight") for name in file):
        # Only files in this naming keep the two tensors by which ComfyUI samples as Playground needs it.
        if "edm_mean" in file and "edm_std" in file:
            return [("has edm_mean and edm_std, as Playground v2.5 does", ("playground-v2.5",))]
        others = tuple(card for card in CARDS["sdxl"] if card != "playground-v2.5")
        return [("has no edm_mean and edm_std, as Playground v2.5 would", others)]
    return []
