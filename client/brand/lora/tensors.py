"""Tensors of a safetensors file as NumPy arrays, and safetensors files made of them.

The bytes of a file follow from its content alone: safetensors' own writer puts metadata in no fixed order, and a file
that is known by its hash must come out the same again.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputInvalid, ModelCorrupt
from ...models.files.header import Header
from ...models.files.read import read_header
from ...models.files.safetensors_header import MAX_HEADER
from ...paths import atomic_write

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

#: dtypes that tools write, by the names that they are asked for.
WRITTEN = {"fp32": "F32", "fp16": "F16", "bf16": "BF16"}


def written_dtype(name: str) -> str:
    """Spell a dtype that tools write as a file's header does.

    Args:
        name: ``fp32``, ``fp16`` or ``bf16``.

    Raises:
        InputInvalid: it is none of these.
    """
    if name not in WRITTEN:
        raise InputInvalid(f"no LoRA is written in '{name}'", place="dtype", remedy=f"choose from {', '.join(WRITTEN)}")
    return WRITTEN[name]


#: Metadata key of ModelSpec 1.0.1: ``0x`` and the SHA-256 of everything after the header.
BODY_HASH = "modelspec.hash_sha256"

_NUMPY: Mapping[str, str] = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F8_E4M3": "u1", "F8_E5M2": "u1", "BOOL": "u1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1",
}  # fmt: skip
_PART = 1 << 22  # elements looked at in one go
FLOATING = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor to write: its name, dtype as safetensors spells it, shape, and bytes in the file's order."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes


class TensorFile:
    """A safetensors file, its tensors read where they are asked for.

    Attributes:
        header: names, dtypes, shapes and metadata.
    """

    def __init__(self, path: str | Path) -> None:
        """Read the header, and map the rest.

        Raises:
            ModelMissing: there is no such file.
            ModelCorrupt: it is no file of weights, or a damaged one.
            InputInvalid: it is a GGUF file.
        """
        self.header: Header = read_header(path)
        if self.header.format != "safetensors":
            raise InputInvalid(
                "is a GGUF file, whose tensors are packed", place=str(path), remedy="give the LoRA as .safetensors"
            )
        with self.header.path.open("rb") as file:
            file.seek(8)
            text = json.loads(file.read(self.header.body - 8))  # checked by `read_header`, field by field
        self._spans = {name: text[name]["data_offsets"] for name in self.header.tensors}
        self._body: Bytes = np.empty(0, np.uint8)
        if self.header.size > self.header.body:
            self._body = np.memmap(self.header.path, np.uint8, "r", offset=self.header.body)

    def raw(self, name: str) -> Bytes:
        """A tensor's bytes."""
        begin, end = self._spans[name]
        return self._body[begin:end]

    def floats(self, name: str) -> Floats:
        """A tensor as float32, in its own shape. Values of float64 are rounded.

        Raises:
            ModelCorrupt: its dtype holds no numbers, or they are not all finite.
        """
        info = self.header.tensors[name]
        if info.dtype not in _NUMPY:
            raise ModelCorrupt(
                f"has the dtype {info.dtype}, which a LoRA's numbers are not stored in",
                place=f"{self.header.path}, tensor '{name}'",
                remedy="save the LoRA as fp16, bf16 or fp32",
            )
        values = decode(self.raw(name).view(_NUMPY[info.dtype]), info.dtype).reshape(info.shape)
        if not np.isfinite(values).all():
            raise self._not_finite(name)
        return values

    def _not_finite(self, name: str) -> ModelCorrupt:
        return ModelCorrupt(
            "holds values that are infinite or no number",
            place=f"{self.header.path}, tensor '{name}'",
            remedy="the training went wrong or the file is damaged: use another one",
        )

    def enforce_finite(self, name: str) -> None:
        """Look at a tensor's numbers, a part at a time; one of another kind has none that could be infinite.

        Raises:
            ModelCorrupt: they are not all finite.
        """
        info = self.header.tensors[name]
        if info.dtype not in FLOATING:
            return
        stored = self.raw(name).view(_NUMPY[info.dtype])
        for start in range(0, len(stored), _PART):
            if not np.isfinite(decode(stored[start : start + _PART], info.dtype)).all():
                raise self._not_finite(name)

    def copied(self, name: str) -> Tensor:
        """A tensor to write as it is.

        Raises:
            ModelCorrupt: its numbers are not all finite.
        """
        self.enforce_finite(name)
        info = self.header.tensors[name]
        return Tensor(name, info.dtype, info.shape, self.raw(name).tobytes())


