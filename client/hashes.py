"""The SHA-256 of large files, remembered from one process to the next."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from .errors import OutputUnwritable
from .paths import cache_dir, write_text

_CHUNK = 1 << 22


class HashCache:
    """SHA-256 of files on this disk, computed again only when size or time of change differ.

    Args:
        path: the file that remembers them; by default in the user's cache folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or cache_dir() / "hashes.json"
        self._changed = False
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}  # never written, or not by us: everything is computed anew
        self._known: dict[str, Any] = known if isinstance(known, dict) else {}

    def sha256(self, path: Path) -> str:
        """The SHA-256 of a file, in hexadecimal."""
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        entry = self._known.get(str(path))
        if isinstance(entry, list) and len(entry) == 3 and entry[:2] == stamp:
            return str(entry[2])
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        self._known[str(path)] = [*stamp, digest.hexdigest()]
        self._changed = True
        return digest.hexdigest()

    def save(self) -> None:
        """Remember what was computed."""
        if self._changed:
            with contextlib.suppress(OutputUnwritable):  # then they are computed again the next time
                write_text(self._path, json.dumps(self._known))
            self._changed = False
