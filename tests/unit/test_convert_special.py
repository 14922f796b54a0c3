"""What no frontend writes today, or no official file has: group nodes, SetNode and GetNode, circles, dangling links."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from packshot.errors import NodeMissing, WorkflowInvalid
from packshot.workflow import Workflow
from packshot.workflow.canvas.convert import convert
from packshot.workflow.canvas.graph import parse
from support.places import DATA

CASES: dict[str, dict[str, Any]] = json.loads((DATA / "canvas.json").read_text(encoding="utf-8"))
INFO: dict[str, Any] = json.loads((DATA / "canvas_object_info.json").read_text(encoding="utf-8"))
IMAGE = "IMAGE"


def node(number: int, kind: str, links: dict[str, int | None], outputs: int = 0, *widgets: Any, **more: Any) -> Any:
    inputs = [{"name": name, "type": IMAGE, "link": link} for name, link in links.items()]
    slots = [{"name": IMAGE, "type": IMAGE} for _ in range(outputs)]
    return {"id": number, "type": kind, "inputs": inputs, "outputs": slots, "widgets_values": list(widgets), **more}


def empty(number: int) -> Any:
    return node(number, "EmptyImage", {}, 1, 8, 8, 1, 0)


def save(number: int, link: int) -> Any:
    return node(number, "SaveImage", {"images": link}, 0, "out")


def api(nodes: list[Any], links: list[list[Any]], **more: Any) -> dict[str, dict[str, Any]]:
    return Workflow({"nodes": nodes, "links": links, **more}, "test").api_graph(INFO)


def subgraph(kind: str, nodes: list[Any], links: list[list[Any]], inputs: Any = (), outputs: Any = ()) -> Any:
    def ports(given: Any) -> list[Any]:
        return [{"name": name, "type": IMAGE, "linkIds": list(ids)} for name, ids in given]

    return {
        "id": kind, "name": kind, "nodes": nodes, "links": links, "inputs": ports(inputs), "outputs": ports(outputs),
    }  # fmt: skip


# -- SetNode and GetNode -----------------------------------------------------------------------------------------------


def test_a_wire_by_name_is_followed_and_disappears() -> None:
    nodes = [empty(1), node(2, "SetNode", {IMAGE: 1}, 1, "cup"), node(3, "GetNode", {}, 1, "cup"), save(4, 2)]
    nodes += [node(5, "GetNode", {}, 1, "nobody set this"), save(6, 3)]
    graph = api(nodes, [[1, 1, 0, 2, 0], [2, 3, 0, 4, 0], [3, 5, 0, 6, 0]])
    assert sorted(graph) == ["1", "4", "6"]
    assert graph["4"]["inputs"]["images"] == ["1", 0]
    assert "images" not in graph["6"]["inputs"]


def test_a_wire_by_name_leads_into_a_subgraph() -> None:
    inside = subgraph("Inner", [node(20, "GetNode", {}, 1, "cup"), save(21, 1)], [[1, 20, 0, 21, 0]])
    nodes = [empty(1), node(2, "SetNode", {IMAGE: 1}, 1, "cup"), node(3, "Inner", {})]
    graph = api(nodes, [[1, 1, 0, 2, 0]], definitions={"subgraphs": [inside]})
    assert graph["3:21"]["inputs"]["images"] == ["1", 0]


def test_a_host_that_knows_such_nodes_runs_them() -> None:
    info = {**INFO, "SetNode": {"input": {"required": {"IMAGE": [IMAGE, {}]}}, "output": [IMAGE], "name": "SetNode"}}
    data = {"nodes": [empty(1), node(2, "SetNode", {IMAGE: 1}, 1, "cup")], "links": [[1, 1, 0, 2, 0]]}
    assert Workflow(data, "test").api_graph(info)["2"]["inputs"] == {"IMAGE": ["1", 0]}


# -- group nodes -------------------------------------------------------------------------------------------------------

GROUP = {
    "nodes": [
        node(-1, "EmptyImage", {}, 1, 32, 16, 1, 7)
        | {"inputs": [{"name": "width", "type": "INT", "link": 99, "widget": {"name": "width"}}]},
        node(-1, "ImageBlur", {"image": 98}, 1, 3, 1.5),
        node(-1, "ImageBlur", {"image": 98}, 1, 5, 2.5, title="Second"),
    ],
    "links": [[0, 0, 1, 0, 1, IMAGE], [1, 0, 2, 0, 1, IMAGE], [None, 0, 0, 0, 1, "INT"]],
    "external": [[1, 0, IMAGE]],
}


@pytest.mark.parametrize("mark", [">", "/"])
def test_a_group_node_dissolves_into_its_nodes(mark: str) -> None:
    # It shows height, batch_size and color, the two of each blur, and then the width, which was made into an input.
    group = node(5, f"workflow{mark}Pair", {"width": None}, 2, 160, 2, 255, 9, 4.5, 11, 6.5, 48)
    links = [[1, 5, 0, 6, 0], [2, 5, 1, 7, 0]]
    graph = api([group, save(6, 1), save(7, 2)], links, extra={"groupNodes": {"Pair": GROUP}})
    assert {id_: each["inputs"] for id_, each in graph.items()} == {
        "5:0": {"width": 48, "height": 160, "batch_size": 2, "color": 255},
        "5:1": {"blur_radius": 9, "sigma": 4.5, "image": ["5:0", 0]},
        "5:2": {"blur_radius": 11, "sigma": 6.5, "image": ["5:1", 0]},
        "6": {"filename_prefix": "out", "images": ["5:1", 0]},
        "7": {"filename_prefix": "out", "images": ["5:2", 0]},
    }


def test_a_group_node_takes_links() -> None:
    group = copy.deepcopy(GROUP)
    del group["nodes"][0], group["links"][:3]  # type: ignore[attr-defined]
    group["links"] = [[0, 0, 1, 0, 1, IMAGE]]
    host = node(5, "workflow>Blurs", {"image": 1}, 1, 9, 4.5, 11, 6.5)
    extra = {"groupNodes": {"Blurs": {**group, "external": []}}}
    graph = api([empty(1), host, save(6, 2)], [[1, 1, 0, 5, 0], [2, 5, 0, 6, 0]], extra=extra)
    assert graph["5:0"]["inputs"] == {"blur_radius": 9, "sigma": 4.5, "image": ["1", 0]}
    assert graph["6"]["inputs"]["images"] == ["5:1", 0]


def test_a_group_node_with_a_node_that_the_host_does_not_have() -> None:
    group = {"nodes": [node(-1, "Nowhere", {}, 1)], "links": []}
    with pytest.raises(NodeMissing, match="'Nowhere'") as caught:
        api([node(5, "workflow>Odd", {}, 1)], [], extra={"groupNodes": {"Odd": group}})
    assert caught.value.place == 'test, "Nowhere" (Nowhere, node 5:0)'


# -- subgraphs ---------------------------------------------------------------------------------------------------------


def test_a_wire_straight_through_a_subgraph() -> None:
    # The frontend of today gives up on such a subgraph.
    straight = subgraph("Straight", [], [[1, -10, 0, -20, 0]], [("image", [1])], [("IMAGE", [1])])
    nodes = [empty(1), node(2, "Straight", {"image": 1}, 1), save(3, 2)]
    graph = api(nodes, [[1, 1, 0, 2, 0], [2, 2, 0, 3, 0]], definitions={"subgraphs": [straight]})
    assert graph["3"]["inputs"]["images"] == ["1", 0]


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


# -- all that is wrong -------------------------------------------------------------------------------------------------


def test_every_problem_is_said_with_the_ids_of_the_subgraphs_around_it() -> None:
    inside = subgraph("Inner", [node(20, "Nowhere", {}, 1, title="Deep"), save(21, 7)], [])
    nodes = [node(1, "Inner", {}), node(2, "Nobody", {}), save(3, 8), save(4, 9), empty(5)]
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
