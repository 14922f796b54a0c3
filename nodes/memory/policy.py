"""What may be asked of the memory that a model takes, and how much of the model that is."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import torch

from ...client.errors import InputInvalid, OutOfMemory
from ...client.units import gib

GIB = 2**30
_SMALL = 16 * 2**10  # bytes of a layer up to which Dynamic VRAM puts it on the device at once
_LOCK = "Packshot VRAM Policy, mode 'full'"


class Mode(str, enum.Enum):
    """How much of a model stays on its device while it samples."""

    AUTO = "auto"
    BUDGET = "budget"
    BLOCKS = "blocks"
    FULL = "full"


class Patching(str, enum.Enum):
    """How LoRAs are applied."""

    AUTO = "auto"
    WEIGHTS = "weights"
    BYPASS = "bypass"


@dataclass(frozen=True, slots=True)
class Policy:
    """Options of the VRAM policy. Those that contradict each other are refused when it is made.

    Attributes:
        budget_gib: for ``budget``: GiB of the model's weights that may stay on the device; 0 where not asked for.
        blocks: for ``blocks``: of the model's transformer or U-Net blocks, how many may stay; 0 where not asked for.
        headroom_gib: GiB of the device that are left to other programs while this model samples.

    Raises:
        InputInvalid: options that contradict each other, or one that is missing.
    """

    mode: Mode = Mode.AUTO
    budget_gib: float = 0.0
    blocks: int = 0
    headroom_gib: float = 0.0
    lora: Patching = Patching.AUTO

    def __post_init__(self) -> None:
        if self.budget_gib and self.mode is not Mode.BUDGET:
            self._refuse(
                f"'{self.mode.value}' and a budget of {self.budget_gib:g} GiB", "budget_gib", "0, or mode 'budget'"
            )
        if self.blocks and self.mode is not Mode.BLOCKS:
            self._refuse(f"'{self.mode.value}' and {self.blocks} resident blocks", "blocks", "0, or mode 'blocks'")
        if self.mode is Mode.BUDGET and self.budget_gib <= 0:
            self._refuse("mode 'budget' without a budget", "budget_gib", "GiB of weights that may stay on the device")
        if self.mode is Mode.BLOCKS and self.blocks < 1:
            self._refuse("mode 'blocks' without a number of blocks", "blocks", "how many may stay on the device")

    @staticmethod
    def _refuse(message: str, name: str, wanted: str) -> None:
        raise InputInvalid(message, place=f"Packshot VRAM Policy, input '{name}'", remedy=f"set it to {wanted}")


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's weights in bytes.

    Attributes:
        total: all of them.
        largest: of the largest layer, which has to be on the device while it computes.
        pinned: of what core does not stream: parameters outside of its layers, buffers, and with Dynamic VRAM small
            layers.
        blocks: of each block, in the order in which they run; empty where the model has none.
    """

    total: int
    largest: int
    pinned: int
    blocks: tuple[int, ...]

    @property
    def least(self) -> int:
        """The smallest budget with which the model can run."""
        return self.pinned + self.largest


def weigh(patcher: Any) -> Weights:
    """Weigh a loaded model."""
    largest, pinned = 0, sum(value.nbytes for value in patcher.model.buffers())
    smallest = _SMALL if patcher.is_dynamic() else 0
    for module in patcher.model.modules():
        size = sum(value.nbytes for value in module.parameters(recurse=False))
        if hasattr(module, "comfy_cast_weights") and size > smallest:
            largest = max(largest, size)
        else:
            pinned += size
    inner = getattr(patcher.model, "diffusion_model", None)
    lists = [part for part in inner.children() if isinstance(part, torch.nn.ModuleList)] if inner else []
    blocks = tuple(comfy.model_management.module_size(block) for part in lists for block in part)
    return Weights(patcher.model_size(), largest, pinned, blocks)


def cap(policy: Policy, weights: Weights) -> int | None:
    """Bytes of weights that may be resident; None where the policy sets no limit.

    Raises:
        InputInvalid: less than one layer needs, or more blocks than there are.
    """
    place = "Packshot VRAM Policy"
    if policy.mode is Mode.BUDGET:
        limit = int(policy.budget_gib * GIB)
        if limit < weights.least:
            raise InputInvalid(
                f"a budget of {gib(limit)}; the largest layer and what cannot be streamed need {gib(weights.least)}",
                place=f"{place}, input 'budget_gib'",
                remedy=f"{weights.least / GIB:.4f} GiB or more; the whole model has {gib(weights.total)}",
            )
        return limit
    if policy.mode is Mode.BLOCKS:
        if not weights.blocks:
            raise InputInvalid(
                "this model has no blocks that can be counted",
                place=f"{place}, input 'mode'",
                remedy="use mode 'budget'",
            )
        if policy.blocks > len(weights.blocks):
            raise InputInvalid(
                f"{policy.blocks} resident blocks; the model has {len(weights.blocks)}",
                place=f"{place}, input 'blocks'",
                remedy=f"1 to {len(weights.blocks)}, or mode 'full' for the whole model",
            )
        rest = weights.total - sum(weights.blocks)
        return max(weights.least, rest + sum(weights.blocks[: policy.blocks]))
    return None


def check_offload(patcher: Any) -> None:
    """Refuse a model of which core can stream nothing.

    Raises:
        InputInvalid: no layer of it is one of core's.
    """
    if not any(hasattr(module, "comfy_cast_weights") for module in patcher.model.modules()):
        raise InputInvalid(
            f"core cannot stream {type(patcher.model).__name__}: none of its layers is one of core's",
            place="Packshot VRAM Policy, input 'model'",
            remedy="use mode 'auto', or load the model with core's own loader",
        )


def check_moves(device: Any, size: int) -> None:
    """Refuse a quality lock of ``size`` bytes where weights never move.

    Raises:
        InputInvalid: the device is a CPU, which has no memory of its own to keep a model in.
    """
    if device.type == "cpu":
        raise InputInvalid(
            f"a quality lock of {gib(size)} on a CPU host, where weights never move",
            place=_LOCK,
            remedy="use mode 'auto': on a CPU every weight is patched once and stays",
        )


def check_lock(device: Any, size: int, working: float, total: float) -> None:
    """Refuse a quality lock that cannot hold.

    Args:
        size: bytes of the model.
        working: bytes that a step takes besides, by core's estimate.
        total: bytes that the device could have free, with every other model gone.

    Raises:
        OutOfMemory: not enough memory; the message says how much is missing.
    """
    missing = size + working - total
    if missing > 0:
        raise OutOfMemory(
            f"{missing / GIB:.2f} GiB are missing: the model has {gib(size)}, a step takes {gib(working)}, and"
            f" {gib(max(0.0, total))} can be free on {device}",
            place=_LOCK,
            remedy="a lower precision, a smaller picture, or LoRAs by 'bypass', for which residency does not matter",
        )
