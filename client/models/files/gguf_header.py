"""The header of a GGUF file: counts, key-value metadata, then a description of every tensor.

The layout is that of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, in either byte order.
The reader of the ``gguf`` package maps the whole file and makes several array views for each word of a vocabulary; this
one steps over what it does not keep and holds no more than a window of the file.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import IO, NoReturn

from .header import MAX_KEYS, MAX_NAME, MAX_NAMES, MAX_TENSORS, Header, TensorInfo, corrupt, memory_of, printable

#: Type of tensor: its name, elements in a block, bytes of a block (ggml's type traits).
TENSOR_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip

# Type of value: struct's letter. 8 is a string and 9 an array.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

_MAX_HEADER = 64 * 1024 * 1024  # bytes; the largest vocabularies with their merges take about 20 MB
_MAX_ITEMS = 2_000_000  # of all arrays but those of plain numbers; about 800,000 words and merges are known
_MAX_NESTING = 4  # arrays of arrays
_KEPT_ITEMS = 64
_KEPT_STRING = 64 * 1024  # bytes
_KEPT = 2 * 1024 * 1024  # bytes of all metadata that is kept
_WINDOW = 256 * 1024
#: Files of diffusion models store shapes with more than four dimensions, or changed ones, under this prefix.
_ORIGINAL_SHAPE = "comfy.gguf.orig_shape."


def read(file: IO[bytes], path: Path, size: int) -> Header:
    """The header of an open GGUF file of ``size`` bytes.

    Raises:
        ModelCorrupt: the file breaks a rule of the format, or is larger than the limits of this module.
    """
    return _Reader(file, path, size).header()


class _Reader:
    def __init__(self, file: IO[bytes], path: Path, size: int) -> None:
        self._file = file
        self._path = path
        self._size = size
        self._order = "<"
        self._window = b""
        self._start = 0  # of the window in the file
        self._at = 0  # in the window
        self._items = 0
        self._kept = 0

    def header(self) -> Header:
        self._skip(4)  # the magic, "GGUF"
        version = self._number("I")
        if version & 0xFFFF == 0:  # the other byte order
            self._order = ">"
            version = struct.unpack(">I", struct.pack("<I", version))[0]
        if version not in (2, 3):
            remedy = "convert it again with a current tool" if version == 1 else ""
            corrupt(self._path, f"is GGUF of version {version}; versions 2 and 3 are read", remedy=remedy)
        count, keys = self._number("Q"), self._number("Q")
        if count > MAX_TENSORS:
            corrupt(self._path, f"claims {count:,} tensors, more than the {MAX_TENSORS:,} of any model known")
        if keys > MAX_KEYS:
            corrupt(self._path, f"claims {keys:,} metadata keys, more than {MAX_KEYS:,}")
        metadata = self._metadata(keys)
        described = self._descriptions(count)
        return self._placed(described, metadata)

    def _metadata(self, keys: int) -> dict[str, str]:
        metadata: dict[str, str] = {}
        for _ in range(keys):
            key = self._string(MAX_NAME)
            if not key:
                self._refuse(f"a metadata key is empty or longer than {MAX_NAME:,} bytes")
            if key in metadata:
                corrupt(self._path, f"its metadata has '{printable(key)}' twice")
            value = self._value(self._number("I"), 0)
            if value is not None and self._kept <= _KEPT:
                metadata[key] = value if isinstance(value, str) else json.dumps(value)
        return metadata

    def _value(self, kind: int, depth: int) -> str | int | float | bool | list[object] | None:
        """A value, or None for one that is stepped over."""
        if kind == _STRING:
            text = self._string(_KEPT_STRING)
            self._kept += len(text or "") * 4
            return text
        if kind in _SCALARS:
            scalar: int | float | bool = self._number(_SCALARS[kind])
            return scalar if math.isfinite(scalar) else str(scalar)
        if kind != _ARRAY:
            self._refuse(f"a metadata value has the type {kind}, which is not known")
        return self._array(depth)

    def _array(self, depth: int) -> list[object] | None:
        kind, length = self._number("I"), self._number("Q")
        if length <= _KEPT_ITEMS and depth == 0:
            return [self._value(kind, 1) for _ in range(length)]
        if kind in _SCALARS:
            self._skip(length * struct.calcsize(f"={_SCALARS[kind]}"))
            return None
        self._items += length
        if self._items > _MAX_ITEMS or depth == _MAX_NESTING:
            self._refuse(f"its arrays have more than {_MAX_ITEMS:,} items or {_MAX_NESTING} levels")
        if kind == _STRING:
            self._skip_strings(length)
        else:
            for _ in range(length):
                self._value(kind, depth + 1)
        return None

    def _descriptions(self, count: int) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
        described: dict[str, tuple[str, tuple[int, ...], int, int]] = {}
        names = 0
        for _ in range(count):
            name = self._string(MAX_NAME)
            names += memory_of(name or "")
            if names > MAX_NAMES:
                corrupt(self._path, f"has names of more than {MAX_NAMES:,} bytes, more than any model known")
            if not name:
                self._refuse(f"a tensor's name is empty or longer than {MAX_NAME:,} bytes")
            if name in described:
                corrupt(self._path, "is described twice", tensor=name)
            dimensions = self._number("I")
            if dimensions > 4:
                corrupt(self._path, f"has {dimensions} dimensions; the format has at most 4", tensor=name)
            shape = tuple(self._number("Q") for _ in range(dimensions))
            kind, offset = self._number("I"), self._number("Q")
            if kind not in TENSOR_TYPES:
                corrupt(
                    self._path,
                    f"has the type {kind}, which is not known",
                    tensor=name,
                    remedy="fetch it again, or see whether a newer Packshot knows this type",
                )
            dtype, block, block_bytes = TENSOR_TYPES[kind]
            if shape and shape[0] % block:
                corrupt(self._path, f"its rows of {shape[0]:,} are not whole blocks of {dtype} ({block})", tensor=name)
            described[name] = (dtype, shape[::-1], math.prod(shape) // block * block_bytes, offset)
        return described

    def _placed(self, described: dict[str, tuple[str, tuple[int, ...], int, int]], metadata: dict[str, str]) -> Header:
        """Check where the tensors lie, and give them the shapes that the model has."""
        spelt = metadata.get("general.alignment", "32")
        alignment = int(spelt) if spelt.isascii() and spelt.isdigit() and len(spelt) < 10 else 0
        if alignment == 0 or alignment & (alignment - 1):
            corrupt(self._path, f"its alignment is {printable(spelt)} and must be a power of two")
        position = self._start + self._at
        body = -(-position // alignment) * alignment
        reached = 0
        for name, (_, _, nbytes, offset) in sorted(described.items(), key=lambda item: item[1][3]):
            if offset % alignment:
                corrupt(self._path, f"begins at byte {offset:,}, which is no multiple of {alignment}", tensor=name)
            if offset < reached:
                corrupt(self._path, "overlaps the one before it", tensor=name)
            reached = offset + nbytes
            if body + reached > self._size:
                corrupt(
                    self._path,
                    f"should end at byte {body + reached:,} and the file has {self._size:,}: it is cut off",
                    tensor=name,
                )
        tensors = {
            name: TensorInfo(dtype, _original(metadata, name, shape), nbytes)
            for name, (dtype, shape, nbytes, _) in described.items()
        }
        return Header(self._path, "gguf", self._size, body, tensors, metadata)

    def _string(self, limit: int) -> str | None:
        """A string; None for one of more than ``limit`` bytes, which is stepped over."""
        length = self._number("Q")
        if length > limit:
            self._skip(length)
            return None
        try:
            return self._bytes(length).decode("utf-8")
        except UnicodeDecodeError:
            self._refuse("a string is not UTF-8 text")

    def _number(self, letter: str) -> int:
        """A number of struct's format ``letter``: a whole one in every place that relies on it."""
        code = self._order + letter
        number: int = struct.unpack(code, self._bytes(struct.calcsize(code)))[0]
        return number

    def _bytes(self, length: int) -> bytes:
        if self._at + length > len(self._window):
            self._start += self._at
            self._check_end(length)
            self._file.seek(self._start)
            self._window = self._file.read(max(_WINDOW, length))
            self._at = 0
            if len(self._window) < length:
                self._cut_off()
        taken = self._window[self._at : self._at + length]
        self._at += length
        return taken

    def _skip(self, length: int) -> None:
        if self._at + length <= len(self._window):
            self._at += length
            return
        self._start += self._at
        self._check_end(length)
        self._start += length
        self._window, self._at = b"", 0

    def _skip_strings(self, count: int) -> None:
        """Step over strings, with little work for each: vocabularies have hundreds of thousands."""
        unpack = struct.Struct(f"{self._order}Q").unpack_from
        for _ in range(count):
            if self._at + 8 <= len(self._window):
                self._at += 8
                length = unpack(self._window, self._at - 8)[0]
            else:
                length = self._number("Q")
            if self._at + length <= len(self._window):
                self._at += length
            else:
                self._skip(length)

    def _check_end(self, length: int) -> None:
        if self._start + length > self._size:
            self._cut_off()
        if self._start + length > _MAX_HEADER:
            self._refuse(f"its header is longer than {_MAX_HEADER:,} bytes")

    def _cut_off(self) -> NoReturn:
        corrupt(self._path, f"is cut off: its header goes on beyond the {self._size:,} bytes of the file")

    def _refuse(self, what: str) -> NoReturn:
        corrupt(self._path, f"its GGUF header is not valid: {what}, near byte {self._start + self._at:,}")


def _original(metadata: dict[str, str], name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    try:
        stored = json.loads(metadata.get(_ORIGINAL_SHAPE + name, "null"))
    except (ValueError, RecursionError):  # a string of the file's own in place of an array
        return shape
    if not isinstance(stored, list) or not all(type(side) is int for side in stored):
        return shape
    original = tuple(stored)
    return original if math.prod(original) == math.prod(shape) else shape
