"""The sections of a kit beyond colours and prompt: what they may say, their hash and approvals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from packshot.brand.check import check_kit
from packshot.brand.kit import BrandKit
from packshot.errors import BrandInvalid
from packshot.paths import shipped
from support.kit_files import LORA, TODAY, load


@pytest.mark.parametrize(
    ("content", "place", "message", "remedy"),
    [
        ({"palete": []}, "palete", "no field 'palete'", "'palette'"),
        ({"logos": [{"name": "a", "file": "../x.png"}]}, "logos[0].file", "below the kit's folder", "correct"),
        ({"logos": [{"name": "a", "file": "/x.png"}]}, "logos[0].file", "below the kit's folder", "correct"),
        ({"logos": [{"name": "a", "file": "C:\\x.png"}]}, "logos[0].file", "below the kit's folder", "correct"),
        ({"logos": [{"name": "a", "file": "a.png", "sha256": "A" * 64}]}, "logos[0].sha256", "is no SHA-256", "64"),
        ({"logos": [{"name": "a", "file": "a.png", "clearspace": 1}]}, "logos[0].clearspace", "no field", "'clear_sp"),
        ({"fonts": [{"family": "a", "use": "headin"}]}, "fonts[0].use", "not one of the choices", "'heading'"),
        ({"palette": [{"name": "a", "hex": "#112233", "min_share": 0.5, "max_share": 0}]}, "palette[0]", "is more", ""),
        ({"palette": [{"name": "a", "hex": "#112233", "tolerance": -1}]}, "palette[0].tolerance", "less than 0", ""),
        ({"locales": {"German": {}}}, "locales", "is no language", "pt-BR"),
        ({"locales": {"de": {"promt": {}}}}, "locales.de.promt", "no field 'promt'", "'prompt'"),
        ({"locales": {"de": {"glossary": [{"terms": "x"}]}}}, "locales.de.glossary[0].term", "missing", "term"),
        ({"loras": [{**LORA, "base": "sdxxl"}]}, "loras[0].base", "there is no base 'sdxxl'; known: flux1", "correct"),
        ({"loras": [{**LORA, "strength": 2.0}]}, "loras[0]", "strength 2 is not from 0 to 1.5", "correct"),
        ({"loras": [{**LORA, "min_strength": 2.0}]}, "loras[0]", "min_strength 2 is more", "correct"),
        ({"loras": [{**LORA, "schedule": [{"start": 0.5, "strength": 1}]}]}, "loras[0]", "begins with 'start: 0'", ""),
        ({"loras": [{**LORA, "expires": "soon"}]}, "loras[0].expires", "is no date", "2026-11-30"),
        ({"loras": [{k: v for k, v in LORA.items() if k != "licence"}]}, "loras[0].licence", "missing", "licence"),
        ({"approvals": [{"by": "Ann", "date": TODAY, "of": "x"}]}, "approvals[0].of", "is no SHA-256", "64 digits"),
        ({"locales": {False: {}}}, "locales", "the key False is no text", "quotes"),
        ({"channels": ["Amazon Main"]}, "channels[0]", "is no id of a channel", "amazon-main"),
        ({"products": {"keep_pixels": "yes"}}, "products.keep_pixels", "neither true nor false", "without quotes"),
    ],
)  # fmt: skip
def test_a_wrong_section_says_where_and_what_to_do(
    tmp_path: Path, content: dict[str, Any], place: str, message: str, remedy: str
) -> None:
    with pytest.raises(BrandInvalid) as caught:
        load(tmp_path, {"name": "x", **content})
    assert caught.value.place == f"{tmp_path / 'brand.yaml'}, {place}"
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_a_kit_keeps_its_hash_when_it_is_approved_or_says_a_default(tmp_path: Path) -> None:
    plain = load(tmp_path, {"name": "x", "loras": [LORA]})
    said = {"name": "x", "loras": [{**LORA, "strength": 1.0, "schedule": []}], "channels": [], "photography": {}}
    assert load(tmp_path, said).hash == plain.hash
    approved = load(tmp_path, {**said, "approvals": [{"by": "Ann", "date": TODAY, "of": plain.hash}]})
    assert approved.hash == plain.hash
    assert approved.approved_by == ("Ann",)
    changed_since = load(
        tmp_path, {**said, "version": "2", "approvals": [{"by": "Ann", "date": TODAY, "of": plain.hash}]}
    )
    assert changed_since.hash != plain.hash
    assert changed_since.approved_by == ()


def test_a_kit_survives_json(tmp_path: Path) -> None:
    for folder in sorted((shipped("examples") / "brands").iterdir()):
        kit = BrandKit.load(folder)
        again = BrandKit.model_validate_json(json.dumps(kit.model_dump(mode="json")))
        assert again.hash == kit.hash
        assert again.folder is None
        assert kit.folder == folder.resolve()
    dated = load(tmp_path, {"name": "x", "loras": [{**LORA, "expires": TODAY}]})
    assert BrandKit.model_validate_json(dated.model_dump_json()).loras[0].expires == TODAY


def test_a_kit_travels_as_text_and_keeps_its_hash(tmp_path: Path) -> None:
    kit = load(tmp_path, {"name": "ü", "loras": [{**LORA, "expires": TODAY}], "approvals": [
        {"by": "Ann", "date": TODAY, "of": "0" * 64}]})  # fmt: skip
    read = BrandKit.parse(kit.text(), "input 'content'")
    assert (read.hash, read.loras, read.approvals) == (kit.hash, kit.loras, kit.approvals)
    assert read.folder is None
    assert BrandKit.parse("name: x\n", "here").name == "x"
    for text in (
        "",
        "[]",
        "{",
        '"x"',
        '{"name": ""}',
        '{"name": "x", "names": 1}',
        "a: [",
        "{" * 100_000,
        "x" * 300_000,
    ):
        with pytest.raises(BrandInvalid) as caught:
            BrandKit.parse(text, "input 'content'")
        assert caught.value.place.startswith("input 'content'")
        assert caught.value.remedy


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)

FIELDS = st.sampled_from(sorted(BrandKit.model_fields))


@given(st.dictionaries(FIELDS, anything, max_size=6))
def test_content_of_any_kind_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    (folder / "brand.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    look(folder)


@given(st.binary(max_size=400))
def test_bytes_of_any_kind_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    (folder / "brand.yaml").write_bytes(content)
    look(folder)


EXAMPLE = (shipped("examples") / "brands" / "aldern-quay" / "brand.yaml").read_bytes()


@given(st.integers(0, len(EXAMPLE)), st.integers(0, 40), st.binary(max_size=12))
def test_a_damaged_example_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, cut: int, put: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    (folder / "brand.yaml").write_bytes(EXAMPLE[:at] + put + EXAMPLE[at + cut :])
    look(folder)


def look(folder: Path) -> None:
    """Read, check and compare a kit; whatever is refused says where and why."""
    refusal = None
    try:
        kit = BrandKit.load(folder)
    except BrandInvalid as error:
        refusal = error
    if refusal is not None:
        assert refusal.message
        assert "\n" not in refusal.message
        assert refusal.remedy
        return
    assert len(kit.hash) == 64
    check_kit(kit, today=TODAY)
    assert kit.diff(kit) == []
    assert BrandKit.model_validate_json(kit.model_dump_json()).hash == kit.hash
