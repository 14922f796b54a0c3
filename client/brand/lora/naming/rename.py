"""A LoRA's layers under the names of ComfyUI, diffusers or kohya: fused where those hold query, key and value as one.

The fused LoRA of three is exact: their first matrices under each other, their second ones on a block diagonal. Apart
again, each takes its rows of the second matrix and the whole first one.
"""

from __future__ import annotations

import dataclasses
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from ....errors import InputInvalid
from ....models.detect.detect import detect_header
from ....models.detect.model_shapes import Variant, matches, native_shapes
from ....models.detect.model_shapes import layer as model_layer
from ....models.files.adapters import Adapter
from ..changes import adapters_of
from ..tensors import Floats, TensorFile
from .families import LayerPart, diffusers_parts, foreign_parts
from .parts import BEYOND_COMFYUI, read_parts
from .spellings import index_of, look_up, spellings

#: The namings that tools write: for ComfyUI's own names, diffusers and PEFT, and kohya's tools and their like.
NAMINGS = ("native", "diffusers", "kohya")
# Tensors of each algorithm that have the layer's outputs as rows; others cannot be taken apart.
_BY_ROWS: Mapping[str, frozenset[str]] = {
    "lora": frozenset({"lora_up.weight"}),
    "dora": frozenset({"lora_up.weight", "dora_scale"}),
    "loha": frozenset({"hada_w1_a", "hada_w2_a"}),
    "diff": frozenset({"diff", "set_weight"}),
}
_WHOLE = {"lora_mid.weight", "hada_t1", "hada_t2", "reshape_weight"}  # with these, rows are not those of the layer
_KOHYA_OF_DIFFUSERS = ("sd15", "sd21")  # kohya's names of these models are made of diffusers'
_CLIP_LAYER = re.compile(r"text_model_encoder_layers_(\d+)_(self_attn|mlp)_(\w+)")
_BIAS = "bias"


@dataclass(frozen=True, slots=True)
class NamedLayer:
    """What changes a part of a weight.

    Attributes:
        place: which.
        algorithm: as :class:`~.Adapter` has it.
        tensors: suffix, as ComfyUI reads it -> values; ``bias`` for what is added to the bias.
        source: the name in the file, for errors.
    """

    place: LayerPart
    algorithm: str
    tensors: Mapping[str, Floats]
    source: str


def renamed(file: TensorFile, names: str) -> Iterator[tuple[str, Floats]]:
    """Yield the tensors of a LoRA under other names, as float32.

    Args:
        names: one of :data:`NAMINGS`.

    Raises:
        InputInvalid: there is no such naming; the file is no LoRA, or for no model that is known; or a layer cannot be
            fused, taken apart, or written for diffusers.
        ModelCorrupt: a tensor is damaged.
    """
    if names not in NAMINGS:
        raise InputInvalid(f"there is no naming '{names}'", place="names", remedy=f"choose from {', '.join(NAMINGS)}")
    adapters = adapters_of(file)
    if names == "diffusers":
        _enforce_for_diffusers(file, adapters)
    for adapter in adapters:
        if beyond := BEYOND_COMFYUI.keys() & adapter.tensors.keys():
            _refuse(file, adapter.name, BEYOND_COMFYUI[min(beyond)])
    variant = _model_of(file, adapters)
    natives = native_shapes(variant.name)
    parts = diffusers_parts(variant.architecture, natives)
    index = index_of({**{name: LayerPart(name) for name in natives}, **foreign_parts(natives), **parts})
    layers = []
    for adapter in adapters:
        if adapter.text:
            yield from _written(_text_name(file, adapter, names), _layer(file, adapter, LayerPart("")), names)
            continue
        place = look_up(index, adapter)
        if place is None:
            _refuse(file, adapter.name, f"the model that it is for ({variant.base}) has no such layer")
        layers.append(_layer(file, adapter, place))
    if names == "diffusers" or (names == "kohya" and variant.base in _KOHYA_OF_DIFFUSERS):
        prefix = "unet." if "unet" in variant.architecture else "transformer."
        pieces = _apart(file, layers, parts)
    else:
        prefix = "diffusion_model."
        pieces = _fused(file, layers, natives)
    for name, piece in pieces:
        whole = f"lora_unet_{name.replace('.', '_')}" if names == "kohya" else prefix + name
        yield from _written(whole, piece, names)


