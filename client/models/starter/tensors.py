"""Tensors of the starter model's files that are computed, not trained, the same bit for bit on every machine.

NumPy promises a stable stream for PCG64's raw output, not for its distributions (NEP 19), so raw 16-bit words are
mapped to weights here by operations that IEEE 754 rounds in one way.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float32]
Fill = Callable[[str, tuple[int, ...]], Weights]

BYTES = {"F16": 2, "F32": 4, "I64": 8}  # safetensors' names of types, and bytes of one value


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a file; its values are ``fill(name, shape)`` and depend on nothing else."""

    name: str
    shape: tuple[int, ...]
    fill: Fill
    dtype: str = "F16"

    @property
    def nbytes(self) -> int:
        """Its size in the file."""
        return math.prod(self.shape) * BYTES[self.dtype]


# -- initialisation ----------------------------------------------------------------------------------------------------


def words(name: str, count: int) -> NDArray[np.uint16]:
    """``count`` 16-bit words of PCG64's raw stream, seeded from the tensor's name."""
    seed = int.from_bytes(hashlib.sha256(f"packshot starter 1/{name}".encode()).digest()[:16], "little")
    raw = np.asarray(np.random.PCG64(seed).random_raw(-(-count // 4)), dtype="<u8")
    words: NDArray[np.uint16] = raw.view("<u2")[:count].astype(np.uint16, copy=False)
    return words


def random(name: str, shape: tuple[int, ...], deviation: float) -> Weights:
    """Uniform on (-√3·deviation, √3·deviation), so of that standard deviation, by a table of its 65,536 values."""
    steps = np.arange(65536, dtype=np.int64) * 2 - 65535
    table: Weights = (steps * (deviation * math.sqrt(3) / 65536)).astype(np.float32)
    weights: Weights = np.take(table, words(name, math.prod(shape))).reshape(shape)
    return weights


def constant(value: float) -> Fill:
    """The same value everywhere."""
    return lambda _, shape: np.full(shape, value, np.float32)
