"""Whether the pictures of a run are on disk as they were accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...hashes import file_sha256
from ...paths import leads_down
from ..ledger.ledger import Ledger

_THREADS = 4


def verify_pictures(folder: Path | str) -> dict[str, Any]:
    """Read every picture of a run, also where nothing may be written.

    Returns:
        ``{"checked": how many, "damaged": [{"item", "file", "what"}]}``; ``what`` is ``missing``, ``empty``,
        ``changed`` or ``unreadable``.

    Raises:
        CatalogInvalid: there is no run, or its ledger is damaged.
    """
    with Ledger(Path(folder), read_only=True) as ledger:
        rows = ledger.all(
            "SELECT item_id, file, sha256 FROM items WHERE state IN ('done', 'quarantined') AND file != ''"
        )
    checked = list(compare_files(Path(folder), rows))
    damaged = [{"item": item, "file": file, "what": what} for item, file, what in checked if what]
    return {"checked": len(checked), "damaged": damaged}


def compare_files(folder: Path, files: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """Compare files with what they should be.

    Args:
        files: whose it is, path relative to the folder, SHA-256 in hex.

    Yields:
        whose it is, its path, and what is wrong with it: empty for nothing.
    """
    with ThreadPoolExecutor(_THREADS) as pool:  # hashing leaves Python's lock
        yield from pool.map(lambda row: (row[0], row[1], _damage_below(folder, row[1], row[2])), files)


def _damage_below(folder: Path, file: str, sha256: str) -> str:
    """What is wrong with a file; one that a stranger's ledger names outside of its folder is not looked at."""
    return _damage(folder / file, sha256) if leads_down(file) else "missing"


def _damage(path: Path, sha256: str) -> str:
    try:
        if not path.is_file():
            return "missing"
        if path.stat().st_size == 0:
            return "empty"
        return "" if file_sha256(path) == sha256 else "changed"
    except OSError:
        return "unreadable"


def damage_at_a_glance(ledger: Ledger, *, thorough: bool) -> list[dict[str, str]]:
    """Find finished pictures that are no longer there as they were, by size and time of change.

    Args:
        thorough: read those whose time of change differs from when they were accepted, or was not kept then, and
            remember that of those which are whole.

    Returns:
        As ``damaged`` of :func:`verify_pictures`; a picture that is shorter or longer than it was has ``changed``.
    """
    damaged, whole = [], []
    rows = ledger.all(
        "SELECT item_id, i.file, sha256, bytes, changed FROM items i LEFT JOIN stamps USING (item_id)"
        " WHERE state = 'done' ORDER BY position"
    )
    for item, file, sha256, size, changed in rows:
        path = ledger.folder / file
        what = _changed(path, size)
        if not what and thorough and _stamp_of(path) != (size, changed):
            what = _damage(path, sha256)
            whole += [] if what else [(item, *_stamp_of(path))]
        if what:
            damaged.append({"item": item, "file": file, "what": what})
    if whole:
        with ledger.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO stamps VALUES (?, ?, ?)", whole)
    return damaged


def _changed(path: Path, size: int | None) -> str:
    try:
        status = path.stat()
    except OSError:
        return "missing"
    if status.st_size == 0:
        return "empty"
    return "" if size in (None, status.st_size) else "changed"


def _stamp_of(path: Path) -> tuple[int, int]:
    """Size of a file in bytes, and when it was last changed, in nanoseconds."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns
