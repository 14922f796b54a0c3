"""How much of a LoRA file ComfyUI loads into a model: counted from the patches that its own loader gives back.

Core loads what it recognises, logs the rest and goes on; where a shape does not fit it logs an error in the middle of
sampling and leaves the weight as it was. Here the layers are first brought to names that it knows, and the shapes are
compared.
"""

from __future__ import annotations

import enum
import functools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import comfy.lora
import comfy.utils
import comfy.weight_adapter

from ...client.brand.lora.naming.families import LayerPart, foreign_parts
from ...client.brand.lora.naming.parts import BEYOND_COMFYUI, fault, read_parts
from ...client.brand.lora.naming.spellings import index_of, look_up, spellings
from ...client.errors import LoraMismatch
from ...client.models.detect.detect import detect_header
from ...client.models.files.adapters import Adapter, is_of_adapter
from ...client.models.files.header import Header, TensorInfo

LEAST_MATCHED = 0.9  # share of a file's tensors below which it is refused
_MODEL = "diffusion_model."
_LISTED = 5
# Whose names a layout has.
_TOOLS: Mapping[str, str] = {
    "kohya": "kohya's or musubi-tuner's tools", "diffusers": "diffusers or PEFT", "comfyui": "another tool",
    "onetrainer": "OneTrainer", "lycoris": "LyCORIS or SimpleTuner", "xlabs": "XLabs",
    "diffsynth": "DiffSynth-Studio", "bare": "a tool that puts nothing before them",
}  # fmt: skip


