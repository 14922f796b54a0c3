"""The tensors of an adapter under the names and in the shapes that ComfyUI reads (comfy/lora.py, comfy/weight_adapter).

PEFT's magnitudes become ``dora_scale``, biases of its second matrix the difference of a bias, and the names of its
adapters go. It works on numpy's arrays and on torch's tensors alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ....models.files.adapters import Adapter

#: Algorithms, and parts of them, that ComfyUI has no code for -> what it would have to do.
BEYOND_COMFYUI: Mapping[str, str] = {
    "inputs": "OFT of PEFT turns what a layer takes in; ComfyUI turns what it gives out, and cannot apply this",
    "rotation": "an early OFT of LyCORIS (oft_diag), which ComfyUI does not read",
}
_SUFFIXES: Mapping[str, str] = {
    "down": "lora_down.weight", "up": "lora_up.weight", "mid": "lora_mid.weight", "scale": "dora_scale",
    "alpha": "alpha", "reshape": "reshape_weight", "blocks": "oft_blocks", "rescale": "rescale", "diff": "diff",
    "w": "w_norm", "b": "b_norm",
}  # fmt: skip
_FAMILIES: Mapping[str, str] = {"loha": "hada_{}", "lokr": "lokr_{}", "glora": "{}.weight"}


# Parts that must all be there, or one set of several.
_NEEDED: Mapping[str, tuple[frozenset[str], ...]] = {
    "lora": (frozenset({"up", "down"}),),
    "dora": (frozenset({"up", "down"}),),
    "loha": (frozenset({"w1_a", "w1_b", "w2_a", "w2_b"}),),
    "lokr": tuple(
        frozenset((*first, *second)) for first in (("w1",), ("w1_a", "w1_b")) for second in (("w2",), ("w2_a", "w2_b"))
    ),
    "glora": (frozenset({"a1", "a2", "b1", "b2"}),),
    "oft": (frozenset({"blocks"}),),
    "boft": (frozenset({"blocks"}),),
}  # fmt: skip
# Sides that are one rank: part and side, twice.
_RANKS: Mapping[str, tuple[tuple[str, int, str, int], ...]] = {
    "lora": (("up", 1, "down", 0), ("up", 1, "mid", 0), ("mid", 1, "down", 0)),
    "loha": (("w1_a", 1, "w1_b", 0), ("w2_a", 1, "w2_b", 0)),
    "lokr": (("w1_a", 1, "w1_b", 0), ("w2_a", 1, "w2_b", 0)),
    "oft": (("blocks", 1, "blocks", 2),),
    "boft": (("blocks", 2, "blocks", 3),),
}


@dataclass(frozen=True, slots=True)
class ReadPart:
    """A tensor as ComfyUI reads it.

    Attributes:
        suffix: what follows the layer's name and a dot.
        tensor: the values.
        source: the name of the file's tensor that it comes from.
        of_bias: it changes the layer's bias, which is a layer of its own to ComfyUI.
    """

    suffix: str
    tensor: Any
    source: str
    of_bias: bool = False


def read_parts(adapter: Adapter, tensors: Mapping[str, Any]) -> Iterator[ReadPart]:
    """Yield an adapter's tensors; none of one that ComfyUI has no code for, see :data:`BEYOND_COMFYUI`.

    Args:
        tensors: the file's, by their names.
    """
    if not BEYOND_COMFYUI.keys().isdisjoint(adapter.tensors):
        return
    for part, source in adapter.tensors.items():
        tensor = tensors[source]
        if part == "bias":
            yield ReadPart("diff", _bias(adapter, tensors, source), source, of_bias=True)
        elif part == "scale":
            yield ReadPart("dora_scale", _magnitude(adapter, tensors, source), source)
        elif source.endswith(".set_weight"):
            yield ReadPart("set_weight", tensor, source)
        else:
            yield ReadPart(suffix(adapter, part), tensor, source)


def fault(adapter: Adapter, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """What is missing of an adapter, or does not fit the rest of it; empty: nothing.

    Args:
        shapes: of the file's tensors, by their names.
    """
    parts = {part: shapes[source] for part, source in adapter.tensors.items()}
    choices = _NEEDED.get(adapter.algorithm, ())
    if parts.keys() & BEYOND_COMFYUI.keys():
        return ""  # said otherwise
    if choices and parts.keys() - {"bias", "alpha"} and not any(needed <= parts.keys() for needed in choices):
        missing = min((needed - parts.keys() for needed in choices), key=len)
        return f"has no {' and no '.join(sorted(missing))}"
    if "alpha" in parts and math.prod(parts["alpha"]) != 1:
        return f"alpha has {math.prod(parts['alpha'])} values"
    if "scale" in parts and None not in adapter.shape and math.prod(parts["scale"]) not in adapter.shape:
        return f"{math.prod(parts['scale'])} magnitudes are neither its outputs nor its inputs"
    if ("t1" in parts) != ("t2" in parts) and adapter.algorithm == "loha":
        return "has one of two cores of a Tucker decomposition"
    if parts.keys() & {"t1", "t2"}:  # there the sides stand the other way round
        return ""
    for first, side, second, other in _RANKS.get("lora" if adapter.algorithm == "dora" else adapter.algorithm, ()):
        if first in parts and second in parts:
            ranks = [*parts[first][side : side + 1], *parts[second][other : other + 1]]
            if len(set(ranks)) != 1:
                return f"{first} and {second} have different ranks: {' and '.join(map(str, ranks)) or 'none'}"
    return ""


def suffix(adapter: Adapter, part: str) -> str:
    """What follows the layer's name and a dot in ComfyUI's names of an adapter's part."""
    if part in _SUFFIXES:
        return _SUFFIXES[part]
    source = adapter.tensors[part]
    kind = "loha" if ".hada_" in source else "lokr" if ".lokr_" in source else "glora"
    return _FAMILIES[kind].format(part)


def scaling(adapter: Adapter, tensors: Mapping[str, Any]) -> float:
    """Alpha over rank, by which a LoRA is multiplied; 1 where the file has no alpha."""
    if "alpha" not in adapter.tensors or "down" not in adapter.tensors:
        return 1.0
    return float(tensors[adapter.tensors["alpha"]].reshape(-1)[0]) / int(tensors[adapter.tensors["down"]].shape[0])


def _bias(adapter: Adapter, tensors: Mapping[str, Any], source: str) -> Any:
    """PEFT's ``lora_B.bias`` is scaled as the matrices are; a difference is added as it is."""
    scale = scaling(adapter, tensors) if source.endswith(".bias") else 1.0
    return tensors[source] if scale == 1.0 else tensors[source] * scale


def _magnitude(adapter: Adapter, tensors: Mapping[str, Any], source: str) -> Any:
    """A vector over the outputs, as a column: (outputs, 1), with more ones for a convolution's kernel."""
    tensor = tensors[source]
    if source.endswith(".dora_scale") and tensor.ndim > 1:
        return tensor
    sides = max(2, len(tensors[adapter.tensors["down"]].shape) if "down" in adapter.tensors else 2)
    return tensor.reshape(-1, *(1,) * (sides - 1))
