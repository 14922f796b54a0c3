"""Files that only their owner may read: keys, passwords, headers that let somebody in."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import KeyRefused
from .paths import write_new

_LARGEST = 1 << 20  # bytes; a chain of certificates has a few thousand


def read_private(path: Path) -> bytes:
    """Read a file that others may neither read nor change.

    As OpenSSH has it: of a file of one's own, only its owner may have rights. One that belongs to somebody else, such
    as a secret that a cluster mounts as root's, may be readable, and may not be changeable. Windows has no such rights.

    Raises:
        KeyRefused: it has loose rights, cannot be read, is no file, or is larger than 1 MiB.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyRefused("is no file", place=str(path), remedy="name the file that holds it")
            _check_rights(path, status)
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise KeyRefused(f"cannot be read: {error.strerror}", place=str(path), remedy="check the path") from error
    if len(content) > _LARGEST:
        raise KeyRefused(f"is larger than {_LARGEST >> 20} MiB", place=str(path), remedy="name the file that holds it")
    return content


def _check_rights(path: Path, status: os.stat_result) -> None:
    if os.name != "posix":
        return
    mine = status.st_uid == os.geteuid()
    if status.st_mode & (0o077 if mine else 0o022):
        raise KeyRefused(
            f"others on this machine may {'read or change' if mine else 'change'} it"
            f" (mode {stat.S_IMODE(status.st_mode):04o})",
            place=str(path),
            remedy=f"chmod 600 {path}; if others had the chance, make a new one",
        )


def write_private(path: Path, content: bytes) -> bool:
    """Write a file that nobody else may read, whole or not at all; False where there is one, which stays as it is.

    Raises:
        OutputUnwritable: the folder or the disk refuses.
    """
    return write_new(path, content, mode=0o600)
