"""What changed between two versions of a workflow: meaning, not text."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.errors import WorkflowInvalid
from packshot.workflow import Workflow
from packshot.workflow.release.diff import Change, Diff, diff
from packshot.workflow.versions import library
from support.places import DATA

INFO: dict[str, Any] = json.loads((DATA / "object_info.json").read_text())

FILES = [library()["product-shot"], DATA / "slow.app.json", DATA / "several.app.json"]

SHOT: dict[str, Any] = json.loads(FILES[0].read_text())

# Two samplers in two subgraphs that stand in a row, one of them twice: the same types and titles all over.
INNER = "11111111-1111-4111-8111-111111111111"

SECOND = {"name": "amount", "widget": {"name": "amount"}, "label": "Second amount"}

NESTED: dict[str, Any] = {
    "nodes": [
        {"id": 1, "type": "EmptyImage", "outputs": [{"name": "IMAGE"}], "widgets_values": [64, 64, 1, 0]},
        {
            "id": 2,
            "type": INNER,
            "inputs": [{"name": "image", "type": "IMAGE", "link": 1}, {"name": "amount", "widget": {"name": "amount"}}],
            "outputs": [{"name": "out"}],
            "widgets_values": [3],
        },
        {
            "id": 3,
            "type": INNER,
            "inputs": [{"name": "image", "type": "IMAGE", "link": 2}, SECOND],
            "outputs": [{"name": "out"}],
            "widgets_values": [5],
        },
        {"id": 4, "type": "Reroute", "inputs": [{"name": "", "link": 3}], "outputs": [{"name": ""}]},
        {"id": 5, "type": "PreviewImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 4}]},
        {"id": 6, "type": "Note", "widgets_values": ["Nothing to see."]},
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"], [3, 3, 0, 4, 0, "*"], [4, 4, 0, 5, 0, "IMAGE"]],
    "definitions": {
        "subgraphs": [
            {
                "id": INNER,
                "name": "Soften",
                "inputs": [{"name": "image", "linkIds": [7]}, {"name": "amount", "linkIds": [8]}],
                "outputs": [{"name": "out", "linkIds": [10]}],
                "nodes": [
                    {
                        "id": 11,
                        "type": "ImageBlur",
                        "inputs": [
                            {"name": "image", "type": "IMAGE", "link": 7},
                            {"name": "blur_radius", "type": "INT", "link": 8, "widget": {"name": "blur_radius"}},
                        ],
                        "widgets_values": [1, 1.0],
                    },
                    {
                        "id": 12,
                        "type": "ImageBlur",
                        "inputs": [{"name": "image", "type": "IMAGE", "link": 9}],
                        "widgets_values": [1, 1.0],
                    },
                ],
                "links": [
                    {"id": 7, "origin_id": -10, "origin_slot": 0, "target_id": 11, "target_slot": 0},
                    {"id": 8, "origin_id": -10, "origin_slot": 1, "target_id": 11, "target_slot": 1},
                    {"id": 9, "origin_id": 11, "origin_slot": 0, "target_id": 12, "target_slot": 0},
                    {"id": 10, "origin_id": 12, "origin_slot": 0, "target_id": -20, "target_slot": 0},
                ],
            }
        ]
    },
    "extra": {"linearMode": True, "linearData": {"inputs": [[2, "amount"], [3, "amount"]], "outputs": [5]}},
}

ALL = [*(json.loads(path.read_text()) for path in FILES), NESTED]


def compare(before: dict[str, Any], after: dict[str, Any], info: dict[str, Any] | None = None) -> Diff:
    return diff(Workflow(before, "before.app.json"), Workflow(after, "after.app.json"), info)


def changed(edit: Callable[[dict[str, Any]], Any], data: dict[str, Any] = SHOT) -> Diff:
    """The difference that one edit makes."""
    after = copy.deepcopy(data)
    edit(after)
    return compare(data, after)


def node(data: dict[str, Any], number: int) -> dict[str, Any]:
    return next(each for each in data["nodes"] if each["id"] == number)


def parts(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [data, *data.get("definitions", {}).get("subgraphs", [])]


def laid_out_anew(data: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The same workflow elsewhere on the canvas, in other colours, its lists and keys in another order."""
    data = copy.deepcopy(data)
    for part in parts(data):
        for each in part["nodes"]:
            each["pos"], each["size"] = [rng.randrange(9999), rng.randrange(9999)], [rng.randrange(99), 7]
            each["color"], each["flags"], each["order"] = "#123456", {"collapsed": True}, rng.randrange(99)
        part["nodes"] = rng.sample(part["nodes"], len(part["nodes"]))
        part["links"] = rng.sample(part["links"], len(part["links"]))
        part["groups"] = [{"title": "A frame", "bounding": [0, 0, 9, 9]}]
    data.setdefault("extra", {})["ds"] = {"scale": rng.random(), "offset": [1, 2]}
    data["revision"], data["id"] = rng.randrange(9), "another"
    keys = rng.sample(list(data), len(data))
    return {key: data[key] for key in keys}


