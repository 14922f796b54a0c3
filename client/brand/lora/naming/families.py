"""The layers of each family of models under the names of the diffusers library, and which rows of a weight each is.

ComfyUI's classes hold query, key and value of most models as one weight, and diffusers holds three. The tables follow
the conversion scripts of diffusers; a test on the host compares them with ComfyUI's own where it has any.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Shape = tuple[int, ...]

_MOST_BLOCKS = 100  # of one kind in a model; the largest known has 60


@dataclass(frozen=True, slots=True)
class LayerPart:
    """A weight of a model, or some of its rows.

    Attributes:
        weight: the layer's name in ComfyUI's class, without ``.weight``.
        begin, rows: which of its outputs; ``rows`` is None for all of them.
        swapped: its outputs are two halves, which diffusers has the other way round.
    """

    weight: str
    begin: int = 0
    rows: int | None = None
    swapped: bool = False


def _qkv(stem: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{stem}.{name}" for name in names)


# ComfyUI's name, with # for the number of a block -> diffusers' names. Several names are parts of the rows: equal ones,
# or of four the first three as long as the inputs and the rest.
_BLOCK = "transformer_blocks.#"
_SINGLE = "single_transformer_blocks.#"
_STREAMS: dict[str, tuple[str, ...]] = {
    "double_blocks.#.img_attn.qkv": _qkv(f"{_BLOCK}.attn", "to_q", "to_k", "to_v"),
    "double_blocks.#.txt_attn.qkv": _qkv(f"{_BLOCK}.attn", "add_q_proj", "add_k_proj", "add_v_proj"),
    "double_blocks.#.img_attn.proj": (f"{_BLOCK}.attn.to_out.0",),
    "double_blocks.#.txt_attn.proj": (f"{_BLOCK}.attn.to_add_out",),
}
_FEED_FORWARD: dict[str, tuple[str, ...]] = {
    "double_blocks.#.img_mlp.0": (f"{_BLOCK}.ff.net.0.proj",),
    "double_blocks.#.img_mlp.2": (f"{_BLOCK}.ff.net.2",),
    "double_blocks.#.txt_mlp.0": (f"{_BLOCK}.ff_context.net.0.proj",),
    "double_blocks.#.txt_mlp.2": (f"{_BLOCK}.ff_context.net.2",),
    "double_blocks.#.img_mod.lin": (f"{_BLOCK}.norm1.linear",),
    "double_blocks.#.txt_mod.lin": (f"{_BLOCK}.norm1_context.linear",),
    "single_blocks.#.linear1": (*_qkv(f"{_SINGLE}.attn", "to_q", "to_k", "to_v"), f"{_SINGLE}.proj_mlp"),
    "single_blocks.#.linear2": (f"{_SINGLE}.proj_out",),
    "single_blocks.#.modulation.lin": (f"{_SINGLE}.norm.linear",),
}
_TIMESTEPS = "time_text_embed.timestep_embedder.linear_"
_ENDS: dict[str, tuple[str, ...]] = {
    "img_in": ("x_embedder",),
    "txt_in": ("context_embedder",),
    "final_layer.linear": ("proj_out",),
    "final_layer.adaLN_modulation.1": ("norm_out.linear",),
}
_REFINER, _REFINED = "txt_in.individual_token_refiner.blocks.#", "context_embedder.token_refiner.refiner_blocks.#"
_LTX_TABLES = {
    "adaln_single": "time_embed",
    "audio_adaln_single": "audio_time_embed",
    "av_ca_video_scale_shift_adaln_single": "av_cross_attn_video_scale_shift",
    "av_ca_a2v_gate_adaln_single": "av_cross_attn_video_a2v_gate",
    "av_ca_audio_scale_shift_adaln_single": "av_cross_attn_audio_scale_shift",
    "av_ca_v2a_gate_adaln_single": "av_cross_attn_audio_v2a_gate",
}
_JOINT = "joint_blocks.#"

#: Architecture, as detection names it -> its layers. Where both libraries use one name the layer is left out.
FAMILIES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "flux": {
        **_STREAMS, **_FEED_FORWARD, **_ENDS,
        "time_in.in_layer": (f"{_TIMESTEPS}1",), "time_in.out_layer": (f"{_TIMESTEPS}2",),
        "vector_in.in_layer": ("time_text_embed.text_embedder.linear_1",),
        "vector_in.out_layer": ("time_text_embed.text_embedder.linear_2",),
        "guidance_in.in_layer": ("time_text_embed.guidance_embedder.linear_1",),
        "guidance_in.out_layer": ("time_text_embed.guidance_embedder.linear_2",),
    },
    "flux2": {
        **_STREAMS, **_ENDS,
        "double_blocks.#.img_mlp.0": (f"{_BLOCK}.ff.linear_in",),
        "double_blocks.#.img_mlp.2": (f"{_BLOCK}.ff.linear_out",),
        "double_blocks.#.txt_mlp.0": (f"{_BLOCK}.ff_context.linear_in",),
        "double_blocks.#.txt_mlp.2": (f"{_BLOCK}.ff_context.linear_out",),
        "single_blocks.#.linear1": (f"{_SINGLE}.attn.to_qkv_mlp_proj",),
        "single_blocks.#.linear2": (f"{_SINGLE}.attn.to_out",),
        "double_stream_modulation_img.lin": ("double_stream_modulation_img.linear",),
        "double_stream_modulation_txt.lin": ("double_stream_modulation_txt.linear",),
        "single_stream_modulation.lin": ("single_stream_modulation.linear",),
        "time_in.in_layer": ("time_guidance_embed.timestep_embedder.linear_1",),
        "time_in.out_layer": ("time_guidance_embed.timestep_embedder.linear_2",),
        "guidance_in.in_layer": ("time_guidance_embed.guidance_embedder.linear_1",),
        "guidance_in.out_layer": ("time_guidance_embed.guidance_embedder.linear_2",),
    },
    "chroma": {
        **_STREAMS, **_FEED_FORWARD, **_ENDS,
        "distilled_guidance_layer.layers.#.in_layer": ("distilled_guidance_layer.layers.#.linear_1",),
        "distilled_guidance_layer.layers.#.out_layer": ("distilled_guidance_layer.layers.#.linear_2",),
    },
    "hunyuanimage": {
        **_STREAMS, **_FEED_FORWARD,
        "img_in.proj": ("x_embedder.proj",), "final_layer.linear": ("proj_out",),
        "final_layer.adaLN_modulation.1": ("norm_out.linear",),
        "byt5_in.fc1": ("context_embedder_2.linear_1",), "byt5_in.fc2": ("context_embedder_2.linear_2",),
        "byt5_in.fc3": ("context_embedder_2.linear_3",),
        "time_in.in_layer": ("time_guidance_embed.timestep_embedder.linear_1",),
        "time_in.out_layer": ("time_guidance_embed.timestep_embedder.linear_2",),
        "txt_in.input_embedder": ("context_embedder.proj_in",),
        "txt_in.t_embedder.in_layer": ("context_embedder.time_text_embed.timestep_embedder.linear_1",),
        "txt_in.t_embedder.out_layer": ("context_embedder.time_text_embed.timestep_embedder.linear_2",),
        "txt_in.c_embedder.in_layer": ("context_embedder.time_text_embed.text_embedder.linear_1",),
        "txt_in.c_embedder.out_layer": ("context_embedder.time_text_embed.text_embedder.linear_2",),
        f"{_REFINER}.self_attn.qkv": _qkv(f"{_REFINED}.attn", "to_q", "to_k", "to_v"),
        f"{_REFINER}.self_attn.proj": (f"{_REFINED}.attn.to_out.0",),
        f"{_REFINER}.mlp.0": (f"{_REFINED}.ff.net.0.proj",), f"{_REFINER}.mlp.2": (f"{_REFINED}.ff.net.2",),
        f"{_REFINER}.adaLN_modulation.1": (f"{_REFINED}.norm_out.linear",),
    },
    "mmdit": {
        f"{_JOINT}.x_block.attn.qkv": _qkv(f"{_BLOCK}.attn", "to_q", "to_k", "to_v"),
        f"{_JOINT}.x_block.attn2.qkv": _qkv(f"{_BLOCK}.attn2", "to_q", "to_k", "to_v"),
        f"{_JOINT}.context_block.attn.qkv": _qkv(f"{_BLOCK}.attn", "add_q_proj", "add_k_proj", "add_v_proj"),
        f"{_JOINT}.x_block.attn.proj": (f"{_BLOCK}.attn.to_out.0",),
        f"{_JOINT}.x_block.attn2.proj": (f"{_BLOCK}.attn2.to_out.0",),
        f"{_JOINT}.context_block.attn.proj": (f"{_BLOCK}.attn.to_add_out",),
        f"{_JOINT}.x_block.mlp.fc1": (f"{_BLOCK}.ff.net.0.proj",), f"{_JOINT}.x_block.mlp.fc2": (f"{_BLOCK}.ff.net.2",),
        f"{_JOINT}.context_block.mlp.fc1": (f"{_BLOCK}.ff_context.net.0.proj",),
        f"{_JOINT}.context_block.mlp.fc2": (f"{_BLOCK}.ff_context.net.2",),
        f"{_JOINT}.x_block.adaLN_modulation.1": (f"{_BLOCK}.norm1.linear",),
        f"{_JOINT}.context_block.adaLN_modulation.1": (f"{_BLOCK}.norm1_context.linear",),
        "final_layer.linear": ("proj_out",), "x_embedder.proj": ("pos_embed.proj",),
        "final_layer.adaLN_modulation.1": ("norm_out.linear",),
        "t_embedder.mlp.0": (f"{_TIMESTEPS}1",), "t_embedder.mlp.2": (f"{_TIMESTEPS}2",),
        "y_embedder.mlp.0": ("time_text_embed.text_embedder.linear_1",),
        "y_embedder.mlp.2": ("time_text_embed.text_embedder.linear_2",),
    },
    "lumina2": {
        **{
            f"{kind}.#.attention.{ours}": _qkv(f"{kind}.#.attention", *theirs)
            for kind in ("layers", "context_refiner", "noise_refiner")
            for ours, theirs in (("qkv", ("to_q", "to_k", "to_v")), ("out", ("to_out.0",)))
        },
        "final_layer.linear": ("all_final_layer.2-1.linear",), "x_embedder": ("all_x_embedder.2-1",),
        "final_layer.adaLN_modulation.1": ("all_final_layer.2-1.adaLN_modulation.1",),
    },
    "pixart": {
        "blocks.#.attn.qkv": _qkv(f"{_BLOCK}.attn1", "to_q", "to_k", "to_v"),
        "blocks.#.attn.proj": (f"{_BLOCK}.attn1.to_out.0",),
        "blocks.#.cross_attn.q_linear": (f"{_BLOCK}.attn2.to_q",),
        "blocks.#.cross_attn.kv_linear": _qkv(f"{_BLOCK}.attn2", "to_k", "to_v"),
        "blocks.#.cross_attn.proj": (f"{_BLOCK}.attn2.to_out.0",),
        "blocks.#.mlp.fc1": (f"{_BLOCK}.ff.net.0.proj",), "blocks.#.mlp.fc2": (f"{_BLOCK}.ff.net.2",),
        "t_block.1": ("adaln_single.linear",), "final_layer.linear": ("proj_out",),
        "t_embedder.mlp.0": ("adaln_single.emb.timestep_embedder.linear_1",),
        "t_embedder.mlp.2": ("adaln_single.emb.timestep_embedder.linear_2",),
        "y_embedder.y_proj.fc1": ("caption_projection.linear_1",),
        "y_embedder.y_proj.fc2": ("caption_projection.linear_2",), "x_embedder.proj": ("pos_embed.proj",),
    },
    "wan": {
        **{f"blocks.#.self_attn.{part}": (f"blocks.#.attn1.to_{part}",) for part in "qkv"},
        **{f"blocks.#.cross_attn.{part}": (f"blocks.#.attn2.to_{part}",) for part in "qkv"},
        "blocks.#.self_attn.o": ("blocks.#.attn1.to_out.0",), "blocks.#.cross_attn.o": ("blocks.#.attn2.to_out.0",),
        "blocks.#.ffn.0": ("blocks.#.ffn.net.0.proj",), "blocks.#.ffn.2": ("blocks.#.ffn.net.2",),
        "text_embedding.0": ("condition_embedder.text_embedder.linear_1",),
        "text_embedding.2": ("condition_embedder.text_embedder.linear_2",),
        "time_embedding.0": ("condition_embedder.time_embedder.linear_1",),
        "time_embedding.2": ("condition_embedder.time_embedder.linear_2",),
        "time_projection.1": ("condition_embedder.time_proj",), "head.head": ("proj_out",),
    },
    "ltxav": {
        "patchify_proj": ("proj_in",), "audio_patchify_proj": ("audio_proj_in",),
        **{f"{ours}.linear": (f"{theirs}.linear",) for ours, theirs in _LTX_TABLES.items()},
        **{
            f"{ours}.emb.timestep_embedder.linear_{side}": (f"{theirs}.emb.timestep_embedder.linear_{side}",)
            for ours, theirs in _LTX_TABLES.items()
            for side in (1, 2)
        },
    },
    "qwen-image": {},
    "ernie-image": {},
}  # fmt: skip
# Names of neither library: of diffusers with fused projections, and of HunyuanImage's makers and musubi-tuner.
_ALIASES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "double_blocks.#.img_attn.qkv": (
        (f"{_BLOCK}.attn.to_qkv",), tuple(f"double_blocks.#.img_attn_{part}" for part in "qkv")
    ),
    "double_blocks.#.txt_attn.qkv": (
        (f"{_BLOCK}.attn.to_added_qkv",), tuple(f"double_blocks.#.txt_attn_{part}" for part in "qkv")
    ),
    "joint_blocks.#.x_block.attn.qkv": ((f"{_BLOCK}.attn.to_qkv",),),
    "joint_blocks.#.context_block.attn.qkv": ((f"{_BLOCK}.attn.to_added_qkv",),),
    "layers.#.attention.qkv": (("layers.#.attention.to_qkv",),),
    **{
        f"double_blocks.#.{stream}_{ours}": ((f"double_blocks.#.{stream}_{theirs}",),)
        for stream in ("img", "txt")
        for ours, theirs in (("mlp.0", "mlp.fc1"), ("mlp.2", "mlp.fc2"), ("mod.lin", "mod.linear"))
    },
    "single_blocks.#.modulation.lin": (("single_blocks.#.modulation.linear",),),
    "single_blocks.#.linear1": (tuple(f"single_blocks.#.linear1_{part}" for part in ("q", "k", "v", "mlp")),),
}  # fmt: skip
#: Architectures whose blocks are numbered in another way in diffusers; see :func:`unet_name`.
UNETS = ("sd-unet", "sdxl-unet")
_RESNET = {"in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.3": "conv2",
           "skip_connection": "conv_shortcut"}  # fmt: skip
_UNET_ENDS = {
    "input_blocks.0.0": "conv_in", "out.2": "conv_out", "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2", "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
}  # fmt: skip
_UNET_BLOCK = re.compile(r"(input|middle|output)_blocks?\.(\d+)(?:\.(\d+))?\.(.+)")


def diffusers_parts(architecture: str, shapes: Mapping[str, Shape]) -> dict[str, LayerPart]:
    """The layers of a model by diffusers' names, each with what it is of ComfyUI's weights.

    Args:
        architecture: as detection names it.
        shapes: ComfyUI's name without ``.weight`` -> shape, outputs first.
    """
    if architecture in UNETS:
        return {unet_name(native): LayerPart(native) for native in shapes}
    layers: dict[str, LayerPart] = {}
    renamed = set()
    for template, names in FAMILIES.get(architecture, {}).items():
        for native, parts in _numbered(template, names, shapes):
            renamed.add(native)
            layers |= dict(zip(parts, _split(native, shapes[native], parts), strict=True))
    return {native: LayerPart(native) for native in shapes if native not in renamed} | layers


def foreign_parts(shapes: Mapping[str, Shape]) -> dict[str, LayerPart]:
    """The same of a model whose architecture is not known: every family's names for weights that the model has.

    Names of tools that are of neither library are among them.
    """
    layers: dict[str, LayerPart] = {}
    aliases = ({template: names} for template, several in _ALIASES.items() for names in several)
    for family in (*FAMILIES.values(), *aliases):
        for template, names in family.items():
            for native, parts in _numbered(template, names, shapes):
                for name, part in zip(parts, _split(native, shapes[native], parts), strict=True):
                    layers.setdefault(name, part)
    return layers


def unet_name(native: str) -> str:
    """Diffusers' name of a layer of Stable Diffusion's U-Net, which has two residual blocks a level."""
    if native in _UNET_ENDS:
        return _UNET_ENDS[native]
    match = _UNET_BLOCK.fullmatch(native)
    if match is None:
        return native
    where, number, place, rest = match[1], int(match[2]), match[3], match[4]
    if where == "middle":
        rest = rest if place is None else f"{place}.{rest}"
        return f"mid_block.attentions.0.{rest}" if number == 1 else f"mid_block.resnets.{number // 2}.{_resnet(rest)}"
    level, block = divmod(number - (where == "input"), 3)
    stem = f"{'down' if where == 'input' else 'up'}_blocks.{level}"
    if rest == "op":
        return f"{stem}.downsamplers.0.conv"
    if rest == "conv":
        return f"{stem}.upsamplers.0.conv"
    return f"{stem}.resnets.{block}.{_resnet(rest)}" if place == "0" else f"{stem}.attentions.{block}.{rest}"


def _resnet(layer: str) -> str:
    return _RESNET.get(layer, layer)


def _numbered(
    template: str, names: tuple[str, ...], shapes: Mapping[str, Shape]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each weight of the template that the model has, and its names."""
    for number in range(_MOST_BLOCKS if "#" in template else 1):
        native = template.replace("#", str(number))
        if native in shapes:
            yield native, tuple(name.replace("#", str(number)) for name in names)


def _split(native: str, shape: Shape, names: tuple[str, ...]) -> list[LayerPart]:
    count = len(names)
    if count == 1:
        return [LayerPart(native, swapped=_is_swapped(names[0], shape))]
    rows = shape[1] if count == 4 else shape[0] // count
    sides = [rows] * 3 + [shape[0] - 3 * rows] if count == 4 else [rows] * count
    return [LayerPart(native, sum(sides[:place]), side) for place, side in enumerate(sides)]


def _is_swapped(name: str, shape: Shape) -> bool:
    """Whether a last modulation has its scale before its shift in diffusers (AdaLayerNormContinuous)."""
    return name == "norm_out.linear" or (name.endswith(".norm1_context.linear") and shape[0] == 2 * shape[1])
