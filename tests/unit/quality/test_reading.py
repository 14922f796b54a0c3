"""Text is read back from a picture."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from packshot.colours import read_colour
from packshot.compose.pixels import Rect
from packshot.compose.typesetting.text import TextStyle, paint, set_text
from packshot.quality import reading
from packshot.quality.checks import Given
from packshot.quality.reading import edit_share, plain, read_back
from support.planted import measured, written
from support.text_faces import FACES, faces_for

WHOLE = (slice(None), slice(None))


@pytest.mark.parametrize("text", ["SALE 50%", "www.shop.example"])
def test_unexpected_text_is_counted_until_it_is_expected(text: str) -> None:
    pixels = written(text, 60, 60, colour="#C4513A")
    assert measured("text.unexpected", pixels, given=Given(ocr=True)).value == pytest.approx(len(plain(text)), abs=2)
    assert measured("text.unexpected", pixels, given=Given(ocr=True, text=text)).passed


def test_text_that_was_set_is_read_back() -> None:
    assert (
        read_back(written("Spring sale", 180, 320), WHOLE, "Spring\nsale") == "read back: every letter is as it was set"
    )
    assert "'Spring sale': " in read_back(written("Spring sale", 180, 320), WHOLE, "Autumn 2027")
    assert "no text could be read back: 100%" in read_back(
        written("Spring sale", 180, 320, colour="#B89C7D"), WHOLE, "Sale"
    )


def test_what_was_not_read_back_is_said() -> None:
    pixels = written("Spring sale", 180, 320)
    assert read_back(pixels, WHOLE, "★ ★") == "not read back: there are no letters in it"
    assert "another script" in read_back(pixels, WHOLE, "شاي")
    assert read_back(pixels, WHOLE, "Spring 🔥 sale") == "read back: every letter is as it was set"
    partly = read_back(pixels, WHOLE, "Spring شاي sale")
    assert partly.startswith("read back: every letter is as it was set; not read back: 'شاي'")
    assert "letters differ; not read back: 'شاي'" in read_back(pixels, WHOLE, "Autumn شاي sale")


@pytest.mark.parametrize(
    "text",
    [
        "Spring sale",
        "Sale 🔥 -50 %",
        "Tee 茶 شاي",
        "全新陶瓷系列，手工制作。",
        "夏の新作コレクション",
        "café & crème",
        "x",
    ],
)
def test_what_is_set_is_read_back_from_its_own_pixels(text: str) -> None:
    faces_for(text)
    done = set_text(text, FACES, "auto", 576, 128, TextStyle(align="centre", colour=read_colour("#203040")))
    place = Rect(32, 16, 576, 128)
    painted, _ = paint(np.ones((320, 640, 3), np.float32), done, place)
    pixels = np.round(painted * 255).astype(np.uint8)
    assert read_back(pixels, place.grown(16).slices, text).startswith("read back: every letter is as it was set")
    blank = np.full_like(pixels, 255)
    assert read_back(blank, place.slices, text).startswith("no text could be read back: 100%")


def test_without_rapidocr_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    reading._engine.cache_clear()
    said = read_back(written("Spring sale", 180, 320), WHOLE, "Spring sale")
    assert said.startswith("not read back: text cannot be read: RapidOCR is not installed")
    assert "pip install" in said


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
