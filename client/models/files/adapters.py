"""What a LoRA file holds, layer by layer: in whose naming, by which algorithm, of which rank and shape.

The names are those that ComfyUI loads (comfy/lora.py, comfy/weight_adapter); the algorithms LyCORIS's and PEFT's.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

Shape = tuple[int, ...]

_NAME = r"(?:\.(?!weight$|bias$)[^.]+)?"  # of an adapter, which PEFT has in its module's own names
# What follows the layer's name: the algorithm, and the part of it.
_PARTS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(rf"(.*?)(?:{suffix})$"), algorithm, part)
    for suffix, algorithm, part in (
        (rf"\.lora_down{_NAME}(?:\.weight)?", "lora", "down"),
        (rf"\.lora_up{_NAME}(?:\.weight)?", "lora", "up"),
        (r"\.lora_mid\.weight", "lora", "mid"),
        (rf"\.lora_A{_NAME}(?:\.weight)?", "lora", "down"),
        (rf"\.lora_B{_NAME}(?:\.weight)?", "lora", "up"),
        (rf"\.lora_B{_NAME}\.bias", "lora", "bias"),
        (r"[._]lora\.down\.weight", "lora", "down"),
        (r"[._]lora\.up\.weight", "lora", "up"),
        (r"\.lora_linear_layer\.down\.weight", "lora", "down"),
        (r"\.lora_linear_layer\.up\.weight", "lora", "up"),
        (r"\.reshape_weight", "lora", "reshape"),
        (r"\.dora_scale", "dora", "scale"),
        (rf"\.lora_magnitude_vector{_NAME}(?:\.weight)?", "dora", "scale"),
        (rf"\.hada_(w[12]_[ab]|t[12]){_NAME}", "loha", ""),
        (rf"\.lokr_(w[12](?:_[ab])?|t2){_NAME}", "lokr", ""),
        (r"\.oft_blocks", "oft", "blocks"),
        (r"\.oft_diag", "oft", "rotation"),
        (rf"\.oft_[Rr]{_NAME}(?:\.weight)?", "oft", "inputs"),
        (r"\.rescale", "oft", "rescale"),
        (r"\.([ab][12])\.weight", "glora", ""),
        (r"\.diff", "diff", "diff"),
        (r"\.set_weight", "diff", "diff"),
        (r"\.diff_b", "diff", "bias"),
        (r"\.([wb])_norm", "norm", ""),
        (r"\.alpha", "", "alpha"),
    )
)

# A quick look first: almost no name of a model has any of these.
_TELLTALE = re.compile(
    r"lora|dora|hada_|lokr_|oft_|\.(?:rescale|reshape_weight|[ab][12]\.weight|diff|diff_b|set_weight|[wb]_norm|alpha)$"
)
_TEXT = re.compile(
    r"(lora_te\d?_|lora_prior_te_|text_encoders?(_\d)?\.|te\d?\.|clip_[lgh]\.|t5xxl\.|text_model\.|base_model\.model\.text_model\.)"
)
# In which naming a file is, by what a layer's name begins with.
_PREFIXES: tuple[tuple[str, str], ...] = (
    ("lora_unet__", "kohya"),
    ("lora_unet_", "kohya"),
    ("lora_te", "kohya"),
    ("lora_transformer_", "onetrainer"),
    ("lycoris_", "lycoris"),
    ("base_model.model.", "diffusers"),
    ("pipe.dit.", "diffsynth"),
    ("pipe.transformer.", "diffsynth"),
    ("pipe.unet.", "diffsynth"),
    ("transformer.", "diffusers"),
    ("unet.", "diffusers"),
    ("text_encoder.", "diffusers"),
    ("text_encoder_2.", "diffusers"),
    ("model.diffusion_model.", "comfyui"),
    ("diffusion_model.", "comfyui"),
    ("text_encoders.", "comfyui"),
)
_XLABS_NAME = re.compile(r"(.*\.processor\.(?:qkv|proj)_lora[12]?)\.(down|up)\.weight$")
# XLabs' names for the parts that its attention processors add to.
_XLABS = (
    (".processor.qkv_lora1", ".img_attn.qkv"),
    (".processor.proj_lora1", ".img_attn.proj"),
    (".processor.qkv_lora2", ".txt_attn.qkv"),
    (".processor.proj_lora2", ".txt_attn.proj"),
    (".processor.qkv_lora", ".linear1_qkv"),
    (".processor.proj_lora", ".linear2"),
)


@dataclass(frozen=True, slots=True)
class Adapter:
    """What changes one layer.

    Attributes:
        name: the layer as the file has it, prefix and all: what its tensors' names begin with.
        tensors: part (``up``, ``down``, ``alpha``, ``w1_a``, …) -> the name of its tensor.
        layer: its name in the model, without the file's prefix.
        text: it is a layer of a text encoder.
        layout: in whose naming: kohya, diffusers, comfyui, onetrainer, lycoris, xlabs, diffsynth, bare.
        algorithm: lora, dora, loha, lokr, oft, boft, glora, diff or norm.
        rank: where the algorithm has one.
        shape: of the layer: outputs, inputs; None for a side that the tensors do not tell. Empty for a vector.
    """

    name: str
    tensors: Mapping[str, str]
    layer: str
    text: bool
    layout: str
    algorithm: str
    rank: int | None
    shape: tuple[int | None, ...]


def is_of_adapter(name: str) -> bool:
    """Whether a tensor is part of an adapter, by its name."""
    return _split(name) is not None


def is_adapter(names: Mapping[str, Shape]) -> bool:
    """Whether the file holds changes to a model and no model: by the names that only such files have."""
    return any(split is not None and split[1] not in ("", "norm") for split in map(_split, names))


def adapters(shapes: Mapping[str, Shape]) -> list[Adapter]:
    """Every layer that the file changes, in the order of the file."""
    layers: dict[str, dict[str, str]] = {}
    algorithms: dict[str, set[str]] = {}
    for name in shapes:
        split = _split(name)
        if split is not None:
            layer, algorithm, part = split
            layers.setdefault(layer, {}).setdefault(part, name)  # a second adapter's is left over
            algorithms.setdefault(layer, set()).add(algorithm)
    return [
        _adapter(layer, tensors, shapes, algorithms[layer] - {""})
        for layer, tensors in layers.items()
        if algorithms[layer] != {""}
    ]


def stated_alpha(metadata: Mapping[str, str]) -> float | None:
    """Alpha as the metadata has it: kohya's ``ss_network_alpha``, or PEFT's configuration if all parts agree.

    A file's own alphas are values of tensors, and not in the header.
    """
    stated: set[str] = {metadata["ss_network_alpha"]} if "ss_network_alpha" in metadata else set()
    try:
        config = json.loads(metadata.get("lora_adapter_metadata", "{}")[:1_000_000])
        stated |= {str(value) for key, value in config.items() if key.rpartition(".")[2] == "lora_alpha"}
        return float(stated.pop()) if len(stated) == 1 else None
    except (ValueError, AttributeError, RecursionError):  # "Dynamic", or not what these tools write
        return None


def _split(name: str) -> tuple[str, str, str] | None:
    """The layer, the algorithm, and the part of it; None if the name is none of an adapter."""
    if _TELLTALE.search(name) is None:
        return None
    xlabs = _XLABS_NAME.match(name)
    if xlabs is not None:
        return xlabs[1], "lora", xlabs[2]
    for pattern, algorithm, part in _PARTS:
        match = pattern.match(name)
        if match is not None:
            return match[1], algorithm, part or match[2]
    return None


def _adapter(name: str, tensors: Mapping[str, str], shapes: Mapping[str, Shape], algorithms: set[str]) -> Adapter:
    parts = {part: shapes[tensor] for part, tensor in tensors.items()}
    algorithm = _algorithm(parts, algorithms)
    rank, shape = _READERS.get(algorithm, _read_nothing)(parts)
    layer, layout = _layer(name)
    return Adapter(name, tensors, layer, _TEXT.match(name) is not None, layout, algorithm, rank, shape)


def _algorithm(parts: Mapping[str, Shape], algorithms: set[str]) -> str:
    if algorithms == {"lora", "dora"}:
        return "dora"
    if "oft" in algorithms and len(parts.get("blocks", ())) == 4:
        return "boft"
    # A layer may have a changed bias beside its matrices, and a magnitude beside any algorithm.
    main = [name for name in ("lora", "loha", "lokr", "oft", "glora", "diff", "norm", "dora") if name in algorithms]
    return main[0]


def _layer(name: str) -> tuple[str, str]:
    """The layer's name in the model, and in whose naming the file has it."""
    layout = "bare"
    for _ in range(3):  # prefixes of PEFT stand before those of diffusers
        for prefix, named in _PREFIXES:
            if name.startswith(prefix):
                name, layout = name[len(prefix) :], layout if layout != "bare" else named
                break
    if ".processor" in name:
        for theirs, ours in _XLABS:
            if theirs in name:
                return name.replace(theirs, ours), "xlabs"
        name = name.replace(".processor", "")
        if name.endswith("to_out"):  # early diffusers
            name += ".0"
    return name, layout


