"""Contracts that name widgets in subgraphs, and what filling them in does to the graph and to the file."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from packshot.errors import WorkflowInvalid
from packshot.workflow import Workflow
from packshot.workflow.workflow import PreparedWorkflow
from support.places import DATA

CASES: dict[str, dict[str, Any]] = json.loads((DATA / "canvas.json").read_text(encoding="utf-8"))

INFO: dict[str, Any] = json.loads((DATA / "canvas_object_info.json").read_text(encoding="utf-8"))

INFO["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = ["m.safetensors"]


def prepared(case: str, node: str | int, widget: str) -> PreparedWorkflow:
    data = copy.deepcopy(CASES[case]["workflow"])
    data["extra"]["packshot"] = {"name": case, "inputs": {"it": {"node": node, "widget": widget}}}
    return Workflow(data, case).prepare(INFO)


def filled(workflow: PreparedWorkflow, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The graph and the file, of which both must say the same, and nothing else may have changed."""
    before = copy.deepcopy((workflow.api.nodes, workflow.workflow.data))
    graph, canvas = workflow.fill({"it": value})
    assert (workflow.api.nodes, workflow.workflow.data) == before
    assert Workflow(canvas, "filled").api_graph(INFO) == graph
    return graph, canvas


def changed(workflow: PreparedWorkflow, graph: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (id_, name)
        for id_, node in graph.items()
        for name, value in node["inputs"].items()
        if value != workflow.api.nodes[id_]["inputs"].get(name)
    }


def test_a_promoted_widget_by_the_node_that_stands_for_the_subgraph() -> None:
    workflow = prepared("subgraphs", 2, "sigma")
    spec = workflow.contract.inputs["it"]
    assert (spec.type, spec.default, spec.minimum, spec.maximum) == ("FLOAT", 4.5, 0.1, 10.0)
    assert (spec.node, spec.widget) == ("2", "sigma")
    graph, _ = filled(workflow, 9.5)
    assert changed(workflow, graph) == {("2:20", "sigma"), ("2:21", "sigma")}


@pytest.mark.parametrize("number", [3, 4])
def test_a_value_that_the_file_does_not_have_yet(number: int) -> None:
    # The nodes' lists of values are empty or not there: the subgraph's own value counts.
    workflow = prepared("subgraphs", number, "sigma")
    assert workflow.contract.inputs["it"].default == 1.5
    graph, canvas = filled(workflow, 9.5)
    assert changed(workflow, graph) == {(f"{number}:20", "sigma"), (f"{number}:21", "sigma")}
    assert next(node for node in canvas["nodes"] if node["id"] == number)["widgets_values"] == [9.5]


def test_a_widget_that_is_promoted_twice() -> None:
    workflow = prepared("nested", 2, "strength")
    graph, _ = filled(workflow, 9.5)
    outer = {id_.partition(":")[0] for id_, _ in changed(workflow, graph)}
    assert outer == {"2"}
    assert {name for _, name in changed(workflow, graph)} == {"sigma"}


def test_a_promoted_widget_of_an_older_file() -> None:
    workflow = prepared("old_promoted", 2, "radius")
    graph, canvas = filled(workflow, 31)
    # Another node that stands for this subgraph promotes the other blur's radius by itself, which cuts its wire.
    assert changed(workflow, graph) == {("2:20", "blur_radius")}
    assert canvas["nodes"][1]["widgets_values"][0] == 31


def test_a_promoted_value_that_an_earlier_opening_could_not_place() -> None:
    workflow = prepared("old_promoted_oddities", 6, "sigma")
    assert workflow.contract.inputs["it"].default == 9.75
    _, canvas = filled(workflow, 5.25)
    host = next(node for node in canvas["nodes"] if node["id"] == 6)
    assert host["properties"]["proxyWidgetErrorQuarantine"][0]["hostValue"] == 5.25


def test_a_promoted_widget_by_the_node_inside_that_takes_its_value() -> None:
    workflow = prepared("promoted_text", "2:20", "text")
    assert workflow.contract.inputs["it"].default == "a {red} cup // raw"
    graph, canvas = filled(workflow, "a blue cup")
    assert changed(workflow, graph) == {("2:20", "text")}
    assert canvas["nodes"][1]["widgets_values"] == ["a blue cup"]


def test_a_widget_in_a_subgraph_that_is_not_promoted() -> None:
    workflow = prepared("nested", "3:33", "filename_prefix")
    graph, canvas = filled(workflow, "deep")
    assert changed(workflow, graph) == {("3:33", "filename_prefix")}
    quiet = next(each for each in canvas["definitions"]["subgraphs"] if each["name"] == "Quiet")
    assert next(node for node in quiet["nodes"] if node["id"] == 33)["widgets_values"] == ["deep"]


def test_a_widget_in_a_subgraph_that_stands_in_several_places() -> None:
    with pytest.raises(WorkflowInvalid, match="several places") as caught:
        prepared("subgraphs", "2:20", "blur_radius")
    assert "node 2:20" in caught.value.message
    assert "promote" in caught.value.remedy


def test_a_primitive_node_sets_what_it_is_wired_to() -> None:
    workflow = prepared("primitives", 1, "value")
    spec = workflow.contract.inputs["it"]
    assert (spec.type, spec.default) == ("INT", 643)
    graph, canvas = filled(workflow, 320)
    assert changed(workflow, graph) == {("2", "width")}
    assert canvas["nodes"][0]["widgets_values"] == [320, "fixed"]


def test_a_widget_that_a_node_inside_a_dynamic_combo_has() -> None:
    workflow = prepared("dynamic_combos", 2, "resize_type.width")
    graph, _ = filled(workflow, 777)
    assert changed(workflow, graph) == {("2", "resize_type.width")}


def test_a_widget_that_the_file_is_too_old_to_have() -> None:
    workflow = prepared("values", 3, "denoise")
    graph, canvas = filled(workflow, 0.5)
    assert changed(workflow, graph) == {("3", "denoise")}
    values = next(node for node in canvas["nodes"] if node["id"] == 3)["widgets_values"]
    assert values == [7, "randomize", 20, 8.0, "euler", "simple", 0.5]


def test_a_promoted_widget_that_is_wired() -> None:
    with pytest.raises(WorkflowInvalid, match="wired"):
        prepared("subgraphs", 6, "sigma")


@pytest.mark.parametrize("node", ["2", "20", "5c0f9c1e-0000-4000-8000-000000000001:2:text"])
def test_app_mode_names_a_promoted_widget_in_three_ways(node: str) -> None:
    data = copy.deepcopy(CASES["promoted_text"]["workflow"])
    data["extra"]["linearData"] = {"inputs": [[node, "text"]], "outputs": ["3"]}
    workflow = Workflow(data, "app").prepare(INFO)
    assert {name: (spec.node, spec.widget) for name, spec in workflow.contract.inputs.items()} == {
        "text": ("2", "text")
    }
    graph, _ = workflow.fill({"text": "a blue cup"})
    assert graph["2:20"]["inputs"]["text"] == "a blue cup"
