"""Letters in their order, joined and mirrored."""

from __future__ import annotations

import pytest

from packshot.compose.typesetting.fonts import open_font
from packshot.compose.typesetting.shaping import Paragraph
from support.text_faces import WORDS, face_for, faces_for


def paragraph(text: str) -> Paragraph:
    return Paragraph(text, faces_for(text))


def order(text: str) -> str:
    """The characters of a text that is one line, in the order in which they are seen."""
    return "".join(text[glyph.character] for glyph in paragraph(text).line(0, len(text)).glyphs)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("abc", "abc"),
        ("אבג", "גבא"),
        ("abc אבג def", "abc גבא def"),
        ("אבג abc דהו", "והד abc גבא"),
        ("אבג 123 דהו", "והד 123 גבא"),
        ("אבג, abc 123.", ".abc 123 ,גבא"),
    ],
)
def test_both_directions_stand_in_the_order_of_uax_9(text: str, seen: str) -> None:
    assert order(text) == seen
    assert paragraph(text).right_to_left == (text[0] == "א")


def test_the_order_is_that_of_the_reference_of_python_bidi() -> None:
    from bidi import get_display

    for text in (WORDS["hebrew"].replace("(", "").replace(")", ""), WORDS["mixed"], "a1 ב2 c3 ד4, ה5"):
        assert order(text) == get_display(text)


def test_brackets_are_mirrored_from_right_to_left() -> None:
    """In a run from right to left the opening bracket stands on the right, and looks like a closing one."""
    text = "(א)"
    shaped = paragraph(text).line(0, 3).glyphs
    upright = paragraph("(a)").line(0, 3).glyphs
    assert [text[glyph.character] for glyph in shaped] == [")", "א", "("]
    face = open_font(face_for(text))
    names = [face.get_nominal_glyph(ord(character)) for character in "()"]
    assert [shaped[0].index, shaped[2].index] == names
    assert len(upright) == 3


def test_arabic_letters_join() -> None:
    """The same letter has another form at the start, in the middle and at the end of a word."""
    text = "ببب"
    glyphs = paragraph(text).line(0, 3).glyphs
    assert len({glyph.index for glyph in glyphs}) == 3
    alone = paragraph("ب").line(0, 1).glyphs
    assert alone[0].index not in {glyph.index for glyph in glyphs}


def test_a_joiner_does_not_cut_its_word_or_its_emoji() -> None:
    """Rule X9 takes joiners out of the levels: in a line of the other direction they must stay where they are."""
    for text, start, end in (("Kiln می\u200cخواهم now", 5, 13), ("a אבג 👩\u200d👩\u200d👧 דהו b", 6, 11)):
        glyphs = paragraph(text).line(0, len(text)).glyphs
        places = [number for number, glyph in enumerate(glyphs) if start <= glyph.character < end]
        assert places == list(range(places[0], places[-1] + 1))
        characters = [glyphs[place].character for place in places]
        assert characters == sorted(characters, reverse=True)


def test_a_soft_hyphen_shows_only_at_the_end_of_a_line() -> None:
    text = "ab\u00adcd"
    whole, first = paragraph(text).line(0, len(text)), paragraph(text).line(0, 3)
    assert whole.advance == paragraph("abcd").line(0, 4).advance
    assert first.advance == paragraph("ab-").line(0, 3).advance


def test_two_lines_of_right_to_left_text_are_read_from_the_top() -> None:
    """The first word of a Hebrew paragraph stands at the right end of its first line."""
    text = "אאאא בבבב גגגג דדדד"
    whole = paragraph(text)
    first, second = whole.line(0, 10), whole.line(10, len(text))
    assert text[first.glyphs[-1].character] == "א"
    assert text[second.glyphs[-1].character] == "ג"
