"""Which text encoder or VAE a set of weights is."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .findings import Finding

Shapes = Mapping[str, tuple[int, ...]]

# Of each layout: what the name of the first layer's marker ends with, and where its layers are counted.
_CLIP = ("text_model.encoder.layers.0.mlp.fc1.weight", "text_model.encoder.layers.")
_OPEN_CLIP = ("transformer.resblocks.0.mlp.c_fc.weight", "transformer.resblocks.")
_T5 = ("encoder.block.0.layer.0.SelfAttention.k.weight", "encoder.block.")
_LLM = ("layers.0.input_layernorm.weight", "layers.")
_GGUF_T5 = ("enc.blk.0.attn_k.weight", "enc.blk.")
_GGUF_LLM = ("blk.0.attn_norm.weight", "blk.")

# Width, layers: the model. CLIP-H as Stable Diffusion 2 has it leaves out its last layer.
_CLIPS = {(768, 12): "clip-l", (1024, 23): "clip-h", (1024, 24): "clip-h", (1280, 32): "clip-g"}
# Width, layers, what sets the attention apart. FLUX.2's Mistral comes whole or without its last ten layers.
_LLMS = {
    (2560, 36, "qk-norm"): "qwen3-4b",
    (4096, 36, "qk-norm"): "qwen3-8b",
    (3584, 28, "qkv-bias"): "qwen2.5-vl-7b",
    (5120, 40, "plain"): "mistral-3-small",
    (5120, 30, "plain"): "mistral-3-small",
    (3072, 26, "plain"): "ministral-3-3b",
    (3840, 48, "post-norm"): "gemma3-12b",
}
_T5S = {(4096, 24): "t5xxl", (1472, 12): "byt5-glyph"}


def text_encoder(shapes: Shapes) -> Finding | None:
    """What the weights are; None if they are no text encoder that ComfyUI's layouts know."""
    for (marker, layers), read in _LAYOUTS.items():
        # A language model that sees has other towers beside it; the text is under the shortest prefix.
        prefixes = [name[: -len(marker)] for name in shapes if name.endswith(marker) and "vis" not in name]
        if prefixes:
            prefix = min(prefixes, key=len)
            component, width, depth, feature = read(shapes, prefix, _depth(shapes, prefix + layers))
            shown = f"{depth} layers of width {width}{feature}"
            if component is None:
                reason = f"a text encoder with {shown}, which is none that a card uses"
                return Finding("text_encoder", confidence=0.8, reasons=(reason,))
            return Finding("text_encoder", None, component, None, 0.95, (f"{shown}, as {component} has",))
    return None


def _depth(shapes: Shapes, prefix: str) -> int:
    """Number of layers: of the numbers that follow ``prefix``."""
    numbered = re.compile(re.escape(prefix) + r"(\d{1,4})\.")
    return len({match[1] for name in shapes if (match := numbered.match(name))})


_Read = tuple[str | None, int, int, str]


def _read_clip(shapes: Shapes, prefix: str, depth: int) -> _Read:
    width = shapes[prefix + _CLIP[0]][-1]
    return _CLIPS.get((width, depth)), width, depth, ""


def _read_open_clip(shapes: Shapes, prefix: str, depth: int) -> _Read:
    width = shapes[prefix + _OPEN_CLIP[0]][-1]
    return _CLIPS.get((width, depth)), width, depth, " in OpenCLIP's layout"


def _read_t5(shapes: Shapes, prefix: str, depth: int) -> _Read:
    width = shapes[prefix + _T5[0]][-1]
    return _T5S.get((width, depth)), width, depth, ""


def _read_gguf_t5(shapes: Shapes, prefix: str, depth: int) -> _Read:
    width = shapes[prefix + _GGUF_T5[0]][-1]
    return _T5S.get((width, depth)), width, depth, ""


def _read_llm(shapes: Shapes, prefix: str, depth: int) -> _Read:
    width = shapes[prefix + _LLM[0]][0]
    first = f"{prefix}layers.0."
    if any("deepstack" in name for name in shapes):
        return None, width, depth, " and DeepStack vision (Qwen3-VL)"
    if first + "post_feedforward_layernorm.weight" in shapes:
        feature = "post-norm"
    elif first + "self_attn.q_norm.weight" in shapes:
        feature = "qk-norm"
    else:
        feature = "qkv-bias" if first + "self_attn.k_proj.bias" in shapes else "plain"
    return _LLMS.get((width, depth, feature)), width, depth, f" ({feature})"


def _read_gguf_llm(shapes: Shapes, prefix: str, depth: int) -> _Read:
    width = shapes[prefix + _GGUF_LLM[0]][0]
    first = f"{prefix}blk.0."
    if first + "post_ffw_norm.weight" in shapes:
        feature = "post-norm"
    elif first + "attn_q_norm.weight" in shapes:
        feature = "qk-norm"
    else:
        feature = "qkv-bias" if first + "attn_k.bias" in shapes else "plain"
    return _LLMS.get((width, depth, feature)), width, depth, f" ({feature}, in llama.cpp's layout)"


_LAYOUTS = {
    _CLIP: _read_clip,
    _OPEN_CLIP: _read_open_clip,
    _T5: _read_t5,
    _LLM: _read_llm,
    _GGUF_T5: _read_gguf_t5,
    _GGUF_LLM: _read_gguf_llm,
}


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
        if shapes["decoder.up_blocks.0.res_blocks.0.conv1.conv.weight"][0] == 1024:
            return _vae("ltx-2-vae", "is laid out as LTX-2's VAE; later ones of LTX-Video look the same", 0.7)
        return _vae(None, "is laid out as an early VAE of LTX-Video")
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
