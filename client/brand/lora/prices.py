"""What the algebra of a LoRA's layers takes in memory, worked out from shapes before anything is computed.

A file of a few megabytes may stand for matrices of many gigabytes: a Kronecker product of 700 x 700 and 64 x 64 values
is one of 44,800 x 44,800.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping

import psutil

from ...errors import InputInvalid

_SHARE = 0.25  # of the free memory, for one layer: others run on the machine too, and results wait to be written
Shapes = Mapping[str, tuple[int, ...]]


def priced(shapes: Shapes, algorithm: str) -> int:
    """Give the bytes that a layer's change, its norms and its singular values take at most.

    Args:
        shapes: of its matrices, by part.
        algorithm: ``lora``, ``loha``, ``lokr`` or ``diff``.

    Raises:
        KeyError: a matrix is missing.
        ValueError: one has too few dimensions.
    """
    if not shapes:
        return 0
    try:
        return price(*_SIZES[algorithm](shapes)) if algorithm in _SIZES else 0
    except IndexError as error:
        raise ValueError(f"shapes {list(shapes.values())}") from error


def price(outputs: int, inputs: int, rank: int) -> int:
    """Give the bytes that a product of two factors takes.

    Both are held in float32, in float64, and as their QR decomposition; with them the Gram matrices of what a layer is
    and what is stored of it, side by side.

    Args:
        outputs, inputs, rank: of ``up`` (outputs x rank) and ``down`` (rank x inputs).
    """
    return 24 * rank * (outputs + inputs) + 64 * rank * rank


def enforce_price(bytes_needed: int, place: str) -> None:
    """Refuse what takes more than a quarter of the memory that is free.

    Raises:
        InputInvalid: it does.
    """
    most = int(free_memory() * _SHARE)
    if bytes_needed > most:
        raise InputInvalid(
            f"would take {bytes_needed / 1e9:,.1f} GB of memory, and {most / 1e9:,.1f} GB may be used for it",
            place=place,
            remedy="use a file whose layers have two low-rank matrices, or a machine with more memory",
        )


def free_memory() -> int:
    """Give the bytes that this process can still have: of the machine, and of its own limit where it has one."""
    free = int(psutil.virtual_memory().available)
    if sys.platform != "win32":
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            free = min(free, limit - int(psutil.Process().memory_info().vms))
    return max(free, 0)


def _whole(outputs: int, inputs: int) -> tuple[int, int, int]:
    """A matrix that is not factored stands as its product with the identity on its shorter side."""
    return outputs, inputs, min(outputs, inputs)


def _lora(shapes: Shapes) -> tuple[int, int, int]:
    up, down = shapes["up"], shapes["down"]
    kernel = shapes["mid"][2:] if "mid" in shapes else ()
    return up[0], math.prod((*down[1:], *kernel)), down[0]


def _loha(shapes: Shapes) -> tuple[int, int, int]:
    if "t1" in shapes:
        return _tucker(shapes["t1"], shapes["w1_a"], shapes["w1_b"])
    outputs, inputs = shapes["w1_a"][0], shapes["w1_b"][1]
    rank = shapes["w1_a"][1] * shapes["w2_a"][1]
    return outputs, inputs, min(rank, outputs, inputs)


def _lokr(shapes: Shapes) -> tuple[int, int, int]:
    first = shapes["w1"] if "w1" in shapes else (shapes["w1_a"][0], shapes["w1_b"][1])
    if "w2" in shapes:
        second = shapes["w2"]
    elif "t2" in shapes:
        second = _tucker(shapes["t2"], shapes["w2_a"], shapes["w2_b"])[:2]
    else:
        second = (shapes["w2_a"][0], math.prod(shapes["w2_b"][1:]))
    return _whole(first[0] * second[0], math.prod((*first[1:], *second[1:])))


def _tucker(core: tuple[int, ...], outputs: tuple[int, ...], inputs: tuple[int, ...]) -> tuple[int, int, int]:
    return _whole(inputs[1], math.prod((outputs[1], *core[2:])))


def _diff(shapes: Shapes) -> tuple[int, int, int]:
    weight = shapes["diff"]
    return _whole(weight[0], math.prod(weight[1:])) if len(weight) > 1 else (0, 0, 0)


_SIZES = {"lora": _lora, "loha": _loha, "lokr": _lokr, "diff": _diff}
