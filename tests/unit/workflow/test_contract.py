"""A workflow's inputs and outputs as Python takes them, by the node definitions of ComfyUI 0.30.0."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.errors import InputInvalid, InputUnknown, WorkflowInvalid
from packshot.workflow import InputSpec, Workflow
from packshot.workflow.workflow import PreparedWorkflow
from support.places import DATA, ROOT

PLAIN = ROOT / "bench" / "plain.app.json"

INFO: dict[str, Any] = json.loads((DATA / "object_info.json").read_text())

SAMPLER: dict[str, Any] = {
    "nodes": [
        {
            "id": 7,
            "type": "KSampler",
            "title": "Sampler",
            "widgets_values": [5, "fixed", 20, 8.0, "euler", "normal", 1.0],
        },
        {"id": 8, "type": "PrimitiveBoolean", "title": "Tile", "widgets_values": [False]},
        {"id": 9, "type": "LoadImage", "title": "Photo", "widgets_values": ["example.png", "image"]},
        {"id": 10, "type": "PrimitiveStringMultiline", "title": "Prompt", "widgets_values": ["a mug"]},
    ],
    "links": [],
    "extra": {
        "packshot": {
            "inputs": {
                "seed": {"node": 7, "widget": "seed", "help": "another number, another picture"},
                "steps": {"node": 7, "widget": "steps"},
                "cfg": {"node": 7, "widget": "cfg"},
                "sampler": {"node": 7, "widget": "sampler_name"},
                "tile": {"node": 8, "widget": "value"},
                "photo": {"node": 9, "widget": "image"},
                "prompt": {"node": 10, "widget": "value"},
            }
        }
    },
}


def prepare(data: dict[str, Any]) -> PreparedWorkflow:
    return Workflow(data, "test.app.json").prepare(INFO)


def spec(name: str) -> InputSpec:
    return prepare(SAMPLER).contract.spec(name)


def test_types_ranges_choices_and_defaults_come_from_the_definitions() -> None:
    seed = spec("seed")
    assert (seed.type, seed.default, seed.minimum, seed.maximum, seed.choices) == ("INT", 5, 0, 2**64 - 1, None)
    assert seed.help == "another number, another picture"
    assert seed.place == "input 'seed' ('seed' of \"Sampler\" (KSampler, node 7))"
    assert (spec("cfg").type, spec("cfg").minimum, spec("cfg").maximum) == ("FLOAT", 0.0, 100.0)
    assert spec("sampler").type == "COMBO"
    assert "euler" in (spec("sampler").choices or ())
    assert (spec("tile").type, spec("tile").default) == ("BOOLEAN", False)
    assert spec("photo").uploads
    assert not spec("prompt").uploads


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", 0),
        ("seed", 2**64 - 1),
        ("cfg", 0),
        ("cfg", 7.5),
        ("sampler", "dpmpp_2m"),
        ("tile", True),
        ("prompt", ""),
        ("prompt", "a {red|blue} mug\n赤"),
        ("photo", "anything the host may have.png"),
        ("photo", b"\x89PNG"),
        ("photo", Path("local.png")),
    ],
)
def test_values_that_fit_are_taken_as_they_are(name: str, value: Any) -> None:
    assert prepare(SAMPLER).contract.check({name: value}) == {name: value}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("seed", -1, "between 0 and 18446744073709551615"),
        ("seed", 2**64, "between"),
        ("seed", 1.0, "a whole number"),
        ("seed", "1", "a whole number"),
        ("seed", True, "a whole number"),
        ("seed", None, "a whole number"),
        ("cfg", 100.5, "between 0.0 and 100.0"),
        ("cfg", float("nan"), "a number"),
        ("cfg", float("inf"), "a number"),
        ("cfg", "8", "a number"),
        ("cfg", False, "a number"),
        ("tile", 1, "true or false"),
        ("tile", "true", "true or false"),
        ("prompt", b"mug", "text"),
        ("prompt", 5, "text"),
        ("prompt", Path("mug"), "text"),
        ("sampler", "eular", "one of its choices"),
        ("sampler", ["euler"], "one of its choices"),
        ("sampler", None, "one of its choices"),
        ("photo", 5, "a file or its name"),
        ("photo", None, "a file or its name"),
    ],
)
def test_values_that_do_not_fit_are_refused_with_their_place(name: str, value: Any, said: str) -> None:
    with pytest.raises(InputInvalid, match=said) as caught:
        prepare(SAMPLER).contract.check({name: value})
    assert caught.value.place == spec(name).place
    assert caught.value.remedy


def test_the_nearest_choice_and_the_nearest_name_are_proposed() -> None:
    contract = prepare(SAMPLER).contract
    with pytest.raises(InputInvalid) as choice:
        contract.check({"sampler": "eular"})
    assert choice.value.remedy == "did you mean 'euler'?"
    with pytest.raises(InputUnknown) as name:
        contract.check({"promt": "a mug"})
    assert name.value.remedy == "did you mean 'prompt'?"
    with pytest.raises(InputUnknown) as other:
        contract.check({"xyz": 1})
    assert other.value.remedy == "known: seed, steps, cfg, sampler, tile, photo, prompt"


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(InputInvalid) as caught:
        spec("seed").check("9" * 5000)
    assert len(caught.value.message) < 120


# -- values written as text --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seed", "7", 7),
        ("seed", " +12 ", 12),
        ("seed", "18446744073709551615", 2**64 - 1),
        ("cfg", "7.5", 7.5),
        ("cfg", "1e1", 10.0),
        ("tile", "TRUE", True),
        ("tile", "no", False),
        ("tile", " 1 ", True),
        ("sampler", "euler", "euler"),
        ("prompt", "  007 ", "  007 "),
        ("prompt", "true", "true"),
        ("photo", "on-the-host.png", "on-the-host.png"),
    ],
)
def test_text_is_read_by_the_type_of_the_input(name: str, text: str, value: Any) -> None:
    parsed = spec(name).parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seed", ""),
        ("seed", "1.0"),
        ("seed", "1_000"),
        ("seed", "٣"),
        ("seed", "9" * 21),
        ("seed", "-1"),
        ("cfg", ""),
        ("cfg", "nan"),
        ("cfg", "1e999"),
        ("cfg", "7,5"),
        ("tile", "maybe"),
        ("tile", ""),
        ("sampler", "Euler"),
    ],
)
def test_text_that_cannot_be_read_is_refused(name: str, text: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        spec(name).parse(text)
    assert caught.value.place == spec(name).place


def test_text_that_names_a_file_here_is_that_file(tmp_path: Path) -> None:
    local = tmp_path / "photo.png"
    local.touch()
    assert spec("photo").parse(str(local)) == local


@pytest.mark.parametrize("text", ["n" * 5000, "a\x00b", ""])
def test_text_that_no_file_can_be_named_is_a_name_on_the_host(text: str) -> None:
    assert spec("photo").parse(text) == text


@settings(deadline=None)
@given(st.sampled_from(sorted(SAMPLER["extra"]["packshot"]["inputs"])), st.text(max_size=30))
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    one = spec(name)
    try:
        value = one.parse(text)
    except InputInvalid:
        return
    assert one.check(value) == value


# -- which inputs and outputs there are --------------------------------------------------------------------------------


def _changed(**block: Any) -> dict[str, Any]:
    return {**SAMPLER, "extra": {"packshot": block}}


def test_without_a_block_of_its_own_the_app_is_the_contract() -> None:
    linear = {"inputs": [[7, "seed"], [10, "value"], [8, "value"], ["7", "steps", {}]], "outputs": [9]}
    contract = prepare({**SAMPLER, "extra": {"linearMode": True, "linearData": linear}}).contract
    assert [(one.name, one.node, one.widget) for one in contract.inputs.values()] == [
        ("seed", "7", "seed"),
        ("value", "10", "value"),
        ("value_8", "8", "value"),
        ("steps", "7", "steps"),
    ]
    assert contract.outputs == {"output": "9"}
    linear["outputs"] = [9, 10]
    two = prepare({**SAMPLER, "extra": {"linearData": linear}}).contract
    assert two.outputs == {"output_9": "9", "output_10": "10"}


def test_what_app_mode_shows_and_is_gone_is_left_out_as_on_the_canvas() -> None:
    """Eight of the 24 official workflows with an App Mode have such entries; the canvas drops them and runs."""
    linear = {"inputs": [[99, "text"], [7, "nothing"], [7, "steps"]], "outputs": [98]}
    contract = prepare({**SAMPLER, "extra": {"linearData": linear}}).contract
    assert list(contract.inputs) == ["steps"]
    assert contract.outputs == {}, "every output counts"


@pytest.mark.parametrize("extra", [None, {}, [], {"packshot": {}}, {"linearData": None}, {"packshot": None}])
def test_a_file_that_is_no_app_has_no_inputs(extra: Any) -> None:
    contract = prepare({**SAMPLER, "extra": extra}).contract
    assert not contract.inputs
    assert not contract.outputs


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"inputs": {"seed": {"node": 70, "widget": "seed"}}}, "names node 70"),
        ({"inputs": {"seed": {"widget": "seed"}}}, "names node"),
        ({"inputs": {"seed": {"node": 7, "widget": "sed"}}}, "no widget 'sed'"),
        ({"inputs": {"seed": {"node": 7}}}, "no widget"),
        ({"outputs": {"image": {"node": 99}}}, "names node 99"),
    ],
)
def test_a_contract_that_names_what_is_not_there(block: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkflowInvalid, match=said) as caught:
        prepare(_changed(**block))
    assert caught.value.place.startswith("test.app.json")


def test_the_nearest_widget_is_proposed() -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        prepare(_changed(inputs={"seed": {"node": 7, "widget": "sed"}}))
    assert caught.value.remedy == "did you mean 'seed'?"


def test_a_widget_that_is_wired_or_muted_cannot_be_an_input() -> None:
    data = copy.deepcopy(SAMPLER)
    data["nodes"][3]["mode"] = 2
    with pytest.raises(WorkflowInvalid, match="muted") as muted:
        prepare(data)
    assert "'prompt'" in muted.value.place

    data = copy.deepcopy(SAMPLER)
    data["nodes"].append({"id": 11, "type": "PrimitiveInt", "outputs": [{"name": "INT"}], "widgets_values": [3]})
    data["nodes"][0]["inputs"] = [{"name": "steps", "type": "INT", "link": 1, "widget": {"name": "steps"}}]
    data["links"] = [[1, 11, 0, 7, 0, "INT"]]
    with pytest.raises(WorkflowInvalid, match="wired") as wired:
        prepare(data)
    assert "'steps'" in wired.value.place


@pytest.mark.parametrize(
    "extra",
    [
        {"packshot": {"inputs": []}},
        {"packshot": {"inputs": ["seed"]}},
        {"packshot": {"inputs": 5, "outputs": "x"}},
        {"packshot": {"outputs": [9]}},
        {"linearData": {"inputs": 5}},
        {"linearData": {"inputs": {"a": 1}, "outputs": 9}},
    ],
)
def test_a_contract_in_an_odd_form_is_refused_or_empty(extra: dict[str, Any]) -> None:
    try:
        contract = prepare({**SAMPLER, "extra": extra}).contract
    except WorkflowInvalid:
        return
    assert not contract.inputs


# -- filling in --------------------------------------------------------------------------------------------------------


def test_filling_in_sets_graph_and_canvas_and_changes_nothing_else() -> None:
    prepared = Workflow.load(PLAIN).prepare(INFO)
    before = copy.deepcopy((prepared.workflow.data, prepared.api.nodes))
    graph, canvas = prepared.fill({"color": 0xFF0000, "width": 128})
    assert graph["1"]["inputs"] == {"width": 128, "height": 64, "batch_size": 1, "color": 0xFF0000}
    assert graph["2"] == before[1]["2"]
    assert canvas["nodes"][0]["widgets_values"] == [128, 64, 1, 0xFF0000]
    assert canvas["extra"] == before[0]["extra"]
    assert (prepared.workflow.data, prepared.api.nodes) == before
    # The filled-in canvas is a workflow that converts to the filled-in graph.
    assert Workflow(canvas, "filled").api_graph(INFO) == graph


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_what_is_filled_in_comes_back_from_the_canvas(seed: int, prompt: str, tile: bool) -> None:
    prepared = prepare(SAMPLER)
    before = copy.deepcopy(SAMPLER)
    graph, canvas = prepared.fill(prepared.contract.check({"seed": seed, "prompt": prompt, "tile": tile}))
    assert Workflow(canvas, "filled").api_graph(INFO) == graph
    reopened = Workflow(canvas, "filled").prepare(INFO).contract
    assert [reopened.inputs[name].default for name in ("seed", "prompt", "tile")] == [seed, prompt, tile]
    assert before == SAMPLER


def test_widgets_saved_by_name_are_filled_in_too() -> None:
    data = copy.deepcopy(SAMPLER)
    data["nodes"][3]["widgets_values"] = {"value": "a mug"}
    graph, canvas = prepare(data).fill({"prompt": "a red mug"})
    assert graph["10"]["inputs"] == canvas["nodes"][3]["widgets_values"] == {"value": "a red mug"}
    assert data["nodes"][3]["widgets_values"] == {"value": "a mug"}
