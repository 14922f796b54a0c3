"""Applying LoRA files with core's own functions, and saying what came of it.

Core loads what it recognises, logs the rest and goes on; where a shape does not fit it logs an error in the middle of
sampling and leaves the weight as it was. Here the names and shapes are compared first.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.hooks
import comfy.lora
import comfy.lora_convert
import comfy.utils

import nodes as core

from ...client.brand.lora.conflicts import Overlap, overlap
from ...client.brand.lora.index import LoraIndex
from ...client.brand.lora.metadata import trigger_words
from ...client.brand.lora.tensors import TensorFile
from ...client.errors import InputInvalid, LoraMismatch
from ...client.models.detect.detect import Detection, detect_header
from ...client.models.files.adapters import Adapter, adapters
from ...client.models.files.header import Header, TensorInfo

ADDED = "added to the weights"
_RELATIVE = "change relative to the weights"
LEAST_MATCHED = 0.9  # share of a file's tensors below which it is refused


@dataclass(frozen=True, slots=True)
class Match:
    """How a LoRA file fits a loaded model.

    Attributes:
        matched, total: tensors of the file that the model takes, and all of them.
        unmatched: layers that it does not take, and why; at most five.
    """

    matched: int
    total: int
    unmatched: tuple[str, ...]

    def enforce(self, place: str, target: Target) -> None:
        """Refuse a file of which the model takes too little.

        Raises:
            LoraMismatch: fewer than nine of ten tensors fit.
        """
        if self.total and self.matched >= LEAST_MATCHED * self.total:
            return
        clip = "" if target.has_clip else ", and connect the CLIP, which part of it may be for"
        raise LoraMismatch(
            f"{self.matched} of {self.total} tensors fit the loaded model; left over are {'; '.join(self.unmatched)}",
            place=place,
            remedy=f"load the model that it was made for{clip}",
        )


@dataclass(frozen=True, slots=True)
class LoadedLora:
    """A LoRA file as core has loaded and converted it."""

    path: Path
    tensors: Mapping[str, Any]
    metadata: Mapping[str, str]
    layers: Sequence[Adapter]


@functools.lru_cache(maxsize=4)
def _loaded(path: str, _size: int, _changed: int) -> LoadedLora:
    tensors, metadata = comfy.utils.load_torch_file(path, safe_load=True, return_metadata=True)
    tensors = comfy.lora_convert.convert_lora(tensors)
    layers = adapters({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    return LoadedLora(Path(path), tensors, dict(metadata or {}), layers)


def load(path: Path) -> LoadedLora:
    """Load a file, or give the one that was loaded before it changed."""
    stat = path.stat()
    return _loaded(str(path), stat.st_size, stat.st_mtime_ns)


def base_of(model: Any) -> Detection:
    """What a loaded model is, by the names and shapes of its weights."""
    weights = {
        name: TensorInfo("F16", tuple(weight.shape), 0)
        for name, weight in model.model.diffusion_model.named_parameters()
    }
    return detect_header(Header(Path("loaded model"), "safetensors", 0, 0, weights, {}))


@dataclass(frozen=True, slots=True)
class Target:
    """The layers that LoRAs may change: of a model, and of a text encoder where there is one.

    Attributes:
        names: a layer as LoRA files name it -> the weight, or a part of it, as core's functions give them.
        shapes: weight -> its shape.
    """

    names: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]
    has_clip: bool


def target_of(model: Any, clip: Any | None) -> Target:
    """The layers of a loaded model and text encoder."""
    names = comfy.lora.model_lora_keys_unet(model.model, {})
    weights = dict(model.model.state_dict())
    if clip is not None:
        names = comfy.lora.model_lora_keys_clip(clip.cond_stage_model, names)
        weights |= clip.cond_stage_model.state_dict()
    return Target(names, {name: tuple(weight.shape) for name, weight in weights.items()}, clip is not None)


def match(target: Target, file: LoadedLora) -> Match:
    """Compare a file's layers with the model's and the text encoder's, by name and shape."""
    matched, unmatched, known = 0, [], 0
    for adapter in file.layers:
        reason = _misfit(adapter, target.names.get(adapter.name), target.shapes)
        known += len(adapter.tensors)
        if reason:
            unmatched.append(f"{adapter.name} ({reason})")
        else:
            matched += len(adapter.tensors)
    if known < len(file.tensors):
        unmatched.append(f"{len(file.tensors) - known} tensors that are none of a LoRA")
    return Match(matched, len(file.tensors), tuple(unmatched[:5]))


