"""Whether what core made of a LoRA file changes any weight: one that was never trained adds zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import comfy.weight_adapter as core
import torch

_MODEL = "diffusion_model."


def changes_anything(patches: Mapping[Any, Any], on_model: bool, on_clip: bool) -> bool:
    """Whether one of the patches changes its weight.

    Args:
        patches: as core's loader gives them back.
        on_model, on_clip: whether the strength on either is other than 0.
    """
    for key, patch in patches.items():
        weight = key if isinstance(key, str) else key[0]
        if (on_model if weight.startswith(_MODEL) else on_clip) and _changes(patch):
            return True
    return False


def _changes(patch: Any) -> bool:
    if not isinstance(patch, core.WeightAdapterBase):
        kind, values = patch
        return kind == "set" or _any(*values)
    weights = patch.weights
    if isinstance(patch, core.LoRAAdapter):
        up, down, alpha, mid, magnitude, _ = weights
        return magnitude is not None or (alpha != 0 and _all(up, down, mid))
    if isinstance(patch, core.LoHaAdapter):
        first, second, alpha, third, fourth, core_1, core_2, magnitude = weights
        return magnitude is not None or (alpha != 0 and _all(first, second, third, fourth, core_1, core_2))
    if isinstance(patch, core.LoKrAdapter):
        w1, w2, alpha, *factors, magnitude = weights
        scaled = alpha != 0 or (w1 is not None and w2 is not None)  # core heeds it with factors only
        return magnitude is not None or (scaled and _all(w1, w2, *factors))
    if isinstance(patch, core.GLoRAAdapter):
        a1, a2, b1, b2, alpha, magnitude = weights
        return magnitude is not None or (alpha != 0 and (_all(a1, a2) or _all(b1, b2)))
    blocks, rescale, *_ = weights  # OFT and BOFT
    return rescale is not None or _any(blocks)


def _any(*tensors: Any) -> bool:
    return any(bool(tensor.any()) for tensor in tensors if torch.is_tensor(tensor))


def _all(*tensors: Any) -> bool:
    """Whether each of the factors of a product has a value other than zero; those that are not there do not count."""
    return all(bool(tensor.any()) for tensor in tensors if tensor is not None)
