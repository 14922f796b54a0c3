"""The files that a catalogue's rows name, such as the photograph of a product: paths, and addresses."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ...errors import InputInvalid
from .addresses import Unfetched, parts

LIMIT = 256 * 1024 * 1024  # bytes of one file; more is no photograph, and would fill the memory of what opens it


@contextlib.contextmanager
def photos(texts: Iterable[str], folder: Path | None) -> Iterator[Mapping[str, Path]]:
    """Where the files are that ``texts`` name, while the block lasts; texts that name none are left out.

    Args:
        texts: a path, looked for in ``folder`` and then in the current folder; or an address, ``https://…`` or one that
            fsspec knows, whose file is fetched.
        folder: the product table's.

    Raises:
        InputInvalid: an address gives no file, or one of over 256 MiB.
    """
    with tempfile.TemporaryDirectory(prefix="packshot-") as fetched:
        found: dict[str, Path] = {}
        for number, text in enumerate(dict.fromkeys(texts)):
            if "://" in text:
                found[text] = Path(fetched) / f"{number}{_suffix(text)}"
                _fetch(text.strip(), found[text])
            elif (path := local_photo(text, folder)) is not None:
                found[text] = path
        yield found


def local_photo(text: str, folder: Path | None) -> Path | None:
    """The file that a path names, in the product table's folder or in the current one; None where there is none."""
    for place in (*([folder / text] if folder else []), Path(text)):
        with contextlib.suppress(OSError, ValueError):  # most texts are no path, and some are too long to ask
            if place.is_file():
                return place
    return None


def _suffix(url: str) -> str:
    """The ending of an address's file name, by which a host tells what it holds."""
    try:
        ending = Path(urlsplit(url).path).suffix
    except ValueError as error:
        raise _refused(url, f"cannot be fetched: {error}") from error
    return ending if ending[1:].isalnum() and len(ending) <= 10 else ""


def _fetch(url: str, target: Path) -> None:
    try:
        with target.open("wb") as file:
            for part in parts(url):
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