class Unloaded(enum.Enum):
    """Why a part of a LoRA file does not reach the model."""

    NAME = "name"  # nothing in the model is called so, though it has layers of this shape
    FOREIGN = "foreign"  # nor has it one of this shape
    BLOCK = "block"  # the model has such layers, but fewer
    SHAPE = "shape"
    ALGORITHM = "algorithm"  # ComfyUI has no code for it
    BIAS = "bias"  # the model's layer has none
    TEXT = "text"  # a text encoder's, and none is connected
    TWICE = "twice"  # the file has several adapters for one layer
    NO_ADAPTER = "no-adapter"
    BROKEN = "broken"  # parts of it are missing, or do not fit each other


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A layer of a file that is not loaded.

    Attributes:
        layer: its name in the file.
        why: for the decision.
        text: for people.
        tensors: how many tensors it has.
    """

    layer: str
    why: Unloaded
    text: str
    tensors: int


@dataclass(frozen=True, slots=True)
class LoadedLora:
    """A LoRA file as core has loaded and converted it."""

    path: Path
    tensors: Mapping[str, Any]
    metadata: Mapping[str, str]
    layers: Sequence[Adapter]


@dataclass(frozen=True)
class Target:
    """The layers that LoRAs may change: of a model, and of a text encoder where there is one.

    Attributes:
        names: a layer as LoRA files name it -> the weight, or a part of it, as core's functions give them.
        shapes: weight -> its shape.
    """

    names: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]
    has_clip: bool

    @functools.cached_property
    def index(self) -> dict[str, Any]:
        """Every spelling of core's names, and of names of the model's family that core does not know."""
        native = {
            name[len(_MODEL) : -len(".weight")]: shape
            for name, shape in self.shapes.items()
            if name.startswith(_MODEL) and name.endswith(".weight") and len(shape) > 1
        }
        foreign = {name: _rows(part) for name, part in foreign_parts(native).items()}
        return index_of({**self.names, **{name: rows for name, rows in foreign.items() if name not in self.names}})

    @functools.cached_property
    def patterns(self) -> frozenset[str]:
        """The spellings without their numbers."""
        return frozenset(map(_pattern, self.index))

    @functools.cached_property
    def sizes(self) -> frozenset[tuple[int, ...]]:
        """Outputs and inputs of all weights, and of the parts that LoRAs may change."""
        sides = (_sides(weight, self.shapes) for weight in self.index.values())
        return frozenset(tuple(shape[:2]) for shape in sides if shape is not None)

    @functools.cached_property
    def base(self) -> str | None:
        """What the model is, by the names and shapes of its weights."""
        return _detected({name[len(_MODEL) :]: shape for name, shape in self.shapes.items() if name.startswith(_MODEL)})

    def find(self, adapter: Adapter) -> Any | None:
        """What a layer of a file stands for: a weight, or a part of it; None where the model has none of the name."""
        return self.names[adapter.name] if adapter.name in self.names else look_up(self.index, adapter)


@dataclass(frozen=True, slots=True)
class Match:
    """How much of a LoRA file core has loaded for a model.

    Attributes:
        matched, total: tensors of the file that are in core's patches, and all of them.
        unmatched: layers that are not, and why; at most five.
        left: all of them.
        patches: as core's loader gives them back: weight, or a part of it -> what changes it.
        renamed: tensors of the file that core does not know by their own names.
        names: whose names the file has.
        made_for: the base that its shapes show; None if they show none or were not looked at.
    """

    matched: int
    total: int
    unmatched: tuple[str, ...]
    left: tuple[LeftOver, ...] = ()
    patches: Mapping[Any, Any] = field(default_factory=dict)
    renamed: int = 0
    names: str = ""
    made_for: str | None = None

    def enforce(self, place: str, target: Target) -> None:
        """Refuse a file of which core loads too little.

        Raises:
            LoraMismatch: fewer than nine of ten tensors are in its patches.
        """
        if self.total and self.matched >= LEAST_MATCHED * self.total:
            return
        cause, remedy = self._cause(target)
        raise LoraMismatch(
            f"{self.matched} of {self.total} tensors fit the loaded model; left over are {'; '.join(self.unmatched)}"
            f"{cause}",
            place=place,
            remedy=remedy,
        )

    def _cause(self, target: Target) -> tuple[str, str]:
        """What most of it is left out for, and what to do."""
        tensors: Counter[Unloaded] = Counter()
        for left in self.left:
            tensors[left.why] += left.tensors
        why = tensors.most_common(1)[0][0] if tensors else Unloaded.NO_ADAPTER
        if why is Unloaded.TEXT:
            return "", f"connect the CLIP, which {sum(left.why is why for left in self.left)} of its layers are for"
        if why is Unloaded.ALGORITHM:
            return "", "train it, or have its tool write it, as LoRA, DoRA, LoHa, LoKr or LyCORIS's OFT"
        if why is Unloaded.TWICE:
            return "", "save each adapter as a file of its own, and apply them one after the other"
        if why is Unloaded.BROKEN:
            return "", "the file is not whole: fetch it, or have its tool write it, again"
        if why is Unloaded.NO_ADAPTER:
            return "", "use another file: what is in this one is no LoRA that ComfyUI reads"
        if why is Unloaded.BIAS:
            return "", "train it without biases, which this model's layers do not have"
        if why is Unloaded.NAME and self.made_for in (None, "other", target.base):
            cause = (
                f". Their shapes are those of this model's layers; the names are of {self.names}, and neither ComfyUI"
            )
            return f"{cause} nor Packshot knows them", "have its tool write it in diffusers' or kohya's names"
        if self.made_for not in (None, "other", target.base):
            return f". The file is for {self.made_for}", f"load {self.made_for}, or use a LoRA for the loaded model"
        return (
            ". The layers are of another model, or of another size",
            "use a LoRA that was trained on the loaded model",
        )


def match(target: Target, file: LoadedLora) -> Match:
    """Have core load a file for a model and a text encoder, and count what it took."""
    handed = _Handed()
    for adapter in file.layers:
        handed.add(target, adapter, file)
    patches = comfy.lora.load_lora(handed.tensors, handed.names, log_missing=False)
    patches = {key: patch for key, patch in patches.items() if _weight(key) in target.shapes}
    taken = {id(tensor) for patch in patches.values() for tensor in _tensors(patch)}
    matched = {
        source
        for name, source in handed.sources.items()
        if id(handed.tensors[name]) in taken or _taken_as_number(name, handed.names, patches)
    }
    left = [*handed.left, *_not_taken(handed, matched), *_strange(file)]
    return Match(
        len(matched),
        len(file.tensors),
        tuple(f"{part.layer} ({part.text})" for part in left[:_LISTED]),
        tuple(left),
        patches,
        len(handed.renamed & matched),
        _tool(file),
        None if len(matched) >= LEAST_MATCHED * len(file.tensors) else _file_base(file),
    )


@dataclass(slots=True)
class _Handed:
    """What is handed to core.

    Attributes:
        tensors: as it reads them, by names that it is told.
        names: layer -> weight, or a part of it.
        sources: name in ``tensors`` -> in the file.
        renamed: names in the file that differ from those in core's own lists.
        left: layers that are not handed over.
    """

    tensors: dict[str, Any] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    renamed: set[str] = field(default_factory=set)
    left: list[LeftOver] = field(default_factory=list)

    def add(self, target: Target, adapter: Adapter, file: LoadedLora) -> None:
        """Hand a layer over, or leave it with the reason."""
        weight = target.find(adapter)
        shapes = {name: tuple(file.tensors[name].shape) for name in adapter.tensors.values()}
        broken = fault(adapter, shapes)
        misfit = (Unloaded.BROKEN, broken) if broken else _misfit(adapter, weight, target, shapes)
        if misfit is not None:
            self.left.append(LeftOver(adapter.name, *misfit, len(adapter.tensors)))
            return
        layer = _layer_name(weight)
        if layer in self.names:
            text = "the file has this layer under another name too"
            self.left.append(LeftOver(adapter.name, Unloaded.TWICE, text, len(adapter.tensors)))
            return
        self.names[layer] = weight
        for part in read_parts(adapter, file.tensors):
            of = f"{layer}.bias" if part.of_bias else layer
            if part.of_bias:
                self.names[of] = _bias_of(weight)
            name = f"{of}.{part.suffix}"
            self.tensors[name] = part.tensor
            self.sources[name] = part.source
            if adapter.name not in target.names or not _core_reads(part.source, adapter.name):
                self.renamed.add(part.source)


def _misfit(
    adapter: Adapter, weight: Any, target: Target, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Unloaded, str] | None:
    """Why a layer of a file is not handed to core; None: it is."""
    beyond = next((text for part, text in BEYOND_COMFYUI.items() if part in adapter.tensors), "")
    if beyond:
        return Unloaded.ALGORITHM, beyond
    if weight is None and adapter.text and not target.has_clip:
        return Unloaded.TEXT, "a layer of a text encoder, and no CLIP is connected"
    if weight is None:
        return _absent(adapter, target), "the model has no such layer"
    shape = _sides(weight, target.shapes)
    if shape is None:
        return Unloaded.NAME, "the model has no such weight"
    if adapter.algorithm == "boft" and "alpha" not in adapter.tensors:
        return Unloaded.ALGORITHM, "ComfyUI applies BOFT only where the file has its alpha"
    if "reshape" in adapter.tensors:
        return None
    if len(adapter.shape) < 2 or len(shape) < 2:
        vectors = [shapes[adapter.tensors[part]] for part in ("diff", "w") if part in adapter.tensors]
        wrong = [vector for vector in vectors if vector != tuple(shape)]
        return (Unloaded.SHAPE, f"{wrong[0]}, and the model's is {tuple(shape)}") if wrong else None
    if adapter.algorithm == "diff" and adapter.shape != tuple(shape):  # core adds it to nothing else
        return Unloaded.SHAPE, f"{adapter.shape}, and the model's is {tuple(shape)}"
    out, into = adapter.shape[:2]
    # A convolution's kernel may be flattened into the inputs.
    if (out is None or out == shape[0]) and (into is None or into in (shape[1], math.prod(shape[1:]))):
        return None
    return Unloaded.SHAPE, f"{out or '?'} x {into or '?'}, and the model's is {' x '.join(map(str, shape))}"


def _absent(adapter: Adapter, target: Target) -> Unloaded:
    """Why the model has no layer of a name."""
    if any(_pattern(spelling) in target.patterns for spelling in spellings(adapter.name)):
        return Unloaded.BLOCK
    return Unloaded.NAME if adapter.shape[:2] in target.sizes else Unloaded.FOREIGN


def _not_taken(handed: _Handed, matched: set[str]) -> Iterator[LeftOver]:
    for name, source in handed.sources.items():
        if source not in matched:
            if name.endswith(".bias.diff"):
                yield LeftOver(source, Unloaded.BIAS, "the model's layer has no bias", 1)
            else:
                yield LeftOver(source, Unloaded.ALGORITHM, "ComfyUI makes no use of it", 1)


def _strange(file: LoadedLora) -> Iterator[LeftOver]:
    """Yield the tensors that are of no layer: of a second adapter, or of none."""
    adapted = {name for adapter in file.layers for name in adapter.tensors.values()}
    for name in file.tensors:
        if name not in adapted:
            if is_of_adapter(name):
                yield LeftOver(name, Unloaded.TWICE, "of a second adapter in the same file", 1)
            else:
                yield LeftOver(name, Unloaded.NO_ADAPTER, "no tensor of a LoRA", 1)


def _rows(part: LayerPart) -> Any:
    """A part of a model in the form of core's lists."""
    key = f"{_MODEL}{part.weight}.weight"
    if part.swapped:
        return key, None, comfy.utils.swap_scale_shift
    return key if part.rows is None else (key, (0, part.begin, part.rows))


