"""Subgraphs that stand one in another, in themselves, or are broken, and problems named by their place."""

from __future__ import annotations

from typing import Any

import pytest

from packshot.errors import WorkflowInvalid
from packshot.workflow.canvas.convert import convert
from packshot.workflow.canvas.graph import parse
from support.canvas_graphs import INFO, api, empty, node, save, subgraph


def test_a_subgraph_twice_in_a_row_is_no_circle() -> None:
    nodes = [node(20, "Reroute", {"": 1}, 1)]
    passing = subgraph("Pass", nodes, [[1, -10, 0, 20, 0], [2, 20, 0, -20, 0]], [("image", [1])], [("IMAGE", [2])])
    nodes = [empty(1), node(2, "Pass", {"image": 1}, 1), node(3, "Pass", {"image": 2}, 1), save(4, 3)]
    links = [[1, 1, 0, 2, 0], [2, 2, 0, 3, 0], [3, 3, 0, 4, 0]]
    assert api(nodes, links, definitions={"subgraphs": [passing]})["4"]["inputs"]["images"] == ["1", 0]


@pytest.mark.parametrize("through", [("A",), ("B", "A")])
def test_a_subgraph_that_contains_itself(through: tuple[str, ...]) -> None:
    definitions = [subgraph("A", [node(20, through[0], {}, title="Inner")], [])]
    definitions += [subgraph("B", [node(30, "A", {}, title="Back")], [])]
    with pytest.raises(WorkflowInvalid, match="the subgraph 'A' contains itself") as caught:
        api([node(1, "A", {})], [], definitions={"subgraphs": definitions})
    assert "(A, node " in caught.value.place
    assert caught.value.remedy


def test_subgraphs_one_in_another_without_end() -> None:
    definitions = [subgraph(f"S{i}", [node(100 + i, f"S{i + 1}", {})], []) for i in range(60)]
    with pytest.raises(WorkflowInvalid, match="more than 50 subgraphs one in another"):
        api([node(1, "S0", {})], [], definitions={"subgraphs": definitions})


def test_subgraphs_that_would_be_millions_of_nodes() -> None:
    definitions = [
        subgraph(f"S{i}", [node(100 + 2 * i, f"S{i + 1}", {}), node(101 + 2 * i, f"S{i + 1}", {})], [])
        for i in range(40)
    ]
    with pytest.raises(WorkflowInvalid, match="more than 100,000 nodes"):
        api([node(1, "S0", {})], [], definitions={"subgraphs": definitions})


def test_every_problem_is_said_with_the_ids_of_the_subgraphs_around_it() -> None:
    inside = subgraph("Inner", [node(20, "Nowhere", {}, 1, title="Deep"), save(21, 7)], [])
    inside["nodes"][0]["inputs"] = [{"name": "image", "type": "IMAGE", "link": 6}]
    nodes = [node(1, "Inner", {}), node(2, "Nobody", {"image": 6}), save(3, 8), save(4, 9), empty(5)]
    data = {"nodes": nodes, "links": [[9, 5, 3, 4, 0]], "definitions": {"subgraphs": [inside]}}
    problems = convert(parse(data, "mine.json"), INFO, "mine.json").problems
    assert sorted((each.slug, each.message, each.place) for each in problems) == [
        ("node-missing", "the host does not have the node type 'Nobody'", 'mine.json, "Nobody" (Nobody, node 2)'),
        ("node-missing", "the host does not have the node type 'Nowhere'", 'mine.json, "Deep" (Nowhere, node 1:20)'),
        ("workflow-invalid", "link 7 leads nowhere", "mine.json, \"SaveImage\" (SaveImage, node 1:21), input 'images'"),
        ("workflow-invalid", "link 8 leads nowhere", "mine.json, \"SaveImage\" (SaveImage, node 3), input 'images'"),
        ("workflow-invalid", "link 9 leads nowhere", "mine.json, \"SaveImage\" (SaveImage, node 4), input 'images'"),
    ]
    assert all(each.remedy for each in problems)


@pytest.mark.parametrize("mode", [2, 4])
def test_a_missing_node_that_does_not_run_is_no_problem(mode: int) -> None:
    nodes = [empty(1), node(2, "Nowhere", {"image": 1}, 1, mode=mode), save(3, 2)]
    graph = api(nodes, [[1, 1, 0, 2, 0], [2, 2, 0, 3, 0]])
    assert graph["3"]["inputs"].get("images") == (["1", 0] if mode == 4 else None)


@pytest.mark.parametrize(
    ("definitions", "said"),
    [
        ([None], "a subgraph without an id"),
        ([{"id": 5, "nodes": []}], "a subgraph without an id"),
        ([{"id": "A"}], "not lists"),
        ([{"id": "A", "nodes": [], "inputs": {}}], "not a list"),
        ([{"id": "A", "nodes": [node(1, "B", {}), node(1, "B", {})]}], "the same id"),
        ([{"id": "A", "nodes": [], "links": [[1]]}], "names no two ends"),
    ],
)
def test_subgraphs_that_are_broken(definitions: list[Any], said: str) -> None:
    with pytest.raises(WorkflowInvalid, match=said) as caught:
        parse({"nodes": [], "definitions": {"subgraphs": definitions}}, "mine.json")
    assert caught.value.place.startswith("mine.json, subgraph ")
    assert caught.value.remedy
