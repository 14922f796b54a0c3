"""Nodes that are gone, replaced as ComfyUI 0.30.0 says it (its answer to ``GET /node_replacements``)."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from packshot.workflow import Workflow
from packshot.workflow.check import check
from packshot.workflow.release.migrate import Replaced, migrate
from support.places import DATA

NODES: dict[str, Any] = json.loads((DATA / "workflow_nodes.json").read_text())

REPLACEMENTS: dict[str, Any] = json.loads((DATA / "node_replacements.json").read_text())


def without(*types: str) -> dict[str, Any]:
    """A host that no longer has some nodes."""
    return {name: definition for name, definition in NODES.items() if name not in types}


def photo(number: int, link: int) -> dict[str, Any]:
    outputs = [{"name": "IMAGE", "type": "IMAGE", "links": [link]}, {"name": "MASK", "type": "MASK", "links": None}]
    return {"id": number, "type": "LoadImage", "outputs": outputs, "widgets_values": ["example.png", "image"]}


def scaled(kind: str, inputs: list[Any], values: list[Any], **extra: Any) -> dict[str, Any]:
    """Pictures through one node of a type and into a file."""
    links = [slot["link"] for slot in inputs if slot.get("link")]
    return {
        "nodes": [
            *(photo(10 + link, link) for link in links),
            {"id": 2, "type": kind, "title": "Old", "pos": [7, 7], "inputs": inputs, "widgets_values": values,
             "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [9]}],
             "properties": {"cnr_id": "comfy-core", "ver": "0.3.0", "Node name for S&R": kind}},
            {"id": 3, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 9}],
             "widgets_values": ["x"]},
        ],
        "links": [*([link, 10 + link, 0, 2, at, "IMAGE"] for at, link in enumerate(links)), [9, 2, 0, 3, 0, "IMAGE"]],
        "extra": extra,
    }  # fmt: skip


def run(data: dict[str, Any], info: dict[str, Any]) -> tuple[dict[str, Any], list[Replaced]]:
    before = copy.deepcopy(data)
    result = migrate(Workflow(data, "old.app.json"), REPLACEMENTS, info)
    assert data == before, "the workflow itself stays as it was"
    return result


SCALE_BY = scaled(
    "ImageScaleBy",
    [
        {"name": "image", "type": "IMAGE", "link": 1},
        {"name": "upscale_method", "type": "COMBO", "widget": {"name": "upscale_method"}},
        {"name": "scale_by", "type": "FLOAT", "widget": {"name": "scale_by"}},
    ],
    ["lanczos", 2.5],
    linearData={"inputs": [[2, "scale_by"]], "outputs": [3]},
    packshot={"inputs": {"factor": {"node": 2, "widget": "scale_by"}}, "outputs": {"image": {"node": 3}}},
)


def test_a_node_with_other_names_keeps_its_values_and_wires() -> None:
    info = without("ImageScaleBy")
    data, done = run(SCALE_BY, info)
    assert Workflow(data, "new").api_graph(info)["2"] == {
        "class_type": "ResizeImageMaskNode",
        "inputs": {
            "input": ["11", 0],
            "resize_type": "scale by multiplier",
            "resize_type.multiplier": 2.5,
            "scale_method": "lanczos",
        },
        "_meta": {"title": "Old"},
    }
    assert done == [
        Replaced(
            node="2",
            title="Old",
            before="ImageScaleBy",
            after="ResizeImageMaskNode",
            renamed={"image": "input", "scale_by": "resize_type.multiplier", "upscale_method": "scale_method"},
            set={"resize_type": "scale by multiplier"},
            lost=(),
        )
    ]


def test_the_contract_and_the_form_follow_the_new_names() -> None:
    info = without("ImageScaleBy")
    data, _ = run(SCALE_BY, info)
    contract = Workflow(data, "new").prepare(info).contract
    assert (contract.inputs["factor"].widget, contract.inputs["factor"].default) == ("resize_type.multiplier", 2.5)
    assert data["extra"]["linearData"]["inputs"] == [[2, "resize_type.multiplier"]]


def test_inputs_of_a_group_that_grows_are_wired() -> None:
    inputs = [{"name": "image1", "type": "IMAGE", "link": 1}, {"name": "image2", "type": "IMAGE", "link": 2}]
    info = without("ImageBatch")
    data, (done,) = run(scaled("ImageBatch", inputs, []), info)
    graph = Workflow(data, "new").api_graph(info)
    assert graph["2"]["inputs"] == {"images.image0": ["11", 0], "images.image1": ["12", 0]}
    assert done.renamed == {"image1": "images.image0", "image2": "images.image1"}


def test_a_value_that_the_replacement_sets_is_set() -> None:
    inputs = [{"name": "images", "type": "IMAGE", "link": 1}]
    info = without("ResizeImagesByLongerEdge")
    data, _ = run(scaled("ResizeImagesByLongerEdge", inputs, [777]), info)
    graph = Workflow(data, "new").api_graph(info)
    assert graph["2"]["inputs"] == {"image": ["11", 0], "upscale_method": "lanczos", "largest_size": 777}
    assert graph["3"]["inputs"]["images"] == ["2", 0]
    assert check(Workflow(data, "new"), info | {"LoadImage": _with_file(info["LoadImage"])}) == []


def _with_file(definition: dict[str, Any]) -> dict[str, Any]:
    definition = copy.deepcopy(definition)
    definition["input"]["required"]["image"][0] = ["example.png"]
    return definition


def test_a_mere_change_of_name_takes_everything_over() -> None:
    data = {
        "nodes": [
            {"id": 1, "type": "T", "outputs": [{"name": "C", "type": "CONDITIONING", "links": [1]}]},
            {
                "id": 2,
                "type": "ConditioningAverage ",
                "inputs": [
                    {"name": "conditioning_to", "type": "CONDITIONING", "link": 1},
                    {
                        "name": "conditioning_to_strength",
                        "type": "FLOAT",
                        "widget": {"name": "conditioning_to_strength"},
                    },
                ],
                "widgets_values": [0.25],
            },
        ],
        "links": [[1, 1, 0, 2, 0, "CONDITIONING"]],
    }
    info = {**NODES, "T": {"input": {"required": {}}, "output": ["CONDITIONING"], "output_name": ["C"]}}
    new, (done,) = run(data, info)
    graph = Workflow(new, "new").api_graph(info)
    assert graph["2"]["class_type"] == "ConditioningAverage"
    assert graph["2"]["inputs"] == {"conditioning_to": ["1", 0], "conditioning_to_strength": 0.25}
    assert (done.before, done.after, done.renamed, done.lost) == ("ConditioningAverage ", "ConditioningAverage", {}, ())


def test_what_has_no_place_in_the_new_node_is_said_and_cut() -> None:
    inputs = [{"name": "images", "type": "IMAGE", "link": 1}, {"name": "mask", "type": "MASK", "link": 2}]
    info = without("ResizeImagesByLongerEdge")
    data, (done,) = run(scaled("ResizeImagesByLongerEdge", inputs, [777]), info)
    assert done.lost == ("mask",)
    assert [link[0] for link in data["links"]] == [1, 9]
    assert data["nodes"][1]["outputs"][0]["links"] is None
    assert Workflow(data, "new").api_graph(info)["2"]["inputs"]["image"] == ["11", 0]


@pytest.mark.parametrize("change", ["reorder", "cut"])
def test_outputs_go_where_the_replacement_says(change: str) -> None:
    rule = {"Old": [{"new_node_id": "New", "input_mapping": None, "output_mapping": [{"old_idx": 0, "new_idx": 1}]}]}
    outputs = ["A", "B"] if change == "reorder" else ["A"]
    info = {**NODES, "New": {"input": {}, "output": outputs, "output_name": outputs}}
    data = scaled("Old", [], [])
    new, _ = migrate(Workflow(data, "old"), rule, info)
    if change == "reorder":
        assert Workflow(new, "new").api_graph(info)["3"]["inputs"]["images"] == ["2", 1]
        assert [slot["links"] for slot in new["nodes"][0]["outputs"]] == [None, [9]]
    else:
        assert new["links"] == []
        assert "images" not in Workflow(new, "new").api_graph(info)["3"]["inputs"]


def test_nodes_in_a_subgraph_are_replaced_too() -> None:
    inner = "11111111-1111-4111-8111-111111111111"
    inside = [{**SCALE_BY["nodes"][1], "inputs": SCALE_BY["nodes"][1]["inputs"][1:], "outputs": []}]
    data = {
        "nodes": [{"id": 1, "type": inner}],
        "links": [],
        "definitions": {"subgraphs": [{"id": inner, "name": "In", "nodes": inside, "links": []}]},
    }
    new, (done,) = run(data, without("ImageScaleBy"))
    assert new["definitions"]["subgraphs"][0]["nodes"][0]["type"] == "ResizeImageMaskNode"
    assert done.node == "2"


def test_links_as_objects_are_led_over() -> None:
    data = copy.deepcopy(SCALE_BY)
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    data["links"] = [dict(zip(keys, link, strict=True)) for link in data["links"]]
    info = without("ImageScaleBy")
    new, _ = run(data, info)
    assert Workflow(new, "new").api_graph(info)["2"]["inputs"]["input"] == ["11", 0]


def test_nodes_that_the_host_has_stay() -> None:
    info = {**NODES, "ImageScaleBy": {"input": {"required": {}}, "output": ["IMAGE"], "output_name": ["IMAGE"]}}
    assert run(SCALE_BY, info) == (SCALE_BY, [])


@pytest.mark.parametrize("answer", [{}, {"ImageScaleBy": []}, {"ImageScaleBy": [{"new_node_id": "Nothing"}]}])
def test_without_a_replacement_nothing_happens(answer: dict[str, Any]) -> None:
    assert migrate(Workflow(SCALE_BY, "old"), answer, without("ImageScaleBy")) == (SCALE_BY, [])
