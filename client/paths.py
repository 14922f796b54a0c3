"""Where Packshot keeps things, and how it writes a file so that a kill or a full disk never leaves half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import platformdirs

from .errors import OutputUnwritable

_OWNER_ONLY = 0o700
_PACKAGE = Path(__file__).resolve().parent

# What a file system says when it refuses. Anything else that happens inside an `atomic_write` block (a connection
# that breaks is an OSError too) is not about the file and passes through.
_REFUSALS = {
    errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR,
    errno.EEXIST, errno.ENAMETOOLONG, errno.EFBIG, errno.EIO, errno.EINVAL, errno.ELOOP,
}  # fmt: skip


_PART = re.compile(r"[^\x00-\x1f\x7f\\/:]*[^\x00-\x20\x7f\\/:.]")
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\.|$)", re.IGNORECASE)


def cache_dir() -> Path:
    """The user's cache folder for set-up artefacts: the managed host, downloads, generated weights."""
    return Path(platformdirs.user_cache_dir("packshot", appauthor=False))


def config_dir() -> Path:
    """The user's settings folder: ``profile.yaml``, model cards in ``cards/``, the key that audits are signed with."""
    return Path(platformdirs.user_config_dir("packshot", appauthor=False))


def state_dir() -> Path:
    """The user's folder for what has to outlast a cache: the anchors of audits."""
    return Path(platformdirs.user_state_dir("packshot", appauthor=False))


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Whatever the umask is, nobody else can write to the user's own folders.

    What lies there is trusted: it names the interpreter that is run, and what licences allow.

    Raises:
        OSError: the file system refuses.
    """
    home = _own_folder(folder)
    if home is None:
        folder.mkdir(parents=True, exist_ok=True)
        return
    home.parent.mkdir(parents=True, exist_ok=True)
    below = [home / part for part in folder.relative_to(home).parents if part != Path()]
    for path in (home, *reversed(below), folder):
        path.mkdir(mode=_OWNER_ONLY, exist_ok=True)
    with contextlib.suppress(PermissionError):  # another user's
        if home.stat().st_mode & stat.S_IWOTH:  # made by an earlier version, or by hand
            home.chmod(_OWNER_ONLY)


def _own_folder(path: Path) -> Path | None:
    """The user's cache, settings or state, where a path lies in one of them."""
    return next((home for home in (cache_dir(), config_dir(), state_dir()) if path.is_relative_to(home)), None)


def resolve_within(root: Path, name: str) -> Path | None:
    """Follow a name from a folder, through every link, to a path that need not exist.

    Args:
        root: the folder, resolved.

    Returns:
        None where the name leads out of the folder, or where no file can be called that.
    """
    try:
        path = (root / name).resolve()
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a circle of links
        return None
    return path if path.is_relative_to(root) else None


def leads_down(name: str) -> bool:
    """Tell whether a relative name, with forward slashes, leads to something below its folder on every system.

    Others write such names into ledgers and addresses. No part is empty or dots alone, ends with a dot or a space, is a
    device of Windows, or holds a control character, a backslash or a colon. Links are another matter, see
    :func:`resolve_within`.
    """
    return all(_PART.fullmatch(part) and not _DEVICE.match(part) for part in name.split("/"))


def shipped(folder: str) -> Path:
    """A folder that ships with Packshot (``workflows`` or ``examples``), from a wheel or from a checkout."""
    installed = _PACKAGE / folder
    return installed if installed.is_dir() else _PACKAGE.parent / folder


def checkout() -> Path | None:
    """The folder of the node pack, when this package runs from a checkout of it; None from a wheel."""
    root = _PACKAGE.parent
    return root if (root / "nodes").is_dir() and (root / "pyproject.toml").is_file() else None


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what a file system says when it refuses to write at ``path`` into :class:`OutputUnwritable`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise OutputUnwritable(
            f"cannot write: {os.strerror(error.errno or 0)}",
            place=str(path),
            remedy="free some space or choose another folder; nothing that was there is lost",
        ) from error


@contextlib.contextmanager
def atomic_write(path: Path, *, durable: bool = True, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Open a new file that takes the place of ``path`` when the block ends without an error.

    Args:
        durable: sync the bytes to disk first and its name after, so that it survives a power cut and not only a kill.
        mode: rights of the file, less those that the user's umask takes.

    Raises:
        OutputUnwritable: the folder or the disk refuses; ``path`` is as it was before.
    """
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}.part")
    allowed = mode & 0o600 if _own_folder(path) else mode
    with writing(path):
        make_folder(path.parent)
        try:
            with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, allowed)) as file:
                yield file
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
            if durable:
                sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have a folder's names survive a power cut: a file that was renamed may else be gone under both names.

    Windows and some network file systems cannot be asked to, and see to it by themselves or not at all.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_new(path: Path, data: bytes, *, mode: int = 0o666) -> bool:
    """Write a file that replaces none, whole or not at all; False where a file has its name, which stays as it is.

    Two writers that want the same name at the same time never both get it.

    Raises:
        OutputUnwritable: the folder or the disk refuses.
    """
    whole = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}.new")
    with writing(path):
        try:
            with atomic_write(whole, mode=mode) as file:
                file.write(data)
            with contextlib.suppress(FileExistsError):
                _claim(whole, path)
                sync_folder(path.parent)
                return True
        finally:
            whole.unlink(missing_ok=True)
    return False


def _claim(whole: Path, path: Path) -> None:
    try:
        path.hardlink_to(whole)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, such as exFAT: an empty file holds the name meanwhile
        path.open("xb").close()
        whole.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 with :func:`atomic_write`."""
    with atomic_write(path) as file:
        file.write(text.encode())