_Told = tuple[int | None, tuple[int | None, ...]]


def _side(parts: Mapping[str, Shape], part: str, side: int) -> int | None:
    shape = parts.get(part, ())
    return shape[side] if -len(shape) <= side < len(shape) else None


def _read_nothing(_: Mapping[str, Shape]) -> _Told:
    return None, (None, None)


def _read_lora(parts: Mapping[str, Shape]) -> _Told:
    return _side(parts, "down", 0), (_side(parts, "up", 0), _side(parts, "down", 1))


def _read_loha(parts: Mapping[str, Shape]) -> _Told:
    rank = _side(parts, "w1_b", 0)
    return rank, (_side(parts, "w1_a", 1 if "t1" in parts else 0), _side(parts, "w1_b", 1))


def _read_lokr(parts: Mapping[str, Shape]) -> _Told:
    tucker = "t2" in parts
    first = _side(parts, "w1", 0) or _side(parts, "w1_a", 0), _side(parts, "w1", 1) or _side(parts, "w1_b", 1)
    second = (
        _side(parts, "w2", 0) or _side(parts, "w2_a", 1 if tucker else 0),
        _side(parts, "w2", 1) or _side(parts, "w2_b", 1),
    )
    outputs, inputs = (a * b if a and b else None for a, b in zip(first, second, strict=True))
    rank = _side(parts, "w2_b", 0) or _side(parts, "w1_b", 0)
    # Of a convolution the last factor has the kernel's sides multiplied in: its inputs are not told.
    return rank, (outputs, inputs if tucker or len(parts.get("w2", (0, 0))) == 2 else None)


