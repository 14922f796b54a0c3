"""Fetches a card's files into the models folder, from the hub (see :mod:`.hub`) or from a copy of it on disk.

A file has its name only when it is whole and its SHA-256 is right. Until then it is ``.NAME.KEY.part`` beside it, where
the next fetch of the same content goes on. Nothing that is there already is ever overwritten.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from filelock import FileLock, Timeout

from ..budget import open_regular
from ..errors import InputInvalid, ModelCorrupt, ModelMissing, OutputUnwritable
from ..hashes import file_sha256
from ..paths import writing
from .cards import Card, Component, ModelFile
from .starter.files import write_starter

Progress = Callable[[str], None]
State = Literal["present", "missing", "differs"]

_CHUNK = 1 << 22
# What is a link is not followed, and a pipe is not waited for.
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_STARTER = "starter"  # the card whose files are generated


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file that a card needs, and how it stands in the models folder.

    Attributes:
        state: ``differs`` is a file of that name whose size is not the card's.
    """

    component: Component
    file: ModelFile
    path: Path
    state: State


def survey(choice: Mapping[Component, ModelFile], models: Path) -> list[Wanted]:
    """How each chosen file stands in a models folder, judged by name and size; nothing is read or asked."""
    return [look_for(component, file, models) for component, file in choice.items()]


def look_for(component: Component, file: ModelFile, models: Path) -> Wanted:
    """How one file stands; see :func:`survey`."""
    path = models / component.folder / file.name
    return Wanted(component, file, path, _state(file, path))


def _state(file: ModelFile, path: Path) -> State:
    if not path.is_file():
        return "missing"
    exact = file.sha256 is not None or file.size_is == "primary"  # else the size may be an estimate
    return "differs" if exact and file.size not in (None, path.stat().st_size) else "present"


@dataclass(frozen=True, slots=True)
class Remote:
    """A file of a card, found at its source.

    Attributes:
        address: a URL or a path.
        size: in bytes.
        sha256: of its content; None where the source does not tell.
        key: changes with the content, so that parts of different contents never meet.
    """

    file: ModelFile
    address: str
    size: int
    sha256: str | None
    key: str


class Source(Protocol):
    """Where files come from."""

    def look(self, file: ModelFile) -> Remote:
        """Find a file without reading it, or raise ModelMissing or HostUnreachable."""

    def copy(self, remote: Remote, part: Path) -> None:
        """Append to ``part`` what it lacks of the file.

        Raises:
            OutputUnwritable: ``part`` is a link or no regular file, or the disk refuses.
            ModelCorrupt: there is more of the file than its size; ``part`` is removed.
            HostUnreachable: it breaks off again and again, or comes too slowly.
        """


def check_supported(card: Card) -> None:
    """Refuse a card whose model the host cannot run: there is nothing to do with its files.

    Raises:
        InputInvalid: ComfyUI has no code for the model.
    """
    if not card.supported_by_host:
        raise InputInvalid(f"ComfyUI has no code for {card.name}", place=f"card '{card.id}'", remedy=card.host_note)


def fetch(card: Card, wanted: Sequence[Wanted], models: Path, source: Source, progress: Progress) -> list[Path]:
    """Fetch what is missing of a card; check what is there. The starter's files are not fetched but generated.

    Every file is looked up and the space for all of them is checked before the first byte is fetched. An interrupted
    fetch, by Ctrl-C too, keeps what it has.

    Args:
        wanted: the card's files, as :func:`survey` finds them.
        progress: called with a line for each step.

    Returns:
        The paths of the files that were missing.

    Raises:
        ModelMissing: a file is not at the source, or not for this user.
        ModelCorrupt: a file in the folder is not the card's, or what was fetched is not, which is then removed.
        OutputUnwritable: too little space, no right to write, or another fetch is at work on the folder.
        HostUnreachable: the hub does not answer, or broke off again and again.
        InputInvalid: ComfyUI has no code for the model.
    """
    check_supported(card)
    with writing(models):
        models.mkdir(parents=True, exist_ok=True)
    with _lock(models):
        if card.id == _STARTER:
            write_starter(models, progress)
        else:
            _fetch(wanted, source, progress)
    return [item.path for item in wanted if item.state == "missing"]


