"""Bounds on what reading something foreign may cost: seconds, bytes, items.

Whoever reads an answer, a table, a photograph, a kit or a model file that somebody else has made counts what it takes.
Time is not counted for each part but for the whole: :func:`deadline` holds for all that happens inside its block, and
the sockets of :mod:`.bounded_http` obey it too.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO, Literal, cast

Limit = Literal["bytes", "seconds", "items", "depth", "ratio"]

_PART = 1 << 20
# Without O_NONBLOCK, to open a pipe waits for a writer. Windows has neither flag, nor pipes among its files.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)

# When the time is up, by time.monotonic(), and how many seconds it was in all.
_deadline: ContextVar[tuple[float, float]] = ContextVar("packshot_deadline", default=(math.inf, math.inf))


class OverBudget(Exception):
    """Something foreign asks for more than it may have.

    Attributes:
        limit: what it is that was exceeded; ``ratio`` is that of compression.
        most: how much was allowed: bytes, seconds, items, levels, or bytes for each compressed byte.
    """

    def __init__(self, limit: Limit, most: float) -> None:
        super().__init__(f"more than {most:,.15g} {limit}")
        self.limit = limit
        self.most = most


class IrregularFile(OSError):
    """What lies at a path is a pipe, a device, a socket or a folder, and no file."""


class Budget:
    """Counts bytes and items against what is allowed, and looks at the :func:`deadline` each time.

    Args:
        most_bytes, most_items: None for any number.
    """

    def __init__(self, *, most_bytes: int | None = None, most_items: int | None = None) -> None:
        self.bytes = 0
        self.items = 0
        self._most_bytes = most_bytes
        self._most_items = most_items

    def take_bytes(self, number: int) -> None:
        """Count bytes.

        Raises:
            OverBudget: they are too many, or the time is up.
        """
        self.bytes += number
        _refuse_more("bytes", self.bytes, self._most_bytes)
        check_deadline()

    def take_items(self, number: int = 1) -> None:
        """Count rows, cells, outputs, or whatever else there may be too many of.

        Raises:
            OverBudget: they are too many, or the time is up.
        """
        self.items += number
        _refuse_more("items", self.items, self._most_items)
        check_deadline()


def _refuse_more(limit: Limit, number: int, most: int | None) -> None:
    if most is not None and number > most:
        raise OverBudget(limit, most)


@contextlib.contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Give what happens in the block, in this thread, so many seconds in all.

    Args:
        seconds: None adds no bound. Of nested blocks the one that ends first holds.
    """
    nearest = _deadline.get()
    if seconds is not None:
        nearest = min(nearest, (time.monotonic() + seconds, seconds))
    token = _deadline.set(nearest)
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left() -> float:
    """Tell how many seconds are left of the :func:`deadline`: infinite without one, 0 or less once it has passed."""
    end, _ = _deadline.get()
    return end if end == math.inf else end - time.monotonic()


def check_deadline() -> None:
    """Look at the clock.

    Raises:
        OverBudget: the time is up.
    """
    if seconds_left() <= 0:
        raise OverBudget("seconds", _deadline.get()[1])


def open_regular(path: Path, *, follow: bool = True) -> BinaryIO:
    """Open a regular file to read its bytes.

    Args:
        follow: whether a link is followed. False in folders that others can write to.

    Raises:
        IrregularFile: a pipe, a device, a socket or a folder, none of which is waited for; or a link that is not to
            be followed.
        OSError: it cannot be opened.
    """
    if not follow and path.is_symlink():  # and O_NOFOLLOW for what becomes one meanwhile
        raise IrregularFile(f"'{path.name}' is a link")
    handle = os.open(path, _FLAGS | (0 if follow else _NO_LINK))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise IrregularFile(f"'{path.name}' is no regular file")
        return cast(BinaryIO, os.fdopen(handle, "rb"))
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: Path, most_bytes: int, *, follow: bool = True) -> bytes:
    """Read a regular file whole; what grows meanwhile is not read further than ``most_bytes``.

    Raises:
        OverBudget: it is larger, or the time is up.
        IrregularFile, OSError: see :func:`open_regular`.
    """
    budget = Budget(most_bytes=most_bytes)
    with open_regular(path, follow=follow) as file:
        budget.take_bytes(os.fstat(file.fileno()).st_size)
        budget.bytes = 0
        content = bytearray()
        while part := file.read(min(_PART, most_bytes + 1 - len(content))):
            budget.take_bytes(len(part))
            content += part
    return bytes(content)
