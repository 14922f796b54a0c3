"""The header of a safetensors file: eight bytes of length (little-endian), then JSON, then the tensors' bytes.

The rules are the format's own (https://github.com/huggingface/safetensors, "Format"): the length is at most 100 MB,
every tensor has ``dtype``, ``shape`` and ``data_offsets``, keys are not repeated, and the tensors fill the rest of the
file without holes or overlaps. ``__metadata__`` maps strings to strings.

A JSON parser would build whatever the file asks for: 16 MB of ``[],[],[]`` become 400 MB of objects. The scanner here
takes nothing but what the format allows, so that memory stays near the length of the header.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NoReturn

from .header import (
    MAX_DIMENSIONS,
    MAX_KEYS,
    MAX_NAME,
    MAX_NAMES,
    MAX_TENSORS,
    Header,
    TensorInfo,
    corrupt,
    memory_of,
    printable,
)

#: Bits of one element.
DTYPE_BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "F64": 64, "I64": 64, "U64": 64, "C64": 64,
}  # fmt: skip

_FORMAT_LIMIT = 100_000_000
#: The most that is read. The largest headers known are LoRAs with the captions of their training set in the metadata,
#: a few MB; the 100 MB of the format do not fit into the 50 MB of memory that reading a header may take.
MAX_HEADER = 10 * 1024 * 1024

_SPACE = re.compile(rb"[ \t\n\r]*")
# A stretch of a JSON string. Bounded, because the regular expression engine keeps a record of every repetition.
_STRETCH = re.compile(rb'(?:[^"\\\x00-\x1f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})){1,512}')
_FIELD = re.compile(
    rb'[ \t\n\r]*"(dtype|shape|data_offsets)"[ \t\n\r]*:[ \t\n\r]*'
    rb'(?:"([A-Za-z0-9_]{1,16})"|\[([0-9, \t\n\r]{0,512})\])[ \t\n\r]*([,}])'
)
_NUMBERS = re.compile(rb"[ \t\n\r]*(?:0|[1-9][0-9]{0,18})[ \t\n\r]*(?:,[ \t\n\r]*(?:0|[1-9][0-9]{0,18})[ \t\n\r]*)*")


class Metadata(Mapping[str, str]):
    """``__metadata__``, each value decoded when it is asked for: values may be megabytes of JSON."""

    def __init__(self, text: bytes, spans: dict[str, tuple[int, int]]) -> None:
        self._text = text
        self._spans = spans

    def __getitem__(self, key: str) -> str:
        begin, end = self._spans[key]
        # A half of a surrogate pair is valid JSON and no valid text.
        return _decode(self._text[begin:end]).encode("utf-8", "replace").decode("utf-8")

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)


def read(file: IO[bytes], path: Path, size: int) -> Header:
    """The header of an open safetensors file of ``size`` bytes.

    Raises:
        ModelCorrupt: the file breaks a rule of the format, or is larger than the limits of this module.
    """
    if size < 8:
        corrupt(path, f"is no model file: it has {size} bytes, and a safetensors header begins with eight")
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _FORMAT_LIMIT:
        corrupt(
            path,
            f"is neither safetensors nor GGUF: a safetensors header would have {length:,} bytes, the format allows"
            f" {_FORMAT_LIMIT:,}",
            remedy="name a .safetensors or .gguf file; if it is one, fetch it again",
        )
    if length > size - 8:
        corrupt(path, f"is cut off: the header should have {length:,} bytes and the file ends after {size - 8:,}")
    if length > MAX_HEADER:
        corrupt(
            path,
            f"has a header of {length:,} bytes; more than {MAX_HEADER:,} is not read",
            remedy="save it again without the captions in its metadata (ss_tag_frequency)",
        )
    text = file.read(length)
    if len(text) < length:
        corrupt(path, f"is cut off: the header should have {length:,} bytes and {len(text):,} came")
    _check_utf8(text, path)
    tensors, metadata = _Scanner(text, path, size - 8 - length).header()
    return Header(path, "safetensors", size, 8 + length, tensors, metadata)


def _check_utf8(text: bytes, path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    step = 1 << 16
    try:
        for begin in range(0, len(text), step):
            decoder.decode(text[begin : begin + step], final=begin + step >= len(text))
    except UnicodeDecodeError:
        corrupt(path, "has a header that is not UTF-8 text")


def _decode(string: bytes) -> str:
    return str(json.loads(b'"%b"' % string)) if b"\\" in string else string.decode("utf-8")


class _Scanner:
    """Walks through the header's JSON once, taking only what the format allows."""

    def __init__(self, text: bytes, path: Path, body: int) -> None:
        self._text = text
        self._path = path
        self._body = body  # bytes that the tensors fill
        self._at = 0
        self._dtypes = {dtype.encode(): dtype for dtype in DTYPE_BITS}

    def header(self) -> tuple[dict[str, TensorInfo], Metadata]:
        tensors: dict[str, TensorInfo] = {}
        spans: list[tuple[int, int, str]] = []
        metadata: Metadata | None = None
        names = 0
        for name in self._keys("the header"):
            if name in tensors or (name == "__metadata__" and metadata is not None):
                corrupt(self._path, "is described twice", tensor=name)
            if name == "__metadata__":
                metadata = self._metadata()
                continue
            if len(tensors) == MAX_TENSORS:
                corrupt(self._path, f"has more than {MAX_TENSORS:,} tensors, more than any model known")
            names += memory_of(name)
            if names > MAX_NAMES:
                corrupt(self._path, f"has names of more than {MAX_NAMES:,} bytes, more than any model known")
            tensors[name], begin, end = self._tensor(name)
            spans.append((begin, end, name))
        if self._text[self._at :].strip(b" \t\n\r"):
            self._refuse("something follows the header's JSON object")
        self._check_layout(spans)
        return tensors, metadata or Metadata(b"", {})

    def _keys(self, where: str) -> Iterator[str]:
        """The keys of the object that begins here; the caller takes each value before the next key is read."""
        self._expect(b"{", f"{where} is no JSON object")
        if self._take(b"}"):
            return
        while True:
            begin, end = self._string(f"a name in {where}")
            if end - begin > MAX_NAME:
                self._refuse(f"a name in {where} is longer than {MAX_NAME:,} bytes")
            name = _decode(self._text[begin:end])
            if not name.isascii() and any("\ud800" <= char <= "\udfff" for char in name):
                self._refuse(f"a name in {where} is no valid text")
            self._expect(b":", f"no colon after a name in {where}")
            yield name
            if self._take(b"}"):
                return
            self._expect(b",", f"neither a comma nor the end after a value in {where}")

    def _metadata(self) -> Metadata:
        spans: dict[str, tuple[int, int]] = {}
        for key in self._keys("__metadata__"):
            if key in spans:
                corrupt(self._path, f"its metadata has '{printable(key)}' twice")
            if len(spans) == MAX_KEYS:
                corrupt(self._path, f"its metadata has more than {MAX_KEYS:,} keys")
            spans[key] = self._string("a value of the metadata")
        return Metadata(self._text, spans)

    def _tensor(self, name: str) -> tuple[TensorInfo, int, int]:
        self._expect(b"{", "no description", name)
        fields: dict[bytes, bytes] = {}
        more = True
        while more:
            match = _FIELD.match(self._text, self._at)
            if match is None:
                self._refuse("the description is not dtype, shape and data_offsets in whole numbers", name)
            key, word, numbers, mark = match.groups()
            if key in fields:
                corrupt(self._path, f"has {key.decode()} twice", tensor=name)
            if (word is None) == (key == b"dtype"):
                self._refuse(f"{key.decode()} is of the wrong type", name, at=match.start())
            fields[key] = numbers if word is None else word
            self._at = match.end()
            more = mark == b","
        if len(fields) < 3:
            missing = {b"dtype", b"shape", b"data_offsets"} - set(fields)
            corrupt(self._path, f"has no {b' and '.join(sorted(missing)).decode()}", tensor=name)
        shape = self._numbers(fields[b"shape"], name)
        if len(shape) > MAX_DIMENSIONS:
            corrupt(self._path, f"has {len(shape)} dimensions; at most {MAX_DIMENSIONS} are known", tensor=name)
        offsets = self._numbers(fields[b"data_offsets"], name)
        if len(offsets) != 2:
            corrupt(self._path, "its data_offsets are not two numbers", tensor=name)
        return self._described(name, fields[b"dtype"], shape, offsets[0], offsets[1])

    def _described(
        self, name: str, spelt: bytes, shape: tuple[int, ...], begin: int, end: int
    ) -> tuple[TensorInfo, int, int]:
        dtype = self._dtypes.get(spelt)
        if dtype is None:
            corrupt(
                self._path,
                f"has the dtype '{spelt.decode()}', which is not known",
                tensor=name,
                remedy="fetch it again, or see whether a newer Packshot knows this dtype",
            )
        bits = math.prod(shape) * DTYPE_BITS[dtype]  # elements of less than a byte are packed
        if end < begin or end > self._body:
            corrupt(
                self._path,
                f"should be at bytes {begin:,} to {end:,} of the body, which has {self._body:,}; the file is cut off",
                tensor=name,
            )
        if bits != (end - begin) * 8:
            shown = "×".join(map(str, shape)) or "one value"
            corrupt(self._path, f"has {end - begin:,} bytes; {shown} of {dtype} take {bits / 8:,.10g}", tensor=name)
        return TensorInfo(dtype, shape, end - begin), begin, end

    def _numbers(self, text: bytes, name: str) -> tuple[int, ...]:
        if not text.strip():
            return ()
        if _NUMBERS.fullmatch(text) is None:
            corrupt(self._path, f"has no list of whole numbers in [{text[:40].decode()}]", tensor=name)
        return tuple(map(int, text.split(b",")))

    def _check_layout(self, spans: list[tuple[int, int, str]]) -> None:
        """The format forbids overlaps, which could hide data twice, and holes, which could hide a second file."""
        spans.sort()
        at = 0
        for begin, end, name in spans:
            if begin != at:
                what = "overlaps the one before it" if begin < at else f"leaves a hole of {begin - at:,} bytes"
                corrupt(self._path, f"{what} at byte {begin:,} of the body", tensor=name)
            at = end
        if at != self._body:
            corrupt(self._path, f"has {self._body - at:,} bytes after its last tensor that belong to none")

    def _string(self, what: str) -> tuple[int, int]:
        """Bounds of the JSON string that begins here, without its quotes."""
        self._expect(b'"', f"{what} is no string")
        begin = self._at
        while match := _STRETCH.match(self._text, self._at):
            self._at = match.end()
        end = self._at
        if self._text[end : end + 1] != b'"':
            self._refuse(f"{what} does not end, or holds what a JSON string may not")
        self._at = end + 1
        return begin, end

    def _take(self, mark: bytes) -> bool:
        match = _SPACE.match(self._text, self._at)
        at = match.end() if match else self._at
        found = self._text.startswith(mark, at)
        self._at = at + 1 if found else at
        return found

    def _expect(self, mark: bytes, otherwise: str, tensor: str = "") -> None:
        if not self._take(mark):
            self._refuse(otherwise, tensor)

    def _refuse(self, what: str, tensor: str = "", at: int | None = None) -> NoReturn:
        at = self._at if at is None else at
        near = printable(self._text[at : at + 40].decode("utf-8", "replace"))
        seen = f", near '{near}'" if near else ""
        corrupt(self._path, f"its header is not valid: {what}{seen}", tensor=tensor)
