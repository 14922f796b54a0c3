"""Pictures with faults that were put there: a product on a plain background, off by exactly what a test says."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from PIL import Image, ImageCms, ImageDraw, ImageFilter, ImageFont

from packshot.provenance.marking import Statement
from packshot.quality.checks import Given, Limit, Subject, Verdict, judge
from packshot.quality.picture import Picture, read_picture
from packshot.quality.registry import find_check
from packshot.quality.siblings import Catalogue

SIDE = 400
WHITE = (255, 255, 255)
KELP = (32, 48, 45)

#: Real photographs and scans that ship with scikit-image: nothing that was made for these tests.
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "retina.jpg")


def canvas(colour: tuple[int, int, int] = WHITE, side: int = SIDE) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.full((side, side, 3), colour, np.uint8)


def product(
    box: Sequence[int] = (40, 40, 360, 360), background: tuple[int, int, int] = WHITE, side: int = SIDE
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A product of two tones: left, top, right and bottom of its box."""
    pixels = canvas(background, side)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = KELP
    pixels[top + (bottom - top) // 3 : top + (bottom - top) // 2, left:right] = (176, 80, 60)
    return pixels


def shape(side: int = SIDE) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A round product with a handle, smooth and shaded, as RGBA on nothing."""
    rows, columns = np.mgrid[:side, :side] / side
    body = np.hypot(columns - 0.45, rows - 0.5) < 0.3
    handle = np.abs(np.hypot(columns - 0.76, rows - 0.5) - 0.1) < 0.03
    shade = (60 + 120 * columns + 40 * np.sin(rows * 40)).clip(0, 255)
    pixels = np.dstack([shade, shade * 0.7, 255 - shade, np.where(body | handle, 255, 0)])
    return pixels.astype(np.uint8)


def photograph(name: str) -> Path:
    return Path(skimage.__file__).parent / "data" / name


@cache
def photo(name: str) -> Picture:
    return read_picture(photograph(name))


def blurred(picture: Picture, radius: float) -> Picture:
    image = Image.fromarray(picture.pixels).filter(ImageFilter.GaussianBlur(radius))
    return Picture.from_array(np.asarray(image))


def encoded(pixels: np.ndarray[Any, Any], file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, file_format, **options)
    return buffer.getvalue()


def measured(
    check_id: str,
    picture: Picture | np.ndarray[Any, Any] | bytes,
    limit: Limit | None = None,
    given: Given | None = None,
    **options: Any,
) -> Verdict:
    """What one check says of one picture."""
    if isinstance(picture, bytes):
        picture = read_picture(picture, **options)
    elif isinstance(picture, np.ndarray):
        picture = Picture.from_array(picture)
    return judge(find_check(check_id), Subject(picture, given or Given()), limit)


Shown = Picture | np.ndarray[Any, Any] | bytes


@dataclass(frozen=True)
class Planted:
    """Pictures that a check must let pass, and some that it must not, for one reason.

    Attributes:
        limit: None for the check's own.
        good, bad: pictures, or what makes them when they are wanted.
    """

    check: str
    limit: Limit | None
    good: Sequence[Shown | Callable[[], Shown]]
    bad: Sequence[Shown | Callable[[], Shown]]
    reason: str
    given: Given = field(default_factory=Given)

    def __str__(self) -> str:
        return f"{self.check}:{self.reason}"

    def verify(self) -> None:
        for position, one in enumerate(self.good):
            verdict = measured(self.check, one() if callable(one) else one, self.limit, self.given)
            assert (verdict.passed, verdict.reason) == (True, ""), (position, verdict)
        for position, one in enumerate(self.bad):
            verdict = measured(self.check, one() if callable(one) else one, self.limit, self.given)
            assert (verdict.passed, verdict.reason) == (False, self.reason), (position, verdict)


def swapped_profile() -> bytes:
    """An RGB profile that is not sRGB: sRGB's own with the primaries of red and blue swapped, and another name."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = (data.index(tag, 128) for tag in (b"rXYZ", b"bXYZ"))  # each in the tag table: name, offset, size
    data[red + 4 : red + 12], data[blue + 4 : blue + 12] = data[blue + 4 : blue + 12], data[red + 4 : red + 12]
    return bytes(data).replace("sRGB".encode("utf-16-be"), "odd!".encode("utf-16-be"))


STATEMENT = Statement(
    "composite",
    "Müg & <Co>",
    "© 2026 Aldern Quay",
    "Aldern Quay",
    {"workflow": "product-shot@1.0.0", "seed": 7, "é": "日本"},
)

BRAND = {"kelp": "#20302D", "oat": "#EFE6D6"}


def striped(columns: int, colour: tuple[int, int, int], rest: tuple[int, int, int]) -> np.ndarray:
    """A picture of 100 columns, so many of one colour."""
    pixels = np.full((20, 100, 3), rest, np.uint8)
    pixels[:, :columns] = colour
    return pixels


def named(name: str) -> Picture:
    return read_picture(PNG, name=name)


PNG = encoded(product(), "PNG")


def members(*named: tuple[str, np.ndarray]) -> Catalogue:
    return Catalogue([Subject(Picture.from_array(pixels), Given(), name=name).features for name, pixels in named])


def written(text: str, x: int, y: int, size: int = 44, colour: str = "#20302D") -> np.ndarray:
    """A brown product in the middle, and a text."""
    image = Image.fromarray(canvas(side=640))
    draw = ImageDraw.Draw(image)
    draw.rectangle((120, 160, 520, 560), fill="#B89C7D")
    draw.text((x, y), text, fill=colour, font=ImageFont.load_default(size))
    return np.asarray(image)
