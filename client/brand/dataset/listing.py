"""What lies in a data set's folder: pictures, the files beside them, and what is passed over."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...compose.file_kind import ENDINGS
from .faults import Fault
from .picture import UNREAD

CAPTIONS = (".txt", ".caption")  # the first is preferred

# Files and folders that systems, network drives and editors leave; the rest of them begin with a dot.
_SYSTEM = re.compile(
    r"__MACOSX|@eaDir|@Recycle|@Recently-Snapshot|#recycle|#snapshot|\$RECYCLE\.BIN|System Volume Information"
    r"|lost\+found|Network Trash Folder|Temporary Items|__pycache__|Thumbs\.db|ehthumbs\.db|desktop\.ini|Icon\r|~\$.*",
    re.IGNORECASE,
)


def is_system_file(name: str) -> bool:
    """Say whether a file or folder is hidden, or none that a person has put there."""
    return name.startswith(".") or _SYSTEM.fullmatch(name) is not None


def files_in(folder: Path, faults: list[Fault]) -> Iterator[tuple[str, Path]]:
    """Yield all files below a folder that a person has put there, in the order of their names.

    Args:
        faults: gets one for each folder that is a link, or that cannot be read.

    Returns:
        The name below the folder, with forward slashes and in Unicode's composed form (NFC), and the path.
    """
    unreadable: list[OSError] = []
    paths: list[Path] = []
    for root, folders, files in os.walk(folder, onerror=unreadable.append):
        folders[:] = sorted(name for name in folders if not is_system_file(name))
        links = [Path(root, name) for name in folders if Path(root, name).is_symlink()]
        faults += [
            Fault("folder-skipped", "it is a link to a folder, which is not followed", "copy the folder itself",
                  _name(link, folder), "warning")
            for link in links
        ]  # fmt: skip
        paths += [Path(root, name) for name in files if not is_system_file(name)]
    faults += [
        Fault("folder-skipped", f"it cannot be read: {error.strerror}", "check its permissions",
              _name(Path(error.filename), folder))
        for error in unreadable
    ]  # fmt: skip
    yield from sorted((_name(path, folder), path) for path in paths)


def _name(path: Path, folder: Path) -> str:
    return unicodedata.normalize("NFC", path.relative_to(folder).as_posix())


@dataclass(frozen=True, slots=True)
class Sidecars:
    """The text files beside one picture.

    Attributes:
        stem: the picture's file name without its suffix.
        caption: the file that holds its caption; None: there is none.
        others: files of that name which are not read.
    """

    stem: str
    caption: Path | None = None
    others: tuple[Path, ...] = ()


class Listing:
    """The files of a data set.

    Capitals, and whether accents are composed, make no difference between the name of a picture and of its caption.

    Args:
        folder: the data set's.

    Attributes:
        pictures: by name, in the order of their names.
        faults: of files that belong to nothing, and of what is not read.
    """

    def __init__(self, folder: Path) -> None:
        self.pictures: dict[str, Path] = {}
        self.faults: list[Fault] = []
        self._texts: dict[str, list[str]] = defaultdict(list)  # by each beginning of the name that ends before a dot
        self._paths: dict[str, Path] = {}
        self._readers: dict[str, list[str]] = defaultdict(list)  # caption file -> pictures
        for name, path in files_in(folder, self.faults):
            suffix = PurePosixPath(name).suffix.lower()
            if name in self.pictures:
                message = "another picture has the same name in other Unicode characters"
                self.faults.append(Fault("name-twice", message, "rename one of them", name))
            elif suffix in ENDINGS:
                self.pictures[name] = path
            elif suffix in UNREAD:
                message, remedy = f"it is {UNREAD[suffix]}, which is not read", "save it as PNG or JPEG"
                self.faults.append(Fault("format-unread", message, remedy, name, "warning"))
            else:
                self._paths[name] = path
                for beginning in _beginnings(name):
                    self._texts[beginning].append(name)

    def sidecars(self, name: str) -> Sidecars:
        """Find the files beside a picture: ``mug.txt``, ``mug.TXT``, ``mug.caption`` or ``mug.jpg.txt``."""
        picture = PurePosixPath(name)
        plain = str(picture.with_suffix(""))
        near = self._texts[plain.casefold()]
        captions = [text for text in near if _is_caption(text, name)]
        if not captions:
            return Sidecars(picture.stem, None, tuple(self._paths[text] for text in near))
        chosen = min(captions, key=lambda text: (not text.startswith(f"{plain}."), _rank(text), text))
        self._readers[chosen].append(name)
        return Sidecars(picture.stem, self._paths[chosen])

    def unread(self) -> list[Fault]:
        """Find the caption files that no picture has read, and those that several have."""
        faults = []
        stems = {beginning for name in self.pictures for beginning in (_stem(name), name.casefold())}
        for name in self._paths:
            readers = self._readers.get(name, [])
            if len(readers) > 1:
                message, remedy = f"it shares {name} with {readers[0]}", "give each picture a caption of its own"
                faults += [Fault("caption-shared", message, remedy, other, "warning") for other in readers[1:]]
            elif not readers and PurePosixPath(name).suffix.lower() in CAPTIONS:
                if _stem(name) in stems:
                    message, remedy = "its picture has another caption, and this one is not read", "keep one of them"
                    faults.append(Fault("caption-unread", message, remedy, name, "warning"))
                else:
                    message, remedy = "no picture has this caption's name", "name it like its picture"
                    faults.append(Fault("caption-orphan", message, remedy, name, "warning"))
        return faults


def _beginnings(name: str) -> Iterator[str]:
    folder, slash, file = name.casefold().rpartition("/")
    parts = file.split(".")
    for count in range(1, len(parts)):
        yield folder + slash + ".".join(parts[:count])


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix("")).casefold()


def _is_caption(text: str, picture: str) -> bool:
    """Whether a file's name makes it a picture's caption."""
    return PurePosixPath(text).suffix.lower() in CAPTIONS and _stem(text) in (_stem(picture), picture.casefold())


def _rank(text: str) -> int:
    return CAPTIONS.index(PurePosixPath(text).suffix.lower())