def _misfit(adapter: Adapter, target: Any, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Why a layer of a file is not taken; empty: it is."""
    if target is None:
        return "the model has no such layer"
    name, place = (target, None) if isinstance(target, str) else (target[0], target[1])
    if name not in shapes:
        return "the model has no such weight"
    if adapter.algorithm == "boft" and "alpha" not in adapter.tensors:
        return "ComfyUI applies BOFT only where the file has its alpha"
    if "reshape" in adapter.tensors or len(adapter.shape) < 2 or len(shapes[name]) < 2:
        return ""
    sides = list(shapes[name])
    if place is not None:  # a part of a weight, such as the query's rows of one for query, key and value
        sides[place[0]] = place[2]
    out, into = adapter.shape[:2]
    # A convolution's kernel may be flattened into the inputs.
    if (out is None or out == sides[0]) and (into is None or into in (sides[1], math.prod(sides[1:]))):
        return ""
    return f"{out or '?'} x {into or '?'}, and the model's is {' x '.join(map(str, sides))}"


def patched(
    model: Any, clip: Any | None, target: Target, file: LoadedLora, strength: float, strength_clip: float
) -> tuple[Any, Any]:
    """Model and text encoder with the file's changes, in the steps of core's own ``load_lora_for_models``.

    That function works out the layers' names for each file, and tries all of them, of which most are in no file. Here
    core's loader is given those that the file has, in the same order.
    """
    layers = {layer.name for layer in file.layers}
    names = {name: weight for name, weight in target.names.items() if name in layers}
    if sum(len(layer.tensors) for layer in file.layers) < len(file.tensors):
        names = dict(target.names)  # core may know a name that is not known here
    patches = comfy.lora.load_lora(file.tensors, names, log_missing=False)
    model = model.clone()
    model.add_patches(patches, strength)
    if file.metadata:
        model.set_attachments("lora_metadata", dict(file.metadata))
    if clip is not None:
        clip = clip.clone()
        clip.add_patches(patches, strength_clip)
        if file.metadata:
            clip.patcher.set_attachments("lora_metadata", dict(file.metadata))
    return model, clip


def scheduled(clip: Any | None, file: LoadedLora, steps: Sequence[tuple[float, float]], strength_clip: float) -> Any:
    """A text encoder whose conditioning carries the LoRA to the model, with a strength that follows the steps.

    Core's hooks do this: what is encoded with this CLIP tells the sampler which weights to use at which step.

    Args:
        steps: share of the steps from which, and strength on the model; the first is at 0.

    Raises:
        InputInvalid: there is no CLIP to carry it.
    """
    if clip is None:
        raise InputInvalid(
            "a LoRA with a schedule reaches the model through the conditioning",
            place="input 'clip'",
            remedy="connect the CLIP, and encode the prompts with the one that comes out",
        )
    hooks = comfy.hooks.create_hook_lora(lora=file.tensors, strength_model=1.0, strength_clip=strength_clip)
    keyframes = comfy.hooks.HookKeyframeGroup()
    for start, strength in steps:
        keyframes.add(comfy.hooks.HookKeyframe(strength=strength, start_percent=start, guarantee_steps=0))
    hooks.set_keyframes_on_hooks(keyframes)
    if clip.apply_hooks_to_conds is not None:
        hooks = clip.apply_hooks_to_conds.clone_and_combine(hooks)
    node = core.NODE_CLASS_MAPPINGS["SetClipHooks"]()
    return node.apply_hooks(clip, schedule_clip=False, apply_to_conds=True, hooks=hooks)[0]


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done with a LoRA file, for people and for the picture's record.

    Attributes:
        name: in the kit or the stack.
        file: the file's name.
        sha256: of the file.
        strength, strength_clip: on the model and on the text encoder.
        steps: share of the steps from which, and strength on the model, in place of ``strength``; empty: the same for
            all steps.
        found: how much of it fits.
        norm: Frobenius norm of what it adds to the weights at strength 1; None where what it does is no sum.
        base: the model that it was applied to; empty where that was not asked.
        path: which way it was applied.
    """

    name: str
    file: str
    sha256: str
    strength: float
    strength_clip: float
    steps: tuple[tuple[float, float], ...]
    found: Match
    norm: float | None
    base: str
    path: str

    @classmethod
    def of(
        cls,
        file: LoadedLora,
        found: Match,
        strength: float,
        strength_clip: float,
        path: str,
        *,
        name: str,
        base: str = "",
        steps: tuple[tuple[float, float], ...] = (),
    ) -> Applied:
        """With hash and norm, which are computed once for a file and kept in the index."""
        with LoraIndex() as index:
            digest, norm = index.hashes(file.path).file, index.norm(file.path)
        return cls(name, file.path.name, digest, strength, strength_clip, steps, found, norm, base, path)

    def line(self) -> str:
        """A line of the report."""
        if self.steps:
            strength = ", ".join(f"{value:g} from {start:.0%} of the steps" for start, value in self.steps)
        elif self.strength == self.strength_clip:
            strength = f"{self.strength:g}"
        else:
            strength = f"{self.strength:g} (text encoder {self.strength_clip:g})"
        change = f"change of norm {self.norm:.4g} at strength 1" if self.norm is not None else _RELATIVE
        base = f"for {self.base}, " if self.base else ""
        return (
            f"{self.file}: SHA-256 {self.sha256}, strength {strength},"
            f" {self.found.matched}/{self.found.total} tensors matched, {change}, {base}{self.path}"
        )

    def record(self) -> dict[str, Any]:
        """The same as values, for the picture's record."""
        return {
            "name": self.name,
            "file": self.file,
            "sha256": self.sha256,
            "strength": self.strength,
            "strength_clip": self.strength_clip,
            "steps": [{"start": start, "strength": strength} for start, strength in self.steps],
            "matched": self.found.matched,
            "total": self.found.total,
            "norm": self.norm,
            "base": self.base,
            "path": self.path,
        }


def triggers(files: Sequence[LoadedLora]) -> str:
    """The trigger words of files, each once, separated by commas."""
    return ", ".join(dict.fromkeys(word for file in files for word in trigger_words(file.metadata)))


def conflicts(files: Sequence[LoadedLora]) -> list[str]:
    """A line for each two files that fight over the same directions."""
    found = []
    for number, first in enumerate(files):
        for second in files[number + 1 :]:
            meeting = _overlap(*_stamped(first.path), *_stamped(second.path))
            if meeting.fights:
                found.append(f"{first.path.name} and {second.path.name}: {meeting.sentence()}")
    return found


def _stamped(path: Path) -> tuple[str, int]:
    return str(path), path.stat().st_mtime_ns


@functools.lru_cache(maxsize=64)
def _overlap(first: str, _changed: int, second: str, _changed_too: int) -> Overlap:
    return overlap(TensorFile(first), TensorFile(second))
