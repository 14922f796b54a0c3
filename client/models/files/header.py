"""What a file of weights says of itself: names, dtypes and shapes of its tensors, and its metadata.

Only the header is read, from one open file, never a byte of a tensor: a file of 100 GB costs what one of 100 kB costs.
The limits below keep memory and time small whatever the file holds; each is well above any model that is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from ...errors import ModelCorrupt

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
