"""What the check of a data set speaks of: pictures, rows of their table, and what is wrong with them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Part = Literal["train", "validation"]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong.

    Attributes:
        id: stable name of the kind of fault.
        message: what is wrong, in words that follow the picture's name.
        remedy: what to do.
        picture: name of the file in the folder; empty: the whole set.
        severity: an ``error`` keeps the set from being trained on, a ``warning`` does not.
    """

    id: str
    message: str
    remedy: str
    picture: str = ""
    severity: Severity = "error"

    def as_dict(self) -> dict[str, str]:
        """The fault in a ``--json`` answer."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Row:
    """What the table says of one picture. None: the table has no such column.

    Attributes:
        name: of the file, below the folder, with forward slashes.
    """

    name: str
    text: str | None = None
    product: str | None = None
    split: Part | None = None
    rights: str | None = None
    rights_until: str | None = None
    people: str | None = None
    release: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to train on or to judge by.

    Attributes:
        name: path below the folder, with forward slashes.
        path: where it is.
        sha256: of the file's bytes, in hex.
        caption: what it shows, the trigger included; empty where it has none.
        part: what it is for.
        product: what its pictures share; the name of the file where no table says.
        size: width and height in pixels, the right way up.
        row: what the table says of it; None: there is no table, or it does not list the picture.
    """

    name: str
    path: Path
    sha256: str
    caption: str
    part: Part
    product: str
    size: tuple[int, int]
    row: Row | None