def renumbered(data: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The same workflow with other ids for all nodes, links and subgraphs, wherever the file names them."""
    data = copy.deepcopy(data)
    new_types = {each["id"]: f"new-{each['id']}" for each in parts(data)[1:]}
    top: dict[str, int] = {}
    for part in parts(data):
        numbers = [each["id"] for each in part["nodes"]]
        given = dict(zip(numbers, rng.sample(range(1, 60), len(numbers)), strict=True))
        top = top or {str(old): new for old, new in given.items()}
        links = [link["id"] if isinstance(link, dict) else link[0] for link in part["links"]]
        wires = dict(zip(links, rng.sample(range(1, 99), len(links)), strict=True))
        for each in part["nodes"]:
            each["id"] = given[each["id"]]
            each["type"] = new_types.get(each["type"], each["type"])
            for slot in each.get("inputs") or []:
                slot["link"] = wires.get(slot.get("link"))
            for slot in each.get("outputs") or []:
                slot["links"] = [wires[link] for link in slot.get("links") or []]
        for link in part["links"]:
            at = ("id", "origin_id", "target_id") if isinstance(link, dict) else (0, 1, 3)
            link[at[0]] = wires[link[at[0]]]
            link[at[1]], link[at[2]] = given.get(link[at[1]], link[at[1]]), given.get(link[at[2]], link[at[2]])
        if part is not data:
            part["id"] = new_types[part["id"]]
            for port in (*part["inputs"], *part["outputs"]):
                port["linkIds"] = [wires[link] for link in port["linkIds"]]
    extra = data.get("extra", {})
    linear, block = extra.get("linearData", {}), extra.get("packshot", {})
    for entry in linear.get("inputs", []):
        entry[0] = top[str(entry[0])]
    linear["outputs"] = [top[str(each)] for each in linear.get("outputs", [])]
    for named in (*block.get("inputs", {}).values(), *block.get("outputs", {}).values()):
        named["node"] = top[str(named["node"])]
    return data


# -- what is no change -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ALL)
@pytest.mark.parametrize("info", [None, INFO])
def test_a_workflow_does_not_differ_from_itself(data: dict[str, Any], info: dict[str, Any] | None) -> None:
    assert compare(data, copy.deepcopy(data), info) == Diff("none", ())


@given(st.sampled_from(ALL), st.randoms(use_true_random=False))
def test_layout_is_no_change(data: dict[str, Any], rng: random.Random) -> None:
    assert compare(data, laid_out_anew(data, rng)) == Diff("none", ())


@given(st.sampled_from(ALL), st.randoms(use_true_random=False), st.booleans())
def test_other_numbers_are_no_change(data: dict[str, Any], rng: random.Random, moved: bool) -> None:
    after = renumbered(data, rng)
    assert compare(data, laid_out_anew(after, rng) if moved else after).changes == ()


def test_a_reroute_is_layout() -> None:
    def take_out(data: dict[str, Any]) -> None:
        data["nodes"] = [each for each in data["nodes"] if each["id"] != 4]
        data["links"] = [*data["links"][:2], [4, 3, 0, 5, 0, "IMAGE"]]

    assert changed(take_out, NESTED) == Diff("none", ())


def test_a_version_number_of_its_own_is_no_change() -> None:
    assert changed(lambda data: data["extra"]["packshot"].update(version="9.9.9")).level == "none"


@pytest.mark.parametrize(("number", "same"), [(1.0, True), (1, True), (True, False), ("1", False), (2, False)])
def test_numbers_are_compared_as_the_canvas_compares_them(number: Any, same: bool) -> None:
    found = changed(lambda data: node(data, 4)["widgets_values"].__setitem__(8, number))  # denoise, saved as 1
    assert (found.level == "none") is same


def _inputs(data: dict[str, Any]) -> dict[str, Any]:
    return data["extra"]["packshot"]["inputs"]


def _bind(data: dict[str, Any], name: str, number: int, widget: str) -> None:
    _inputs(data)[name] = {"node": number, "widget": widget}


def _retype(data: dict[str, Any], to: str) -> None:
    next(slot for slot in node(data, 4)["inputs"] if slot["name"] == "steps")["type"] = to


EDITS: dict[str, tuple[Callable[[dict[str, Any]], Any], str, str]] = {
    "an input gone": (lambda d: _inputs(d).pop("seed"), "major", "input removed"),
    "an input renamed": (
        lambda d: _bind(d, "random_seed", 4, "seed") or _inputs(d).pop("seed"),
        "major",
        "input removed",
    ),
    "an input of another type": (lambda d: _retype(d, "STRING"), "major", "input narrowed"),
    "an output gone": (lambda d: d["extra"]["packshot"]["outputs"].pop("image"), "major", "output removed"),
    "another name": (lambda d: d["extra"]["packshot"].update(name="other"), "major", "name"),
    "one more input": (lambda d: _bind(d, "guidance", 4, "cfg"), "minor", "input added"),
    "one more output": (lambda d: d["extra"]["packshot"]["outputs"].update(raw={"node": 5}), "minor", "output added"),
    "a wider type": (lambda d: _retype(d, "FLOAT"), "minor", "input widened"),
    "another default": (lambda d: node(d, 4)["widgets_values"].__setitem__(0, 8), "patch", "default"),
    "another value": (lambda d: node(d, 4)["widgets_values"].__setitem__(3, 4.5), "patch", "value"),
    "another text in a note": (lambda d: node(d, 10)["widgets_values"].__setitem__(0, "New."), "patch", "note"),
    "another title": (lambda d: node(d, 5).update(title="From latent"), "patch", "title"),
    "a node muted": (lambda d: node(d, 5).update(mode=2), "patch", "mode"),
    "a wire cut": (lambda d: node(d, 5)["inputs"][1].update(link=None), "patch", "wire"),
    "a wire moved": (lambda d: d["links"][2].__setitem__(2, 3), "patch", "wire"),
    "a note more": (
        lambda d: d["nodes"].append({"id": 99, "type": "Note", "widgets_values": ["!"]}),
        "patch",
        "note added",
    ),
    "a node less": (lambda d: d["nodes"].remove(node(d, 5)), "patch", "node removed"),
    "other help": (lambda d: _inputs(d)["seed"].update(help="Dice."), "patch", "help"),
    "another order": (lambda d: _inputs(d).update(prompt=_inputs(d).pop("prompt")), "patch", "order of inputs"),
    "another summary": (lambda d: d["extra"]["packshot"].update(summary="Pictures."), "patch", "summary"),
    "another need": (lambda d: d["extra"]["packshot"]["requires"].update(comfyui=">=0.31"), "patch", "requires"),
    "another widget": (lambda d: _bind(d, "steps", 3, "frames"), "patch", "input moved"),
    "another label": (lambda d: node(d, 13)["inputs"][1].update(label="Words"), "patch", "label"),
    "no form": (lambda d: d["extra"].update(linearMode=False), "patch", "opens as"),
    "a field less": (lambda d: d["extra"]["linearData"]["inputs"].pop(), "patch", "App Mode"),
    "a newer pack": (lambda d: node(d, 5)["properties"].update(ver="0.31.0"), "patch", "pack version"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_one_edit_has_its_level_and_its_name(edit: str) -> None:
    do, level, what = EDITS[edit]
    found = changed(do)
    assert (found.level, found.changes[0].what) == (level, what)


@given(st.sampled_from(sorted(EDITS)), st.randoms(use_true_random=False))
def test_one_edit_has_its_level_whatever_the_layout_and_the_numbers(edit: str, rng: random.Random) -> None:
    do, level, what = EDITS[edit]
    after = copy.deepcopy(SHOT)
    do(after)
    found = compare(SHOT, laid_out_anew(renumbered(after, rng), rng))
    assert found.level == level
    assert what in [change.what for change in found.changes]


@given(st.lists(st.sampled_from(sorted(EDITS)), min_size=1, max_size=4, unique=True))
def test_several_edits_have_the_highest_of_their_levels(edits: list[str]) -> None:
    after = copy.deepcopy(SHOT)
    try:
        for edit in edits:
            EDITS[edit][0](after)
    except (KeyError, StopIteration):
        return  # the second edit is of what the first one took away
    found = compare(SHOT, after)
    wanted = {EDITS[edit][1] for edit in edits}
    assert found.level in wanted
    assert [change.level for change in found.changes] == sorted(
        (change.level for change in found.changes), key=["major", "minor", "patch"].index
    )


# -- what is said ------------------------------------------------------------------------------------------------------


def test_a_change_says_where_and_what() -> None:
    (found,) = changed(lambda data: node(data, 4)["widgets_values"].__setitem__(3, 4.5)).changes
    assert found == Change("patch", "value", '"Sampler" (PackshotSample, node 4), cfg', 0, 4.5)


def test_widgets_keep_their_names_beside_the_control_of_a_seed() -> None:
    (found,) = changed(lambda data: node(data, 4)["widgets_values"].__setitem__(1, "randomize")).changes
    assert found.where == '"Sampler" (PackshotSample, node 4), control_after_generate of seed'


def test_without_entries_widgets_are_named_by_position_and_with_definitions_by_name() -> None:
    before = {"nodes": [{"id": 7, "type": "KSampler", "widgets_values": [5, "fixed", 20, 8.0, "euler", "normal", 1.0]}]}
    before["links"] = []  # type: ignore[assignment]
    after = copy.deepcopy(before)
    after["nodes"][0]["widgets_values"][2] = 30
    assert compare(before, after).changes[0].where.endswith("widget 2")
    assert compare(before, after, INFO).changes[0].where.endswith("steps")


def test_with_definitions_an_input_that_takes_less_is_major() -> None:
    """The same name on another node: as wide a range is no change of level, a smaller one is."""
    small = copy.deepcopy(INFO)
    small["Smaller"] = copy.deepcopy(INFO["KSampler"])
    small["Smaller"]["input"]["required"]["steps"][1]["max"] = 50
    before: dict[str, Any] = {
        "nodes": [{"id": 7, "type": "KSampler", "widgets_values": [5, "fixed", 20, 8.0, "euler", "normal", 1.0]}],
        "links": [],
        "extra": {"packshot": {"inputs": {"steps": {"node": 7, "widget": "steps"}}}},
    }
    after = copy.deepcopy(before)
    after["nodes"][0]["type"] = "Smaller"
    narrowed = compare(before, after, small)
    assert (narrowed.level, narrowed.changes[0].what) == ("major", "input narrowed")
    assert (narrowed.changes[0].before, narrowed.changes[0].after) == ("1 to 10000", "1 to 50")
    assert compare(after, before, small).level == "minor"
    assert compare(before, after).level == "patch"


def test_a_model_file_is_called_one() -> None:
    before = {"nodes": [{"id": 1, "type": "VAELoader", "widgets_values": ["old.safetensors"]}], "links": []}
    after = {"nodes": [{"id": 1, "type": "VAELoader", "widgets_values": ["new.safetensors"]}], "links": []}
    (found,) = compare(before, after).changes
    assert (found.what, found.before, found.after) == ("model", "old.safetensors", "new.safetensors")


def test_a_change_inside_a_subgraph_names_it() -> None:
    def edit(data: dict[str, Any]) -> None:
        data["definitions"]["subgraphs"][0]["nodes"][1]["widgets_values"][0] = 9

    (found,) = changed(edit, NESTED).changes
    assert found.where.startswith("subgraph 'Soften', ")
    assert (found.before, found.after) == (1, 9)


def test_wires_into_and_out_of_a_subgraph_count() -> None:
    def straight_through(data: dict[str, Any]) -> None:
        data["definitions"]["subgraphs"][0]["links"][3]["origin_id"] = 11

    (found,) = changed(straight_through, NESTED).changes
    assert (found.what, found.before, found.after) == (
        "wire",
        'output 0 of "ImageBlur" (ImageBlur, node 12)',
        'output 0 of "ImageBlur" (ImageBlur, node 11)',
    )


def test_a_subgraph_more_or_less_is_said() -> None:
    found = changed(lambda data: data["definitions"]["subgraphs"].clear(), NESTED)
    assert "subgraph removed" in [change.what for change in found.changes]


def test_the_json_has_one_shape() -> None:
    found = changed(lambda data: _inputs(data).pop("seed")).as_dict()
    assert set(found) == {"level", "changes"}
    assert {frozenset(change) for change in found["changes"]} == {
        frozenset(("level", "what", "where", "before", "after"))
    }
    json.dumps(found)


def test_many_equal_nodes_do_not_take_for_ever() -> None:
    nodes = [{"id": i, "type": "Note", "widgets_values": ["same"]} for i in range(1, 2001)]
    before = {"nodes": nodes, "links": []}
    after = {"nodes": [{**each, "id": each["id"] + 5000} for each in nodes[:-1]], "links": []}
    found = compare(before, after)
    assert [change.what for change in found.changes] == ["note removed"]


def test_a_subgraph_in_itself_does_not_hang_the_comparison() -> None:
    data = copy.deepcopy(NESTED)
    data["definitions"]["subgraphs"][0]["nodes"][1]["type"] = INNER
    assert compare(data, copy.deepcopy(data), INFO).level == "none"
    with pytest.raises(WorkflowInvalid):
        Workflow(data, "circle").api_graph(INFO)


@pytest.mark.parametrize("name", ["white-background", "product-scene"])
def test_what_the_canvas_adds_when_it_opens_a_file_is_no_change(name: str) -> None:
    """It notes an entry for the button that uploads a picture, whose value the file had without a name."""
    data = json.loads(library()[name].read_text())
    opened = copy.deepcopy(data)
    button = {"name": "upload", "type": "IMAGEUPLOAD", "widget": {"name": "upload"}, "link": None}
    (node,) = [each for each in opened["nodes"] if each["type"] == "PackshotLoadPhoto"]
    node["inputs"].append(button)
    assert node["widgets_values"] == ["example.png", "image"]
    assert compare(data, opened).level == "none"
    node["widgets_values"][1] = "mask"
    assert [each.what for each in compare(data, opened).changes] == ["value"]


def test_a_widget_that_a_node_has_gained_is_no_change_until_it_is_set() -> None:
    """The canvas fills such a widget up with its default when it opens a file from before."""
    data = json.loads(library()["product-shot"].read_text())
    (node,) = [each for each in data["nodes"] if each["type"] == "SaveImage"]
    info = json.loads((DATA / "workflow_nodes.json").read_text())
    declared = copy.deepcopy(info)
    declared["SaveImage"]["input"].setdefault("optional", {})["younger"] = ["BOOLEAN", {"default": False}]
    declared["SaveImage"]["input_order"].setdefault("optional", []).append("younger")
    filled, switched = copy.deepcopy(data), copy.deepcopy(data)
    for opened, value in ((filled, False), (switched, True)):
        (found,) = [each for each in opened["nodes"] if each["type"] == "SaveImage"]
        found["inputs"].append({"name": "younger", "type": "BOOLEAN", "widget": {"name": "younger"}, "link": None})
        found["widgets_values"].append(value)
    assert node["widgets_values"]
    assert compare(data, filled, declared).level == "none"
    assert [each.what for each in compare(data, switched, declared).changes] == ["value"]
