"""LoRAs at run time instead of in the weights, so that what is resident does not change the picture.

Core patches a resident weight once, in its own precision, and a streamed one at each use, without rounding back. With
weights of 8 bit the two differ by several percent. By core's bypass ``up(down(x))`` is added to a layer's output
instead, in the precision in which it computes, and the weights stay as they are in the file.
"""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass
from typing import Any

import comfy.weight_adapter
import torch
from comfy.patcher_extension import PatcherInjection

from .vram_policy import Patching

_KEY = "packshot_bypass"
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)


@dataclass(frozen=True, slots=True)
class Patched:
    """How the patches of a model are applied: a number of layers by each way."""

    bypass: int
    weights: int

    def sentence(self) -> str:
        """For the report; empty where there are no patches."""
        parts = []
        if self.bypass:
            parts.append(f"{self.bypass} LoRA layers by bypass, whatever is resident")
        if self.weights:
            parts.append(f"{self.weights} layers patched in their weights")
        return ", ".join(parts)


def quantised(patcher: Any) -> bool:
    """Whether a model's matrices are stored in less than 16 bit."""
    inner = getattr(patcher.model, "diffusion_model", patcher.model)
    return any(
        value.ndim > 1 and (value.dtype not in _FLOATS or type(value).__name__ == "QuantizedTensor")
        for value in inner.parameters()
    )


def applied(patcher: Any, way: Patching) -> Patched:
    """Move a model's LoRAs to the bypass where that is asked for, in place: give it a clone.

    Patches that are no low-rank adapters of a whole weight stay in the weights: differences of biases, a part of a
    weight that holds query, key and value at once, DoRA, and all that scales the weight itself.
    """
    if way is Patching.WEIGHTS or (way is Patching.AUTO and not quantised(patcher)):
        return Patched(0, len(patcher.patches))
    rounds: list[Any] = []  # one manager for each LoRA on the same layer, as a manager knows one a layer
    moved = 0
    for key in list(patcher.patches):
        stay, go = [], []
        for patch in patcher.patches[key]:
            (go if _movable(key, patch) else stay).append(patch)
        if stay and go:  # their order matters where one of them scales the weight
            stay, go = patcher.patches[key], []
        for number, (strength, adapter, *_) in enumerate(go):
            if number == len(rounds):
                rounds.append(comfy.weight_adapter.BypassInjectionManager())
            rounds[number].add_adapter(key, copy.copy(adapter), strength=strength)
        moved += bool(go)
        if stay:
            patcher.patches[key] = stay
        else:
            del patcher.patches[key]
    if rounds:
        injections = [one for manager in rounds for one in manager.create_injections(patcher.model)]
        # One injection with those of a policy before this one, as core takes out several in the order of putting in.
        patcher.set_injections(_KEY, [_together([*(patcher.get_injections(_KEY) or []), *injections])])
        patcher.patches_uuid = uuid.uuid4()
    return Patched(moved, len(patcher.patches))


def _movable(key: str, patch: tuple[Any, ...]) -> bool:
    _, adapter, strength_model, offset, function = patch
    if not key.endswith(".weight") or offset is not None or function is not None or strength_model != 1.0:
        return False
    if not isinstance(adapter, comfy.weight_adapter.LoRAAdapter):
        return False
    dora, reshape = adapter.weights[4:6]
    return dora is None and reshape is None


def _together(injections: list[Any]) -> Any:
    """One injection that puts them in in their order, and takes them out in the reverse, as they wrap each other."""

    def inject(patcher: Any) -> None:
        for one in injections:
            one.inject(patcher)

    def eject(patcher: Any) -> None:
        for one in reversed(injections):
            one.eject(patcher)

    return PatcherInjection(inject=inject, eject=eject)
