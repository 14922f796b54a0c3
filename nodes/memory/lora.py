"""LoRAs at run time instead of in the weights, so that what is resident does not change the picture.

Core patches a resident weight once, in its own precision, and a streamed one at each use, without rounding back. With
weights of 8 bit the two differ by several percent. By core's bypass ``up(down(x))`` is added to a layer's output
instead, in the precision in which it computes, and the weights stay as they are in the file.
"""

from __future__ import annotations

import copy
import uuid
import weakref
from dataclasses import dataclass
from typing import Any

import comfy.weight_adapter
import torch
from comfy.patcher_extension import PatcherInjection

from ...client.errors import LoraMismatch
from ...client.units import gib
from .policy import Patching

_KEY = "packshot_bypass"
_CORES = "bypass_lora"  # core's own injection, of its loaders with 'bypass'
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)


class Bypass:
    """LoRAs that are added at run time, to the layers of whichever model a patcher has when core puts them in.

    That may be another one than at first: a delegate without Dynamic VRAM, or a copy on another GPU. A model has copies
    of the LoRAs on its device for as long as they are in.
    """

    def __init__(self, adapters: tuple[tuple[str, Any, float], ...], before: tuple[Any, ...] = ()) -> None:
        self.adapters, self.before = adapters, before  # injections of core's own, which these wrap
        self._inside: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()

    @property
    def layers(self) -> int:
        """How many layers have a LoRA."""
        return len({key for key, _, _ in self.adapters})

    @property
    def size(self) -> int:
        """Bytes of all LoRAs, as they are in their files."""
        return sum(one.nbytes for _, adapter, _ in self.adapters for one in adapter.weights if torch.is_tensor(one))

    def inject(self, patcher: Any) -> None:
        """Wrap the forward of each layer.

        Raises:
            LoraMismatch: the patcher's model lacks a layer.
        """
        if patcher.model in self._inside:
            return
        rounds: list[dict[str, Any]] = []  # for each LoRA on the same layer one, as core's manager knows one a layer
        for key, adapter, strength in self.adapters:
            free = next((one for one in rounds if key not in one), None)
            if free is None:
                rounds.append(free := {})
            free[key] = (copy.copy(adapter), strength)
        injections = [*self.before]
        for one in rounds:
            manager = comfy.weight_adapter.BypassInjectionManager()
            for key, (adapter, strength) in one.items():
                manager.add_adapter(key, adapter, strength=strength)
            injections += manager.create_injections(patcher.model)
            if manager.get_hook_count() < len(one):
                raise LoraMismatch(
                    f"{len(one) - manager.get_hook_count()} layers of the LoRA are not in the model",
                    place="Packshot VRAM Policy, input 'model'",
                    remedy="put the policy after whatever exchanges the model",
                )
        for injection in injections:
            injection.inject(patcher)
        self._inside[patcher.model] = injections

    def eject(self, patcher: Any) -> None:
        """Take them out in the reverse order, as they wrap each other."""
        for injection in reversed(self._inside.pop(patcher.model, [])):
            injection.eject(patcher)


@dataclass(frozen=True, slots=True)
class Patched:
    """How the patches of a model are applied.

    Attributes:
        bypass: layers with LoRAs at run time.
        size: bytes of those LoRAs, which are on the device besides the weights.
        weights: layers that are patched in their weights.
        core: whether a loader of core's has put LoRAs in at run time, which nobody counts.
    """

    bypass: int
    size: int
    weights: int
    core: bool

    def sentence(self) -> str:
        """For the report; empty where there are no patches."""
        parts = []
        if self.bypass:
            parts.append(
                f"{self.bypass} LoRA layers by bypass, whatever is resident ({gib(self.size)} beside the weights)"
            )
        if self.core:
            parts.append("LoRAs by core's own bypass")
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
    weight that holds query, key and value at once, DoRA, and all that scales the weight itself. What a policy before
    this one has moved stays moved.
    """
    bypass = patcher.get_attachment(_KEY) or Bypass(())
    if way is Patching.BYPASS or (way is Patching.AUTO and quantised(patcher)):
        moved = [(key, one) for key in list(patcher.patches) for one in _taken(patcher.patches, key)]
        if moved:
            adapters = ((key, adapter, strength) for key, (strength, adapter, *_) in moved)
            # Core takes injections out in the order of putting in, which on one layer has to be the reverse.
            bypass = Bypass((*bypass.adapters, *adapters), (*bypass.before, *(patcher.get_injections(_CORES) or ())))
            patcher.remove_injections(_CORES)
            patcher.set_attachments(_KEY, bypass)
            patcher.set_injections(_KEY, [PatcherInjection(inject=bypass.inject, eject=bypass.eject)])
            patcher.patches_uuid = uuid.uuid4()
    core = bool(bypass.before or patcher.get_injections(_CORES))
    return Patched(bypass.layers, bypass.size, len(patcher.patches), core)


def _taken(patches: dict[str, list[Any]], key: str) -> list[Any]:
    """Take a key's patches out, where all of them can be added at run time; else none."""
    go = [patch for patch in patches[key] if _movable(key, patch)]
    if len(go) < len(patches[key]):  # their order matters where one of them scales the weight
        return []
    del patches[key]
    return go


def _movable(key: str, patch: tuple[Any, ...]) -> bool:
    _, adapter, strength_model, offset, function = patch
    if not key.endswith(".weight") or offset is not None or function is not None or strength_model != 1.0:
        return False
    if not isinstance(adapter, comfy.weight_adapter.LoRAAdapter):
        return False
    dora, reshape = adapter.weights[4:6]
    return dora is None and reshape is None
