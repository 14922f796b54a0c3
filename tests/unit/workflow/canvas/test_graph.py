"""Reading workflow files, the broken ones above all."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.errors import WorkflowInvalid
from packshot.workflow import Workflow
from packshot.workflow.canvas.graph import MAX_BYTES, CanvasGraph, parse, read_json
from support.places import DATA

SEVERAL: dict[str, Any] = json.loads((DATA / "several.app.json").read_text())

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def test_a_file_of_the_canvas_is_read_into_nodes_and_links() -> None:
    graph = parse(SEVERAL, "several")
    assert list(graph.nodes) == ["1", "2", "3", "4", "5", "6"]
    node = graph.nodes["3"]
    assert (node.type, node.title, node.mode, node.widgets) == ("ImageInvert", "Invert", 0, [])
    assert node.place == '"Invert" (ImageInvert, node 3)'
    assert (node.inputs[0].name, node.inputs[0].links) == ("image", (2,))
    link = graph.links[2]
    assert (link.origin, link.origin_slot, link.target, link.target_slot) == ("1", 0, "3", 0)


def test_links_may_be_objects_and_ids_may_be_texts() -> None:
    data = copy.deepcopy(SEVERAL)
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    data["links"] = [dict(zip(keys, link, strict=True)) for link in data["links"]]
    for node in data["nodes"]:
        node["id"] = str(node["id"])
    assert parse(data, "several") == parse(SEVERAL, "several")


# -- files that are none -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said", "place"),
    [
        (b"", "not JSON", "line 1, column 1"),
        (b'{"nodes": [}', "not JSON", "line 1, column 12"),
        (b'{\n"nodes": [],\n', "not JSON", "line 3"),
        (b"\x89PNG\r\n\x1a\n", "not a text file in UTF-8", ""),
        (b"[" * 100_000, "nested too deeply", ""),
        (b'{"nodes": ' + b"[" * 100_000, "nested too deeply", ""),
        (b"[]", "not a workflow", ""),
        (b'"nodes"', "not a workflow", ""),
        (b"{}", "it has no nodes", ""),
        (b'{"version": 0.4}', "it has no nodes", ""),
    ],
)
def test_a_file_that_is_no_workflow(tmp_path: Path, content: bytes, said: str, place: str) -> None:
    file = tmp_path / "w.json"
    file.write_bytes(content)
    with pytest.raises(WorkflowInvalid, match=said) as caught:
        Workflow.load(file)
    assert str(file) in caught.value.place
    assert place in caught.value.place
    assert caught.value.remedy


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "w.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(SEVERAL).encode())
    assert read_json(file) == SEVERAL


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "w.json"
    with file.open("wb") as sparse:
        sparse.truncate(MAX_BYTES + 1)
    with pytest.raises(WorkflowInvalid, match="larger than 64 MB"):
        read_json(file)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero")
def test_a_file_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(WorkflowInvalid, match="larger than 64 MB") as caught:
        read_json(Path("/dev/zero"))
    assert caught.value.remedy


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "1" * 5000])
def test_a_number_that_is_no_json_is_refused(tmp_path: Path, number: str) -> None:
    file = tmp_path / "w.json"
    file.write_text(f'{{"nodes": [], "version": {number}}}')
    with pytest.raises(WorkflowInvalid, match="not JSON: ") as caught:
        read_json(file)
    assert caught.value.remedy
    assert len(caught.value.message) < 100


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"id": None, "type": "A", "title": "Sampler"}, 'without an id or a type, "Sampler"'),
        ({"id": 1, "type": "A", "title": "Sampler", "inputs": [{}]}, 'of "Sampler" (node 1) without a name'),
        ({"id": 1, "type": "A", "outputs": {}}, 'of "A" (node 1) are not a list'),
    ],
)
def test_a_node_is_named_as_far_as_it_can_be(node: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        parse({"nodes": [node]}, "w")
    assert said in caught.value.message


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.json", tmp_path, tmp_path / ("n" * 300 + ".json")):
        with pytest.raises(WorkflowInvalid, match="cannot be read") as caught:
            read_json(path)
        assert caught.value.place == str(path)


def test_an_api_export_is_named_as_such(tmp_path: Path) -> None:
    file = tmp_path / "api.json"
    file.write_text(json.dumps({"3": {"class_type": "KSampler", "inputs": {}}}))
    with pytest.raises(WorkflowInvalid, match="API-format") as caught:
        Workflow.load(file)
    assert "as saved from the canvas" in caught.value.remedy


# -- workflows that are broken -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"nodes": {}}, "w"),
        ({"nodes": None}, "w"),
        ({"links": {"1": []}}, "w"),
        ({"nodes": [None]}, "w, nodes[0]"),
        ({"nodes": [[]]}, "w, nodes[0]"),
        ({"nodes": [{"type": "A"}]}, "w, nodes[0]"),
        ({"nodes": [{"id": None, "type": "A"}]}, "w, nodes[0]"),
        ({"nodes": [{"id": 1.5, "type": "A"}]}, "w, nodes[0]"),
        ({"nodes": [{"id": [1], "type": "A"}]}, "w, nodes[0]"),
        ({"nodes": [{"id": 1, "type": 7}]}, "w, nodes[0]"),
        ({"nodes": [{"id": 1, "type": "A"}, {"id": "1", "type": "B"}]}, "w"),
        ({"nodes": [{"id": 1, "type": "A", "inputs": [{}]}]}, "w, nodes[0].inputs[0]"),
        ({"nodes": [{"id": 1, "type": "A", "outputs": ["IMAGE"]}]}, "w, nodes[0].outputs[0]"),
        ({"links": [None]}, "w, links[0]"),
        ({"links": [[1, 2, 3]]}, "w, links[0]"),
        ({"links": [[1, 2, "first", 3, 0, "IMAGE"]]}, "w, links[0]"),
        ({"links": [{"id": 1}]}, "w, links[0]"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        parse({**SEVERAL, **change}, "w")
    assert caught.value.place == place
    assert caught.value.remedy


def assert_read_or_refused(data: dict[str, Any]) -> None:
    """Read a workflow; being refused is as good."""
    with contextlib.suppress(WorkflowInvalid):
        assert isinstance(parse(data, "w"), CanvasGraph)


@pytest.mark.parametrize(
    "change",
    [
        {"links": [[float("inf"), 1, 0, 2, 0, "IMAGE"]]},
        {"nodes": [{"id": 1, "type": "A", "properties": None}]},
        {"nodes": [{"id": 1, "type": "A", "properties": []}]},
        {"nodes": [{"id": 1, "type": "A", "inputs": 3}]},
        {"nodes": [{"id": 1, "type": "A", "outputs": True}]},
    ],
)
def test_odd_values_end_in_no_crash(change: dict[str, Any]) -> None:
    assert_read_or_refused({**SEVERAL, **change})


_FIELDS = ["id", "type", "title", "mode", "order", "inputs", "outputs", "widgets_values", "properties"]


@settings(deadline=None)
@given(
    st.sampled_from(SEVERAL["nodes"]),
    st.dictionaries(st.sampled_from(_FIELDS), json_values, max_size=2),
    st.lists(json_values | st.tuples(*[st.none() | st.integers() | st.floats() | st.text(max_size=3)] * 5), max_size=2),
)
def test_any_json_in_a_node_or_link_ends_in_no_crash(
    node: dict[str, Any], fields: dict[str, Any], links: list[Any]
) -> None:
    assert_read_or_refused({"nodes": [{**node, **fields}], "links": links})


def test_the_hash_is_of_the_content_and_not_of_its_form(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.json" for name in "abc")
    first.write_text(json.dumps(SEVERAL, indent=4))
    second.write_text(json.dumps(dict(reversed(SEVERAL.items())), separators=(",", ":"), ensure_ascii=False))
    third.write_text(json.dumps({**SEVERAL, "revision": 1}))
    hashes = [Workflow.load(path).sha256 for path in (first, second, third)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_half_a_character_in_a_file_can_be_hashed() -> None:
    assert len(Workflow({**SEVERAL, "id": "\ud83d"}, "w").sha256) == 64


def test_nesting_that_can_be_read_can_be_hashed(tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    read = 0
    for depth in range(850, 1000, 3):
        file.write_text('{"nodes": [], "extra": ' + "[" * depth + "]" * depth + "}")
        with contextlib.suppress(WorkflowInvalid):
            assert len(Workflow.load(file).sha256) == 64
            read += 1
    assert read