def decode(stored: npt.NDArray[Any], dtype: str) -> Floats:
    """Stored elements as float32; exact for every dtype of 32 bits or less that holds floats."""
    if dtype == "BF16":
        return np.asarray(stored.astype(np.uint32) << 16, np.uint32).view(np.float32)
    if dtype in ("F8_E4M3", "F8_E5M2"):
        return np.asarray(_FLOAT8[dtype][stored], np.float32)
    return np.asarray(stored, np.float32)


def encode(name: str, values: Floats, dtype: str) -> Tensor:
    """A tensor to write, rounded to nearest, ties to even.

    Args:
        dtype: F32, F16 or BF16.

    Raises:
        InputInvalid: a value is too large for the dtype.
    """
    stored: npt.NDArray[Any]
    if dtype == "BF16":
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
        stored = ((bits + (np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1)))) >> 16).astype("<u2")
        overflown = bool(((stored & 0x7F80) == 0x7F80).any())
    else:
        with np.errstate(over="ignore"):
            stored = values.astype(_NUMPY[dtype])
        overflown = not bool(np.isfinite(stored).all())
    if overflown:
        raise InputInvalid(
            f"holds values up to {np.abs(values).max():.3g}, too large for {dtype}",
            place=f"tensor '{name}'",
            remedy="write it as bf16 or fp32",
        )
    return Tensor(name, dtype, values.shape, stored.tobytes())


def decoded(tensor: Tensor) -> Floats:
    """What a reader of the written file gets, as float32."""
    return decode(np.frombuffer(tensor.data, _NUMPY[tensor.dtype]), tensor.dtype).reshape(tensor.shape)


def write_tensors(path: Path, tensors: Iterable[Tensor], metadata: Mapping[str, str]) -> str:
    """Write a safetensors file; what was there is replaced once the new file is whole.

    :data:`BODY_HASH` is set where the metadata has it, or ModelSpec's other keys.

    Returns:
        SHA-256 of everything after the header, in hex.

    Raises:
        OutputUnwritable: the folder or the disk refuses.
        InputInvalid: the metadata are too large for readers.
    """
    # Wide elements first: a reader that maps the file needs each tensor at a multiple of its element's size.
    ordered = sorted(tensors, key=lambda tensor: (-_width(tensor.dtype), tensor.name))
    digest = hashlib.sha256()
    for tensor in ordered:
        digest.update(tensor.data)
    text = header_text({t.name: (t.dtype, t.shape, len(t.data)) for t in ordered}, metadata, digest.hexdigest(), path)
    with atomic_write(path) as file:
        file.write(text)
        for tensor in ordered:
            file.write(tensor.data)
    return digest.hexdigest()


def header_text(
    tensors: Mapping[str, tuple[str, tuple[int, ...], int]], metadata: Mapping[str, str], body_hash: str, path: Path
) -> bytes:
    """The bytes before the tensors: eight of length, and JSON padded with spaces to a multiple of eight.

    Args:
        tensors: name -> dtype, shape and bytes, in the order of the body.
        body_hash: SHA-256 of the body, in hex.
    """
    said = dict(metadata)
    if "modelspec.sai_model_spec" in said or BODY_HASH in said:
        said[BODY_HASH] = f"0x{body_hash}"
    header: dict[str, object] = {"__metadata__": {key: said[key] for key in sorted(said)}}
    offset = 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset := offset + size]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise InputInvalid(
            f"the header would have {len(text):,} bytes, and readers take {MAX_HEADER:,}",
            place=str(path),
            remedy="scrub the captions out of the metadata",
        )
    return len(text).to_bytes(8, "little") + text


def _width(dtype: str) -> int:
    return np.dtype(_NUMPY.get(dtype, "u1")).itemsize


def _float8(exponent: int, mantissa: int, *, infinite: bool) -> Floats:
    """All 256 values of an 8-bit float (OCP Open Compute Project, 8-bit Floating Point Specification 1.0, table 1).

    E5M2 keeps the highest exponent for infinities and NaN; E4M3 has NaN in its last value only, and no infinities.
    """
    bias = 2 ** (exponent - 1) - 1
    table = np.empty(256, np.float32)
    for code in range(256):
        power, fraction = (code >> mantissa) & (2**exponent - 1), code & (2**mantissa - 1)
        if infinite and power == 2**exponent - 1:
            value = math.nan if fraction else math.inf
        elif not infinite and code & 0x7F == 0x7F:
            value = math.nan
        elif power == 0:
            value = fraction * 2.0 ** (1 - bias - mantissa)
        else:
            value = (1 + fraction / 2**mantissa) * 2.0 ** (power - bias)
        table[code] = -value if code & 0x80 else value
    return table


_FLOAT8 = {"F8_E4M3": _float8(4, 3, infinite=False), "F8_E5M2": _float8(5, 2, infinite=True)}
