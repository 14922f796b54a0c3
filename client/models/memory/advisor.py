"""Which of a card's files suits a device: the best that runs fast on it and fits, and first what is on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ...errors import InputInvalid
from ..cards import Card, Component, ModelFile, Precision
from .estimates import overhead

Kind = Literal["cuda", "rocm", "mps", "xpu", "cpu"]


@dataclass(frozen=True, slots=True)
class Device:
    """What models run on.

    Attributes:
        name: as its maker calls it, for messages.
        memory: bytes of its memory in all; of main memory where it has none of its own.
        capability: CUDA compute capability, such as (8, 9); None where it is unknown or there is none.
    """

    kind: Kind
    name: str
    memory: int
    capability: tuple[int, int] | None = None


# How near to the original weights each precision stays, best first. 16 bit stand before 32: on a GPU core computes in
# 16 bit all the same (`unet_dtype` in comfy/model_management.py), so that 32 bit only cost memory.
_QUALITY: tuple[tuple[Precision, ...], ...] = (
    ("bf16", "fp16"),
    ("fp32",),
    ("gguf-q8",),
    ("fp8", "int8"),
    ("gguf-q5",),
    ("nvfp4", "fp4"),
    ("gguf-q4",),
)
_RANK: Mapping[str, int] = {name: rank for rank, names in enumerate(_QUALITY) for name in names}

#: Bytes a weight, for a file of unknown size. GGUF and the 4-bit floats hold scales beside the weights.
BYTES: Mapping[Precision, float] = {
    "fp32": 4,
    "bf16": 2,
    "fp16": 2,
    "fp8": 1,
    "int8": 1,
    "nvfp4": 0.5625,
    "fp4": 0.5625,
    "gguf-q8": 1.0625,
    "gguf-q5": 0.6875,
    "gguf-q4": 0.5625,
}

# The smallest CUDA compute capability with hardware for a precision. bf16, fp16, fp8 and nvfp4 (fp4 is stored the same
# way): `should_use_bf16`, `should_use_fp16`, `supports_fp8_compute` and `supports_nvfp4_compute` in ComfyUI 0.30's
# comfy/model_management.py. int8: the least that comfy-kitchen 0.2.26 sets for its CUDA kernel `int8_linear`.
_CUDA: Mapping[str, tuple[int, int]] = {
    "fp16": (7, 0),
    "bf16": (8, 0),
    "int8": (7, 5),
    "fp8": (8, 9),
    "nvfp4": (10, 0),
    "fp4": (10, 0),
}


def runs_fast(precision: Precision, device: Device) -> bool:
    """Whether a device computes in a precision, so that files of it cost no time.

    On CUDA the compute capability decides (see ``_CUDA``): fp8 from 8.9 (Ada), nvfp4 and fp4 from 10.0 (Blackwell).
    Where it is not known, only 16 and 32 bit count. ROCm, Intel and Apple GPUs: 16 and 32 bit; core has fp8 matrix
    products on two or three AMD chips only, and no fp4 on any. CPU: 32 bit alone, as core computes there in nothing
    else. GGUF is never computed in: its loader turns every layer back into 16 bit at each use.
    """
    if precision == "fp32":
        return True
    if device.kind == "cuda":
        if device.capability is None:
            return precision in ("bf16", "fp16")
        return precision in _CUDA and device.capability >= _CUDA[precision]
    return device.kind != "cpu" and precision in ("bf16", "fp16")


def runs(precision: Precision, device: Device) -> bool:
    """Whether a precision is worth choosing: it runs fast, or is cheap to cast, a layer at a time, while it computes.

    Casting 16 bit (on a CPU, or bf16 before Ampere), fp8 and GGUF costs little beside moving weights that do not fit.
    Core does the first two itself: it keeps fp8 weights as they are where 16 bit would not fit (`unet_dtype`), and
    emulates the products (`pick_operations` in comfy/ops.py). Apple GPUs have no fp8 type at all. Without hardware for
    it, int8, nvfp4 and fp4 have to be unpacked, which is slower than 16 bit: never chosen.
    """
    if runs_fast(precision, device) or precision in ("bf16", "fp16"):
        return True
    return precision.startswith("gguf") or (precision == "fp8" and device.kind != "mps")


def file_bytes(component: Component, file: ModelFile) -> int | None:
    """Size of a file: the card's, else from the count of parameters; None where neither is known."""
    if file.size is not None:
        return file.size
    return None if component.parameters is None else round(component.parameters * BYTES[file.precision])


def choose(
    card: Card,
    device: Device,
    precision: str | None = None,
    present: Callable[[Component, ModelFile], bool] | None = None,
    nodes: frozenset[str] | None = None,
) -> dict[Component, ModelFile]:
    """One file for each component of a card. The same arguments always give the same files.

    Core holds one component on the device at a time and streams what does not fit, so each is weighed alone. Of the
    files that the device can use (:func:`runs`) comes the best that runs fast and fits whole; else the best that fits
    and has to be cast; else the smallest, as it streams least. Where the device can use none of a
    component's files, the first is taken: it works, slowly.

    Args:
        precision: take files of this precision wherever a component has one, whatever the device.
        present: says of a file whether it is on disk; a usable file that is goes before those that are not.
        nodes: the host's node types. A file that needs a loader node is chosen only if that node is among them.

    Raises:
        InputInvalid: no component has a file of that precision.
    """
    if precision is not None:
        known = sorted({file.precision for component in card.components for file in component.files})
        if precision not in known:
            raise InputInvalid(
                f"{card.name} has no file in {precision}",
                place=f"card '{card.id}'",
                remedy=f"choose from {', '.join(known)}",
            )
    return {component: _choose(card, component, device, precision, present, nodes) for component in card.components}


def _choose(
    card: Card,
    component: Component,
    device: Device,
    precision: str | None,
    present: Callable[[Component, ModelFile], bool] | None,
    nodes: frozenset[str] | None,
) -> ModelFile:
    loadable = [file for file in component.files if file.node is None or (nodes is not None and file.node in nodes)]
    wanted = [file for file in component.files if file.precision == precision]
    files = wanted or [file for file in loadable if runs(file.precision, device)]
    if not files:
        return (loadable or list(component.files))[0]
    if present is not None:
        files = [file for file in files if present(component, file)] or files

    room = device.memory - overhead(card.family, component.slot, *card.resolution.native)

    def cost(file: ModelFile) -> tuple[float, ...]:
        size = file_bytes(component, file)
        rank = _RANK[file.precision]
        if size is not None and size <= room:
            return (0 if runs_fast(file.precision, device) else 1, rank, size)
        return (2, size if size is not None else float("inf"), rank)

    return min(files, key=cost)  # of equal ones the first, which is the official template's
