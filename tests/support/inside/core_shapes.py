"""Prints the shapes of ComfyUI's own model classes as ``client/models/detect/shapes.json`` has them.

Run by ``test_core_shapes.py`` with the host's Python, in the folder of ComfyUI; models are made on the meta device, so
no weights are held. ``core_shapes.py > client/models/detect/shapes.json`` makes the file again; ``--complete`` prints
every parameter of every model, and which class ComfyUI's own detection takes for them.
"""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd()))
answer = sys.stdout
sys.stdout = sys.stderr  # ComfyUI prints as it starts

import torch  # noqa: E402  # from ComfyUI's environment, and only after the path is set

import comfy.options  # noqa: E402  # isort: skip

comfy.options.enable_args_parsing(False)
import comfy.cli_args  # noqa: E402

comfy.cli_args.args.cpu = True
import comfy.model_detection  # noqa: E402
import comfy.ops  # noqa: E402
import comfy.supported_models as supported  # noqa: E402
import comfy.utils  # noqa: E402

Shapes = dict[str, tuple[int, ...]]

_INDEX = re.compile(r"(?<![A-Za-z0-9_])\d+(?![A-Za-z0-9_])")

_FLUX = {
    "axes_dim": [16, 56, 56], "mlp_ratio": 4.0, "theta": 10000, "out_channels": 16, "qkv_bias": True,
    "txt_ids_dims": [], "in_channels": 16, "hidden_size": 3072, "num_heads": 24, "context_in_dim": 4096,
    "patch_size": 2, "vec_in_dim": 768, "depth": 19, "depth_single_blocks": 38,
}  # fmt: skip
_UNET = {
    "image_size": 32, "use_checkpoint": False, "use_spatial_transformer": True, "legacy": False, "in_channels": 4,
    "out_channels": 4, "model_channels": 320, "use_temporal_resblock": False, "use_temporal_attention": False,
}  # fmt: skip
_SD1 = {
    **_UNET, "adm_in_channels": None, "num_res_blocks": [2] * 4, "transformer_depth": [1] * 6 + [0, 0],
    "channel_mult": [1, 2, 4, 4], "transformer_depth_middle": 1, "transformer_depth_output": [1] * 9 + [0] * 3,
}  # fmt: skip
_SDXL = {
    **_UNET, "num_classes": "sequential", "adm_in_channels": 2816, "num_res_blocks": [2] * 3,
    "transformer_depth": [0, 0, 2, 2, 10, 10], "channel_mult": [1, 2, 4], "transformer_depth_middle": 10,
    "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10], "use_linear_in_transformer": True,
    "context_dim": 2048, "num_head_channels": 64,
}  # fmt: skip
_Z_IMAGE = {
    "image_model": "lumina2", "patch_size": 2, "in_channels": 16, "dim": 3840, "cap_feat_dim": 2560, "n_layers": 30,
    "qk_norm": True, "n_heads": 30, "n_kv_heads": 30, "axes_dims": [32, 48, 48], "axes_lens": [1536, 512, 512],
    "rope_theta": 256.0, "ffn_dim_multiplier": 8 / 3, "z_image_modulation": True, "time_scale": 1000.0,
    "pad_tokens_multiple": 32,
}  # fmt: skip
_HUNYUAN = {
    "image_model": "hunyuan_video", "in_channels": 64, "patch_size": [1, 1], "out_channels": 64, "vec_in_dim": None,
    "axes_dim": [64, 64], "meanflow": False, "context_in_dim": 3584, "hidden_size": 3584, "mlp_ratio": 4.0,
    "num_heads": 28, "depth": 20, "depth_single_blocks": 40, "theta": 256, "qkv_bias": True, "byt5": True,
    "guidance_embed": False, "use_cond_type_embedding": False, "vision_in_dim": None, "meanflow_sum": False,
}  # fmt: skip


def _flux2(hidden: int, context: int, depth: int, single: int, guidance: bool = False) -> dict[str, Any]:
    return {
        **_FLUX, "image_model": "flux2", "axes_dim": [32] * 4, "num_heads": hidden // 128, "mlp_ratio": 3.0,
        "theta": 2000, "out_channels": 128, "global_modulation": True, "mlp_silu_act": True, "qkv_bias": False,
        "ops_bias": False, "default_ref_method": "index", "ref_index_scale": 10.0, "txt_ids_dims": [3],
        "in_channels": 128, "hidden_size": hidden, "context_in_dim": context, "patch_size": 1, "vec_in_dim": None,
        "depth": depth, "depth_single_blocks": single, "guidance_embed": guidance, "yak_mlp": False, "txt_norm": False,
    }  # fmt: skip


