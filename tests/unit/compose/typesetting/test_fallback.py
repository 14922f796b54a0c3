"""Which font draws which part of a text, and what is refused by name."""

from __future__ import annotations

import itertools

import pytest

from packshot.compose.typesetting.fallback import assign_faces, clusters
from packshot.compose.typesetting.fonts import AUTO, FontFace, is_coloured
from packshot.errors import InputInvalid
from support.text_faces import FACES, faces_for


def parts(text: str, faces: list[FontFace]) -> list[tuple[str, FontFace]]:
    """The runs of one face, without white space."""
    runs = itertools.groupby(zip(text, faces, strict=True), lambda pair: pair[1])
    return [("".join(character for character, _ in group).strip(), face) for face, group in runs]


@pytest.mark.parametrize(
    ("text", "emoji"),
    [
        ("🔥", True), ("❤️", True), ("❤", False), ("☎", False), ("☎️", True), ("🔥︎", False), ("1️⃣", True), ("1", False),
        ("🇩🇪", True), ("👩‍👩‍👧", True), ("👍🏽", True), ("☝🏽", True), ("©", False), ("茶", False), ("é", False),
    ],
)  # fmt: skip
def test_what_is_drawn_in_colour_is_as_unicode_says(text: str, emoji: bool) -> None:
    (cluster,) = clusters(text)
    assert cluster.emoji is emoji


@pytest.mark.parametrize("text", ["Sale 🔥 -50 %", "👩‍👩‍👧 family", "1️⃣ 2️⃣", "🇩🇪🇫🇷", "שלום 👍🏽 עולם", "🏳️‍🌈 x"])
def test_an_emoji_is_in_one_coloured_font_and_text_in_none(text: str) -> None:
    faces = faces_for(text)
    for cluster in clusters(text):
        held = set(faces[cluster.start : cluster.end])
        assert len(held) == 1
        if cluster.needed:
            assert is_coloured(held.pop()) is cluster.emoji


def test_each_script_is_in_a_font_that_has_it_and_words_stay_whole() -> None:
    text = "Tee 茶 شاي ชา"
    runs = parts(text, faces_for(text))
    assert " ".join(words for words, _ in runs) == text
    assert all(len(set(faces_for(word))) == 1 for word in text.split())


def test_one_font_sets_all_that_it_can() -> None:
    assert len(set(faces_for("Kiln Harbor, Größe 5"))) == 1


def test_a_named_font_is_not_replaced_in_its_own_script() -> None:
    faces_for("Sale", "Garuda")
    with pytest.raises(InputInvalid, match="Garuda has no glyph for Ħ") as caught:
        assign_faces("Ħal", FACES, "Garuda")
    assert "auto" in caught.value.remedy
    assert {face.name for face in faces_for("Sale → 茶", "Garuda")} > {"Garuda"}


def test_a_remedy_can_help() -> None:
    with pytest.raises(InputInvalid, match="no font 'Brand Sans'"):
        assign_faces("x", FACES, "Brand Sans")
    with pytest.raises(InputInvalid, match=r"茶 \(U\+8336") as caught:
        assign_faces("茶", {}, AUTO)
    assert "install Noto Sans CJK" in caught.value.remedy
    with pytest.raises(InputInvalid, match=r"🔥 \(U\+1F525 Fire\)") as caught:
        assign_faces("Sale 🔥", {"Latin": FACES["DejaVu Sans"]} if "DejaVu Sans" in FACES else {}, AUTO)
    assert "Noto Color Emoji" in caught.value.remedy
    faces_for("🔥")
    with pytest.raises(InputInvalid, match=r"U\+1FADD") as caught:
        assign_faces("\U0001fadd", {"Noto Color Emoji": FACES["Noto Color Emoji"]}, AUTO)
    assert "newer version" in caught.value.remedy
    with pytest.raises(InputInvalid, match=r"U\+E000") as caught:
        assign_faces("\ue000", FACES, AUTO)
    assert "private" in caught.value.remedy
    with pytest.raises(InputInvalid, match=r"\? \(U\+D83D\)") as caught:
        assign_faces("half \ud83d", FACES, AUTO)
    assert "halves of characters" in caught.value.remedy
    with pytest.raises(InputInvalid, match="Ol Chiki Letter La") as caught:
        assign_faces("ᱚ", {}, AUTO)
    assert "install Noto Sans Ol Chiki" in caught.value.remedy
