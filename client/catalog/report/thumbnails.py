"""Small previews of pictures for the contact sheet."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from ...paths import atomic_write, leads_down, writing

FOLDER = "thumbs"
_LONGEST_SIDE = 512  # pixels: a card of the sheet on a screen with two device pixels to a CSS pixel
_NAME = re.compile(r"[0-9a-f]{24}\.webp")


@dataclass(frozen=True, slots=True)
class Preview:
    """What the sheet knows of one file.

    Attributes:
        thumb: path of the thumbnail relative to the run's folder; empty if there is none.
        width, height: of the picture itself, in pixels; 0 if it is none.
        note: why there is no thumbnail; empty if there is one.
    """

    thumb: str
    width: int
    height: int
    note: str


class Previews:
    """Thumbnails of pictures, made only where they are missing.

    A thumbnail is named after its picture's hash, so another picture in the same place gets another one.

    Args:
        out: the report's folder, which gets them.
        run: the run's folder, which has the pictures.
    """

    def __init__(self, out: Path, run: Path) -> None:
        self._out, self._run = out, run
        self._folder = out / FOLDER
        self._used: set[str] = set()
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)

    def make(self, pictures: Iterable[tuple[str, str]]) -> dict[str, Preview]:
        """Thumbnails of some pictures.

        Args:
            pictures: (path relative to the run's folder, sha256 in hex) of each.

        Returns:
            path -> preview. A file that is missing or broken, or no picture, gets a note instead of an error.

        Raises:
            OutputUnwritable: the folder or the disk refuses.
        """
        wanted = dict(pictures)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding and scaling leave Python's lock
            small = pool.map(lambda picture: _preview(self._out, self._run, *picture), wanted.items())
            previews = dict(zip(wanted, small, strict=True))
        self._used.update(preview.thumb for preview in previews.values())
        return previews

    def remove_unused(self) -> None:
        """Remove the thumbnails of pictures that none of the calls asked for.

        Raises:
            OutputUnwritable: the folder or the disk refuses.
        """
        with writing(self._folder):
            for old in self._folder.iterdir():
                if _NAME.fullmatch(old.name) and f"{FOLDER}/{old.name}" not in self._used:
                    old.unlink(missing_ok=True)


def _preview(out: Path, run: Path, file: str, sha256: str) -> Preview:
    if not (leads_down(file) and _NAME.fullmatch(f"{sha256[:24]}.webp")):
        return Preview("", 0, 0, "the ledger names no file of this folder")
    picture = run / file
    name = f"{FOLDER}/{sha256[:24]}.webp"
    thumb = out / name
    encoded = BytesIO()
    try:
        with Image.open(picture) as image:
            width, height = image.size
            if thumb.is_file():
                return Preview(name, width, height, "")
            profile = image.info.get("icc_profile", b"")
            image.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
            small = image.convert("RGBA" if image.has_transparency_data else "RGB")
            small.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS)
            small.save(encoded, "WEBP", quality=84, method=4, icc_profile=profile if image.mode == "RGB" else b"")
    except FileNotFoundError:
        return Preview("", 0, 0, "the file is no longer there")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # all that Pillow raises on broken files
        return Preview("", 0, 0, "no preview of this file")
    with atomic_write(thumb) as target:
        target.write(encoded.getbuffer())
    return Preview(name, width, height, "")
