"""Group nodes, which subgraphs have replaced."""

from __future__ import annotations

import copy

import pytest

from packshot.errors import NodeMissing
from support.canvas_graphs import IMAGE, api, empty, node, save

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