def _sd3(hidden: int, positions: int, dual_attention: int, qk_norm: str | None) -> dict[str, Any]:
    return {
        "in_channels": 16, "patch_size": 2, "out_channels": 16, "depth": hidden // 64, "input_size": None,
        "adm_in_channels": 2048, "num_patches": positions**2, "pos_embed_max_size": positions,
        "pos_embed_scaling_factor": None, "x_block_self_attn_layers": list(range(dual_attention)),
        "context_embedder_config": {
            "target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": hidden}
        },
        **({"qk_norm": qk_norm} if qk_norm else {}),
    }  # fmt: skip


def _wan(dim: int, feed_forward: int, layers: int, channels: int = 16) -> dict[str, Any]:
    return {
        "image_model": "wan2.1", "dim": dim, "out_dim": channels, "num_heads": dim // 128, "ffn_dim": feed_forward,
        "num_layers": layers, "patch_size": (1, 2, 2), "freq_dim": 256, "window_size": (-1, -1), "qk_norm": True,
        "cross_attn_norm": True, "eps": 1e-6, "in_dim": channels, "model_type": "t2v",
    }  # fmt: skip


#: Variant: its base, architecture, ComfyUI's class, and the configuration of the published model.
MODELS: dict[str, tuple[str, str, Any, dict[str, Any]]] = {
    "flux1": ("flux1", "flux", supported.Flux,
              {**_FLUX, "image_model": "flux", "guidance_embed": True, "yak_mlp": False, "txt_norm": False}),
    "flux2-dev": ("flux2-dev", "flux2", supported.Flux2, _flux2(6144, 15360, 8, 48, guidance=True)),
    "flux2-klein-4b": ("flux2-klein-4b", "flux2", supported.Flux2, _flux2(3072, 7680, 5, 20)),
    "flux2-klein-9b": ("flux2-klein-9b", "flux2", supported.Flux2, _flux2(4096, 12288, 8, 24)),
    "starter": ("starter", "flux2", supported.Flux2, _flux2(256, 768, 2, 4)),
    "chroma": ("chroma", "chroma", supported.Chroma,
               {**_FLUX, "image_model": "chroma", "in_channels": 64, "out_channels": 64, "in_dim": 64,
                "out_dim": 3072, "hidden_dim": 5120, "n_layers": 5, "vec_in_dim": None}),
    "sd3-medium": ("sd3-medium", "mmdit", supported.SD3, _sd3(1536, 192, 0, None)),
    "sd3.5-medium": ("sd3.5-medium", "mmdit", supported.SD3, _sd3(1536, 384, 13, "rms")),
    "sd3.5-large": ("sd3.5-large", "mmdit", supported.SD3, _sd3(2432, 192, 0, "rms")),
    "sd15": ("sd15", "sd-unet", supported.SD15,
             {**_SD1, "use_linear_in_transformer": False, "context_dim": 768, "num_heads": 8}),
    "sd21": ("sd21", "sd-unet", supported.SD20,
             {**_SD1, "use_linear_in_transformer": True, "context_dim": 1024, "num_head_channels": 64}),
    "sdxl": ("sdxl", "sdxl-unet", supported.SDXL, _SDXL),
    "z-image": ("z-image", "lumina2", supported.ZImage, _Z_IMAGE),
    "qwen-image": ("qwen-image", "qwen-image", supported.QwenImage,
                   {"image_model": "qwen_image", "in_channels": 64, "num_layers": 60}),
    "ernie-image": ("ernie-image", "ernie-image", supported.ErnieImage, {"image_model": "ernie"}),
    "hunyuanimage-2.1": ("hunyuanimage-2.1", "hunyuanimage", supported.HunyuanImage21, _HUNYUAN),
    "pixart-sigma": ("pixart-sigma", "pixart", supported.PixArtSigma,
                     {"image_model": "pixart_sigma", "num_heads": 16, "patch_size": 2, "hidden_size": 1152,
                      "in_channels": 4, "depth": 28, "micro_condition": False, "model_max_length": 300,
                      "input_size": None, "pe_interpolation": 2}),
    "ltx-2": ("ltx-2", "ltxav", supported.LTXAV,
              {"image_model": "ltxav", "num_layers": 48, "attention_head_dim": 128, "cross_attention_dim": 4096}),
    "wan2.1-1.3b": ("wan", "wan", supported.WAN21_T2V, _wan(1536, 8960, 30)),
    "wan2.1-14b": ("wan", "wan", supported.WAN21_T2V, _wan(5120, 13824, 40)),
    "wan2.2-5b": ("wan", "wan", supported.WAN22_T2V, _wan(3072, 14336, 30, 48)),
}  # fmt: skip


