"""Faults of logos and texts, planted in drawn pictures."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from PIL import Image, ImageDraw

from packshot.quality.checks import Given
from packshot.quality.picture import Picture
from support.planted import Planted, canvas, photo, written


@cache
def logo(side: int = 120) -> Picture:
    """A ring, a bar and a dot in one dark colour, on nothing."""
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    unit = side / 12
    draw.ellipse((unit, unit, 8 * unit, 8 * unit), outline=(32, 48, 45, 255), width=round(1.3 * unit))
    draw.rectangle((9 * unit, unit, 10.5 * unit, 11 * unit), fill=(32, 48, 45, 255))
    draw.ellipse((2 * unit, 9 * unit, 4 * unit, 11 * unit), fill=(32, 48, 45, 255))
    return Picture.from_array(np.asarray(image))


def with_logo(background: np.ndarray, side: int, x: int, y: int, **changes: bool) -> np.ndarray:
    image = Image.fromarray(background)
    rgba = np.dstack([np.full((120, 120, 3), (32, 48, 45), np.uint8), logo().alpha])
    mark = Image.fromarray(rgba).resize((side, side), Image.Resampling.LANCZOS)
    if changes.get("flipped"):
        mark = mark.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if changes.get("turned"):
        mark = mark.transpose(Image.Transpose.ROTATE_180)
    image.paste(mark, (x, y), mark)
    return np.asarray(image)


PLACES = [(120, 30, 40), (60, 300, 20), (200, 150, 150), (80, 10, 310), (97, 250, 201)]


def beside(gap: int) -> np.ndarray:
    """A logo, and something dark so many pixels from its left side."""
    pixels = with_logo(canvas(), 120, 140, 140).copy()
    pixels[:, : 150 - gap] = (32, 48, 45)
    return pixels


MARKS = [
    Planted("logo.presence", None, [partial(with_logo, canvas(), *place) for place in PLACES],
            [partial(photo, name) for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg",
                                               "motorcycle_left.png")], "logo-missing", Given(logo=logo())),
    Planted("logo.clear-space", None, [partial(beside, gap) for gap in (30, 40, 60, 80, 100)],
            [partial(beside, gap) for gap in (10, 12, 16, 20, 22)], "logo-crowded", Given(logo=logo())),
    Planted("text.expected", None,
            [partial(written, "STONEWARE", 180, 320), partial(written, "Stoneware", 180, 200),
             partial(written, "STONEWARE", 60, 60), partial(written, "STONEWARE 250 g", 150, 420, 40),
             partial(written, "STONEWARE", 140, 320, 56, "#FFFFFF")],
            [partial(written, text, 180, 320) for text in ("STONEWERE", "ALDERN QUAY", "STONE", "Oat 250 g", "")],
            "text-wrong", Given(ocr=True, text="STONEWARE")),
    Planted("text.unexpected", None,
            [partial(written, text, 180, 320) for text in ("ALDERN QUAY", "Oat 250 g", "STONEWARE", "No. 7",
                                                           "Tidal Green")],
            [partial(written, text, 60, 60, colour="#C4513A") for text in ("SALE 50%", "Free shipping", "NEW",
                                                                           "www.shop.example", "Bestseller")],
            "text-unexpected", Given(ocr=True)),
]  # fmt: skip
