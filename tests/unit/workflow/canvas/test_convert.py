"""UI format to API format, by the node definitions of ComfyUI 0.30.0."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from packshot.errors import ModelMissing, NodeMissing, WorkflowInvalid
from packshot.workflow import Workflow
from support.places import DATA

INFO: dict[str, Any] = json.loads((DATA / "object_info.json").read_text())

BYPASSED, MUTED = 4, 2


def node(number: int, kind: str, inputs: dict[str, tuple[str, int | None]], outputs: list[str], *widgets: Any) -> Any:
    """A node as the canvas saves it: inputs as name -> (type, link), outputs as types."""
    return {
        "id": number,
        "type": kind,
        "mode": 0,
        "inputs": [{"name": name, "type": of, "link": link} for name, (of, link) in inputs.items()],
        "outputs": [{"name": of, "type": of} for of in outputs],
        "widgets_values": list(widgets),
    }


def api(nodes: list[Any], links: list[list[Any]]) -> dict[str, dict[str, Any]]:
    return Workflow({"nodes": nodes, "links": links}, "test").api_graph(INFO)


def chain(*middle: Any) -> tuple[list[Any], list[list[Any]]]:
    """EmptyImage (1), then the given nodes (2, 3, …), each wired to the one before, then SaveImage."""
    nodes = [node(1, "EmptyImage", {}, ["IMAGE"], 8, 8, 1, 0), *middle]
    last = len(nodes) + 1
    nodes.append(node(last, "SaveImage", {"images": ("IMAGE", last - 1)}, [], "out"))
    return nodes, [[number, number, 0, number + 1, 0, "IMAGE"] for number in range(1, last)]


def blur(number: int) -> Any:
    return node(number, "ImageBlur", {"image": ("IMAGE", number - 1)}, ["IMAGE"], 3, 1.5)


def test_a_workflow_becomes_what_the_canvas_would_submit() -> None:
    graph = Workflow.load(DATA / "several.app.json").api_graph(INFO)
    assert graph == {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 32, "height": 32, "batch_size": 3, "color": 0},
            "_meta": {"title": "Plain colour"},
        },
        "2": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": "tests/several"},
            "_meta": {"title": "Save"},
        },
        "3": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}, "_meta": {"title": "Invert"}},
        "4": {
            "class_type": "PreviewImage",
            "inputs": {"images": ["3", 0]},
            "_meta": {"title": "Negative on the canvas"},
        },
        "5": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "hello"}, "_meta": {"title": "Words"}},
        "6": {"class_type": "PreviewAny", "inputs": {"source": ["5", 0]}, "_meta": {"title": "Caption"}},
    }


def test_the_control_after_a_seed_and_an_upload_button_are_no_inputs() -> None:
    sampler = node(1, "KSampler", {}, ["LATENT"], 7, "randomize", 20, 8.0, "euler", "normal", 1.0)
    before = node(2, "KSampler", {}, ["LATENT"], 7, 20, 8.0, "euler", "normal", 1.0)
    load = node(3, "LoadImage", {}, ["IMAGE", "MASK"], "example.png", "image")
    graph = api([sampler, before, load], [])
    wanted = {
        "seed": 7,
        "steps": 20,
        "cfg": 8.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }
    assert graph["1"]["inputs"] == graph["2"]["inputs"] == wanted
    assert graph["3"]["inputs"] == {"image": "example.png"}


def test_widgets_may_be_saved_by_name() -> None:
    nodes, links = chain()
    nodes[0]["widgets_values"] = {"color": 5, "width": 8, "height": 9, "batch_size": 1, "videopreview": {}}
    graph = api(nodes, links)
    assert graph["1"]["inputs"] == {"width": 8, "height": 9, "batch_size": 1, "color": 5}


def test_a_list_in_a_widget_is_not_taken_for_a_link() -> None:
    nodes, links = chain()
    nodes[1]["widgets_values"][0] = ["a", 0]
    assert api(nodes, links)["2"]["inputs"]["filename_prefix"] == {"__value__": ["a", 0]}


# -- what only the canvas knows ----------------------------------------------------------------------------------------


def test_a_bypassed_node_passes_its_input_on() -> None:
    nodes, links = chain(blur(2), blur(3))
    nodes[1]["mode"] = nodes[2]["mode"] = BYPASSED
    graph = api(nodes, links)
    assert sorted(graph) == ["1", "4"]
    assert graph["4"]["inputs"]["images"] == ["1", 0]


def test_a_bypassed_node_passes_on_the_input_of_the_same_type() -> None:
    nodes, links = chain(blur(2))
    # The input at the place of the output is a number; the picture comes second.
    nodes[1]["mode"] = BYPASSED
    nodes[1]["inputs"].insert(0, {"name": "sigma", "type": "FLOAT", "link": None})
    assert api(nodes, links)["3"]["inputs"]["images"] == ["1", 0]


def test_a_bypassed_node_with_nothing_to_pass_on_leaves_the_input_open() -> None:
    nodes, links = chain(blur(2))
    nodes[1]["mode"] = BYPASSED
    nodes[1]["inputs"] = []
    assert api(nodes, links)["3"]["inputs"] == {"filename_prefix": "out"}


def test_a_muted_node_and_the_links_from_it_disappear() -> None:
    nodes, links = chain(blur(2))
    nodes[1]["mode"] = MUTED
    graph = api(nodes, links)
    assert sorted(graph) == ["1", "3"]
    assert graph["3"]["inputs"] == {"filename_prefix": "out"}


def test_reroutes_notes_and_primitives_disappear() -> None:
    reroute = node(2, "Reroute", {"": ("*", 1)}, ["IMAGE"])
    nodes, links = chain(reroute)
    nodes[0]["inputs"] = [{"name": "width", "type": "INT", "link": 9, "widget": {"name": "width"}}]
    nodes += [node(8, "PrimitiveNode", {}, ["INT"], 640, "fixed"), node(9, "Note", {}, [], "read me")]
    nodes += [node(10, "MarkdownNote", {}, [], "# read me")]
    graph = api(nodes, [*links, [9, 8, 0, 1, 0, "INT"]])
    assert sorted(graph) == ["1", "3"]
    assert graph["3"]["inputs"]["images"] == ["1", 0]
    assert graph["1"]["inputs"]["width"] == 640


def test_a_widget_that_is_wired_takes_the_link() -> None:
    nodes, links = chain()
    nodes[0]["inputs"] = [{"name": "width", "type": "INT", "link": 9, "widget": {"name": "width"}}]
    graph = api([*nodes, node(8, "PrimitiveInt", {}, ["INT"], 16, "fixed")], [*links, [9, 8, 0, 1, 0, "INT"]])
    assert graph["1"]["inputs"]["width"] == ["8", 0]
    assert graph["8"]["inputs"] == {"value": 16}


# -- what cannot be converted ------------------------------------------------------------------------------------------


def _cut(_nodes: list[Any], links: list[Any]) -> None:
    del links[0]


def _aim_at_nothing(_nodes: list[Any], links: list[Any]) -> None:
    links[0][1] = 77


def _bypass_in_a_circle(nodes: list[Any], links: list[Any]) -> None:
    nodes[1]["mode"] = nodes[2]["mode"] = BYPASSED
    links[0][1] = 3


def _reroute_to_itself(nodes: list[Any], links: list[Any]) -> None:
    nodes[1]["type"], links[0][1] = "Reroute", 2
    nodes[2]["inputs"][0]["link"] = 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_cut, "link 1 leads nowhere"),
        (_aim_at_nothing, "link 1 leads nowhere"),
        (_bypass_in_a_circle, "circle"),
        (_reroute_to_itself, "circle"),
    ],
)
def test_links_that_lead_nowhere_or_in_a_circle(change: Callable[[list[Any], list[Any]], None], said: str) -> None:
    nodes, links = chain(blur(2), blur(3))
    change(nodes, links)
    with pytest.raises(WorkflowInvalid, match=said) as caught:
        api(nodes, links)
    assert caught.value.place.startswith("test")
    assert caught.value.remedy


def test_a_node_type_that_the_host_does_not_have() -> None:
    nodes, links = chain(blur(2))
    nodes[1] |= {"type": "ImageBlurr", "title": "Soft"}
    with pytest.raises(NodeMissing, match="'ImageBlurr'") as caught:
        api(nodes, links)
    assert caught.value.place == 'test, "Soft" (ImageBlurr, node 2)'


def test_a_model_file_that_the_host_does_not_have() -> None:
    loader = node(1, "VAELoader", {}, ["VAE"], "flux2-va.safetensors")
    info = copy.deepcopy(INFO)
    info["VAELoader"]["input"]["required"]["vae_name"][0] = ["flux2-vae.safetensors", "taesd"]
    with pytest.raises(ModelMissing, match=r"'flux2-va\.safetensors'") as caught:
        Workflow({"nodes": [loader], "links": []}, "test").prepare(info)
    assert caught.value.place == "test, \"VAELoader\" (VAELoader, node 1), input 'vae_name'"
    assert caught.value.remedy == "did you mean 'flux2-vae.safetensors'?; put it into the host's model folder"


@pytest.mark.parametrize(
    ("noted", "said"), [({"cnr_id": "fancy"}, "'fancy'"), ({"aux_id": 5}, "it comes from"), ({}, "it comes")]
)
def test_a_missing_node_names_the_pack_that_the_canvas_noted(noted: dict[str, Any], said: str) -> None:
    node = {"id": 3, "type": "Fancy", "title": "Glow", "properties": noted}
    with pytest.raises(NodeMissing) as caught:
        Workflow({"nodes": [node], "links": []}, "w").api_graph({})
    assert said in caught.value.remedy
    assert '"Glow" (Fancy, node 3)' in caught.value.place


def test_a_definition_with_odd_parts_is_read_as_far_as_it_goes() -> None:
    info = copy.deepcopy(INFO)
    info["ImageBlur"]["name"] = {"of": "a damaged file"}
    for raw in info["ImageBlur"]["input"]["required"].values():
        raw[1:] = [{"widgetType": ["INT"]}]
    nodes, links = chain(blur(2))
    graph = Workflow({"nodes": nodes, "links": links}, "test").api_graph(info)
    assert graph["2"]["inputs"] == {"image": ["1", 0]}, "its wire is known; its widgets cannot be"
