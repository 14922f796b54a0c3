"""Where lines may break."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.compose.typesetting.line_breaks import line_breaks


def pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in itertools.pairwise((0, *line_breaks(text)))]


@pytest.mark.parametrize(
    "marked",
    [
        "ร้าน|กาแฟ|เปิด|ทุก|วัน|ตั้งแต่|เช้า|จนถึง|เย็น",
        "ครอบครัว|ของ|เรา",
        "ลด|ราคา|พิเศษ|เฉพาะ|วัน|นี้|เท่านั้น",
        "ล่าสุด ๆ |มา|แล้ว|ฯลฯ",
        "ຍິນດີ|ຕ້ອນຮັບ|ສູ່|ຮ້ານ|ຄ້າ|ຂອງ|ພວກ|ເຮົາ",
        "សូមស្វាគមន៍|មកកាន់|ហាង|របស់|យើង",
        "ကျွန်ုပ်|တို့၏ဆိုင်|မှ|ကြိုဆို|ပါသည်",
        "one |two-|three",
        "Donau\u00ad|dampf\u00ad|schiff",
        "100\u00a0% |of\u00a0it",
        "お|客|様、|こ|ち|ら|へ。",
        "「茶」|と|ケー|キ",
        "👩‍👩‍👧|👍🏽|🇩🇪|🇫🇷",
        "€50 |off",
    ],
)
def test_lines_break_between_words_and_as_each_script_does(marked: str) -> None:
    assert "|".join(pieces(marked.replace("|", ""))) == marked


@given(st.text("กขคงจ่้าะเแโใไๆฯ์ำ ab", max_size=40))
def test_no_line_of_thai_begins_with_what_belongs_to_the_letter_before(text: str) -> None:
    ends = line_breaks(text)
    assert sorted(set(ends)) == list(ends)
    assert not text or ends[-1] == len(text)
    for end in ends[:-1]:
        assert text[end] != "ๆ"
        if text[end - 1] != " ":
            assert text[end] not in "่้์"
