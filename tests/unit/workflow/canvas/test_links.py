"""Wires by name, through reroutes and straight through subgraphs."""

from __future__ import annotations

import pytest

from packshot.errors import WorkflowInvalid
from packshot.workflow import Workflow
from support.canvas_graphs import IMAGE, INFO, api, empty, node, save, subgraph

# -- SetNode and GetNode -----------------------------------------------------------------------------------------------


def test_a_wire_by_name_is_followed_and_disappears() -> None:
    nodes = [empty(1), node(2, "SetNode", {IMAGE: 1}, 1, "cup"), node(3, "GetNode", {}, 1, "cup"), save(4, 2)]
    graph = api(nodes, [[1, 1, 0, 2, 0], [2, 3, 0, 4, 0]])
    assert sorted(graph) == ["1", "4"]
    assert graph["4"]["inputs"]["images"] == ["1", 0]


def test_a_wire_by_a_name_that_nothing_gives() -> None:
    nodes = [empty(1), node(5, "GetNode", {}, 1, "nobody set this"), save(6, 3)]
    with pytest.raises(WorkflowInvalid, match="named 'nobody set this', which nothing gives") as caught:
        api(nodes, [[3, 5, 0, 6, 0]])
    assert caught.value.place == "test, \"SaveImage\" (SaveImage, node 6), input 'images'"


def test_a_wire_by_name_leads_into_a_subgraph() -> None:
    inside = subgraph("Inner", [node(20, "GetNode", {}, 1, "cup"), save(21, 1)], [[1, 20, 0, 21, 0]])
    nodes = [empty(1), node(2, "SetNode", {IMAGE: 1}, 1, "cup"), node(3, "Inner", {})]
    graph = api(nodes, [[1, 1, 0, 2, 0]], definitions={"subgraphs": [inside]})
    assert graph["3:21"]["inputs"]["images"] == ["1", 0]


def test_a_host_that_knows_such_nodes_runs_them() -> None:
    info = {**INFO, "SetNode": {"input": {"required": {"IMAGE": [IMAGE, {}]}}, "output": [IMAGE], "name": "SetNode"}}
    data = {"nodes": [empty(1), node(2, "SetNode", {IMAGE: 1}, 1, "cup")], "links": [[1, 1, 0, 2, 0]]}
    assert Workflow(data, "test").api_graph(info)["2"]["inputs"] == {"IMAGE": ["1", 0]}


# -- subgraphs ---------------------------------------------------------------------------------------------------------


def test_a_wire_straight_through_a_subgraph() -> None:
    # The frontend of today gives up on such a subgraph.
    straight = subgraph("Straight", [], [[1, -10, 0, -20, 0]], [("image", [1])], [("IMAGE", [1])])
    nodes = [empty(1), node(2, "Straight", {"image": 1}, 1), save(3, 2)]
    graph = api(nodes, [[1, 1, 0, 2, 0], [2, 2, 0, 3, 0]], definitions={"subgraphs": [straight]})
    assert graph["3"]["inputs"]["images"] == ["1", 0]


def test_a_chain_of_many_reroutes() -> None:
    count = 5000
    nodes = [empty(1), *(node(i, "Reroute", {"": i - 1}, 1) for i in range(2, count)), save(count, count - 1)]
    graph = api(nodes, [[i, i, 0, i + 1, 0] for i in range(1, count)])
    assert graph[str(count)]["inputs"]["images"] == ["1", 0]


def test_nodes_that_wait_for_each_other() -> None:
    nodes = [node(1, "ImageBlur", {"image": 2}, 1, 3, 1.5, title="Here"), node(2, "ImageBlur", {"image": 1}, 1, 3, 1.5)]
    with pytest.raises(WorkflowInvalid, match=r"depends on its own output: \d → \d → \d") as caught:
        api(nodes, [[1, 1, 0, 2, 0], [2, 2, 0, 1, 0]])
    assert "(ImageBlur, node " in caught.value.place
    assert "circle" in caught.value.remedy
