"""The audit of a run: a file to which lines are only ever added, each sealed with the hash of all before it.

``audit.jsonl`` holds one JSON object a line. Its ``hash`` is the SHA-256 over the rest of the line, which holds the
hash of the line before as ``prev``. Whoever changes one byte has to change every line that follows; and the last hash
stands in the ledger too, so that lines cut off at the end are missed.

That finds accidents. What finds people are proofs in the lines that only the maker's key gives: ``code`` in each, and
``signature`` in those of the event ``sealed``, which covers all lines before it; see :mod:`..sealing`.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import CatalogInvalid
from ...paths import writing

FILE_NAME = "audit.jsonl"
START = "0" * 64
OUT_OF_ORDER = "it does not follow the line before it"
PROOFS = ("code", "signature")
_TAIL = 1 << 16

#: Gives what proves who wrote a line, by name, from the bytes of the line without it.
Prove = Callable[[bytes], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Head:
    """The last line: its number from 1, and its hash. Before the first line: 0 and zeros."""

    seq: int
    hash: str


class AuditLog:
    """Adds lines to a run's audit. One writer at a time: the caller holds the ledger's write lock.

    A line that a crash left half written is cut off, and a line that says so takes its place.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._size = -1
        self._head = Head(0, START)

    def append(self, event: str, facts: Mapping[str, Any], *, prove: Prove | None = None) -> Head:
        """Add a line, and sync it to disk: the ledger, which is synced next, must never know of a line that is lost.

        Args:
            event: what happened, in a word.
            facts: JSON values.
            prove: gives one of :data:`PROOFS`.

        Raises:
            OutputUnwritable: the disk refuses. What was written of the line is taken back.
            CatalogInvalid: the last line is no audit's.
        """
        with writing(self._path), self._path.open("ab") as file:
            size = os.fstat(file.fileno()).st_size
            if size != self._size:
                size = self._find_head(size)
            line, head = _sealed(self._head, event, facts, prove)
            try:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                os.truncate(self._path, size)
                raise
            self._size, self._head = size + len(line), head
        return head

    def _find_head(self, size: int) -> int:
        """Read the last line, because another process may have written it; returns the size of the whole lines."""
        with self._path.open("r+b") as file:
            tail, start = b"", size
            while start > 0 and tail.count(b"\n", 0, max(len(tail) - 1, 0)) < 1:
                start = max(0, start - _TAIL)
                file.seek(start)
                tail = file.read(size - start)
            whole, _, torn = tail.rpartition(b"\n")
            last = whole.rpartition(b"\n")[2]
            self._head = Head(0, START)
            if last:
                try:
                    record = json.loads(last)
                    self._head = Head(int(record["seq"]), str(record["hash"]))
                except (ValueError, KeyError, TypeError) as error:
                    raise CatalogInvalid(
                        "the last line of the audit is damaged",
                        place=str(self._path),
                        remedy="`packshot catalog audit` says where; move the file away to begin a new one",
                    ) from error
            if torn:
                size -= len(torn)
                file.truncate(size)
                line, self._head = _sealed(self._head, "torn", {"bytes": len(torn)})
                file.seek(size)
                file.write(line)
                size += len(line)
        return size


def read_audit(folder: Path) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
    """Every line of a run's audit: its number, its record, and what is wrong with it (empty: nothing).

    The record is None where the line cannot be read at all.

    Raises:
        CatalogInvalid: there is no audit.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise CatalogInvalid("there is no audit in this folder", place=str(folder), remedy="give the --out of a run")
    head = Head(0, START)
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            record, fault = _checked(line, head)
            if record is not None and isinstance(record.get("hash"), str):
                head = Head(number, record["hash"])
            else:
                head = Head(number, START)
            yield number, record, fault


def proven_bytes(record: Mapping[str, Any]) -> bytes:
    """The bytes that the proof in a line is about: the line without its proof and its hash."""
    return _bytes({name: value for name, value in record.items() if name not in (*PROOFS, "hash")})


def _sealed(head: Head, event: str, facts: Mapping[str, Any], prove: Prove | None = None) -> tuple[bytes, Head]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    record: dict[str, Any] = {"seq": head.seq + 1, "at": at, "event": event, **facts, "prev": head.hash}
    if prove is not None:
        record |= prove(_bytes(record))
    digest = hashlib.sha256(_bytes(record)).hexdigest()
    return _bytes({**record, "hash": digest}) + b"\n", Head(head.seq + 1, digest)


def _checked(line: bytes, before: Head) -> tuple[dict[str, Any] | None, str]:
    try:
        record = json.loads(line)
    except ValueError:
        return None, "not JSON"
    if not isinstance(record, dict):
        return None, "not a JSON object"
    if line != _bytes(record) + b"\n":
        return record, "not written as the audit writes"
    rest = {name: value for name, value in record.items() if name != "hash"}
    if hashlib.sha256(_bytes(rest)).hexdigest() != record.get("hash"):
        return record, "its content does not fit its hash"
    if record.get("prev") != before.hash or record.get("seq") != before.seq + 1:
        return record, OUT_OF_ORDER
    return record, ""


def _bytes(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode()