def _weight(target: Any) -> str:
    """The weight's name, of core's key for it or for a part of it."""
    return str(target if isinstance(target, str) else target[0])


def _layer_name(target: Any) -> str:
    """The model's own name for a layer, or for some rows of it."""
    layer = _weight(target).removesuffix(".weight")
    if isinstance(target, str) or target[1] is None:
        return layer
    _, begin, rows = target[1]
    return f"{layer}[{begin}:{begin + rows}]"


def _bias_of(target: Any) -> Any:
    key = f"{_weight(target).removesuffix('.weight')}.bias"
    return key if isinstance(target, str) else (key, *target[1:])


def _sides(target: Any, shapes: Mapping[str, tuple[int, ...]]) -> list[int] | None:
    """The shape of a weight, or of a part such as the query's rows of one for query, key and value."""
    if _weight(target) not in shapes:
        return None
    sides = list(shapes[_weight(target)])
    if not isinstance(target, str) and target[1] is not None:
        axis, _, rows = target[1]
        sides[axis] = rows
    return sides


def _tensors(patch: Any) -> Iterator[Any]:
    """Yield what a patch of core's holds."""
    held = patch.weights if isinstance(patch, comfy.weight_adapter.WeightAdapterBase) else patch[1]
    yield from (tensor for tensor in held if tensor is not None)


