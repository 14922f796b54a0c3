"""The weights of a workflow and of a run, for their licences."""

from __future__ import annotations

import json
from typing import Any

from packshot.run.weights import weights_of_graph, weights_of_run
from packshot.workflow import Workflow
from support.places import DATA


def workflow(*nodes: tuple[str, Any, int]) -> Workflow:
    raw = [
        {"id": number, "type": kind, "mode": mode, "widgets_values": values}
        for number, (kind, values, mode) in enumerate(nodes)
    ]
    return Workflow({"nodes": raw, "links": []}, "test")


def test_a_workflow_file_names_its_weights_and_cards() -> None:
    found = weights_of_graph(
        workflow(
            ("UNETLoader", ["klein.safetensors", "default"], 0),
            ("LoraLoaderModelOnly", ["muted.safetensors", 1.0], 2),
            ("LoraLoaderModelOnly", ["bypassed.safetensors", 1.0], 4),
            ("Power Lora Loader", [{"on": True, "lora": "brands\\ours.safetensors", "strength": 1}], 0),
            ("UpscaleModelLoader", {"model_name": "4x.pth"}, 0),
            ("CLIPTextEncode", ["a mug\nas on shop.pt"], 0),
            ("PackshotLoadModel", ["flux2-klein-4b", "auto", "own_settings"], 0),
        ).graph
    )
    assert found.files == {"klein.safetensors", "brands\\ours.safetensors", "4x.pth"}
    assert found.cards == {"flux2-klein-4b"}


def test_the_values_of_a_run_take_the_place_of_the_artists() -> None:
    info = json.loads((DATA / "object_info.json").read_text(encoding="utf-8"))
    info["VAELoader"]["input"]["required"]["vae_name"] = [["a.safetensors", "b.safetensors", "c.safetensors"]]
    info["PackshotLoadModel"] = {"input": {"required": {"card": ["COMBO", {"options": ["sdxl", "starter"]}]}}}
    flow = workflow(
        ("VAELoader", ["a.safetensors"], 0),
        ("VAELoader", ["b.safetensors"], 0),
        ("PrimitiveStringMultiline", ["as on shop.pt"], 0),
        ("PackshotLoadModel", ["sdxl"], 0),
    )
    flow.data["extra"] = {
        "packshot": {
            "inputs": {
                "vae": {"node": 0, "widget": "vae_name"},
                "prompt": {"node": 2, "widget": "value"},
                "card": {"node": 3, "widget": "card"},
            }
        }
    }
    prepared = flow.prepare(info)
    found = weights_of_run(prepared, info)
    assert (found.files, found.cards) == ({"a.safetensors", "b.safetensors"}, {"sdxl"})
    given = {"vae": ["c.safetensors", "a.safetensors"], "card": ["starter"], "prompt": ["one more shop.pt"]}
    found = weights_of_run(prepared, info, given)
    assert (found.files, found.cards) == ({"a.safetensors", "b.safetensors", "c.safetensors"}, {"starter"})
    assert weights_of_run(prepared, info, {"vae": ["c.safetensors"]}).files == {"b.safetensors", "c.safetensors"}