def _read_oft(parts: Mapping[str, Shape]) -> _Told:
    blocks = parts.get("blocks") or parts.get("rotation") or ()
    # PEFT turns a layer's inputs, and stores half of a skew-symmetric matrix in a row: its blocks' size is not told.
    return None, (blocks[-3] * blocks[-1] if len(blocks) in (3, 4) else None, None)


def _read_glora(parts: Mapping[str, Shape]) -> _Told:
    """``b1 b2`` is added to the weight and ``weight a1 a2``; LyCORIS once had the two of each the other way round."""
    inputs, rank = _side(parts, "a1", 0), _side(parts, "a1", 1)
    if inputs is not None and rank is not None and rank <= inputs:
        return rank, (_side(parts, "b1", 0), _side(parts, "b2", 1))
    return inputs, (_side(parts, "b2", 0), _side(parts, "b1", 1))


def _read_diff(parts: Mapping[str, Shape]) -> _Told:
    shape = parts.get("diff") or parts.get("bias") or ()
    return None, shape if len(shape) >= 2 else ()


def _read_norm(_: Mapping[str, Shape]) -> _Told:
    return None, ()


_READERS = {
    "lora": _read_lora,
    "dora": _read_lora,
    "loha": _read_loha,
    "lokr": _read_lokr,
    "oft": _read_oft,
    "boft": _read_oft,
    "glora": _read_glora,
    "diff": _read_diff,
    "norm": _read_norm,
}


def most_common(values: list[int]) -> int | None:
    """The most frequent value, the greater of two that are equally so; None of none."""
    return max(Counter(values).items(), key=lambda item: (item[1], item[0]))[0] if values else None
