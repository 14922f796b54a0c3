"""The files that a catalogue's rows name, such as the photograph of a product: paths, and addresses.

A table may come from somebody else. So a row reads only what the owner of the run has named: the table's own folder,
``--photos DIR``, addresses of the internet, and those that ``photos: {allow: …}`` lists.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from urllib.parse import quote, unquote, urlsplit
from urllib.request import url2pathname

from ...budget import Budget, OverBudget, deadline
from ...errors import AddressRefused, InputInvalid
from ...paths import resolve_within
from .addresses import NotNamed, Reach, SiteHeaders, TooSlow, Unfetched, is_address, parts, scheme_of

LIMIT = 256 * 1024 * 1024  # bytes of one file; more is no photograph, and would fill the memory of what opens it
SECONDS = 25.0  # for all files of one row that lie at addresses
MOST_FILES = 64  # that one row may name
_MOST_SLOW, _MOST_SLOW_IN_ALL = 5, 20  # rows for which a site, and all sites together, may take too long
_ROW_BYTES = 2 * LIMIT  # fetched for one row


@dataclass(frozen=True)
class PhotoPlaces:
    """Where the files are that rows name.

    Attributes:
        folder: the product table's, which is looked into first; None where it has none.
        roots: folders and addresses under which a path is looked for after that, such as a shop's media folder. There,
            ``/w/h/x.jpg`` is below the root and not at the top of this machine.
        headers: sent to the site that they are for.
        allow: hosts, ``host:port`` and networks outside of the internet that may be asked.
        literals: what the owner of the run has written instead of a template; it names a file wherever that lies.
        seconds: for all files of one row that lie at addresses.
        slow: how often in a row each site took too long, in this run; such a site is not asked again.
    """

    folder: Path | None = None
    roots: tuple[str, ...] = ()
    headers: SiteHeaders = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    literals: frozenset[str] = frozenset()
    seconds: float = SECONDS
    slow: Counter[str] = field(default_factory=Counter, compare=False, repr=False)

    @cached_property
    def reach(self) -> Reach:
        """Which addresses may be asked."""
        return Reach.of(filter(_is_remote, self.roots), self.allow)

    @cached_property
    def _folders(self) -> tuple[Path, ...]:
        """The folders that are named, with every link in their own paths followed."""
        folders = [self.folder] if self.folder else []
        local = (_path(root) for root in self.roots if not _is_remote(root))
        return tuple(folder.resolve() for folder in (*folders, *local))

    def locate(self, text: str) -> Path | str | None:
        """Find what a text names.

        Returns:
            the file, or the address where it lies; None where the text names neither: it may be a file of the host.

        Raises:
            AddressRefused: a path that lies outside of the folders that are named.
        """
        text = text.strip()
        if _is_remote(text):
            return text
        path = str(_path(text)) if text else ""
        for place in self._candidates(path):
            if _exists(place):
                return place
        if text in self.literals and _exists(Path(path)):
            return Path(path)
        root = next(filter(_is_remote, self.roots), "")
        if root and text and not is_address(text) and ".." not in re.split(r"[/\\]", unquote(text)):
            return _joined(root, text)
        if _leads_out(path) or any(_exists(folder / path) for folder in self._folders):
            raise AddressRefused(
                "no such file lies in the table's folder or below --photos, and none is read elsewhere",
                place=text,
                remedy="name the folder of the photographs: --photos DIR, or `photos: {roots: [DIR]}` in catalog.yaml",
            )
        return None

    def _candidates(self, path: str) -> Iterator[Path]:
        """The places where a path may lie: below a folder that is named, with no link out of all of them."""
        for folder in self._folders:
            for name in dict.fromkeys((path, path.lstrip("/"))):
                for holder in self._folders:
                    target = resolve_within(holder, str(folder / name))
                    if target is not None and not _hidden(target.relative_to(holder)):
                        yield target


@contextlib.contextmanager
def photos(texts: Iterable[str], places: PhotoPlaces) -> Iterator[Mapping[str, Path]]:
    """Where the files are that ``texts`` name, while the block lasts; texts that name none are left out.

    Args:
        texts: of one row: a path, or an address, whose file is fetched.

    Raises:
        AddressRefused: a path or an address that ``places`` does not hold.
        InputInvalid: an address gives no file, or one of over 256 MiB; too many files, bytes or seconds for one row.
    """
    with tempfile.TemporaryDirectory(prefix="packshot-") as fetched:
        with deadline(places.seconds):
            files = _gather(list(dict.fromkeys(texts)), places, Path(fetched))
        yield files


def _gather(texts: Sequence[str], places: PhotoPlaces, folder: Path) -> dict[str, Path]:
    if len(texts) > MOST_FILES:
        raise InputInvalid(
            f"the row names more than {MOST_FILES} files", place=texts[-1], remedy="name fewer of them in the table"
        )
    files: dict[str, Path] = {}
    budget = Budget(most_bytes=_ROW_BYTES)
    for number, text in enumerate(texts):
        place = places.locate(text)
        if isinstance(place, str):
            files[text] = folder / str(number) / _file_name(place)
            files[text].parent.mkdir()
            _fetch(text, place, files[text], places, budget)
        elif place is not None:
            files[text] = place
    return files


def _is_remote(text: str) -> bool:
    return is_address(text) and scheme_of(text) != "file"


def _path(text: str) -> Path:
    """The path that a text names, or that a ``file:`` address holds."""
    return Path(url2pathname(urlsplit(text).path)) if is_address(text) else Path(text)


def _joined(root: str, text: str) -> str:
    name = text.lstrip("/")
    return f"{root.rstrip('/')}/{quote(name, safe='/%') if scheme_of(root) in ('http', 'https', '') else name}"


def _leads_out(path: str) -> bool:
    """Whether a path begins at the top of a machine, this one or the host, or goes up from where it begins."""
    ways = (PurePosixPath(path), PureWindowsPath(path))
    return any(way.root or way.drive or ".." in way.parts for way in ways)


def _hidden(path: PurePath) -> bool:
    """Whether a path below a folder leads to what people keep out of sight there, such as ``.ssh``."""
    return any(part.startswith(".") for part in path.parts)


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
        raise _refused(url, "it is no valid address") from error
    plain = "".join(letter for letter in name if letter.isprintable() and letter not in '/\\:*?"<>|')
    return plain[-100:].strip(". ") or "photograph"


def _fetch(text: str, url: str, target: Path, places: PhotoPlaces, row: Budget) -> None:
    reach = Reach.of([url]) if text.strip() in places.literals else places.reach
    file_budget = Budget(most_bytes=LIMIT)
    site = url.partition("//")[2].partition("/")[0].casefold()
    if places.slow[site] >= _MOST_SLOW or sum(places.slow.values()) >= _MOST_SLOW_IN_ALL:
        raise _refused(url, "its site took too long for several rows, and is not asked again in this run")
    try:
        with target.open("wb") as file:
            for part in parts(url, reach, file_budget, places.headers):
                row.take_bytes(len(part))
                file.write(part)
        places.slow.pop(site, None)
    except TooSlow as error:
        places.slow[site] += 1
        raise _refused(url, "it takes too long") from error
    except NotNamed as error:
        allow = f" in catalog.yaml: `photos: {{allow: [{error.host}]}}`, or" if error.host else ""
        raise AddressRefused(
            f"the file is not fetched: {error}",
            place=url,
            remedy=f"if you trust it, name it{allow} by the address of the folder above it: --photos URL",
        ) from error
    except OverBudget as error:
        raise _refused(url, "the files of the row are too large together, or take too long") from error
    except Unfetched as error:
        raise _refused(url, str(error)) from error


def _refused(url: str, why: str) -> InputInvalid:
    return InputInvalid(
        f"the file cannot be fetched: {why}",
        place=url,
        remedy="check the address in the table; `photos: {seconds: …}` gives a slow site more time;"
        " `packshot catalog retry` tries it again",
    )
