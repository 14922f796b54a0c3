"""The converter against what the real frontend submitted: ``canvas.json`` has small workflows, each with the answer of
``graphToPrompt`` in frontend 1.47.12 on ComfyUI 0.30.0. ``tests/browser`` asks the installed frontend again."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from packshot.workflow import Workflow
from packshot.workflow.canvas.convert import Field, convert
from packshot.workflow.canvas.graph import parse
from support.places import DATA

CASES: dict[str, dict[str, Any]] = json.loads((DATA / "canvas.json").read_text(encoding="utf-8"))

INFO: dict[str, Any] = json.loads((DATA / "canvas_object_info.json").read_text(encoding="utf-8"))

_EXACT = 2**53  # JavaScript rounds whole numbers above this; the file's own are kept here.


def as_javascript(value: Any) -> Any:
    """A value with its numbers as JavaScript has them."""
    if isinstance(value, dict):
        return {key: as_javascript(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_javascript(each) for each in value]
    return float(value) if type(value) is int and abs(value) > _EXACT else value


@pytest.mark.parametrize("name", CASES)
def test_the_same_is_submitted_as_by_the_canvas(name: str) -> None:
    converted = Workflow(CASES[name]["workflow"], name).api_graph(INFO)
    assert as_javascript(converted) == as_javascript(CASES[name]["submitted"])


def test_a_seed_is_kept_to_the_last_digit() -> None:
    converted = Workflow(CASES["values"]["workflow"], "values").api_graph(INFO)
    assert converted["7"]["inputs"]["seed"] == 2**64 - 1
    assert converted["14"]["inputs"]["noise_seed"] == 123456789012345678


@pytest.mark.parametrize("name", CASES)
def test_converting_changes_nothing_in_the_file(name: str) -> None:
    data = copy.deepcopy(CASES[name]["workflow"])
    convert(parse(data, name), INFO, name)
    assert data == CASES[name]["workflow"]


# -- filling in --------------------------------------------------------------------------------------------------------


def new_value(field: Field, number: int) -> Any:
    """A value that the file does not have, for the types that take any; None for others."""
    steps = field.widget.spec.options.get("step", 1)
    return {"STRING": f"new {number}", "INT": 1000 * steps + number * steps, "FLOAT": 2.5}.get(field.widget.spec.type)


@pytest.mark.parametrize("name", CASES)
def test_a_file_that_was_filled_in_is_converted_to_the_graph_that_was(name: str) -> None:
    data = CASES[name]["workflow"]
    api = convert(parse(data, name), INFO, name)
    canvas, graph, done = dict(data), dict(api.nodes), 0
    for field in {id(field): field for field in api.fields.values()}.values():
        value = new_value(field, done)
        wired = any(isinstance(graph[node]["inputs"].get(target), list) for node, target in field.targets)
        # The options of a combo of the user's own are what its value is chosen from.
        if field.home is None or value is None or wired or not field.targets or field.node.node.type == "CustomCombo":
            continue
        for node, target in field.targets:
            graph[node] = {**graph[node], "inputs": {**graph[node]["inputs"], target: value}}
        field.write(canvas, value)
        done += 1
    again = convert(parse(json.loads(json.dumps(canvas)), name), INFO, name).nodes
    # Patterns in file names take up the new values.
    for node in (*graph.values(), *again.values()):
        if name == "texts":
            node["inputs"].pop("filename_prefix", None)
    assert again == graph
    assert done or name in ("reroutes", "through_a_subgraph")
    assert data == json.loads((DATA / "canvas.json").read_text(encoding="utf-8"))[name]["workflow"]