def _model_of(file: TensorFile, adapters: list[Adapter]) -> Variant:
    """The published model that a file is for."""
    base = detect_header(file.header).base
    layers = [
        model_layer(adapter.layer, (*adapter.shape, *[None] * (5 - len(adapter.shape))))
        for adapter in adapters
        if not adapter.text and adapter.shape
    ]
    compared = matches(layers)
    fitting = [match for match in compared if match.variant.base == base]
    if not fitting:  # several sizes of one architecture may have all of its layers, under the same names
        fitting = [match for match in compared if match.fitting == match.total]
    if len({match.variant.architecture for match in fitting}) != 1:
        raise InputInvalid(
            "its layers are of no model that is known, or of several", place=str(file.header.path),
            remedy="see `packshot models detect`; a LoRA for a model of your own stays as it is",
        )  # fmt: skip
    return max(fitting, key=lambda match: match.fitting).variant


def _layer(file: TensorFile, adapter: Adapter, place: LayerPart) -> NamedLayer:
    values = {source: file.floats(source) for source in adapter.tensors.values()}
    tensors = {(_BIAS if part.of_bias else part.suffix): part.tensor for part in read_parts(adapter, values)}
    layer = NamedLayer(place, adapter.algorithm, tensors, adapter.name)
    return _with_rows(file, layer, _swapped) if place.swapped else layer


def _fused(
    file: TensorFile, layers: Iterable[NamedLayer], natives: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, NamedLayer]]:
    """Yield each weight's layer, under ComfyUI's name for it."""
    by_weight: dict[str, list[NamedLayer]] = {}
    for layer in layers:
        by_weight.setdefault(layer.place.weight, []).append(layer)
    for weight, pieces in by_weight.items():
        if len(pieces) == 1 and pieces[0].place.rows is None:
            yield weight, pieces[0]
        else:
            yield weight, _joined(file, pieces, natives[weight][0])


def _joined(file: TensorFile, pieces: list[NamedLayer], outputs: int) -> NamedLayer:
    """One LoRA of those of parts of its rows; rows that none changes stay zero."""
    first = pieces[0]
    if any(piece.algorithm != "lora" or piece.tensors.keys() & _WHOLE for piece in pieces):
        _refuse(file, first.source, f"{first.algorithm} of parts of a weight cannot be written as one of the whole")
    downs = [piece.tensors["lora_down.weight"] for piece in pieces]
    # What was one LoRA before it was taken apart has one first matrix.
    shared = all(down.shape == downs[0].shape and np.array_equal(down, downs[0]) for down in downs)
    down = downs[0] if shared else np.concatenate(downs)
    up = np.zeros((outputs, down.shape[0]), np.float32)
    bias = np.zeros(outputs, np.float32)
    column = 0
    for piece in pieces:
        rows = slice(piece.place.begin, piece.place.begin + (piece.place.rows or outputs))
        rank = piece.tensors["lora_down.weight"].shape[0]
        up[rows, column : column + rank] = piece.tensors["lora_up.weight"] * np.float32(_scale(piece))
        bias[rows] = piece.tensors.get(_BIAS, 0)
        column += 0 if shared else rank
    tensors = {"lora_down.weight": down, "lora_up.weight": up, "alpha": np.array(down.shape[0], np.float32)}
    if any(_BIAS in piece.tensors for piece in pieces):
        tensors[_BIAS] = bias
    return NamedLayer(LayerPart(first.place.weight), "lora", tensors, first.source)


