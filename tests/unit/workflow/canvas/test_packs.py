"""Nodes, wires and values that only a node pack's own JavaScript knows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.errors import InputInvalid, NodeMissing, WorkflowInvalid
from packshot.workflow import Workflow
from packshot.workflow.check import check
from support.canvas_graphs import IMAGE, INFO, api, empty, node, save, subgraph

LORAS = "Power Lora Loader (rgthree)"
VIDEO = "VHS_VideoCombine"
DEFINITIONS: dict[str, Any] = {
    **INFO,
    LORAS: {"input": {"required": {}, "optional": {"model": ["MODEL"], "clip": ["CLIP"]}}, "output": ["MODEL"]},
    VIDEO: {
        "input": {"required": {"frame_rate": ["FLOAT", {"default": 8}], "format": [["image/gif", "video/h264-mp4"]]}},
        "output": [],
        "output_node": True,
    },
    "Stack": {"input": {"required": {"text": ["STRING", {}], "loras": ["LORAS", {}], "amount": ["INT", {}]}}},
    "Power Primitive (rgthree)": {"input": {"required": {}, "optional": {}}, "output": ["*"]},
    "Model": {
        "input": {"required": {"model": ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "v1", "inputs": {}}]}],
                               "seed": ["INT", {}], "on": ["BOOLEAN", {}], "way": [["a", "b"], {}]}},
        "output": [IMAGE],
    },
}  # fmt: skip


def inputs(kind: str, values: Any, **more: Any) -> dict[str, Any]:
    data = {"nodes": [{"id": 1, "type": kind, "widgets_values": values, **more}], "links": []}
    graph: dict[str, Any] = Workflow(data, "test").api_graph(DEFINITIONS)["1"]["inputs"]
    return graph


# -- values ------------------------------------------------------------------------------------------------------------

LORA = st.fixed_dictionaries(
    {"on": st.booleans(), "lora": st.text(max_size=8), "strength": st.floats(-2, 2), "strengthTwo": st.none()}
)


@given(st.lists(LORA, max_size=6))
def test_every_lora_of_a_power_lora_loader_goes_through(loras: list[dict[str, Any]]) -> None:
    values = [{}, {"type": "PowerLoraLoaderHeaderWidget"}, *loras, {}, ""]
    taken = inputs(LORAS, values, properties={"Show Strengths": "Single Strength"})
    single = [{key: value for key, value in lora.items() if key != "strengthTwo"} for lora in loras]
    assert [taken[f"lora_{number}"] for number in range(1, len(loras) + 1)] == single
    assert set(taken) - {f"lora_{n}" for n in range(1, len(loras) + 1)} == {
        "PowerLoraLoaderHeaderWidget", "➕ Add Lora"
    }  # fmt: skip


def test_a_power_lora_loader_with_two_strengths() -> None:
    values = [{"on": True, "lora": "a", "strength": 1, "strengthTwo": 0.5}, {"on": True, "lora": "b", "strength": 2}]
    taken = inputs(LORAS, values, properties={"Show Strengths": "Separate Model & Clip"})
    assert taken["lora_1"] == {"on": True, "lora": "a", "strength": 1, "strengthTwo": 0.5}
    assert taken["lora_2"]["strengthTwo"] == 1


SCALARS = st.none() | st.booleans() | st.integers(0, 99) | st.text(max_size=6)
VALUES = st.recursive(SCALARS, lambda inner: st.dictionaries(st.text(max_size=4), inner, max_size=3))


@given(st.dictionaries(st.sampled_from(["crf", "pix_fmt", "save_metadata", "count", "trim to audio"]), VALUES))
def test_every_key_of_a_dictionary_of_values_goes_through(values: dict[str, Any]) -> None:
    declared = {"frame_rate": 24, "format": "video/h264-mp4"}
    sent = inputs(VIDEO, {**declared, **values, "videopreview": {"hidden": False}, "choose video to upload": "image"})
    assert sent == {**declared, **values}


def test_a_value_by_a_name_of_its_own_can_be_filled_in() -> None:
    combine = {"id": 1, "type": VIDEO, "widgets_values": {"frame_rate": 8, "format": "image/gif", "crf": 19}}
    contract = {"name": "v", "inputs": {"quality": {"node": 1, "widget": "crf"}}}
    data = {"nodes": [combine], "links": [], "extra": {"packshot": contract}}
    graph, canvas = Workflow(data, "test").prepare(DEFINITIONS).fill({"quality": 30})
    assert graph["1"]["inputs"]["crf"] == 30
    assert canvas["nodes"][0]["widgets_values"] == {"frame_rate": 8, "format": "image/gif", "crf": 30}


def test_a_widget_of_a_packs_own_takes_its_place_among_the_values() -> None:
    """The slot of such an input says in the file that it has a widget; without it, the amount would be the list."""
    slots = [
        {"name": name, "type": "*", "link": None, "widget": {"name": name}} for name in ("text", "loras", "amount")
    ]
    loras = [{"name": "brand", "strength": 0.8, "active": True}]
    taken = inputs("Stack", ["<lora:brand:0.8>", loras, 3], inputs=slots)
    assert taken == {"text": "<lora:brand:0.8>", "loras": {"__value__": loras}, "amount": 3}


def test_values_whose_names_only_the_pack_knows() -> None:
    assert inputs("Power Primitive (rgthree)", ["INT", 7]) == {"type": "INT", "value": 7}


@pytest.mark.parametrize(("value", "text"), [(1299859456, "1299859456"), (1.0, "1"), (0.95, "0.95"), (True, "true")])
def test_a_field_of_text_has_no_numbers(value: Any, text: str) -> None:
    assert inputs("PrimitiveString", [value]) == {"value": text}


# -- values that do not fit --------------------------------------------------------------------------------------------


def refused(*values: Any) -> InputInvalid:
    with pytest.raises(InputInvalid) as caught:
        inputs("Model", list(values))
    return caught.value


def test_an_option_that_a_dynamic_combo_lost() -> None:
    error = refused("v99", "1K", "medium", "auto")
    assert error.message == "'v99' is not one of its choices"
    assert error.place == "test, \"Model\" (Model, node 1), input 'model'"
    assert "v1" in error.remedy
    data = {"nodes": [{"id": 1, "type": "Model", "widgets_values": ["v99", "1K"]}], "links": []}
    found = [each.input for each in check(Workflow(data, "test"), DEFINITIONS) if each.slug == "input-invalid"]
    assert found == ["model"]  # and not what is out of its place because of it


@pytest.mark.parametrize(
    ("values", "name", "kind"),
    [
        (["v1", "1K", "fixed", True, "a"], "seed", "a whole number"),
        (["v1", 5, "fixed", "medium", "a"], "on", "true or false"),
        (["v1", 5, "fixed", True, 7], "way", "one of its choices"),
    ],
)
def test_a_value_of_another_kind_than_its_widget(values: list[Any], name: str, kind: str) -> None:
    error = refused(*values)
    assert error.message.endswith(f"is not {kind}")
    assert error.place.endswith(f"input '{name}'")


@pytest.mark.parametrize("values", [["v1", "7", "fixed", "true", "gone.safetensors"], ["v1", None, "fixed", 0, "b"]])
def test_a_value_that_may_be_right_on_a_host(values: list[Any]) -> None:
    assert inputs("Model", values)["way"] == values[-1]


# -- nodes of the canvas alone -----------------------------------------------------------------------------------------


def chain(*between: Any) -> dict[str, dict[str, Any]]:
    """EmptyImage → what is between, in a row → SaveImage."""
    nodes = [empty(1), *between, save(9, 1 + len(between))]
    ids = [each["id"] for each in nodes]
    return api(nodes, [[i + 1, ids[i], 0, ids[i + 1], 0, IMAGE] for i in range(len(ids) - 1)])


NAMES = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20).filter(lambda n: n not in INFO)


@given(st.lists(NAMES, max_size=5, unique=True))
def test_what_no_wire_touches_is_left_out(names: list[str]) -> None:
    decorations = [{"id": 20 + i, "type": name, "widgets_values": [i]} for i, name in enumerate(names)]
    graph = api([empty(1), save(9, 1), *decorations], [[1, 1, 0, 9, 0, IMAGE]])
    assert sorted(graph) == ["1", "9"]


@given(st.lists(NAMES.filter(lambda name: name not in ("GetNode", "SetNode")), max_size=4))
def test_a_nameless_input_passes_its_wire_on(names: list[str]) -> None:
    graph = chain(*(node(2 + i, name, {"": i + 1}, 1) for i, name in enumerate(names)))
    assert sorted(graph) == ["1", "9"]
    assert graph["9"]["inputs"]["images"] == ["1", 0]


def test_a_muter_is_left_out_though_it_has_wires() -> None:
    muter = node(2, "Fast Muter (rgthree)", {"Empty image": 2, "": None}, 1)
    groups = node(3, "Fast Groups Muter (rgthree)", {}, 1)
    repeater = node(4, "Mute / Bypass Repeater (rgthree)", {"": 3}, 1)
    links = [[1, 1, 0, 9, 0, IMAGE], [2, 1, 0, 2, 0, IMAGE], [3, 3, 0, 4, 0, "*"]]
    assert sorted(api([empty(1), muter, groups, repeater, save(9, 1)], links)) == ["1", "9"]


@pytest.mark.parametrize("wire", ["into", "out of"])
def test_a_missing_node_with_a_wire_is_missing(wire: str) -> None:
    """What takes a wire may be the very node that saves."""
    stranger = node(2, "Stranger", {"image": 1}, 0) if wire == "into" else node(2, "Stranger", {}, 1)
    links = [[1, 1, 0, 2, 0, IMAGE]] if wire == "into" else [[1, 2, 0, 9, 0, IMAGE]]
    with pytest.raises(NodeMissing, match="'Stranger'"):
        api([empty(1), stranger, save(9, 1 if wire == "out of" else 5), empty(7)], [*links, [5, 7, 0, 9, 0, IMAGE]])


def test_a_missing_node_of_core_asks_for_a_newer_comfyui() -> None:
    newer = node(2, "StartLoop", {"value": 1}, 1, properties={"cnr_id": "comfy-core", "ver": "0.33.0"})
    with pytest.raises(NodeMissing) as caught:
        chain(newer)
    assert caught.value.remedy == "it is ComfyUI's own, saved with 0.33.0: update the host's ComfyUI"


@pytest.mark.parametrize(("setter", "getter"), [("SetNode", "GetNode"), ("easy setNode", "easy getNode")])
def test_a_wire_by_name_is_followed(setter: str, getter: str) -> None:
    inside = subgraph("Inner", [node(20, getter, {}, 1, "cup"), save(21, 1)], [[1, 20, 0, 21, 0]])
    nodes = [empty(1), node(2, setter, {IMAGE: 1}, 1, "cup"), node(3, "Inner", {}), node(4, getter, {}, 1, "cup")]
    links = [[1, 1, 0, 2, 0], [2, 4, 0, 9, 0]]
    graph = api([*nodes, save(9, 2)], links, definitions={"subgraphs": [inside]})
    assert graph["3:21"]["inputs"]["images"] == graph["9"]["inputs"]["images"] == ["1", 0]


def test_a_wire_that_is_broadcast_is_where_the_file_notes_it() -> None:
    """cg-use-everywhere notes them as it saves; the node that broadcasts is no loss to a host that lacks the pack."""
    everywhere = node(2, "Anything Everywhere", {"anything": 1, "anything2": None})
    saving = [save(9, 5), node(10, "SaveImage", {"images": None}, 0, "other")]
    links = [[1, 1, 0, 2, 0, IMAGE], [5, 7, 0, 9, 0, IMAGE]]
    noted = [{"downstream": number, "downstream_slot": 0, "upstream": "1", "upstream_slot": 0} for number in (9, 10)]
    noted += [{"downstream": 99, "downstream_slot": 0}, 5]  # type: ignore[list-item]
    graph = api([empty(1), everywhere, empty(7), *saving], links, extra={"ue_links": noted})
    assert graph["10"]["inputs"]["images"] == ["1", 0]
    assert graph["9"]["inputs"]["images"] == ["7", 0]
    assert "2" not in graph


def test_a_node_whose_value_is_not_in_the_file() -> None:
    preset = {"id": 2, "type": "PresetText|pysssss", "outputs": [{"name": "text", "type": "STRING"}]}
    assert sorted(api([empty(1), preset, save(9, 1)], [[1, 1, 0, 9, 0, IMAGE]])) == ["1", "9"]
    prefixed = save(9, 1)
    prefixed["inputs"].append({"name": "filename_prefix", "type": "STRING", "link": 2, "widget": {"name": "x"}})
    with pytest.raises(WorkflowInvalid, match="in the browser of whoever saved"):
        api([empty(1), preset, prefixed], [[1, 1, 0, 9, 0, IMAGE], [2, 2, 0, 9, 1, "STRING"]])