# Names of the diffusers library for blocks that are laid out as FLUX.1's, and for what each model has beside them.
_BLOCKS = (
    (r"double_blocks\.(\d+)\.img_attn\.qkv\.(.*)", r"transformer_blocks.\1.attn.to_q.\2"
     r" transformer_blocks.\1.attn.to_k.\2 transformer_blocks.\1.attn.to_v.\2"),
    (r"double_blocks\.(\d+)\.txt_attn\.qkv\.(.*)", r"transformer_blocks.\1.attn.add_q_proj.\2"
     r" transformer_blocks.\1.attn.add_k_proj.\2 transformer_blocks.\1.attn.add_v_proj.\2"),
    (r"double_blocks\.(\d+)\.img_attn\.proj\.(.*)", r"transformer_blocks.\1.attn.to_out.0.\2"),
    (r"double_blocks\.(\d+)\.txt_attn\.proj\.(.*)", r"transformer_blocks.\1.attn.to_add_out.\2"),
    (r"double_blocks\.(\d+)\.img_mlp\.0\.(.*)", r"transformer_blocks.\1.ff.net.0.proj.\2"),
    (r"double_blocks\.(\d+)\.img_mlp\.2\.(.*)", r"transformer_blocks.\1.ff.net.2.\2"),
    (r"double_blocks\.(\d+)\.txt_mlp\.0\.(.*)", r"transformer_blocks.\1.ff_context.net.0.proj.\2"),
    (r"double_blocks\.(\d+)\.txt_mlp\.2\.(.*)", r"transformer_blocks.\1.ff_context.net.2.\2"),
    (r"double_blocks\.(\d+)\.img_mod\.lin\.(.*)", r"transformer_blocks.\1.norm1.linear.\2"),
    (r"double_blocks\.(\d+)\.txt_mod\.lin\.(.*)", r"transformer_blocks.\1.norm1_context.linear.\2"),
    (r"single_blocks\.(\d+)\.linear1\.(weight)", r"single_transformer_blocks.\1.attn.to_q.\2"
     r" single_transformer_blocks.\1.attn.to_k.\2 single_transformer_blocks.\1.attn.to_v.\2"
     r" single_transformer_blocks.\1.proj_mlp.\2"),
    (r"single_blocks\.(\d+)\.linear2\.(.*)", r"single_transformer_blocks.\1.proj_out.\2"),
    (r"single_blocks\.(\d+)\.modulation\.lin\.(.*)", r"single_transformer_blocks.\1.norm.linear.\2"),
    (r"final_layer\.linear\.(.*)", r"proj_out.\1"),
    (r"final_layer\.adaLN_modulation\.1\.(.*)", r"norm_out.linear.\1"),
)  # fmt: skip
_REFINER = r"txt_in\.individual_token_refiner\.blocks\.(\d+)\."
_REFINED = r"context_embedder.token_refiner.refiner_blocks.\1."
_RENAMED: dict[str, tuple[tuple[str, str], ...]] = {
    "chroma": (
        *_BLOCKS,
        (r"img_in\.(.*)", r"x_embedder.\1"),
        (r"txt_in\.(.*)", r"context_embedder.\1"),
        (r"(distilled_guidance_layer\.(?:in|out)_proj\..*)", r"\1"),
        (r"(distilled_guidance_layer\.layers\.\d+)\.in_layer\.(.*)", r"\1.linear_1.\2"),
        (r"(distilled_guidance_layer\.layers\.\d+)\.out_layer\.(.*)", r"\1.linear_2.\2"),
    ),
    "hunyuanimage": (
        *_BLOCKS,
        (r"img_in\.(.*)", r"x_embedder.\1"),
        (r"byt5_in\.fc(\d)\.(.*)", r"context_embedder_2.linear_\1.\2"),
        (r"time_in\.in_layer\.(.*)", r"time_guidance_embed.timestep_embedder.linear_1.\1"),
        (r"time_in\.out_layer\.(.*)", r"time_guidance_embed.timestep_embedder.linear_2.\1"),
        (r"txt_in\.input_embedder\.(.*)", r"context_embedder.proj_in.\1"),
        (r"txt_in\.t_embedder\.in_layer\.(.*)", r"context_embedder.time_text_embed.timestep_embedder.linear_1.\1"),
        (r"txt_in\.t_embedder\.out_layer\.(.*)", r"context_embedder.time_text_embed.timestep_embedder.linear_2.\1"),
        (r"txt_in\.c_embedder\.in_layer\.(.*)", r"context_embedder.time_text_embed.text_embedder.linear_1.\1"),
        (r"txt_in\.c_embedder\.out_layer\.(.*)", r"context_embedder.time_text_embed.text_embedder.linear_2.\1"),
        (_REFINER + r"self_attn\.qkv\.(.*)",
         rf"{_REFINED}attn.to_q.\2 {_REFINED}attn.to_k.\2 {_REFINED}attn.to_v.\2"),
        (_REFINER + r"self_attn\.proj\.(.*)", _REFINED + r"attn.to_out.0.\2"),
        (_REFINER + r"mlp\.0\.(.*)", _REFINED + r"ff.net.0.proj.\2"),
        (_REFINER + r"mlp\.2\.(.*)", _REFINED + r"ff.net.2.\2"),
        (_REFINER + r"adaLN_modulation\.1\.(.*)", _REFINED + r"norm_out.linear.\2"),
    ),
    "wan": (
        (r"blocks\.(\d+)\.self_attn\.([qkv])\.(.*)", r"blocks.\1.attn1.to_\2.\3"),
        (r"blocks\.(\d+)\.self_attn\.o\.(.*)", r"blocks.\1.attn1.to_out.0.\2"),
        (r"blocks\.(\d+)\.cross_attn\.([qkv])\.(.*)", r"blocks.\1.attn2.to_\2.\3"),
        (r"blocks\.(\d+)\.cross_attn\.o\.(.*)", r"blocks.\1.attn2.to_out.0.\2"),
        (r"blocks\.(\d+)\.ffn\.0\.(.*)", r"blocks.\1.ffn.net.0.proj.\2"),
        (r"blocks\.(\d+)\.ffn\.2\.(.*)", r"blocks.\1.ffn.net.2.\2"),
        (r"blocks\.(\d+)\.modulation", r"blocks.\1.scale_shift_table"),
        (r"(patch_embedding\..*)", r"\1"),
        (r"text_embedding\.0\.(.*)", r"condition_embedder.text_embedder.linear_1.\1"),
        (r"text_embedding\.2\.(.*)", r"condition_embedder.text_embedder.linear_2.\1"),
        (r"time_embedding\.0\.(.*)", r"condition_embedder.time_embedder.linear_1.\1"),
        (r"time_embedding\.2\.(.*)", r"condition_embedder.time_embedder.linear_2.\1"),
        (r"time_projection\.1\.(.*)", r"condition_embedder.time_proj.\1"),
        (r"head\.head\.(.*)", r"proj_out.\1"),
        (r"head\.modulation", r"scale_shift_table"),
    ),
}  # fmt: skip