def _apart(
    file: TensorFile, layers: Iterable[NamedLayer], parts: Mapping[str, LayerPart]
) -> Iterator[tuple[str, NamedLayer]]:
    """Yield each layer under diffusers' names, in as many parts as diffusers has it."""
    by_weight: dict[str, list[tuple[str, LayerPart]]] = {}
    for name, part in parts.items():
        by_weight.setdefault(part.weight, []).append((name, part))
    for layer in layers:
        for name, part in by_weight[layer.place.weight]:
            if layer.place.rows is not None:
                if (part.begin, part.rows) == (layer.place.begin, layer.place.rows):
                    yield name, layer
            elif part.rows is not None:
                rows = slice(part.begin, part.begin + part.rows)
                yield name, _with_rows(file, layer, operator.itemgetter(rows))
            else:
                yield name, _with_rows(file, layer, _swapped) if part.swapped else layer


def _with_rows(file: TensorFile, layer: NamedLayer, choose: Callable[[Floats], Floats]) -> NamedLayer:
    """The layer with other rows of its outputs."""
    by_rows = _BY_ROWS.get(layer.algorithm, frozenset())
    across = layer.algorithm == "dora" and layer.tensors["dora_scale"].shape[0] == 1
    if not by_rows or across or layer.tensors.keys() & _WHOLE:
        _refuse(file, layer.source, f"{layer.algorithm} of a whole weight cannot be written as those of its parts")
    chosen = {
        suffix: choose(values) if suffix in by_rows or suffix == _BIAS else values
        for suffix, values in layer.tensors.items()
    }
    return dataclasses.replace(layer, tensors=chosen)


def _swapped(values: Floats) -> Floats:
    """The second half of the rows before the first."""
    return np.roll(values, len(values) // 2, axis=0)


def _written(name: str, layer: NamedLayer, names: str) -> Iterator[tuple[str, Floats]]:
    """Yield a layer's tensors as readers of the naming want them."""
    tensors = dict(layer.tensors)
    bias = tensors.pop(_BIAS, None)
    if names != "diffusers":
        if "lora_down.weight" in tensors and "alpha" not in tensors:  # kohya's readers want it
            tensors["alpha"] = np.array(tensors["lora_down.weight"].shape[0], np.float32)
        yield from ((f"{name}.{suffix}", values) for suffix, values in tensors.items())
        if bias is not None:
            yield f"{name}.diff_b", bias
        return
    up = tensors.pop("lora_up.weight")
    yield f"{name}.lora_A.weight", tensors["lora_down.weight"]
    # Diffusers takes alpha from the metadata or not at all: it goes into the matrix.
    yield f"{name}.lora_B.weight", up * np.float32(_scale(layer))
    if bias is not None:
        yield f"{name}.lora_B.bias", bias
    if "dora_scale" in tensors:
        yield f"{name}.lora_magnitude_vector", tensors["dora_scale"].reshape(-1)


def _scale(layer: NamedLayer) -> float:
    rank = layer.tensors["lora_down.weight"].shape[0]
    return float(layer.tensors["alpha"].reshape(-1)[0]) / rank if "alpha" in layer.tensors else 1.0


def _text_name(file: TensorFile, adapter: Adapter, names: str) -> str:
    """The name of a layer of a text encoder; ComfyUI reads kohya's."""
    spelling = next(iter(spellings(adapter.name)))
    encoder, _, flat = spelling.removeprefix("text encoder ").partition(": ")
    match = _CLIP_LAYER.fullmatch(flat)
    if not encoder.isdigit() or (names == "diffusers" and match is None):
        _refuse(file, adapter.name, f"a layer of a text encoder that has no name in {names} naming")
    if names != "diffusers":
        return f"lora_te{encoder}_{flat}"
    assert match is not None
    number = "" if encoder == "1" else f"_{encoder}"
    return f"text_encoder{number}.text_model.encoder.layers.{match[1]}.{match[2]}.{match[3]}"


def _enforce_for_diffusers(file: TensorFile, adapters: Iterable[Adapter]) -> None:
    for adapter in adapters:
        if adapter.algorithm not in ("lora", "dora") or adapter.tensors.keys() & {"mid", "reshape"}:
            _refuse(file, adapter.name, f"diffusers loads LoRA and DoRA, and no {adapter.algorithm} as this one")


def _refuse(file: TensorFile, layer: str, why: str) -> NoReturn:
    raise InputInvalid(
        why, place=f"{file.header.path}, layer '{layer}'", remedy="leave the file in its own names: ComfyUI reads more"
    )
