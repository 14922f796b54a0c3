"""What App Mode shows, and names for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.workflow.app_mode import identifier, read_app_mode
from packshot.workflow.contract import read_names
from support.canvas_graphs import app_file


def _names(data: dict[str, Any]) -> list[str]:
    return [each.name for each in read_names(data).inputs]


def test_equal_names_are_told_apart_by_the_node_and_always_alike() -> None:
    data = app_file([[8, "value"], [10, "value"], [7, "cfg"], [7, "steps"]], {"cfg": "Value", "steps": "Value 7"})
    assert _names(data) == ["value", "value_10", "value_7", "value_7_7"]
    assert _names(data) == _names(json.loads(json.dumps(data)))


def test_what_the_form_says_of_a_field_is_its_help() -> None:
    data = app_file(
        [[7, "cfg", {"height": 120, "description": "How closely to follow."}], [7, "steps", {"description": 5}]]
    )
    assert [each.help for each in read_names(data).inputs] == ["How closely to follow.", ""]


def test_the_long_names_of_newer_frontends_are_read() -> None:
    long = "e13112f7-3d09-4ae1-9e84-633a0627d945:7:steps"
    (found,) = read_names(app_file([[long, "steps"]])).inputs
    assert (found.node, found.widget) == ("7", "steps")


def test_a_label_that_a_subgraph_gives_its_input_counts() -> None:
    inner = "11111111-1111-4111-8111-111111111111"
    data = {
        "nodes": [{"id": 2, "type": inner, "inputs": [{"name": "text", "widget": {"name": "text"}}]}],
        "links": [],
        "definitions": {"subgraphs": [{"id": inner, "nodes": [], "inputs": [{"name": "text", "label": "Words"}]}]},
        "extra": {"linearData": {"inputs": [[2, "text"]]}},
    }
    assert _names(data) == ["words"]


def test_entries_in_another_form_are_counted() -> None:
    app_mode = read_app_mode(app_file([[7, "cfg"], "cfg", [7], [None, "cfg"], {"a": 1}]))
    assert app_mode is not None
    assert ([each.name for each in app_mode.inputs], app_mode.odd) == (["cfg"], 4)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("CFG scale", "cfg_scale"),
        ("  Seed… ", "seed"),
        ("2nd photo", "input_2nd_photo"),
        ("class", "class_"),
        ("提示词", "提示词"),
        ("***", "input"),
        ("", "input"),
        ("ﬁle", "file"),
        ("𐋡 of ⅓", "of_1_3"),
        ("model.resolution", "model_resolution"),
    ],
)
def test_a_label_as_an_identifier(label: str, name: str) -> None:
    assert identifier(label) == name


@given(st.lists(st.tuples(st.integers(1, 3), st.text(max_size=6)), max_size=6))
def test_names_are_identifiers_and_no_two_are_the_same(entries: list[tuple[int, str]]) -> None:
    names = _names(app_file([[node, widget] for node, widget in entries]))
    assert len(set(names)) == len(entries)
    assert all(name.isidentifier() for name in names)