def native(kind: Any, config: dict[str, Any]) -> Shapes:
    """Name: shape of every parameter that ComfyUI's class makes for this configuration."""
    model_config = kind(dict(config))
    model_config.unet_config.pop("disable_unet_model_creation", None)
    model_config.custom_operations = comfy.ops.disable_weight_init
    model = model_config.get_model({}, "", device="meta").diffusion_model
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def diffusers(variant: str, config: dict[str, Any], shapes: Shapes) -> Shapes:
    """The same under the names of the diffusers library, where ComfyUI translates them."""
    architecture = MODELS[variant][1]
    if architecture in ("flux", "flux2"):
        names = comfy.utils.flux_to_diffusers(config)
        # ComfyUI takes names of FLUX.1 and of FLUX.2 for both; diffusers' classes have one kind each.
        other = re.compile(
            r"ff(_context)?\.linear_|\.to_qkv_mlp_proj|^single.*attn\.to_out"
            if architecture == "flux"
            else r"ff(_context)?\.net|\.proj_mlp|^single.*(attn\.to_[qkv]|proj_out)\."
        )
        names = {name: target for name, target in names.items() if not other.search(name)}
    elif architecture == "mmdit":
        blocks = 1 + max(int(_INDEX.findall(name)[0]) for name in shapes if name.startswith("joint_blocks."))
        names = comfy.utils.mmdit_to_diffusers({"depth": config["depth"], "num_blocks": blocks})
    elif architecture == "pixart":
        names = comfy.utils.pixart_to_diffusers({"depth": config["depth"]})
    elif architecture == "lumina2":
        names = comfy.utils.z_image_to_diffusers({"n_layers": config["n_layers"], "dim": config["dim"]})
    elif architecture in ("sd-unet", "sdxl-unet"):
        names = comfy.utils.unet_to_diffusers(config)
    elif architecture in _RENAMED:
        return renamed(shapes, _RENAMED[architecture])
    else:
        return {}
    found: Shapes = {}
    for name, target in names.items():
        part = None if isinstance(target, str) else target[1]
        target = target if isinstance(target, str) else target[0]
        if target in shapes:
            shape = list(shapes[target])
            if part is not None:  # axis, begin, length
                shape[part[0]] = part[2]
            found[name] = tuple(shape)
    return found


