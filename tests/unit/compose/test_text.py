"""Set text: direction, shaping, line breaks, fitting, and exact colours, in the fonts of this system."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.compose.fonts import covered
from packshot.compose.pixels import Rect, colour
from packshot.compose.shaping import DIRECTION_CONTROLS
from packshot.compose.text import ALIGNS, SMALLEST, VERTICALS, TextStyle, paint, set_text
from packshot.errors import InputInvalid
from support.text_faces import WORDS, face_for


def test_combining_marks_stand_on_their_letters() -> None:
    composed, apart = "é", "e\u0301"
    box = {text: set_text(text, face_for("é"), 200, 200, TextStyle(size=100)).mask for text in (composed, apart)}
    assert np.array_equal(box[composed], box[apart])


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("vertical", VERTICALS)
@pytest.mark.parametrize("align", ALIGNS)
def test_all_ink_is_in_the_box(name: str, align: str, vertical: str) -> None:
    """The text in a box, and the same box with a border around it in which the ink would show."""
    text = WORDS[name]
    done = set_text(text, face_for(text), 300, 120, TextStyle(0, align, vertical))
    assert done.mask.shape == (120, 300)
    assert done.mask.max() == 1
    inked_rows, inked_columns = done.mask.any(axis=1), done.mask.any(axis=0)
    ink = done.mask.sum()
    # Ink that was cut off at the box's edge would be missing: the same text at that size in a larger box has as much.
    larger = set_text(text, face_for(text), 300, 500, TextStyle(done.size, align, vertical))
    assert larger.lines == done.lines
    assert larger.mask.sum() == pytest.approx(ink, rel=0.03)
    assert inked_rows.sum() > 10
    assert inked_columns.sum() > 100


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(WORDS)), st.integers(120, 600), st.integers(40, 300), st.floats(0.8, 2))
def test_the_size_is_the_largest_that_fits(name: str, width: int, height: int, spacing: float) -> None:
    text = WORDS[name]
    face = face_for(text)
    done = set_text(text, face, width, height, TextStyle(line_spacing=spacing))
    assert done.size >= SMALLEST
    assert set_text(text, face, width, height, TextStyle(done.size + 1, line_spacing=spacing)).size == done.size
    assert set_text(text, face, width, height, TextStyle(SMALLEST, line_spacing=spacing)).size == SMALLEST
    assert set_text(text, face, width + 100, height + 100, TextStyle(line_spacing=spacing)).size >= done.size


def test_alignment_moves_the_ink_to_its_side() -> None:
    def middle(text: str, align: str) -> float:
        mask = set_text(text, face_for(text), 600, 60, TextStyle(24, align)).mask
        columns = np.flatnonzero(mask.any(axis=0))
        return float(columns[0] + columns[-1]) / 2

    for text in ("mugs", "ספלים"):
        assert middle(text, "left") < 200 < middle(text, "centre") < 400 < middle(text, "right")
    assert middle("mugs", "start") < 200
    assert middle("ספלים", "start") > 400


def test_lines_break_where_the_language_lets_them() -> None:
    """Between ideographs, but never before a closing mark; and at line feeds."""
    text = WORDS["japanese"]
    done = set_text(text, face_for(text), 200, 200, TextStyle(20))
    assert done.lines > 2
    assert set_text("one\n\ntwo", face_for("one"), 200, 200, TextStyle(20)).lines == 3
    assert set_text("one two", face_for("one"), 400, 200, TextStyle(20)).lines == 1


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 0xFFFFFF), st.sampled_from(sorted(WORDS)))
def test_the_colour_is_exact_and_the_picture_untouched(rgb: int, name: str) -> None:
    picture = np.random.default_rng(rgb).random((150, 320, 3), dtype=np.float32)
    box = Rect(10, 20, 300, 110)
    wanted = colour(f"#{rgb:06X}", "here")
    done = set_text(WORDS[name], face_for(WORDS[name]), box.width, box.height, TextStyle())
    painted, mask = paint(picture, done.mask, box, wanted)
    assert (painted[mask == 1] == wanted).all()
    assert (mask == 1).sum() > 50
    assert np.array_equal(painted[mask == 0], picture[mask == 0])
    assert not mask[:20].any()
    assert not mask[:, :10].any()


def test_direction_controls_do_no_harm() -> None:
    face = face_for("abc אבג")
    texts = ("abc אבג", f"{DIRECTION_CONTROLS}abc \u2067אבג\u2069")
    plain, marked = (set_text(text, face, 200, 60, TextStyle(20)).mask for text in texts)
    assert np.array_equal(plain, marked)


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=60))
def test_any_text_is_set_or_refused(text: str) -> None:
    face = face_for("abc")
    refusal = None
    try:
        done = set_text(text, face, 400, 300, TextStyle())
    except InputInvalid as error:
        refusal = error
    if refusal is None:
        assert done.mask.shape == (300, 400)
        assert done.lines >= 1
    else:
        assert refusal.place
        assert refusal.remedy


def test_what_cannot_be_set_is_refused() -> None:
    face = face_for("abc")
    for text, width, words in (
        (" \n\t", 100, "no text"),
        ("陶", 100, "no glyph for 陶"),
        ("unbreakable" * 9, 100, "does not fit"),
        ("abc", 0, "does not fit"),
    ):
        if words.startswith("no glyph") and ord("陶") in covered(face):
            continue
        with pytest.raises(InputInvalid, match=words) as caught:
            set_text(text, face, width, 60, TextStyle())
        assert caught.value.remedy
