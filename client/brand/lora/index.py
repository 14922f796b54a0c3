"""What is known of all LoRA files in a folder, kept in a database so that only new and changed ones are looked into.

A file is known by its path, size and time of change. Most files of a collection have the names and shapes of many
others (one base, one trainer, one rank): what follows from names and shapes is found once and used for all of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ...errors import ModelMissing, PackshotError
from ...hashes import Hashes, file_hashes
from ...models.detect.claims import claim
from ...models.detect.detect import Detection, detect_header
from ...models.files.adapters import stated_alpha
from ...models.files.header import Header
from ...models.files.read import read_header
from ...paths import cache_dir, make_folder
from ...side_files import optional
from .algebra import total_norm
from .report import summarise
from .tensors import TensorFile

_PATIENCE = 2.0  # seconds to wait for another process that writes the index
_VERSION = 3  # of the table below and of what `summarise` says
_TABLE = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, changed INTEGER NOT NULL,
    summary TEXT, sha256 TEXT, body_sha256 TEXT, norm TEXT
) WITHOUT ROWID
"""
_SUFFIXES = (".safetensors", ".sft")
_BEGIN = '{"__metadata__":'
_LONGEST = 1 << 20  # bytes of a header that is taken apart here; longer ones go the careful way
_KEPT = 4096  # headers kept in memory
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Entry:
    """A LoRA file of a folder.

    Attributes:
        path: absolute.
        summary: as :func:`~.report.summarise` has it, or ``{"error": {…}}`` for one that is refused.
    """

    path: Path
    summary: dict[str, Any]


def inspect_folder(folder: Path) -> list[dict[str, Any]]:
    """Say what all LoRA files in a folder and below it are; only new and changed ones are read.

    Returns:
        An object of ``packshot lora inspect --json`` for each file, by path, without its hashes; ``error`` in place of
        the rest for one that is refused.
    """
    with LoraIndex() as index:
        return [{"file": str(entry.path), **entry.summary} for entry in index.scan(folder)]


