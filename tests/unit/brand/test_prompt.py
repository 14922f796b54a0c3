"""The prompt of a brand: what the kit adds, once, and what is never translated."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.brand.kit import BrandKit
from packshot.brand.prompt import compose
from packshot.catalog.planning.items import DEFAULT_MAPPING
from packshot.catalog.planning.templates import Templates
from packshot.errors import InputInvalid
from packshot.paths import shipped
from support.kit_files import load


def test_a_prompt_is_that_of_catalogue_runs() -> None:
    template = Templates(DEFAULT_MAPPING, ("product", "variant", "row", "brand"), "here")
    for folder in (shipped("examples") / "brands").iterdir():
        kit = BrandKit.load(folder)
        context = {"product": {"title": "a mug"}, "variant": {"look": ()}, "row": {}, "brand": kit.model_dump()}
        made = compose(kit, "a mug")
        assert {"prompt": made.positive, "negative": made.negative} == {
            name: template.render(name, context) for name in ("prompt", "negative")
        }


def test_words_of_the_brand_are_not_translated(tmp_path: Path) -> None:
    kit = load(tmp_path, {
        "name": "x",
        "prompt": {"prefix": "photo of", "suffix": "soft light", "negative": "text"},
        "glossary": [{"term": "tidal green", "instead_of": ["green", "dark green", "潮の緑"]}],
        "locales": {
            "de": {"prompt": {"prefix": "Foto von"}, "glossary": [{"term": "Becher", "instead_of": ["Tasse"]}]},
            "pt-BR": {},
        },
    })  # fmt: skip
    assert compose(kit, "a Dark Green mug").positive == "photo of a tidal green mug, soft light"
    assert compose(kit, "a greenish mug").positive == "photo of a greenish mug, soft light"
    assert compose(kit, "この潮の緑の急須").positive == "photo of このtidal greenの急須, soft light"
    made = compose(kit, "eine tasse in green", locale="de-AT")
    assert made.positive == "Foto von eine Becher in tidal green, soft light"
    assert made.replaced == (("tasse", "Becher"), ("green", "tidal green"))
    assert compose(kit, "a mug", locale="PT-br").positive == "photo of a mug, soft light"
    with pytest.raises(InputInvalid, match="no words for 'fr'"):
        compose(kit, "une tasse", locale="fr")
    assert compose(load(tmp_path, {"name": "y"}), "une tasse", locale="fr").positive == "une tasse"


def test_what_a_catalogue_has_said_already_is_not_said_twice() -> None:
    kit = BrandKit.load(shipped("examples") / "brands" / "aldern-quay")
    once = compose(kit, "Cup")
    again = compose(kit, once.positive, negative=once.negative, triggers=["tide style"])
    assert again.positive == f"tide style, {once.positive}"
    assert again.negative == once.negative
    assert compose(kit, "Cup", negative="cups").negative == f"{kit.prompt.negative}, cups"
    assert compose(kit, "Cup", negative="people").negative == kit.prompt.negative
    bare = BrandKit(name="none")
    assert compose(bare, " Cup ", negative="text").positive == "Cup"
    assert compose(bare, "Cup", negative="text").negative == "text"


def test_trigger_words_are_said_once(tmp_path: Path) -> None:
    kit = load(tmp_path, {"name": "x", "prompt": {"prefix": "tide style photo of"}})
    made = compose(kit, "a mug", triggers=["Tide Style", "reef", "reef", "mu"])
    assert made.positive == "reef, mu, tide style photo of a mug"
