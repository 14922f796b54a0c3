"""A LoRA file in another dtype, or under the names of other tools. Every algorithm allows the former."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import InputInvalid
from ...models.files.adapters import adapters as read_adapters
from .changes import adapters_of
from .naming.rename import renamed
from .tensors import FLOATING, WRITTEN, Floats, Tensor, TensorFile, decoded, encode, write_tensors, written_dtype
from .written import STALE, Written

# PEFT's rank and alpha stay true where the tensors keep their names.
_STALE = tuple(key for key in STALE if key.startswith("sshs_"))


def convert(source: Path, out: Path, dtype: str | None = None, names: str | None = None) -> Written:
    """Write a LoRA file in another dtype, under other names, or both; alphas and whole numbers stay as they are.

    Args:
        dtype: ``fp32``, ``fp16`` or ``bf16``; by default the file's own.
        names: ``native`` (ComfyUI's), ``diffusers`` or ``kohya``; by default the file's own. Where these hold query,
            key and value as one, or apart, so does the new file.

    Returns:
        The file; its error is that of its numbers, each tensor's norm over that of the source.

    Raises:
        InputInvalid: neither is asked for, there is no such dtype or naming, a value is too large for it, the file is
            no LoRA, or a layer has no such name.
        ModelMissing, ModelCorrupt: the file is not there or is damaged.
        OutputUnwritable: the folder or the disk refuses.
    """
    if dtype is None and names is None:
        raise InputInvalid("nothing is to be converted", place="dtype, names", remedy="name a dtype, or whose names")
    file = TensorFile(source)
    adapters_of(file)
    stored = written_dtype(dtype) if dtype is not None else _own_dtype(file)
    rounding = _Rounding()
    if names is None:
        tensors = list(_in_dtype(file, stored, rounding))
    else:
        tensors = [rounding.encode(name, values, stored) for name, values in renamed(file, names)]
    stale = _STALE if names is None else STALE
    metadata = {key: value for key, value in file.header.metadata.items() if key not in stale}
    digest = write_tensors(out, tensors, metadata)
    layers = read_adapters({tensor.name: tensor.shape for tensor in tensors})
    ranks = tuple(sorted({layer.rank for layer in layers if layer.rank is not None}))
    return Written(out, len(layers), ranks, stored, rounding.error, rounding.worst, digest)


class _Rounding:
    """What storing numbers in a dtype costs."""

    def __init__(self) -> None:
        self.worst = ("", 0.0)
        self._meant = self._lost = 0.0

    @property
    def error(self) -> float:
        return math.sqrt(self._lost / self._meant) if self._meant else 0.0

    def encode(self, name: str, values: Floats, dtype: str) -> Tensor:
        """Round a tensor; an alpha is kept whole."""
        if values.size <= 1:
            return encode(name, values, "F32")
        tensor = encode(name, values, dtype)
        size = float(np.linalg.norm(values.astype(np.float64)))
        error = float(np.linalg.norm(decoded(tensor).astype(np.float64) - values))
        self._meant, self._lost = self._meant + size**2, self._lost + error**2
        self.worst = max(self.worst, (name, error / size if size else 0.0), key=lambda pair: pair[1])
        return tensor


def _in_dtype(file: TensorFile, stored: str, rounding: _Rounding) -> Iterator[Tensor]:
    for name, info in file.header.tensors.items():
        if info.dtype not in FLOATING or math.prod(info.shape) <= 1:
            yield file.copied(name)
        else:
            yield rounding.encode(name, file.floats(name), stored)


def _own_dtype(file: TensorFile) -> str:
    """The dtype of all matrices where they have one that is written; else the one that holds them all."""
    dtypes = {info.dtype for info in file.header.tensors.values() if math.prod(info.shape) > 1}
    return dtypes.pop() if len(dtypes) == 1 and dtypes <= set(WRITTEN.values()) else "F32"