class LoraIndex:
    """The database; use it in a ``with`` block, in one thread.

    Where the user's cache cannot be used, all is worked out anew and forgotten at the end of the block.
    """

    def __init__(self, database: Path | None = None) -> None:
        """Open it; one that is damaged or of another version is made anew.

        Args:
            database: its file; by default in the user's cache.
        """
        self._path = database or cache_dir() / "lora-index.sqlite"
        self._db: sqlite3.Connection | None = None
        with optional(self._path):
            make_folder(self._path.parent)
            try:
                self._db = _open(self._path)
            except sqlite3.OperationalError:  # locked, or of a disk that refuses
                raise
            except sqlite3.DatabaseError:
                self._path.unlink()
                self._db = _open(self._path)

    def __enter__(self) -> LoraIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._db is not None:
            self._db.close()

    def scan(self, folder: Path) -> list[Entry]:
        """All safetensors files in a folder and below it, by path; new and changed ones are looked into.

        Files that are no LoRA, or cannot be read, have an ``error`` in place of a summary.
        """
        found = dict(_files(folder.resolve()))
        known = {
            path: (size, changed, summary)
            for path, size, changed, summary in self._select(
                "SELECT path, size, changed, summary FROM files WHERE path >= ? AND path < ?", *_below(folder.resolve())
            )
        }
        stale = [path for path, stamp in found.items() if known.get(path, (0, 0, None))[:2] != stamp]
        stale += [path for path in found if path in known and known[path][2] is None and path not in set(stale)]
        new = dict(_summaries(stale))
        with self._writing() as db:
            db.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in known.keys() - found.keys()])
            for path, text in new.items():
                _keep(db, path, found[path], "summary", (text,))
        texts = {path: new.get(path) or known[path][2] for path in found}
        return [Entry(Path(path), json.loads(text)) for path, text in sorted(texts.items()) if text]

    def hashes(self, path: Path) -> Hashes:
        """A file's hashes, computed when it is new or has changed.

        Raises:
            ModelMissing, ModelCorrupt: it is not there or is no file of weights.
        """
        path = path.resolve()
        stamp = _stamp(path)
        query = "SELECT sha256, body_sha256 FROM files WHERE path = ? AND size = ? AND changed = ? AND sha256 NOT NULL"
        for row in self._select(query, str(path), *stamp):
            return Hashes(*row)
        made = file_hashes(path, read_header(path).body)
        with self._writing() as db:
            _keep(db, str(path), stamp, "sha256, body_sha256", (made.file, made.body))
        return made

    def norm(self, path: Path) -> float | None:
        """The Frobenius norm of all that a file adds to a model's weights; None where its changes are no sums.

        Raises:
            ModelMissing, ModelCorrupt, InputInvalid: it is not there, is damaged or is no LoRA.
        """
        path = path.resolve()
        stamp = _stamp(path)
        query = "SELECT norm FROM files WHERE path = ? AND size = ? AND changed = ? AND norm NOT NULL"
        for (text,) in self._select(query, str(path), *stamp):
            known: float | None = json.loads(text)
            return known
        made = total_norm(TensorFile(path))
        with self._writing() as db:
            _keep(db, str(path), stamp, "norm", (json.dumps(made),))
        return made

    def _select(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        """Rows of the index; none where it cannot be read."""
        with optional(self._path):
            if self._db is not None:
                return self._db.execute(query, values).fetchall()
        return []

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction; what it writes is lost where the index cannot be written."""
        with optional(self._path), self._db or _open(":memory:") as db:
            yield db


def _open(database: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(database, timeout=_PATIENCE)
    try:
        if db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            db.execute("DROP TABLE IF EXISTS files")
            db.execute(f"PRAGMA user_version = {_VERSION}")
        db.execute("PRAGMA synchronous = OFF")  # a lost index is made again
        db.execute(_TABLE)
        db.commit()
    except sqlite3.Error:
        db.close()
        raise
    return db


def _keep(db: sqlite3.Connection, path: str, stamp: tuple[int, int], columns: str, values: tuple[str, ...]) -> None:
    """Set columns of a file's row; what is known of other contents of the file is forgotten."""
    db.execute("DELETE FROM files WHERE path = ? AND (size, changed) != (?, ?)", (path, *stamp))
    names = [name.strip() for name in columns.split(",")]
    marks = ", ".join("?" for _ in names)
    update = ", ".join(f"{name} = excluded.{name}" for name in names)
    db.execute(
        f"INSERT INTO files (path, size, changed, {columns}) VALUES (?, ?, ?, {marks})"
        f" ON CONFLICT (path) DO UPDATE SET {update}",
        (path, *stamp, *values),
    )


def _files(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Path, and size and time of change, of each file; links to folders are not followed, so that none is a loop."""
    waiting = [str(folder)]
    while waiting:
        with contextlib.suppress(PermissionError, FileNotFoundError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.name.lower().endswith(_SUFFIXES):
                    with contextlib.suppress(OSError):
                        stat = entry.stat()
                        yield entry.path, (stat.st_size, stat.st_mtime_ns)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise ModelMissing("there is no such file", place=str(path), remedy="check the path") from error
    return stat.st_size, stat.st_mtime_ns


def _below(folder: Path) -> tuple[str, str]:
    """Bounds of the paths below a folder, for a search by the primary key."""
    prefix = str(folder).rstrip(os.sep) + os.sep
    return prefix, prefix[:-1] + chr(ord(os.sep) + 1)


def _summaries(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    reader = SummaryReader()
    for path in paths:
        try:
            summary = reader.summary(Path(path))
        except PackshotError as error:
            summary = {"error": error.as_dict()}
        yield path, json.dumps(summary, ensure_ascii=False, separators=(",", ":"))


class SummaryReader:
    """Makes summaries of many files: names and shapes that were seen before are not looked into again.

    In a safetensors header the metadata usually come first, and the rest describes the tensors. Two files whose rest is
    the same, byte for byte, over as many bytes of tensors, have the same layers; only their metadata differ.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[object, ...], tuple[Header, Detection]] = {}

    def summary(self, path: Path) -> dict[str, Any]:
        """As :func:`~.report.summarise`.

        Raises:
            ModelMissing, ModelCorrupt, InputInvalid: as there.
        """
        parts = _taken_apart(path)
        if parts is None:
            return summarise(read_header(path))
        metadata, rest, size, body = parts
        said = claim(metadata)  # of all metadata, what the detection looks at
        key = (rest, size - body, said)
        known = self._seen.get(key)
        if known is None:
            header = read_header(path)
            found = detect_header(header)
            if len(self._seen) < _KEPT:
                self._seen[key] = header, found
            return summarise(header, found)
        header, found = known
        if found.lora is not None:
            found = dataclasses.replace(found, lora=dataclasses.replace(found.lora, alpha=stated_alpha(metadata)))
        return summarise(dataclasses.replace(header, path=path, size=size, body=body, metadata=metadata), found)


def _taken_apart(path: Path) -> tuple[dict[str, str], bytes, int, int] | None:
    """Metadata, hash of the rest of the header, size, and offset of the body; None for a file that is not as usual."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(_LONGEST, size - 8):
                return None
            text = file.read(length).decode()
    except (OSError, ValueError):
        return None
    if not text.startswith(_BEGIN):
        return None
    try:
        metadata, end = _DECODER.raw_decode(text, len(_BEGIN))
    except (ValueError, RecursionError):
        return None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        return None
    rest = hashlib.blake2b(text[end:].encode(), digest_size=16).digest()
    return metadata, rest, size, 8 + length
