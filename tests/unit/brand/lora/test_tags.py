"""LoRAs named in a prompt."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.brand.lora.tags import Choice, find_file, read_tags
from packshot.errors import InputInvalid, ModelMissing
from support.refusals import look


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("", []),
        ("<lora:tide>", [Choice("tide", 1.0, 1.0)]),
        ("<lora:a/b.sft:0.8>, <LoRA: reef :-1:0.5>", [Choice("a/b.sft", 0.8, 0.8), Choice("reef", -1, 0.5)]),
    ],
)
def test_tags_name_loras(text: str, choices: list[Choice]) -> None:
    assert read_tags(text) == choices


@pytest.mark.parametrize(
    "text", ["tide", "<lora:>", "<lora:a:b>", "<lora:a:1:2:3>", "<lora:a:nan>", "<lora:a:1e9>", "<lora:a> b"]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InputInvalid):
        read_tags(text)


@given(st.text(string.printable, max_size=60))
def test_text_of_any_kind_is_read_or_refused(text: str) -> None:
    found = look(lambda: read_tags(text))
    assert found == "input-invalid" or all(abs(choice.model) <= 100 for choice in found)


def test_names_are_found_with_or_without_folder_and_ending() -> None:
    files = ["tide.safetensors", "mine/reef.safetensors", "a/kelp.safetensors", "b/kelp.safetensors", "win\\foam.sft"]
    assert find_file("tide", files, "here") == find_file("tide.safetensors", files, "here") == "tide.safetensors"
    assert find_file("reef", files, "here") == find_file("mine/reef", files, "here") == "mine/reef.safetensors"
    assert find_file("win/foam", files, "here") == find_file("foam", files, "here") == "win\\foam.sft"
    assert find_file("b/kelp", files, "here") == "b/kelp.safetensors"
    with pytest.raises(ModelMissing, match="may be any of a/kelp"):
        find_file("kelp", files, "here")
    with pytest.raises(ModelMissing, match=r"no LoRA file 'tidd'.*did you mean 'tide'"):
        find_file("tidd", files, "here")
    with pytest.raises(ModelMissing, match="put it in models/loras"):
        find_file("tide", [], "here")