def _taken_as_number(name: str, names: Mapping[str, Any], patches: Mapping[Any, Any]) -> bool:
    """Whether a tensor is in a patch as its values: an alpha, or a new shape."""
    layer, _, suffix = name.rpartition(".")
    if suffix not in ("alpha", "reshape_weight"):
        return False
    return isinstance(patches.get(names[layer]), comfy.weight_adapter.WeightAdapterBase)


def _core_reads(source: str, layer: str) -> bool:
    """Whether core reads a tensor of this name, if it knows the layer's: the name of no PEFT adapter is in it."""
    rest = source.removeprefix(f"{layer}.")
    return "magnitude" not in rest and (rest.count(".") < 2 or rest.startswith(("lora.", "lora_linear_layer.")))


def _pattern(spelling: str) -> str:
    return re.sub(r"(?<![^_])\d+(?![^_])", "#", spelling)


def _tool(file: LoadedLora) -> str:
    layouts = Counter(adapter.layout for adapter in file.layers if not adapter.text)
    layouts = layouts or Counter(adapter.layout for adapter in file.layers)
    if any(not _core_reads(name, adapter.name) for adapter in file.layers for name in adapter.tensors.values()):
        return "PEFT"
    return _TOOLS[layouts.most_common(1)[0][0]] if layouts else ""


def _file_base(file: LoadedLora) -> str | None:
    return _detected({name: tuple(tensor.shape) for name, tensor in file.tensors.items()})


def _detected(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    tensors = {name: TensorInfo("F16", shape, 0) for name, shape in shapes.items()}
    return detect_header(Header(Path(), "safetensors", 0, 0, tensors, {})).base
