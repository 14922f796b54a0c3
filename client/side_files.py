"""Side files: what is kept in the user's cache to save time, such as how long pictures took.

A run never fails for one of them, and never waits for one: whatever cannot be read counts as never kept, and what
cannot be written is said once.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from .budget import OverBudget, read_regular
from .errors import OutputUnwritable
from .paths import make_folder, write_text

_log = logging.getLogger(__name__)

_MOST = 64 << 20  # bytes of one; the largest, the hashes of 100,000 files, has 20 MB
_PATIENCE = 2.0  # seconds to wait for another process that writes the same file; to write takes a hundredth of one


@contextlib.contextmanager
def optional(path: Path) -> Iterator[None]:
    """Let go what a file system, a lock or a database refuses about a side file, and say so once in this process."""
    try:
        yield
    except (OSError, OutputUnwritable, sqlite3.Error) as error:  # filelock's Timeout is an OSError
        _say(path, error.message if isinstance(error, OutputUnwritable) else str(error))


@functools.cache
def _say(path: Path, reason: str) -> None:
    _log.warning("%s is not kept up to date, which costs time and nothing else: %s", path, reason)


def read_json(path: Path) -> Any:
    """What a side file holds; None where it is not there, or cannot be read."""
    try:
        return json.loads(read_regular(path, _MOST))
    except (OSError, OverBudget, ValueError, RecursionError):
        return None


def update_json(path: Path, change: Callable[[Any], Any]) -> None:
    """Read a side file, change what it holds, and write it, while no other process does.

    Args:
        change: gets what :func:`read_json` gives, and returns what is to be written.
    """
    with optional(path):
        make_folder(path.parent)
        with FileLock(path.with_suffix(".lock"), timeout=_PATIENCE, mode=0o600):
            write_text(path, json.dumps(change(read_json(path)), indent=1) + "\n")