def renamed(shapes: Shapes, rules: tuple[tuple[str, str], ...]) -> Shapes:
    """The names of the diffusers library, where ComfyUI does not translate them; norms stay out.

    A rule with several names, set apart by spaces, splits a layer's outputs: into equal parts, or for single blocks'
    ``linear1`` into three as long as its inputs and the rest.
    """
    found: Shapes = {}
    for name, shape in shapes.items():
        for pattern, target in rules:
            if re.fullmatch(pattern, name):
                targets = [re.sub(pattern, part, name) for part in target.split()]
                last = shape[0] - 3 * shape[1] if len(targets) == 4 else shape[0] // len(targets)
                sides = [shape[1]] * 3 + [last] if len(targets) == 4 else [last] * len(targets)
                found |= {part: (side, *shape[1:]) for part, side in zip(targets, sides, strict=True)}
    return found


def compact(shapes: Shapes) -> dict[str, str]:
    """Matrices and convolutions only, with blocks that differ in their numbers alone as one line.

    ``{19}`` stands for 0 to 18, ``{4-5}`` for 4 and 5, ``{0,2}`` for 0 and 2; ``.weight`` is left out.
    """
    groups: dict[tuple[str, tuple[int, ...]], list[tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        if len(shape) >= 2:
            name = name.removesuffix(".weight")
            numbers = tuple(int(number) for number in _INDEX.findall(name))
            groups.setdefault((_INDEX.sub("#", name), shape), []).append(numbers)
    lines: dict[str, str] = {}
    for (pattern, shape), numbers in groups.items():
        for ranges in _ranges(numbers):
            parts = iter(ranges)
            lines[re.sub("#", lambda _, parts=parts: next(parts), pattern)] = "x".join(map(str, shape))
    return dict(sorted(lines.items()))


def _ranges(numbers: list[tuple[int, ...]]) -> list[tuple[str, ...]]:
    columns = [sorted(set(column)) for column in zip(*numbers, strict=True)]
    if math.prod(map(len, columns)) == len(numbers):
        return [tuple(_range(column) for column in columns)]
    split = min((i for i, column in enumerate(columns) if len(column) > 1), key=lambda i: len(columns[i]))
    parts = ([row for row in numbers if row[split] == value] for value in columns[split])
    return [ranges for part in parts for ranges in _ranges(part)]


def _range(values: list[int]) -> str:
    if len(values) == 1:
        return str(values[0])
    if values != list(range(values[0], values[-1] + 1)):
        return f"{{{','.join(map(str, values))}}}"
    return f"{{{len(values)}}}" if values[0] == 0 else f"{{{values[0]}-{values[-1]}}}"


def table() -> dict[str, Any]:
    """What ``client/models/detect/shapes.json`` holds."""
    made = {}
    for variant, (base, architecture, kind, config) in MODELS.items():
        shapes = native(kind, config)
        names = {"native": compact(shapes), "diffusers": compact(diffusers(variant, config, shapes))}
        made[variant] = {"base": base, "architecture": architecture, **{k: v for k, v in names.items() if v}}
    return made


def complete() -> dict[str, Any]:
    """Per variant and naming: the shapes of all its parameters, and the class that ComfyUI takes for them."""
    made: dict[str, Any] = {}
    for variant, (_, _, kind, config) in MODELS.items():
        shapes = native(kind, config)
        for naming, named in (("native", shapes), ("diffusers", diffusers(variant, config, shapes))):
            if named:
                made[f"{variant} {naming}"] = {"class": recognised(named), "shapes": named}
    return made


def recognised(shapes: Shapes) -> str | None:
    """The name of the class that ComfyUI's loader of diffusion models takes for these shapes."""
    weights = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    detection = comfy.model_detection
    config = detection.model_config_from_unet(weights, "")
    # FLUX.2 has no biases in diffusers' naming, and ComfyUI's converter of that naming asks for one.
    if config is None and "single_transformer_blocks.0.attn.to_out.weight" not in weights:
        converted = detection.convert_diffusers_mmdit(dict(weights), "")
        if converted is not None:
            config = detection.model_config_from_unet(converted, "")
        elif "conv_in.weight" in weights:
            config = detection.model_config_from_diffusers_unet(weights)
    return type(config).__name__ if config else None


if __name__ == "__main__":
    result = complete() if sys.argv[1:] == ["--complete"] else table()
    json.dump(result, answer, indent=1 if len(sys.argv) == 1 else None)
    answer.write("\n")
