"""Applying LoRA files with core's own functions, and saying what came of it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
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
from ...client.errors import InputInvalid
from ...client.models.files.adapters import adapters
from ...client.models.files.read import read_header
from . import lora_effect
from .lora_match import LoadedLora, Match, Target, match

ADDED = "added to the weights"
_RELATIVE = "change relative to the weights"


@functools.lru_cache(maxsize=4)
def _loaded(path: str, _size: int, _changed: int) -> LoadedLora:
    tensors, metadata = comfy.utils.load_torch_file(path, safe_load=True, return_metadata=True)
    tensors = comfy.lora_convert.convert_lora(tensors)
    layers = adapters({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    return LoadedLora(Path(path), tensors, dict(metadata or {}), layers)


def load(path: Path) -> LoadedLora:
    """Load a file, or give the one that was loaded before it changed.

    Raises:
        ModelMissing, ModelCorrupt: it is not there, or is no file of weights.
    """
    read_header(path)
    stat = path.stat()
    return _loaded(str(path), stat.st_size, stat.st_mtime_ns)


def target_of(model: Any, clip: Any | None) -> Target:
    """The layers of a loaded model and text encoder."""
    names = comfy.lora.model_lora_keys_unet(model.model, {})
    weights = dict(model.model.state_dict())
    if clip is not None:
        names = comfy.lora.model_lora_keys_clip(clip.cond_stage_model, names)
        weights |= clip.cond_stage_model.state_dict()
    return Target(names, {name: tuple(weight.shape) for name, weight in weights.items()}, clip is not None)


def admitted(target: Target, file: LoadedLora, place: str) -> Match:
    """Have core load a file.

    Raises:
        LoraMismatch: it takes too little of it.
    """
    fit = match(target, file)
    fit.enforce(place, target)
    return fit


def patched(
    model: Any, clip: Any | None, file: LoadedLora, fit: Match, strength: float, strength_clip: float
) -> tuple[Any, Any]:
    """Add the patches that core made of a file to a model and a text encoder, as ``load_lora_for_models`` does."""
    model = model.clone()
    model.add_patches(fit.patches, strength)
    if file.metadata:
        model.set_attachments("lora_metadata", dict(file.metadata))
    if clip is not None:
        clip = clip.clone()
        clip.add_patches(fit.patches, strength_clip)
        if file.metadata:
            clip.patcher.set_attachments("lora_metadata", dict(file.metadata))
    return model, clip


def scheduled(clip: Any | None, fit: Match, steps: Sequence[tuple[float, float]], strength_clip: float) -> Any:
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
    hooks = comfy.hooks.create_hook_lora(lora={}, strength_model=1.0, strength_clip=strength_clip)
    (hook,) = hooks.hooks
    # The hook would load the file again by core's own names; these are the patches that were counted.
    hook.weights = hook.weights_clip = fit.patches
    hook.need_weight_init = False
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
        fit: how much of it core has loaded.
        changes: whether it changes any weight at these strengths.
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
    fit: Match
    changes: bool
    norm: float | None
    base: str
    path: str

    @classmethod
    def of(
        cls,
        file: LoadedLora,
        fit: Match,
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
        on_model = any(at for _, at in steps) if steps else bool(strength)
        changes = lora_effect.changes_anything(fit.patches, on_model, bool(strength_clip))
        return cls(name, file.path.name, digest, strength, strength_clip, steps, fit, changes, norm, base, path)

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
            f" {self.fit.matched}/{self.fit.total} tensors matched{self._renamed()}, {change}, {base}{self.path}"
        )

    def warnings(self) -> list[str]:
        """What the user may not expect: nothing changes, or a part of the file is left out."""
        lines = []
        if not self.changes:
            zero = "its strength is 0" if not (self.strength or self.strength_clip) else "what it adds is zero"
            lines.append(f"Warning: {self.file} changes nothing, as {zero}")
        if self.fit.unmatched:
            count = self.fit.total - self.fit.matched
            lines.append(f"Warning: {count} tensors of {self.file} are not loaded: {'; '.join(self.fit.unmatched)}")
        return lines

    def _renamed(self) -> str:
        return f", {self.fit.renamed} of them renamed from the names of {self.fit.names}" * bool(self.fit.renamed)

    def record(self) -> dict[str, Any]:
        """The same as values, for the picture's record."""
        return {
            "name": self.name,
            "file": self.file,
            "sha256": self.sha256,
            "strength": self.strength,
            "strength_clip": self.strength_clip,
            "steps": [{"start": start, "strength": strength} for start, strength in self.steps],
            "matched": self.fit.matched,
            "total": self.fit.total,
            "renamed": self.fit.renamed,
            "names": self.fit.names,
            "left_out": list(self.fit.unmatched),
            "changes": self.changes,
            "norm": self.norm,
            "base": self.base,
            "path": self.path,
        }


def triggers(files: Sequence[LoadedLora]) -> str:
    """The trigger words of files, each once, separated by commas."""
    return ", ".join(dict.fromkeys(word for file in files for word in trigger_words(file.metadata)))


def conflicts(files: Sequence[LoadedLora]) -> list[str]:
    """A line for each two files that fight over the same directions."""
    lines = []
    for number, first in enumerate(files):
        for second in files[number + 1 :]:
            meeting = _overlap(*_stamped(first.path), *_stamped(second.path))
            if meeting.fights:
                lines.append(f"{first.path.name} and {second.path.name}: {meeting.sentence()}")
    return lines


def _stamped(path: Path) -> tuple[str, int]:
    return str(path), path.stat().st_mtime_ns


@functools.lru_cache(maxsize=64)
def _overlap(first: str, _changed: int, second: str, _changed_too: int) -> Overlap:
    return overlap(TensorFile(first), TensorFile(second))
