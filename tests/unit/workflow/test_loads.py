"""Which models and sizes a workflow loads."""

from __future__ import annotations

from typing import Any

import pytest

from packshot.errors import InputUnknown
from packshot.workflow import Workflow
from packshot.workflow.loads import Latent, read_loads


def node(number: int, kind: str, widgets: list[Any], mode: int = 0, **wired: int) -> dict[str, Any]:
    inputs = [{"name": name, "type": "INT", "widget": {"name": name}, "link": link} for name, link in wired.items()]
    return {"id": number, "type": kind, "mode": mode, "inputs": inputs, "outputs": [], "widgets_values": widgets}


def workflow(*nodes: dict[str, Any], **inputs: tuple[int, str]) -> Workflow:
    block = {"inputs": {name: {"node": number, "widget": widget} for name, (number, widget) in inputs.items()}}
    data = {"nodes": list(nodes), "links": [[1, 90, 0, 1, 0, "INT"]], "extra": {"packshot": block}}
    return Workflow(data, "test.json")


def test_what_a_workflow_loads() -> None:
    flow = workflow(
        node(1, "UNETLoader", ["a.safetensors", "default"]),
        node(2, "DualCLIPLoader", ["b.safetensors", "c.safetensors", "flux", "default"]),
        node(3, "VAELoader", ["d.safetensors"]),
        node(4, "VAELoader", ["muted.safetensors"], mode=2),
        node(5, "EmptySD3LatentImage", [1280, 720, 2]),
        node(6, "EmptyLTXVLatentVideo", [768, 512, 97, 1]),
        node(7, "VAEDecodeTiled", [256, 64, 64, 8]),
        node(8, "EmptyLatentImage", [64, 512, 1], width=1),
        size=(5, "width"),
    )
    loads = read_loads(flow, {})
    assert loads.files == (
        ("diffusion_models", ("a.safetensors",)),
        ("text_encoders", ("b.safetensors", "c.safetensors")),
        ("vae", ("d.safetensors",)),
    )
    assert loads.latents == (Latent(1280, 720, 2), Latent(768, 512, 1, 13), Latent(0, 512, 1))
    assert loads.tile == 256
    assert read_loads(flow, {"size": "640"}).latents[0] == Latent(640, 720, 2)
    with pytest.raises(InputUnknown, match="size"):
        read_loads(flow, {"sise": "640"})


def test_what_a_subgraph_loads() -> None:
    inner = {
        "id": "5f0e", "name": "Load", "inputs": [], "outputs": [],
        "nodes": [
            node(3, "UNETLoader", ["a.safetensors", "default"], unet_name=1),
            node(4, "EmptyFlux2LatentImage", [512, 256, 1], width=2),
            node(5, "5f0e", []),
        ],
        "links": [
            {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 3, "target_slot": 0, "type": "COMBO"},
            {"id": 2, "origin_id": 9, "origin_slot": 0, "target_id": 4, "target_slot": 0, "type": "INT"},
        ],
    }  # fmt: skip
    data = {"nodes": [node(12, "5f0e", [])], "links": [], "definitions": {"subgraphs": [inner]}}
    loads = read_loads(Workflow(data, "test.json"), {})
    assert loads.files == (("diffusion_models", ("a.safetensors",)),)
    assert loads.latents == (Latent(0, 256),)


def test_a_card_that_a_workflow_loads() -> None:
    flow = workflow(
        node(1, "PackshotLoadModel", ["starter", "auto", "settings"]),
        node(2, "PackshotEmptyLatent", [0, 0, 1]),
        model=(1, "card"),
    )
    assert read_loads(flow, {}).cards == (("starter", "auto"),)
    loads = read_loads(flow, {"model": "sdxl"})
    assert loads.cards == (("sdxl", "auto"),)
    assert loads.latents == (Latent(),)
