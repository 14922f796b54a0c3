"""The files that a catalogue's rows name, such as the photograph of a product: paths, and addresses."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ...errors import InputInvalid
from ...paths import resolve_within
from .addresses import SiteHeaders, Unfetched, is_address, parts

LIMIT = 256 * 1024 * 1024  # bytes of one file; more is no photograph, and would fill the memory of what opens it


@dataclass(frozen=True, slots=True)
class PhotoPlaces:
    """Where the files are that rows name.

    Attributes:
        folder: the product table's; None where it has none. A path is looked for there, and in the current folder.
        roots: folders and addresses under which a path is looked for after that, such as a shop's media folder. There,
            ``/w/h/x.jpg`` is below the root and not at the top of this machine.
        headers: sent to the site that they are for.
    """

    folder: Path | None = None
    roots: tuple[str, ...] = ()
    headers: SiteHeaders = field(default_factory=dict)

    def locate(self, text: str) -> Path | str | None:
        """Find what a text names.

        Returns:
            the file, or the address where it lies; None where the text names neither.
        """
        text = text.strip()
        if is_address(text):
            return text
        folders = [self.folder] if self.folder else []
        for place in (*(folder / text for folder in folders), Path(text), *self._below(text)):
            if _exists(place):
                return place
        root = next(filter(is_address, self.roots), "")
        return f"{root.rstrip('/')}/{quote(text.lstrip('/'), safe='/%')}" if root and text else None

    def _below(self, text: str) -> Iterator[Path]:
        for root in self.roots:
            if not is_address(root) and (path := resolve_within(Path(root).resolve(), text.lstrip("/"))) is not None:
                yield path


@contextlib.contextmanager
def photos(texts: Iterable[str], places: PhotoPlaces) -> Iterator[Mapping[str, Path]]:
    """Where the files are that ``texts`` name, while the block lasts; texts that name none are left out.

    Args:
        texts: a path, or an address, ``https://…`` or one that fsspec knows, whose file is fetched.

    Raises:
        InputInvalid: an address gives no file, or one of over 256 MiB.
    """
    with tempfile.TemporaryDirectory(prefix="packshot-") as fetched:
        files: dict[str, Path] = {}
        for number, text in enumerate(dict.fromkeys(texts)):
            place = places.locate(text)
            if isinstance(place, str):
                files[text] = Path(fetched) / str(number) / _file_name(place)
                files[text].parent.mkdir()
                _fetch(place, files[text], places.headers)
            elif place is not None:
                files[text] = place
        yield files


def _exists(path: Path) -> bool:
    """Whether there is a file, of whatever kind: what is no regular one is refused where it is opened."""
    with contextlib.suppress(OSError, ValueError):  # most texts are no path, and some are too long to ask
        return path.exists() and not path.is_dir()
    return False


def _file_name(url: str) -> str:
    """The name of an address's file, which goes into the records."""
    try:
        name = Path(unquote(urlsplit(url).path)).name
    except ValueError as error:
        raise _refused(url, f"cannot be fetched: {error}") from error
    plain = "".join(letter for letter in name if letter.isprintable() and letter not in '/\\:*?"<>|')
    return plain[-100:].strip(". ") or "photograph"


def _fetch(url: str, target: Path, headers: SiteHeaders) -> None:
    try:
        with target.open("wb") as file:
            for part in parts(url, headers):
                file.write(part)
                if file.tell() > LIMIT:
                    raise _refused(url, f"is larger than {LIMIT >> 20} MiB")
    except Unfetched as error:
        raise _refused(url, f"cannot be fetched: {error}") from error


def _refused(url: str, why: str) -> InputInvalid:
    return InputInvalid(
        f"the file {why}",
        place=url,
        remedy="check the address in the table; `packshot catalog retry` tries it again",
    )