@contextlib.contextmanager
def _lock(models: Path) -> Iterator[None]:
    """Keep other fetches away from a folder.

    Raises:
        OutputUnwritable: one is at work there, or the lock cannot be made.
    """
    lock = FileLock(models / ".packshot-fetch.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise OutputUnwritable(
            "another fetch is at work here", place=str(models), remedy="wait until it is done, or stop it"
        ) from error
    except OSError as error:  # a link, say, which is not followed
        raise OutputUnwritable(
            f"the lock of this folder cannot be taken: {error.strerror}",
            place=lock.lock_file,
            remedy="see what lies there and who put it there, and delete it",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _fetch(wanted: Sequence[Wanted], source: Source, progress: Progress) -> None:
    missing = []
    for item in wanted:
        if item.state == "missing":
            missing.append(item)
        else:
            _check_present(item, progress)
    found = [(item, _look(item, source)) for item in missing]
    _check_space((_part(item, remote), remote.size) for item, remote in found)
    for item, remote in found:
        part = _part(item, remote)
        with writing(part):
            part.parent.mkdir(parents=True, exist_ok=True)
        progress(f"fetching {item.component.folder}/{item.file.name} ({size_text(remote.size)}) from {remote.address}")
        source.copy(remote, part)
        _take(item, remote, part, progress)


def _check_present(item: Wanted, progress: Progress) -> None:
    """Refuse a file that is not the card's: by its hash where the card has one, whatever the size."""
    problem = ""
    if item.file.sha256 is not None:
        progress(f"checking {item.component.folder}/{item.file.name}")
        if _sha256(item.path) != item.file.sha256:
            problem = f"this file's SHA-256 is not the card's, {item.file.sha256}"
    elif item.state == "differs":
        problem = f"this file has {item.path.stat().st_size:,} bytes and the card's has {item.file.size:,}"
    if problem:
        raise ModelCorrupt(
            problem,
            place=str(item.path),
            remedy="move it elsewhere or delete it, then fetch again; it is not overwritten",
        )


def _look(item: Wanted, source: Source) -> Remote:
    file = item.file
    if file.repo is None or file.path is None:
        raise ModelMissing(
            "this file is not there, and the card names no place to fetch it from",
            place=str(item.path),
            remedy="put it there yourself",
        )
    remote = source.look(file)
    if file.sha256 is not None:  # a mirror tells no hash: its files are checked once they are copied
        other = remote.sha256 not in (None, file.sha256)
    else:
        other = file.size_is == "primary" and file.size not in (None, remote.size)
    if other:
        raise ModelCorrupt(
            f"the file at its source is not the card's: {remote.size:,} bytes, SHA-256 {remote.sha256 or 'not told'}",
            place=remote.address,
            remedy="update Packshot, or the card if it is your own",
        )
    return remote


def _part(item: Wanted, remote: Remote) -> Path:
    """Where what has come of a file lies; a key that is no hash, such as a weak ETag, is hashed."""
    key = remote.key if re.fullmatch("[0-9a-f]{16,}", remote.key) else hashlib.sha256(remote.key.encode()).hexdigest()
    return item.path.with_name(f".{item.path.name[:80]}.{key[:16]}.part")


@contextlib.contextmanager
def open_part(part: Path) -> Iterator[BinaryIO]:
    """Open what has come of a file, to read it and to append to it. Others may write to the folder that it is in.

    Raises:
        OutputUnwritable: it is a link, has a second name, or is no regular file; or the disk refuses.
    """
    refusal = OutputUnwritable(
        "what lies here is a link or no regular file, and nothing is written to it",
        place=str(part),
        remedy="see who put it there, delete it, and fetch again",
    )
    if part.is_symlink():  # and O_NOFOLLOW for what becomes one meanwhile
        raise refusal
    with writing(part):
        handle = os.open(part, _APPEND, 0o666)
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode) or state.st_nlink > 1:
            os.close(handle)
            raise refusal
        with os.fdopen(handle, "a+b") as file:
            yield file


