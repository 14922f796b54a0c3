"""Where the ends of audits are kept outside the runs' folders: a file for each run in the user's state folder.

Whoever can rewrite a whole folder can rewrite its audit; he cannot change what is written here, unless he is the user.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...errors import CatalogInvalid, OutputUnwritable
from ...paths import state_dir, write_text

_log = logging.getLogger(__name__)
_LARGEST = 1 << 16  # bytes


@dataclass(frozen=True, slots=True)
class Anchor:
    """A line that the audit of a run must have.

    Attributes:
        run: the run's id.
        folder: where it lay; empty where nobody knows.
        seq, hash: the line's number from 1, and its hash.
        key: the public key that signed it.
    """

    run: str
    folder: str
    seq: int
    hash: str
    key: str


def _folder() -> Path:
    return state_dir() / "anchors"


def keep_anchor(anchor: Anchor) -> None:
    """Write an anchor down in place of the run's last one; where the folder refuses, the log says so."""
    try:
        write_text(_folder() / f"{anchor.run}.json", json.dumps(asdict(anchor)) + "\n")
    except OutputUnwritable as error:
        _log.warning("the audit has no anchor outside its folder: %s", error)


def find_anchors(runs: Iterable[str], folder: Path) -> list[Anchor]:
    """The anchors of runs by id, and of the latest run that lay in a folder."""
    ids, place = set(runs), str(folder.absolute())
    files = sorted(_folder().glob("*.json"), key=lambda path: path.stat().st_mtime) if _folder().is_dir() else []
    anchors = list(_read(files))
    latest = [anchor for anchor in anchors if anchor.folder == place][-1:]
    return list(dict.fromkeys([*(anchor for anchor in anchors if anchor.run in ids), *latest]))


def _read(files: Iterable[Path]) -> Iterator[Anchor]:
    for file in files:
        try:
            yield anchor_of(json.loads(file.read_text("utf-8")), file)
        except (OSError, ValueError, CatalogInvalid):
            continue  # of a newer Packshot, or not ours


def read_anchor(file: Path) -> Anchor:
    """Read an anchor that was kept elsewhere: what ``packshot catalog audit --json`` said, or its ``head`` alone.

    Raises:
        CatalogInvalid: the file holds none.
    """
    try:
        with file.open("rb") as opened:
            content: Any = json.loads(opened.read(_LARGEST))
    except (OSError, ValueError):
        content = None
    head = content.get("head", content) if isinstance(content, dict) else content
    return anchor_of(head, file)


def anchor_of(content: Any, file: Path) -> Anchor:
    """Read an anchor's JSON object.

    Raises:
        CatalogInvalid: it is none.
    """
    try:
        run, folder, digest, key = (str(content[name]) for name in ("run", "folder", "hash", "key"))
        return Anchor(run, folder, int(content["seq"]), digest, key)
    except (TypeError, KeyError, ValueError):
        raise CatalogInvalid(
            "holds no end of an audit", place=str(file), remedy="keep the answer of `packshot catalog audit --json`"
        ) from None
