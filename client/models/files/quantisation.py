"""In which format each layer of a model is stored, and the shape it has once unpacked.

The names are those of ComfyUI's ``QUANT_ALGOS`` (QUANTIZATION.md): ``float8_e4m3fn``, ``float8_e5m2``, ``nvfp4``,
``mxfp8``, ``int8_tensorwise``, ``convrot_w4a4``. What is not quantised goes by its dtype: ``bf16``, ``f16``, ``f32``;
GGUF by its own: ``q4_k``, ``q8_0``; bitsandbytes' by its: ``nf4``, ``fp4``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from .header import Header, TensorInfo

#: Tensors that belong to another one and say how it is scaled; none is a layer's weight.
_COMPANIONS = (
    ".weight_scale", ".weight_scale_2", ".input_scale", ".pre_quant_scale", ".comfy_quant", ".scale_weight",
    ".scale_input", ".scaled_fp8",
)  # fmt: skip
_BY_DTYPE = {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "I8": "int8_tensorwise"}
_PACKED = ("nvfp4", "convrot_w4a4")  # two elements in a byte
_COLUMN = ("nf4", "fp4")  # of bitsandbytes: the same, all in one column
_MAX_METADATA = 1 << 20  # characters of JSON: several thousand layers


def layer_formats(header: Header) -> dict[str, str]:
    """Layer (the name of its weight without ``.weight``): the format it is stored in.

    Layers are matrices and convolutions. ``_quantization_metadata`` is believed first, then what lies beside the
    weight, then its dtype. The content of ``comfy_quant`` tensors, which says the same, is not part of the header.
    """
    stated = _stated(header.metadata)
    return {
        (layer := name.removesuffix(".weight")): stated.get(layer) or _format(name, info, header.tensors)
        for name, info in header.tensors.items()
        if len(info.shape) >= 2 and not name.endswith(_COMPANIONS)
    }


def summary(header: Header) -> dict[str, int]:
    """Format: number of layers, the most frequent first: ``{"float8_e4m3fn": 112, "bf16": 13}``."""
    return dict(Counter(layer_formats(header).values()).most_common())


def logical_shapes(header: Header) -> dict[str, tuple[int, ...]]:
    """Name: shape that the model has, without the tensors that only scale others.

    A packed weight has twice the columns that are stored. A 4-bit weight of bitsandbytes is stored as one column, and
    its shape is not in the header: it is given as a column of all its elements.
    """
    shapes = {name: info.shape for name, info in header.tensors.items() if not name.endswith(_COMPANIONS)}
    if header.format == "safetensors":
        for layer, form in layer_formats(header).items():
            name = f"{layer}.weight"
            stored = header.tensors.get(name)
            if stored is None or stored.dtype not in ("U8", "I8"):
                continue
            if form in _PACKED:
                shapes[name] = (*stored.shape[:-1], stored.shape[-1] * 2)
            elif form in _COLUMN and stored.shape[1:] == (1,):
                shapes[name] = (stored.shape[0] * 2, 1)
    return shapes


def _format(name: str, info: TensorInfo, tensors: Mapping[str, TensorInfo]) -> str:
    layer = name.removesuffix(".weight")
    scale = tensors.get(f"{layer}.weight_scale")
    if info.dtype == "U8":
        if f"{layer}.weight_scale_2" in tensors:
            return "nvfp4"
        for form in _COLUMN:
            if f"{name}.quant_state.bitsandbytes__{form}" in tensors:
                return form
        if f"{name}.absmax" in tensors:
            return "nf4"
    if info.dtype in ("F8_E4M3", "U8") and scale is not None and len(scale.shape) == 2 and scale.dtype != "F32":
        return "mxfp8"  # a scale for every 32 elements, stored as exponents
    return _BY_DTYPE.get(info.dtype, info.dtype.lower())


def _stated(metadata: Mapping[str, str]) -> dict[str, str]:
    text = metadata.get("_quantization_metadata", "")
    if not text or len(text) > _MAX_METADATA:
        return {}
    try:
        layers = json.loads(text)["layers"]
        return {str(name): str(layer["format"]) for name, layer in layers.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}  # not as ComfyUI writes it: what the tensors show has to do
