"""Which text encoder or VAE a set of weights is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .findings import Finding

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a library names the layers of its text encoders.

    Attributes:
        before: what stands before a layer's number.
        marker: the name in every layer that no other layout has; its shape's ``side`` is the model's width.
        features: names in a layer that set models of one width apart, and what to call that; the first one counts.
        plain: what to call a layer with none of them.
        models: width, layers, feature: the component.
        note: for people.
    """

    before: str
    marker: str
    side: int
    models: Mapping[tuple[int, int, str], str]
    features: tuple[tuple[str, str], ...] = ()
    plain: str = ""
    note: str = ""


# CLIP-H as Stable Diffusion 2 has it leaves out its last layer.
_CLIPS = {(768, 12, ""): "clip-l", (1024, 23, ""): "clip-h", (1024, 24, ""): "clip-h", (1280, 32, ""): "clip-g"}
_T5S = {(4096, 24, ""): "t5xxl", (1472, 12, ""): "byt5-glyph"}
# FLUX.2's Mistral comes whole or without its last ten layers.
_LLMS = {
    (2560, 36, "qk-norm"): "qwen3-4b",
    (4096, 36, "qk-norm"): "qwen3-8b",
    (3584, 28, "qkv-bias"): "qwen2.5-vl-7b",
    (5120, 40, "plain"): "mistral-3-small",
    (5120, 30, "plain"): "mistral-3-small",
    (3072, 26, "plain"): "ministral-3-3b",
    (3840, 48, "post-norm"): "gemma3-12b",
}
_LLM = (
    ("post_feedforward_layernorm.weight", "post-norm"),
    ("self_attn.q_norm.weight", "qk-norm"),
    ("self_attn.k_proj.bias", "qkv-bias"),
)
_GGUF_LLM = (("post_ffw_norm.weight", "post-norm"), ("attn_q_norm.weight", "qk-norm"), ("attn_k.bias", "qkv-bias"))

_LAYOUTS = (
    _Layout("text_model.encoder.layers.", "mlp.fc1.weight", -1, _CLIPS),
    _Layout("transformer.resblocks.", "mlp.c_fc.weight", -1, _CLIPS, note=" in OpenCLIP's layout"),
    _Layout("encoder.block.", "layer.0.SelfAttention.k.weight", -1, _T5S),
    _Layout("layers.", "input_layernorm.weight", 0, _LLMS, _LLM, "plain"),
    _Layout("enc.blk.", "attn_k.weight", -1, _T5S, note=" in llama.cpp's layout"),
    _Layout("blk.", "attn_norm.weight", 0, _LLMS, _GGUF_LLM, "plain", " in llama.cpp's layout"),
)


def text_encoder(shapes: Shapes) -> Finding | None:
    """What the weights are; None if they are no text encoder that ComfyUI's layouts know."""
    for layout in _LAYOUTS:
        marked = re.compile(rf"(.*?){re.escape(layout.before)}(\d{{1,4}})\.{re.escape(layout.marker)}")
        layers: dict[str, list[str]] = {}
        for name in shapes:
            # A language model that sees has other towers beside it; the text is under the shortest prefix.
            if name.endswith(layout.marker) and "vis" not in name and (match := marked.fullmatch(name)):
                layers.setdefault(match[1], []).append(match[2])
        if layers:
            prefix = min(layers, key=len)
            return _text_encoder(shapes, layout, f"{prefix}{layout.before}{layers[prefix][0]}.", len(layers[prefix]))
    return None


