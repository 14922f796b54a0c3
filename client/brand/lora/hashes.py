"""The hashes that LoRA files are known by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ...errors import ModelCorrupt, ModelMissing

_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class Hashes:
    """SHA-256 in hex.

    Attributes:
        file: of the whole file.
        body: of everything after the header; it stays the same when only metadata change.
    """

    file: str
    body: str

    @property
    def autov3(self) -> str:
        """The first twelve digits of :attr:`body`, by which sites that share LoRAs find them."""
        return self.body[:12]


def file_hashes(path: Path, body: int) -> Hashes:
    """Both hashes of a file, read once.

    Args:
        body: offset of the first byte after the header.

    Raises:
        ModelMissing, ModelCorrupt: the file is gone or cannot be read.
    """
    whole, rest = hashlib.sha256(), hashlib.sha256()
    try:
        with path.open("rb") as file:
            whole.update(file.read(body))
            while chunk := file.read(_CHUNK):
                whole.update(chunk)
                rest.update(chunk)
    except FileNotFoundError as error:
        raise ModelMissing("there is no such file", place=str(path), remedy="check the path") from error
    except OSError as error:
        raise ModelCorrupt(f"cannot be read: {error.strerror}", place=str(path), remedy="check the disk") from error
    return Hashes(whole.hexdigest(), rest.hexdigest())
