"""Set text: direction, shaping, line breaks, fitting, and exact colours, in the fonts of this system."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.colours import read_colour
from packshot.compose.pixels import Rect
from packshot.compose.typesetting import text as setting
from packshot.compose.typesetting.fonts import AUTO
from packshot.compose.typesetting.shaping import DIRECTION_CONTROLS
from packshot.compose.typesetting.text import ALIGNS, SMALLEST, VERTICALS, SetText, TextStyle, paint
from packshot.errors import InputInvalid
from support.text_faces import FACES, WORDS, faces_for


def set_text(text: str, width: int, height: int, style: TextStyle, font: str = AUTO) -> SetText:
    return setting.set_text(text, FACES, font, width, height, style)


def test_combining_marks_stand_on_their_letters() -> None:
    composed, apart = "é", "e\u0301"
    box = {text: set_text(text, 200, 200, TextStyle(size=100)).mask for text in (composed, apart)}
    assert np.array_equal(box[composed], box[apart])


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("vertical", VERTICALS)
@pytest.mark.parametrize("align", ALIGNS)
def test_all_ink_is_in_the_box(name: str, align: str, vertical: str) -> None:
    """The text in a box, and the same box with a border around it in which the ink would show."""
    text = WORDS[name]
    done = set_text(text, 300, 120, TextStyle(0, align, vertical))
    assert done.mask.shape == (120, 300)
    assert done.mask.max() == 1
    inked_rows, inked_columns = done.mask.any(axis=1), done.mask.any(axis=0)
    ink = done.mask.sum()
    # Ink that was cut off at the box's edge would be missing: the same text at that size in a larger box has as much.
    larger = set_text(text, 300, 500, TextStyle(done.size, align, vertical))
    assert larger.lines == done.lines
    assert larger.mask.sum() == pytest.approx(ink, rel=0.03)
    assert inked_rows.sum() > 10
    assert inked_columns.sum() > 100


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(WORDS)), st.integers(120, 600), st.integers(40, 300), st.floats(0.8, 2))
def test_the_size_is_the_largest_that_fits(name: str, width: int, height: int, spacing: float) -> None:
    text = WORDS[name]
    done = set_text(text, width, height, TextStyle(line_spacing=spacing))
    assert done.size >= SMALLEST
    assert set_text(text, width, height, TextStyle(done.size + 1, line_spacing=spacing)).size == done.size
    assert set_text(text, width, height, TextStyle(SMALLEST, line_spacing=spacing)).size == SMALLEST
    assert set_text(text, width + 100, height + 100, TextStyle(line_spacing=spacing)).size >= done.size


def test_alignment_moves_the_ink_to_its_side() -> None:
    def middle(text: str, align: str) -> float:
        mask = set_text(text, 600, 60, TextStyle(24, align)).mask
        columns = np.flatnonzero(mask.any(axis=0))
        return float(columns[0] + columns[-1]) / 2

    for text in ("mugs", "ספלים"):
        assert middle(text, "left") < 200 < middle(text, "centre") < 400 < middle(text, "right")
    assert middle("mugs", "start") < 200
    assert middle("ספלים", "start") > 400


def test_lines_break_where_the_language_lets_them() -> None:
    """Between ideographs, but never before a closing mark; and at line feeds."""
    text = WORDS["japanese"]
    done = set_text(text, 200, 200, TextStyle(20))
    assert done.lines > 2
    assert set_text("one\n\ntwo", 200, 200, TextStyle(20)).lines == 3
    assert set_text("one two", 400, 200, TextStyle(20)).lines == 1


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 0xFFFFFF), st.sampled_from(sorted(WORDS.keys() - {"emoji"})))
def test_the_colour_is_exact_and_the_picture_untouched(rgb: int, name: str) -> None:
    faces_for(WORDS[name])
    picture = np.random.default_rng(rgb).random((150, 320, 3), dtype=np.float32)
    box = Rect(10, 20, 300, 110)
    colour = read_colour(f"#{rgb:06X}")
    done = set_text(WORDS[name], box.width, box.height, TextStyle(colour=colour))
    painted, mask = paint(picture, done, box)
    exact = np.array((colour.red, colour.green, colour.blue), np.float32) / np.float32(255)
    assert (painted[mask == 1] == exact).all()
    assert (mask == 1).sum() > 50
    assert np.array_equal(painted[mask == 0], picture[mask == 0])
    assert not mask[:20].any()
    assert not mask[:, :10].any()


def test_direction_controls_do_no_harm() -> None:
    texts = ("abc אבג", f"{DIRECTION_CONTROLS}abc \u2067אבג\u2069")
    plain, marked = (set_text(text, 200, 60, TextStyle(20)).mask for text in texts)
    assert np.array_equal(plain, marked)


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=60))
def test_any_text_is_set_or_refused(text: str) -> None:
    refusal = None
    try:
        done = set_text(text, 400, 300, TextStyle())
    except InputInvalid as error:
        refusal = error
    if refusal is None:
        assert done.mask.shape == (300, 400)
        assert done.mask.max() > 0
        assert done.lines >= 1
    else:
        assert refusal.place
        assert refusal.remedy


# Parts that are of one script each, and that a reader sees.
PARTS = [
    "Sale",
    "茶",
    "شاي",
    "чай",
    "ชา",
    "चाय",
    "🔥",
    "👩‍👩‍👧",
    "🇩🇪",
    "1️⃣",
    "👍🏽",
    "ẹ́",
    "-50 %",
    "€",
    "→",
    "함",
    "か",
    "תה",
]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=6), st.sampled_from([" ", "\n"]))
def test_each_part_of_mixed_text_draws_as_much_as_alone(parts: list[str], between: str) -> None:
    """Of a text in many scripts, nothing is left out: it has the ink of its parts."""
    text = between.join(parts)
    faces_for(text)
    whole = set_text(text, 800, 300, TextStyle(size=24, align="left"))
    # Fonts are chosen for a text as a whole: a part alone may be set in a plainer one, with somewhat more or less ink.
    alone = [set_text(part, 200, 60, TextStyle(size=24, align="left")).mask.sum() for part in parts]
    assert whole.mask.sum() == pytest.approx(sum(alone), rel=0.35)
    assert all(ink > 10 for ink in alone)


def test_an_emoji_is_drawn_in_its_own_colours_beside_text_in_one() -> None:
    faces_for(WORDS["emoji"])
    done = set_text("Sale 🔥", 640, 120, TextStyle(colour=read_colour("#1A2B3C")))
    inked = done.mask == 1
    colours = {tuple(colour) for colour in np.round(done.colours[inked] * 255).astype(int)}
    assert (0x1A, 0x2B, 0x3C) in colours
    warm = [colour for colour in colours if colour[0] > 200 and colour[2] < 100]
    assert len(warm) > 10
    assert list(done.fonts.values()) == ["Sale", "🔥"]
    left = np.abs(done.colours[:, :250] * 255 - [0x1A, 0x2B, 0x3C]).max()
    assert left < 0.01


def test_an_emoji_is_as_sharp_as_its_font_at_every_size() -> None:
    """Its outline is about one pixel wide, also where it is drawn smaller than the font holds it."""
    faces_for("🔥")
    for size in (24, 48, 96):
        done = set_text("🔥", 200, 200, TextStyle(size=size))
        solid = done.mask > 0.5
        outline = sum(np.count_nonzero(np.diff(solid, axis=axis)) for axis in (0, 1))
        assert ((done.mask > 0.05) & (done.mask < 0.95)).sum() < 1.5 * outline
        assert done.enlarged < 1


def test_see_through_text_lets_the_picture_through() -> None:
    white = np.ones((100, 300, 3), np.float32)
    done = set_text("Sale", 300, 100, TextStyle(colour=read_colour("rgb(0 0 0 / 50%)")))
    painted, mask = paint(white, done, Rect(0, 0, 300, 100))
    assert mask.max() == pytest.approx(0.5)
    assert painted.min() == pytest.approx(0.5)
    with pytest.raises(InputInvalid, match="see-through"):
        set_text("Sale", 300, 100, TextStyle(colour=read_colour("transparent")))


def test_thai_is_as_large_as_its_box_holds() -> None:
    text = "สินค้าใหม่ของเราทำจากวัสดุธรรมชาติคุณภาพสูงและออกแบบมาเพื่อการใช้งานในชีวิตประจำวันของทุกคนในครอบครัว"
    faces_for(text)
    done = set_text(text, 576, 128, TextStyle())
    assert done.lines >= 3
    assert done.size >= 28


def test_a_font_with_tall_lines_wastes_no_room_and_lines_never_touch() -> None:
    """Garuda asks for lines of 1.9 em, of which Thai with its tone marks takes 1.5."""
    text = "สินค้าใหม่\nที่นี่ทุกวัน\nผู้ใหญ่"
    faces_for(text, "Garuda")
    done = set_text(text, 900, 300, TextStyle(), font="Garuda")
    assert done.size * 1.875 * 3 > 350
    alone = [set_text(line, 900, 300, TextStyle(done.size), font="Garuda").mask.sum() for line in text.split()]
    assert done.mask.sum() == pytest.approx(sum(alone), rel=0.01)


def test_a_soft_hyphen_is_drawn_where_a_line_breaks_and_nowhere_else() -> None:
    """The same ink as a hyphen that is written there, and none where the line does not break."""
    broken, written = "Geschirr\u00adspülmaschine", "Geschirr-\nspülmaschine"
    style = TextStyle(size=30, align="left", vertical="top")
    assert np.array_equal(set_text(broken, 230, 100, style).mask, set_text(written, 230, 100, style).mask)
    whole = set_text("Geschirrspülmaschine", 500, 100, style).mask
    assert np.array_equal(set_text(broken, 500, 100, style).mask, whole)


def test_a_named_font_is_kept_and_left_for_what_it_has_no_script_for() -> None:
    faces_for("Sale 茶", "Noto Serif Regular")
    done = set_text("Sale 茶", 600, 100, TextStyle(), font="Noto Serif Regular")
    assert done.fonts.pop("Noto Serif Regular") == "Sale"
    assert list(done.fonts.values()) == ["茶"]


def test_what_cannot_be_set_is_refused() -> None:
    for text, width, words in (
        (" \n\t", 100, "no text"),
        ("\u200b\u00ad", 100, "no text"),
        ("unbreakable" * 9, 100, "does not fit"),
        ("abc", 0, "does not fit"),
        ("Sale \ue000", 100, "no font of this host has \ue000 .U.E000"),
        ("\u2800", 100, "draws nothing for"),
    ):
        with pytest.raises(InputInvalid, match=words) as caught:
            set_text(text, width, 60, TextStyle())
        assert caught.value.remedy
