"""Logos found and missed, crowded and clear; text read and refused."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from packshot.errors import InputInvalid
from packshot.quality.checks import Given
from packshot.quality.logos import find_logo
from packshot.quality.picture import Picture
from packshot.quality.reading import edit_share, plain, read_back
from support.planted import Planted, canvas, measured, photo, product


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


@pytest.mark.parametrize(("side", "x", "y"), PLACES)
@pytest.mark.parametrize("colour", [(255, 255, 255), (239, 230, 214), (184, 156, 125)])
def test_a_logo_is_found_where_it_is(side: int, x: int, y: int, colour: tuple[int, int, int]) -> None:
    pixels = with_logo(canvas(colour), side, x, y)
    assert measured("logo.presence", pixels, given=Given(logo=logo())).passed
    box = find_logo(pixels, logo()).box
    # The logo's own empty rim, a twelfth on each side, is not part of it.
    assert abs(box.left - (x + side / 12)) <= 0.06 * side + 2
    assert abs(box.top - (y + side / 12)) <= 0.06 * side + 2
    assert abs(box.width - side * 9.5 / 12) <= 0.1 * side + 3


@pytest.mark.parametrize("change", ["flipped", "turned"])
@pytest.mark.parametrize(("side", "x", "y"), PLACES)
def test_a_logo_the_wrong_way_round_is_none(side: int, x: int, y: int, change: str) -> None:
    pixels = with_logo(canvas(), side, x, y, **{change: True})
    assert measured("logo.presence", pixels, given=Given(logo=logo())).reason == "logo-missing"


def beside(gap: int) -> np.ndarray:
    """A logo, and something dark so many pixels from its left side."""
    pixels = with_logo(canvas(), 120, 140, 140).copy()
    pixels[:, : 150 - gap] = (32, 48, 45)
    return pixels


def test_where_there_is_no_logo_there_is_no_room_to_judge() -> None:
    verdict = measured("logo.clear-space", product(), given=Given(logo=logo()))
    assert (verdict.value, verdict.reason) == (None, "logo-missing")


def test_what_is_no_logo_is_refused() -> None:
    with pytest.raises(InputInvalid, match="flat rectangle"):
        find_logo(canvas(), Picture.from_array(canvas((9, 9, 9), 40)))
    with pytest.raises(InputInvalid, match="transparent all over"):
        find_logo(canvas(), Picture.from_array(np.zeros((9, 9, 4), np.uint8)))


def written(text: str, x: int, y: int, size: int = 44, colour: str = "#20302D") -> np.ndarray:
    """A brown product in the middle, and a text."""
    image = Image.fromarray(canvas(side=640))
    draw = ImageDraw.Draw(image)
    draw.rectangle((120, 160, 520, 560), fill="#B89C7D")
    draw.text((x, y), text, fill=colour, font=ImageFont.load_default(size))
    return np.asarray(image)


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


@pytest.mark.parametrize("planted", MARKS, ids=str)
def test_faults_of_logos_and_text(planted: Planted) -> None:
    planted.verify()


@pytest.mark.parametrize("text", ["SALE 50%", "www.shop.example"])
def test_unexpected_text_is_counted_until_it_is_expected(text: str) -> None:
    pixels = written(text, 60, 60, colour="#C4513A")
    assert measured("text.unexpected", pixels, given=Given(ocr=True)).value == pytest.approx(len(plain(text)), abs=2)
    assert measured("text.unexpected", pixels, given=Given(ocr=True, text=text)).passed


def test_text_that_was_set_is_read_back() -> None:
    assert read_back(written("Spring sale", 180, 320), "Spring\nsale") == "read back: every letter is as it was set"
    assert "'Spring sale': " in read_back(written("Spring sale", 180, 320), "Autumn 2027")
    assert "no text could be read back: 100%" in read_back(written("Spring sale", 180, 320, colour="#B89C7D"), "Sale")
    assert read_back(written("Spring sale", 180, 320), "★ ★") == ""


@pytest.mark.parametrize(
    ("wanted", "read", "share"),
    [
        ("abc", "abc", 0),
        ("abc", "xxabcyy", 0),
        ("abc", "xxabyy", 1 / 3),
        ("abc", "", 1),
        ("", "abc", 0),
        ("abcd", "axcd", 0.25),
        ("mug", "hug", 1 / 3),
        ("quay", "quqy", 0.25),
    ],
)
def test_edits(wanted: str, read: str, share: float) -> None:
    assert edit_share(wanted, read) == pytest.approx(share)
