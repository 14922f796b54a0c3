"""The SHA-256 of large files, remembered from one process to the next; of a LoRA file, that of its body too."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .budget import open_regular
from .errors import ModelCorrupt, ModelMissing
from .paths import cache_dir
from .side_files import read_json, update_json

_CHUNK = 1 << 22


class HashCache:
    """SHA-256 of files on this disk, computed again only when size or time of change differ.

    Args:
        path: the file that remembers them; by default in the user's cache folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or cache_dir() / "hashes.json"
        self._known = _entries(read_json(self._path))
        self._new: dict[str, Any] = {}

    def sha256(self, path: Path) -> str:
        """The SHA-256 of a file, in hexadecimal."""
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        entry = self._known.get(str(path))
        if isinstance(entry, list) and len(entry) == 3 and entry[:2] == stamp:
            return str(entry[2])
        sha256 = file_sha256(path)
        self._known[str(path)] = self._new[str(path)] = [*stamp, sha256]
        return sha256

    def save(self) -> None:
        """Remember what was computed."""
        if self._new:
            update_json(self._path, lambda content: {**_entries(content), **self._new})
            self._new = {}


def file_sha256(path: Path, *, follow: bool = True) -> str:
    """Hash a regular file, which is never whole in memory: SHA-256 in hexadecimal.

    Args:
        follow: whether a link is followed.

    Raises:
        IrregularFile, OSError: see :func:`~.budget.open_regular`.
    """
    digest = hashlib.sha256()
    with open_regular(path, follow=follow) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _entries(content: Any) -> dict[str, Any]:
    return content if isinstance(content, dict) else {}


@dataclass(frozen=True, slots=True)
class Hashes:
    """SHA-256 of a safetensors file, in hex.

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
