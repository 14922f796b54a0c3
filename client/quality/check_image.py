"""Pictures checked as ``packshot check`` does it: files and folders, against a channel and what is given beside it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..brand import BrandKit
from ..compose.file_kind import ENDINGS
from ..errors import InputInvalid
from ..paths import atomic_write
from .annotate import annotate
from .channels import load_channel
from .checks import Given
from .look import look_of
from .picture import read_picture
from .run import Report, check_files


def check_image(
    *images: str | Path,
    channel: str = "plain",
    brand: str | Path | None = None,
    references: str | Path | None = None,
    original: str | Path | None = None,
    logo: str | Path | None = None,
    text: str | None = None,
    ocr: bool = False,
    together: bool = False,
    notes: Path | None = None,
) -> Iterator[Report]:
    """Check pictures against a channel's rules, one after the other; only one is in memory.

    What it is checked against is read at once, the pictures when their reports are asked for.

    Args:
        images: pictures, or folders of them.
        channel: whose rules; ``plain`` only reports.
        brand: a brand kit, whose palette the pictures must keep to.
        references: a folder of pictures of the brand's look, three or more.
        original: the product's own pixels in the same frame, with its mask as transparency.
        logo: a logo that must be in the pictures.
        text: a text that must be in the pictures; text is read then.
        ocr: read text, and allow none beside the product.
        together: they are one catalogue: find near-duplicates and what stands out.
        notes: folder for a copy of each picture with what was found drawn into it.

    Returns:
        A report for each picture. One that cannot be read fails ``file.readable`` with the reason.

    Raises:
        InputInvalid: there is no such channel, a folder holds no picture, or what is given does not fit.
        BrandInvalid: the kit cannot be read.
    """
    rules = load_channel(channel)
    kit = BrandKit.load(Path(brand)) if brand else None
    against = Given(
        palette={colour.name: colour.hex for colour in kit.palette} if kit else None,
        look=look_of(read_picture(file) for file in _pictures([references])) if references else None,
        original=read_picture(Path(original)) if original else None,
        logo=read_picture(Path(logo)) if logo else None,
        text=text or "",
        ocr=ocr or text is not None,
    )
    return _noted(check_files(_pictures(images), rules, against, together=together), notes)


def _pictures(images: Sequence[str | Path]) -> list[Path]:
    """The pictures named, and those in the folders named."""
    files: list[Path] = []
    for path in map(Path, images):
        if path.is_dir():
            files += sorted(file for file in path.iterdir() if file.suffix.casefold() in ENDINGS)
        else:
            files.append(path)
    if not files:
        raise InputInvalid(
            "no pictures here", place=", ".join(map(str, images)), remedy="give files or a folder with some"
        )
    return files


def _noted(reports: Iterator[Report], folder: Path | None) -> Iterator[Report]:
    """The reports, each with its annotated picture written before it is given on."""
    for number, report in enumerate(reports, start=1):
        if folder is not None and report.subject is not None:
            encoded = io.BytesIO()
            annotate(report).save(encoded, "PNG")
            with atomic_write(folder / f"{number:04}-{Path(report.file).stem[:80]}.png") as file:
                file.write(encoded.getbuffer())
        yield report
