"""Text is read back from a picture."""

from __future__ import annotations

import sys

import pytest

from packshot.quality import reading
from packshot.quality.checks import Given
from packshot.quality.reading import edit_share, plain, read_back
from support.planted import measured, written


@pytest.mark.parametrize("text", ["SALE 50%", "www.shop.example"])
def test_unexpected_text_is_counted_until_it_is_expected(text: str) -> None:
    pixels = written(text, 60, 60, colour="#C4513A")
    assert measured("text.unexpected", pixels, given=Given(ocr=True)).value == pytest.approx(len(plain(text)), abs=2)
    assert measured("text.unexpected", pixels, given=Given(ocr=True, text=text)).passed


def test_text_that_was_set_is_read_back() -> None:
    assert read_back(written("Spring sale", 180, 320), "Spring\nsale") == "read back: every letter is as it was set"
    assert "'Spring sale': " in read_back(written("Spring sale", 180, 320), "Autumn 2027")
    assert "no text could be read back: 100%" in read_back(written("Spring sale", 180, 320, colour="#B89C7D"), "Sale")


def test_what_was_not_read_back_is_said() -> None:
    pixels = written("Spring sale", 180, 320)
    assert read_back(pixels, "★ ★") == "not read back: there are no letters in it"
    assert "another script" in read_back(pixels, "شاي")
    assert read_back(pixels, "Spring 🔥 sale") == "read back: every letter is as it was set"
    partly = read_back(pixels, "Spring شاي sale")
    assert partly.startswith("read back: every letter is as it was set; not read back: 'شاي'")
    assert "letters differ; not read back: 'شاي'" in read_back(pixels, "Autumn شاي sale")


def test_without_rapidocr_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    reading._engine.cache_clear()
    said = read_back(written("Spring sale", 180, 320), "Spring sale")
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
