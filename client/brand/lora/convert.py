"""A LoRA file in another dtype. Every algorithm allows it: each number is rounded by itself."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from .changes import adapters_of
from .tensors import FLOATING, TensorFile, decoded, encode, write_tensors, written_dtype
from .written import STALE, Written

# PEFT's rank and alpha stay true.
_STALE = tuple(key for key in STALE if key.startswith("sshs_"))


def convert(source: Path, out: Path, dtype: str) -> Written:
    """Write a LoRA file with its matrices rounded to a dtype; alphas and whole numbers stay as they are.

    Args:
        dtype: ``fp32``, ``fp16`` or ``bf16``.

    Returns:
        The file; its error is that of its numbers, each tensor's norm over that of the source.

    Raises:
        InputInvalid: there is no such dtype, a value is too large for it, or the file is no LoRA.
        ModelMissing, ModelCorrupt: the file is not there or is damaged.
        OutputUnwritable: the folder or the disk refuses.
    """
    stored = written_dtype(dtype)
    file = TensorFile(source)
    adapters = adapters_of(file)
    tensors = []
    meant = lost = 0.0
    worst = ("", 0.0)
    for name, info in file.header.tensors.items():
        if info.dtype not in FLOATING or math.prod(info.shape) <= 1:
            tensors.append(file.copied(name))
            continue
        values = file.floats(name)
        tensor = encode(name, values, stored)
        tensors.append(tensor)
        size = float(np.linalg.norm(values.astype(np.float64)))
        error = float(np.linalg.norm(decoded(tensor).astype(np.float64) - values))
        meant, lost = meant + size**2, lost + error**2
        worst = max(worst, (name, error / size if size else 0.0), key=lambda pair: pair[1])
    said = {key: value for key, value in file.header.metadata.items() if key not in _STALE}
    digest = write_tensors(out, tensors, said)
    ranks = tuple(sorted({adapter.rank for adapter in adapters if adapter.rank is not None}))
    error = math.sqrt(lost / meant) if meant else 0.0
    return Written(out, len(adapters), ranks, stored, error, worst, digest)