def _text_encoder(shapes: Shapes, layout: _Layout, layer: str, depth: int) -> Finding:
    """Which text encoder it is, by the width and the names of one of its layers, and by their number."""
    shape = shapes[layer + layout.marker]
    width = shape[layout.side] if shape else 0
    feature = next((what for name, what in layout.features if layer + name in shapes), layout.plain)
    shown = f"{depth} layers of width {width}{f' ({feature})' if feature else ''}{layout.note}"
    if layout.plain and any("deepstack" in name for name in shapes):
        reason = f"{shown}, with DeepStack vision (Qwen3-VL), which is none that a card uses"
        return Finding("text_encoder", confidence=0.8, reasons=(reason,))
    component = layout.models.get((width, depth, feature))
    if component is not None:
        return Finding("text_encoder", None, component, None, 0.95, (f"{shown}, as {component} has",))
    wider = {
        name for (side, most, what), name in layout.models.items() if (side, what) == (width, feature) and depth < most
    }
    if len(wider) == 1:
        component = wider.pop()
        reason = f"{shown}: a part of {component}, or one with layers cut out"
        return Finding("text_encoder", None, component, None, 0.6, (reason,))
    return Finding("text_encoder", confidence=0.8, reasons=(f"{shown}: a text encoder that no card uses",))


def vae(shapes: Shapes) -> Finding | None:
    """What the weights are; None if they are no VAE that ComfyUI's layouts know."""
    if "taesd_decoder.1.weight" in shapes or "taesd_encoder.0.weight" in shapes:
        return _vae("taesd", "has TAESD's decoder or encoder")
    into = _side(shapes, "decoder.conv_in.weight")
    if into is not None:
        return _image_vae(shapes, into)
    if "decoder.middle.0.residual.0.gamma" in shapes:
        if "decoder.upsamples.0.upsamples.0.residual.2.weight" in shapes:
            return _vae(None, "is laid out as Wan 2.2's VAE")
        return _vae("wan2.1-vae", "is laid out as Wan 2.1's VAE, which Qwen-Image uses")
    if "decoder.up_blocks.0.res_blocks.0.conv1.conv.weight" in shapes:
        if _side(shapes, "decoder.up_blocks.0.res_blocks.0.conv1.conv.weight", 0) == 1024:
            return _vae("ltx-2-vae", "is laid out as LTX-2's VAE; later ones of LTX-Video look the same", 0.7)
        return _vae(None, "is laid out as an early VAE of LTX-Video")
    if "decoder.conv_in.conv.weight" in shapes:
        return _vae(None, "is laid out as a VAE for video, of HunyuanVideo or another model that no card uses")
    if "decoder.layers.0.weight" in shapes and "encoder.layers.0.weight" in shapes:
        return _vae("taesd", "is laid out as a tiny autoencoder in diffusers' naming")
    encoder = _side(shapes, "encoder.conv_out.weight", 0)
    if encoder is not None and "encoder.conv_in.weight" in shapes:
        # An encoder alone: its last layer gives mean and variance.
        named = {8: "sd-vae", 32: "flux1-vae"}.get(encoder)
        return _vae(named, f"an encoder alone, to {encoder // 2} channels", 0.6)
    return None


def _image_vae(shapes: Shapes, channels: int) -> Finding:
    volume = len(shapes["decoder.conv_in.weight"]) == 5
    if channels == 64 and not volume:
        return _vae("hunyuanimage-vae", "64 latent channels")
    if channels == 32 and "bn.running_mean" in shapes:
        return _vae("flux2-vae", "32 latent channels, normalised, as FLUX.2's")
    if channels == 16 and not volume:
        return _vae("flux1-vae", "16 latent channels, as of FLUX.1, SD 3 and Z-Image")
    if channels == 4 and not volume:
        return _vae("sd-vae", "4 latent channels; SD 1.5, SD 2.1 and SDXL cannot be told apart")
    return _vae(None, f"{channels} latent channels, as no VAE of a card has")


def _side(shapes: Shapes, name: str, side: int = 1) -> int | None:
    shape = shapes.get(name, ())
    return shape[side] if len(shape) >= 4 else None


def _vae(component: str | None, reason: str, confidence: float = 0.95) -> Finding:
    return Finding("vae", None, component, None, confidence if component else 0.8, (reason,))
