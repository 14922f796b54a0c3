"""The texts of the canvas extension: each in English and in German, and none that nothing shows.

What nodes and their inputs are called in German is compared with the nodes themselves on a host, in test_pack.py.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from support.places import ROOT

LANGUAGES = ["en", "de"]

SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "web").rglob("*.*js"))}

ENTRY = SOURCES[ROOT / "web" / "packshot.js"]

# What vue-i18n takes for a placeholder, a list, a link, or a choice of plurals.
SYNTAX = re.compile(r"[{}@|]")


def locale(language: str, name: str) -> Any:
    return json.loads((ROOT / "locales" / language / f"{name}.json").read_text(encoding="utf-8"))


def words(language: str) -> dict[str, str]:
    found: dict[str, str] = locale(language, "main")["packshot"]
    return found


def registered(start: str, end: str) -> dict[str, str]:
    """The ids that the extension registers in a part of its entry, as keys of a locale, and what they are called."""
    part = ENTRY[ENTRY.index(start) : ENTRY.index(end)]
    found = re.findall(r"id: (?:/\*.*?\*/ \()?'([\w.]+)'.*?(?:label|name): '([^']+)'", part, re.DOTALL)
    return {key.replace(".", "_"): label for key, label in found}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_that_is_shown_is_there_and_no_other(language: str) -> None:
    known = words(language)
    source = "\n".join(SOURCES.values())
    literal = set(re.findall(r"\bt\('(\w+)'", source))
    assert len(literal) > 60
    assert not literal - known.keys()
    # Others are chosen by what a host says: tabs, states, verdicts, kinds of snippets.
    snippets = {f"snippet_{kind}" for kind in ("python", "curl", "catalogue")}
    assert not [key for key in known.keys() - snippets if f"'{key}'" not in source]
    assert snippets <= known.keys()
    assert all(text.strip() for text in known.values())


def test_both_languages_put_the_same_values_in() -> None:
    english, german = words("en"), words("de")
    assert list(english) == list(german)
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", german[key])), key
    assert locale("en", "main").keys() == locale("de", "main").keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "field", "start", "end"),
    [("commands", "label", "commands: [", "menuCommands: ["), ("settings", "name", "settings: [", "setup()")],
)
def test_commands_and_settings(language: str, name: str, field: str, start: str, end: str) -> None:
    here, known = registered(start, end), locale(language, name)
    assert here
    assert known.keys() == here.keys()
    for key, entry in known.items():
        assert entry.keys() == {field}
        assert entry[field].strip()
        assert not SYNTAX.search(entry[field])
        if language == "en":
            assert entry[field] == here[key]


def test_names_of_nodes_are_plain_texts() -> None:
    """Tooltips may say what they like: the frontend shows them as they are."""
    for node in locale("de", "nodeDefs").values():
        inputs = node.get("inputs", {}).values()
        for text in [node["display_name"], node["description"], *(each["name"] for each in inputs)]:
            assert text.strip()
            assert not SYNTAX.search(text)