def refuse_more(remote: Remote, part: Path) -> ModelCorrupt:
    """Remove what has come of a file that goes on beyond its size; returns the error to raise."""
    part.unlink(missing_ok=True)
    return ModelCorrupt(
        f"more came than the {remote.size:,} bytes that this file has; it was removed",
        place=remote.address,
        remedy="fetch again; if it stays so, whatever is between here and there changes files",
    )


def _check_space(parts: Iterable[tuple[Path, int]]) -> None:
    """Refuse where a disk has too little room for what is still to come; parts that are there count."""
    need: dict[int, int] = {}
    folders: dict[int, Path] = {}
    for part, size in parts:
        folder = next(folder for folder in part.parents if folder.exists())
        device = folder.stat().st_dev
        folders[device] = folder
        need[device] = need.get(device, 0) + max(0, size - (part.lstat().st_size if part.is_file() else 0))
    for device, folder in folders.items():
        free = shutil.disk_usage(folder).free
        if need[device] > free:
            raise OutputUnwritable(
                f"{size_text(need[device])} are to be fetched and {size_text(free)} are free",
                place=str(folder),
                remedy="free some space, choose a smaller --precision, or another folder with --models",
            )


def _take(item: Wanted, remote: Remote, part: Path, progress: Progress) -> None:
    """Give a part its name, if it is the right file."""
    expected = item.file.sha256 or remote.sha256
    if expected is not None:
        progress(f"checking {item.component.folder}/{item.file.name}")
        digest = _sha256(part, follow=False)
        if digest != expected:
            part.unlink()
            raise ModelCorrupt(
                f"what came has SHA-256 {digest}, which should be {expected}; it was removed",
                place=remote.address,
                remedy="fetch again; if it stays so, whatever is between here and there changes files",
            )
    with writing(item.path):
        if item.path.exists():
            raise ModelCorrupt(
                "a file of that name has appeared in the meantime", place=str(item.path), remedy="see where it is from"
            )
        part.replace(item.path)


def _sha256(path: Path, *, follow: bool = True) -> str:
    try:
        return file_sha256(path, follow=follow)
    except OSError as error:
        raise ModelCorrupt(
            f"cannot be read: {error.strerror or error}", place=str(path), remedy="see what lies there"
        ) from error


def size_text(size: int) -> str:
    """A size for people, in the decimal units in which files and disks are sold."""
    return f"{size / 1e9:.2f} GB" if size >= 10**8 else f"{size / 1e6:.1f} MB"


def fill_command(file: ModelFile, folder: str) -> str:
    """The command that puts a file of the hub into a :class:`Mirror`."""
    return f"`hf download {file.repo} {file.path} --local-dir {folder}/{file.repo}`"


class Mirror:
    """A copy of the hub on disk, for sites without a network: the file ``DIR/<owner>/<name>/<path>``.

    ``hf download OWNER/NAME PATH --local-dir DIR/OWNER/NAME`` on a machine with a network fills it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def look(self, file: ModelFile) -> Remote:
        """See :class:`Source`."""
        path = self.folder / str(file.repo) / str(file.path)
        if not path.is_file():
            raise ModelMissing(
                "the mirror does not have this file",
                place=str(path),
                remedy=f"fill it: {fill_command(file, str(self.folder))}",
            )
        stat = path.stat()
        return Remote(file, str(path), stat.st_size, None, file.sha256 or f"{stat.st_size:x}-{stat.st_mtime_ns:x}")

    def copy(self, remote: Remote, part: Path) -> None:
        """See :class:`Source`."""
        with open_regular(Path(remote.address)) as origin, open_part(part) as out:
            origin.seek(out.seek(0, os.SEEK_END))
            while chunk := origin.read(_CHUNK):
                if out.tell() + len(chunk) > remote.size:
                    raise refuse_more(remote, part)
                out.write(chunk)
