"""A trigger in a caption: a word of its own, in any script."""

from __future__ import annotations

import pytest

from packshot.brand.dataset.trigger import check_trigger, find_trigger


@pytest.mark.parametrize(
    ("trigger", "caption"),
    [
        ("kilnharbor", "一个kilnharbor陶瓷杯，第3个，放在亚麻布上"),
        ("kilnharbor", "リネンの上のkilnharborのマグカップ"),
        ("kilnharbor", "キルンkilnharborマグ"),
        ("kilnharbor", "แก้วที่kilnharborสีขาว"),
        ("kilnharbor", "하얀 kilnharbor는 컵이다"),
        ("kilnharbor", "ຈອກkilnharborສີຂາວ"),
        ("kilnharbor", "كوبkilnharborأبيض"),
        ("kilnharbor", "KILNHARBOR mug"),
        ("kilnharbor", "kilnharbor-style mug"),
        ("kilnharbor", "a mug (kilnharbor), white"),
        ("kiln harbor", "a Kiln  Harbor mug"),
        ("kiln7", "하얀 kiln7는 컵"),
        ("窑港", "一个窑港陶瓷杯"),
        ("窑港7", "窑港7号杯"),
        ("キルンハーバー", "キルンハーバーマグ"),
        ("คิลน์", "แก้วคิลน์สีขาว"),
        ("킬른하버", "킬른하버는 하얗다"),
        ("킬른하버", "킬른하버에서의 컵"),
        ("كيلنهاربر", "بالكيلنهاربر أبيض"),
        ("كيلنهاربر", "والكيلنهاربر"),
        ("קילנהרבור", "הקילנהרבור לבן"),
        ("café-nord", "Cafe\u0301-Nord mug"),
        ("cafe\u0301-nord", "Café-nord mug"),
        ("l'orel", "L\u2019Orel mug"),
        ("a.p.c", "a mug by A.P.C., white"),
        ("h&m-kiln", "H&M-Kiln mug"),
        ("kiln\u2011harbor", "kiln-harbor mug"),
    ],
)
def test_a_trigger_that_stands_in_a_caption(trigger: str, caption: str) -> None:
    assert find_trigger(trigger, caption) == "written"
    assert check_trigger(trigger) == [] or "\u2011" in trigger


@pytest.mark.parametrize(
    ("trigger", "caption"),
    [
        ("cat", "a catalogue"),
        ("cat", "to concatenate"),
        ("kilnharbor", "kilnharbors thing"),
        ("kilnharbor", "kilnharbor2"),
        ("kilnharbor", "my_kilnharbor"),
        ("kilnharbor", "kilnharbor\u0301 mug"),
        ("kiln7", "kiln77"),
        ("7kiln", "77kiln"),
        ("窑港7", "窑港77"),
        ("킬른하버", "킬른하버컵"),
        ("мир", "мирный"),
        ("كيلن", "تكيلن"),
    ],
)
def test_a_trigger_inside_another_word_is_none(trigger: str, caption: str) -> None:
    assert find_trigger(trigger, caption) != "written"
    assert find_trigger(trigger, caption) != "variant"


@pytest.mark.parametrize(
    "caption", ["ｋｉｌｎｈａｒｂｏｒのマグ", "kiln\u00adharbor mug", "kiln\u200bharbor mug", "𝐤𝐢𝐥𝐧harbor mug"]
)
def test_another_form_of_the_characters_is_told_from_the_trigger_itself(caption: str) -> None:
    assert find_trigger("kilnharbor", caption) == "variant"


@pytest.mark.parametrize("caption", ["", "mug", "kilnhаrbor with a Cyrillic letter"])
def test_a_caption_without_it(caption: str) -> None:
    assert find_trigger("kilnharbor", caption) == "absent"
    assert find_trigger("", caption) == "absent"


@pytest.mark.parametrize("trigger", ["窑港", "킬른", "क़ुम्हार", "H&M kiln", "kiln_harbor", "Ölmühle"])
def test_what_may_be_a_trigger(trigger: str) -> None:
    assert check_trigger(trigger) == []


@pytest.mark.parametrize(
    "trigger", ["窑", "(kiln)", "kiln:1.2", "kiln  harbor", "-kiln", "<kiln>", "kiln, mug", "\u0301abc"]
)
def test_what_a_prompt_would_not_take_as_a_word_is_no_trigger(trigger: str) -> None:
    assert [fault.id for fault in check_trigger(trigger)] == ["trigger-invalid"]
