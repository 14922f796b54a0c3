"""Files that are kept by key in a folder of bounded size: what was worked out once and may be needed again.

A file's name ends with the SHA-256 of its content, so that one that was damaged is known for what it is: it is removed,
and counts as never kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from .budget import OverBudget, read_regular
from .paths import atomic_write
from .side_files import optional


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """The files of ``folder``; several processes may use it at once.

    Attributes:
        folder: made when the first file is kept; whoever empties it loses nothing but time.
        limit: bytes of all files together. Beyond it, those go that were not used for the longest time.
        suffix: of the files' names, with the dot.
    """

    folder: Path
    limit: int
    suffix: str

    def begun(self) -> bool:
        """Whether anything was ever kept."""
        return any(self.folder.glob(f"*{self.suffix}"))

    def read(self, key: str) -> bytes | None:
        """The content kept under a key; None where there is none, or it was damaged.

        Args:
            key: hexadecimal digits, always the same number of them.
        """
        for path in self.folder.glob(f"{key}.*{self.suffix}"):
            try:
                content = read_regular(path, path.stat().st_size)
            except (OSError, OverBudget):
                continue
            if path.name == self._name(key, content):
                with contextlib.suppress(OSError):
                    os.utime(path)
                return content
            with contextlib.suppress(OSError):
                path.unlink()
        return None

    def write(self, key: str, content: bytes) -> None:
        """Keep a content under a key, in the place of the one before; not where the folder or the disk refuses."""
        path = self.folder / self._name(key, content)
        with optional(self.folder):
            with atomic_write(path, durable=False) as file:
                file.write(content)
            for other in self.folder.glob(f"{key}.*{self.suffix}"):
                if other != path:
                    other.unlink(missing_ok=True)
            self._shrink(path)

    def _shrink(self, newest: Path) -> None:
        files = []
        for path in self.folder.glob(f"*{self.suffix}"):
            with contextlib.suppress(OSError):
                stat = path.stat()
                files.append((stat.st_mtime_ns, path, stat.st_size))
        size = sum(each for _, _, each in files)
        for _, path, each in sorted(files):
            if size <= self.limit:
                return
            if path != newest:
                path.unlink(missing_ok=True)
                size -= each

    def _name(self, key: str, content: bytes) -> str:
        return f"{key}.{hashlib.sha256(content).hexdigest()}{self.suffix}"
