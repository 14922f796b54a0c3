"""A LoRA's training pictures: read, checked, and split into a part to train on and a part to judge by.

A data set is a folder of pictures. Each has a caption in a text file beside it (``mug.jpg``, ``mug.txt``; see
:mod:`.listing`) or in a table such as ``metadata.csv``, which may also say what picture rights and people's consent
allow (:mod:`.table`). Every fault has a stable id; ``docs/training.md`` lists them with what to do.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...compose.file_kind import ENDINGS
from ...errors import InputInvalid
from ...models.cards import load_card
from ..training.recipe import native_side, token_limit
from .captions import check_caption, check_captions, read_caption
from .compare import check_set
from .faults import Fault, Part, Picture, Row
from .listing import Listing
from .picture import Look, look
from .table import check_row, read_table, unstated
from .trigger import check_trigger

# Adobe asks for 10 to 30 pictures, Black Forest Labs for up to 20, agencies for 50 to 200. Below 5 a LoRA learns the
# pictures themselves; a style that needs thousands is better fine-tuned, and their latents no longer fit in memory.
FEWEST, FEW, MANY, MOST = 5, 10, 200, 5_000


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures that may be trained on.

    Attributes:
        folder: where they are.
        pictures: in the order of their names.
        hash: SHA-256, in hex, of all that is trained on: the bytes of every picture, its caption and its part. Names of
            files and folders make no difference.
    """

    folder: Path
    pictures: tuple[Picture, ...]

    @property
    def hash(self) -> str:
        content = sorted([picture.sha256, picture.caption, picture.part] for picture in self.pictures)
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()

    def part(self, part: Part) -> list[Picture]:
        """The pictures of one part."""
        return [picture for picture in self.pictures if picture.part == part]


@dataclass(frozen=True, slots=True)
class Report:
    """What the check of a data set found.

    Attributes:
        dataset: the pictures that can be read at all; train on it only when the report is ``ok``.
        faults: of the whole set first, then picture by picture.
    """

    dataset: Dataset
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        """Whether no fault is an error."""
        return not any(fault.severity == "error" for fault in self.faults)

    def require(self) -> Dataset:
        """The data set, if it may be trained on.

        Raises:
            InputInvalid: it has errors; names the first and counts the rest.
        """
        errors = [fault for fault in self.faults if fault.severity == "error"]
        if errors:
            first, more = errors[0], len(errors) - 1
            raise InputInvalid(
                f"{first.message} ({first.id})" + (f"; and {more} more errors" if more else ""),
                place=str(self.dataset.folder / first.picture),
                remedy=f"{first.remedy}; `packshot lora dataset check` lists all",
            )
        return self.dataset

    def as_dict(self) -> dict[str, Any]:
        """The object that ``packshot lora dataset check --json`` prints."""
        counts = Counter(picture.part for picture in self.dataset.pictures)
        return {
            "ok": self.ok,
            "folder": str(self.dataset.folder),
            "pictures": len(self.dataset.pictures),
            "train": counts["train"],
            "validation": counts["validation"],
            "hash": self.dataset.hash,
            "faults": [fault.as_dict() for fault in self.faults],
        }


def check_dataset(
    folder: str | Path,
    trigger: str,
    base: str = "starter",
    *,
    resolution: int | None = None,
    validation_fraction: float = 0.1,
    today: datetime.date | None = None,
) -> Report:
    """Read a folder of pictures and find every fault that shows without a model.

    Args:
        trigger: the word or phrase that calls the LoRA up.
        base: id of the card of the model to train for.
        resolution: side in pixels of the square whose area the pictures are trained at; by default the model's own.
        validation_fraction: share of the products, 0 to 0.5, that is held back to judge by, where the table has no
            column ``split``. A product's pictures stay together: a mug seen from the left gives the mug away.
        today: that rights are compared with; by default the day it is.

    Raises:
        InputInvalid: there is no such folder, no picture in it, or its table cannot be read.
        ModelMissing: there is no such card.
    """
    card = load_card(base)
    side, step, tokens = resolution or native_side(card), card.resolution.step, token_limit(card)
    folder = Path(folder)
    listing = _listing(folder)
    table, faults = read_table(folder, listing.pictures)
    faults += check_trigger(trigger) + _check_table(table, listing)
    today = today or datetime.datetime.now(datetime.timezone.utc).date()
    pictures: list[Picture] = []
    looks: list[Look] = []
    for name, path in listing.pictures.items():
        row = table.get(name) if table is not None else None
        seen, found = look(name, path, resolution=side, step=step)
        caption, more = read_caption(name, listing.sidecars(name), row.text if row is not None else None)
        found += more + (check_caption(name, caption, trigger, tokens) if caption else [])
        if row is not None:
            found += check_row(row, today)
        elif table is not None:
            found.append(Fault("not-in-table", "the table does not list it", "add a row, or take it away", name))
        faults += found
        if seen is not None:
            product = row.product if row is not None and row.product else name
            part: Part = row.split if row is not None and row.split else "train"
            pictures.append(Picture(name, path, seen.sha256, caption, part, product, seen.size, row))
            looks.append(seen)
    faults += listing.faults + listing.unread()
    if table is None or not any(row.split for row in table.values()):
        pictures = _split(pictures, validation_fraction)
    faults += check_captions(pictures) + check_set(pictures, looks) + _check_count(pictures)
    return Report(Dataset(folder, tuple(pictures)), tuple(sorted(faults, key=lambda fault: bool(fault.picture))))


def _listing(folder: Path) -> Listing:
    if not folder.is_dir():
        raise InputInvalid("there is no such folder", place=str(folder), remedy="name the folder of the pictures")
    listing = Listing(folder)
    if not listing.pictures:
        unread = f", only {listing.faults[0].picture}: {listing.faults[0].message}" if listing.faults else ""
        raise InputInvalid(
            f"there are no pictures in it (no-pictures): none of {', '.join(ENDINGS)}{unread}",
            place=str(folder),
            remedy="put the pictures and their captions there, as PNG or JPEG",
        )
    return listing


def _check_table(table: dict[str, Row] | None, listing: Listing) -> list[Fault]:
    """Find rows that belong to no picture, and a set of which nobody says who allows it."""
    missing = [name for name in table or () if name not in listing.pictures]
    return [
        Fault("missing-file", "the table lists it, and it is not there", "correct `file_name`", name)
        for name in missing
    ] + unstated(table)


def _split(pictures: list[Picture], fraction: float) -> list[Picture]:
    """Hold back whole products, chosen by a hash of their names, so that the same ones are held back every time."""
    products = sorted(
        {picture.product for picture in pictures}, key=lambda name: hashlib.sha256(name.encode()).digest()
    )
    count = min(round(fraction * len(products)) or 1, len(products) - 1) if fraction > 0 else 0
    held = set(products[:count])
    return [replace(picture, part="validation" if picture.product in held else "train") for picture in pictures]


def _check_count(pictures: list[Picture]) -> list[Fault]:
    count = sum(picture.part == "train" for picture in pictures)
    if count < FEWEST:
        return [Fault("too-few-pictures", f"{count} to train on; {FEWEST} are the least", "add pictures")]
    if count < FEW:
        return [Fault("few-pictures", f"{count} to train on; {FEW} to 50 are usual", "add pictures", "", "warning")]
    if count > MOST:
        return [Fault("too-many-pictures", f"{count:,} to train on; {MOST:,} are the most", "choose the best")]
    if count > MANY:
        return [
            Fault("many-pictures", f"{count} to train on; up to {MANY} are usual", "choose the best", "", "warning")
        ]
    return []
