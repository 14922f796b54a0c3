"""Which diffusion model a ControlNet, or another file that steers one, is for."""

from __future__ import annotations

from collections.abc import Mapping

from .findings import Finding

Shapes = Mapping[str, tuple[int, ...]]

_CONTEXT = {768: "sd15", 1024: "sd21", 2048: "sdxl"}  # width of the text that cross-attention takes
_UNETS = {"sd15": "sd-unet", "sd21": "sd-unet", "sdxl": "sdxl-unet"}
_SD3 = {1536: "sd3-medium", 2432: "sd3.5-large"}


def controlnet(shapes: Shapes) -> Finding | None:
    """What the weights steer, by the names that ComfyUI's loaders look for; None if it is no such file."""
    if "lora_controlnet" in shapes:
        return _unet(shapes, "Control-LoRA")
    if "controlnet_cond_embedding.conv_in.weight" in shapes:
        return _unet(shapes, "a ControlNet in diffusers' layout")
    if any(f"{prefix}zero_convs.0.0.weight" in shapes for prefix in ("", "control_model.", "model.control_model.")):
        return _unet(shapes, "a ControlNet in the original layout")
    for marker, base, architecture, what in _TRANSFORMERS:
        if all(name in shapes for name in marker):
            return Finding("controlnet", base, None, architecture, 0.9, (f"{what}: has {marker[-1]}",))
    if "controlnet_blocks.0.weight" in shapes and "pos_embed_input.proj.weight" in shapes:
        width = _outputs(shapes["pos_embed_input.proj.weight"])
        reason = f"a ControlNet for Stable Diffusion 3: its width is {width}"
        return Finding("controlnet", _SD3.get(width, "other"), None, "mmdit", 0.9 if width in _SD3 else 0.6, (reason,))
    if "control_img_in.weight" in shapes:
        width = _outputs(shapes["control_img_in.weight"])
        base = {6144: "flux2-dev"}.get(width, "other")
        reason = f"a Fun ControlNet of width {width}"
        return Finding("controlnet", base, None, "flux2" if base != "other" else None, 0.8, (reason,))
    if any(name.startswith("lllite_unet_") for name in shapes):
        deep = any("_transformer_blocks_1_" in name for name in shapes)  # only SDXL has several in one attention
        told = ("sdxl", "sdxl-unet") if deep else (None, None)
        return Finding("controlnet", told[0], None, told[1], 0.8, ("a ControlNet-LLLite",))
    if "adapter.body.0.resnets.0.block1.weight" in shapes or "body.0.in_conv.weight" in shapes:
        return Finding("controlnet", confidence=0.6, reasons=("a T2I-Adapter; its base is not in the header",))
    return None


# All of the names; the last one is shown. The first that fits is taken.
_TRANSFORMERS: tuple[tuple[tuple[str, ...], str, str | None, str], ...] = (
    (("controlnet_patch_embedding.weight",), "wan", "wan", "Uni3C for Wan"),
    (("feature_embedder.mid_layer_norm.bias",), "flux1", "flux", "style features for FLUX.1"),
    (("after_proj_list.18.bias",), "other", None, "a ControlNet for Hunyuan-DiT"),
    (("controlnet_blocks.0.y_rms.weight",), "qwen-image", "qwen-image", "a DiffSynth ControlNet for Qwen-Image"),
    (("control_all_x_embedder.2-1.weight",), "z-image", "lumina2", "a ControlNet for Z-Image"),
    (
        ("control_blocks.0.after_proj.weight", "control_img_in.weight"),
        "qwen-image",
        "qwen-image",
        "a Fun ControlNet for Qwen-Image",
    ),
    (
        ("controlnet_blocks.0.weight", "transformer_blocks.0.img_mlp.net.0.proj.weight"),
        "qwen-image",
        "qwen-image",
        "an InstantX ControlNet for Qwen-Image",
    ),
    (
        ("controlnet_blocks.0.weight", "double_blocks.0.img_attn.qkv.weight"),
        "flux1",
        "flux",
        "an XLabs ControlNet for FLUX.1",
    ),
    (
        ("controlnet_blocks.0.weight", "controlnet_x_embedder.weight"),
        "flux1",
        "flux",
        "an InstantX ControlNet for FLUX.1",
    ),
    (("controlnet_blocks.0.linear.weight",), "flux1", "flux", "a Mistoline ControlNet for FLUX.1"),
)


def _outputs(shape: tuple[int, ...]) -> int:
    """The first side; 0 of a single value, which no model has there and a header may all the same."""
    return shape[0] if shape else 0


def _unet(shapes: Shapes, what: str) -> Finding:
    suffixes = ("attn2.to_k.weight", "attn2.to_k.down")
    width = next((shape[1] for name, shape in shapes.items() if name.endswith(suffixes) and len(shape) == 2), None)
    base = _CONTEXT.get(width or 0)
    if base is None:
        return Finding("controlnet", "other", confidence=0.6, reasons=(f"{what}; its text has no known width",))
    return Finding("controlnet", base, None, _UNETS[base], 0.9, (f"{what}: takes text of width {width}",))
