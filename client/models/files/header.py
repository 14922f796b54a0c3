"""What a file of weights says of itself: names, dtypes and shapes of its tensors, and its metadata.

Only the header is read, from one open file, never a byte of a tensor: a file of 100 GB costs what one of 100 kB costs.
The limits below keep memory and time small whatever the file holds; each is well above any model that is known.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, NoReturn

from ...errors import ModelCorrupt, ModelMissing

#: Tensors in one file. LTX-2's diffusion model has 3,568; a mixture of experts with 4,400 weights, and scales and their
#: description beside each, would have 17,600.
MAX_TENSORS = 20_000
#: Dimensions of one tensor. Convolutions over time, height and width have five.
MAX_DIMENSIONS = 6
#: Bytes of a tensor's name, or of a metadata key.
MAX_NAME = 256
#: Bytes of memory of all tensors' names together. Known ones take less than 500,000.
MAX_NAMES = 4 * 1024 * 1024
#: Metadata keys. Trainers write about a hundred.
MAX_KEYS = 4_096


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor as the header describes it.

    Attributes:
        dtype: as the format spells it: ``BF16``, ``F8_E4M3``, ``U8`` (safetensors), ``Q4_K``, ``F16`` (GGUF).
        shape: outermost dimension first, as PyTorch has it (GGUF stores the reverse).
        nbytes: bytes in the file.
    """

    dtype: str
    shape: tuple[int, ...]
    nbytes: int


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file of weights.

    Attributes:
        path: the file.
        format: how it is written.
        size: bytes of the whole file.
        body: offset of the first tensor's bytes; what comes before it is the header.
        tensors: in the order of the header.
        metadata: as in the file. In GGUF what is not a string is given as JSON, and long arrays (vocabularies) and
            strings above 64 KiB are left out.
    """

    path: Path
    format: Literal["safetensors", "gguf"]
    size: int
    body: int
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]


def read_header(path: str | Path) -> Header:
    """Read the header of a safetensors or GGUF file.

    Raises:
        ModelMissing: there is no such file.
        ModelCorrupt: it is no regular file, no file of weights, a pickle, or its header contradicts itself or the
            size of the file.
    """
    from . import gguf_header, safetensors_header

    path = Path(path)
    with _open(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(16)
        _refuse_what_is_not_weights(path, start)
        file.seek(0)
        read = gguf_header.read if start.startswith(b"GGUF") else safetensors_header.read
        try:
            return read(file, path, size)
        except OSError as error:  # a disk or a network share that fails in the middle
            raise _unreadable(path, error) from error


def corrupt(path: Path, message: str, *, tensor: str = "", remedy: str = "") -> NoReturn:
    """Refuse a file.

    Raises:
        ModelCorrupt: always.
    """
    place = f"{path}, tensor '{printable(tensor)}'" if tensor else str(path)
    raise ModelCorrupt(message, place=place, remedy=remedy or "the file is damaged: fetch it again")


def printable(text: str, length: int = 120) -> str:
    """``text`` cut to ``length``, without control characters: a file's own words must not reach a terminal raw."""
    cut = text if len(text) <= length else f"{text[:length]}…"
    return "".join(char if char.isprintable() else "�" for char in cut)


def memory_of(name: str) -> int:
    """Bytes that Python needs for the characters of a name at most."""
    return len(name) * (1 if name.isascii() else 4)


def _open(path: Path) -> IO[bytes]:
    """Open a regular file; a pipe or a device, which could block for ever, is refused and never opened."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a folder" if path.is_dir() else "no regular file"
            corrupt(path, f"is {what}", remedy="name a .safetensors or .gguf file")
        # Between the look and the opening it may have become a pipe: do not wait for its other end.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        return open(os.open(path, flags), "rb", buffering=0)  # noqa: PTH123
    except FileNotFoundError as error:
        raise ModelMissing("there is no such file", place=str(path), remedy="check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ModelCorrupt:
    said = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return ModelCorrupt(f"cannot be read: {said}", place=str(path), remedy="check its permissions and the disk")


def _refuse_what_is_not_weights(path: Path, start: bytes) -> None:
    if not start:
        corrupt(path, "is empty")
    # torch.save writes a ZIP archive, and before PyTorch 1.6 a bare pickle: protocol 2 with a long integer first. A
    # safetensors file may begin with the same two bytes (a header of 640), but has zeros and a brace after them.
    if start.startswith((b"PK\x03\x04", b"\x80\x02")) and start[4:9] != b"\0\0\0\0{":
        corrupt(
            path,
            "is a pickle (.ckpt, .pt, .pth, .bin): to read one is to run what it holds, so it is not read",
            remedy="get the model as .safetensors, or convert the file on a machine that may run it",
        )
    if start.startswith(b"version https://"):
        corrupt(path, "is a Git LFS pointer and not the file itself", remedy="run `git lfs pull` where it came from")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        corrupt(
            path,
            "is a web page, saved in place of the model",
            remedy="accept the licence where the model is published, log in, and fetch it again",
        )
