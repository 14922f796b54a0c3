"""The rows of a LoRA stack in App Mode, in a subgraph and from API JSON: one picture, and one refusal."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from packshot import Client, Profile
from packshot.errors import InputInvalid, ModelMissing
from packshot.workflow import Workflow
from support.host.brand_graphs import core_loader, graph, node, picture, refused

INSIDE = "0f3a8a3e-54f0-4a7e-8a2e-00000000000a"

FILE = "mine/tide.safetensors"

EMPTY = ["none", 1.0] * 5 + ["", True]


def entry(name: str, kind: str, link: int | None = None, widget: bool = False) -> dict[str, Any]:
    return {"name": name, "type": kind, "link": link} | ({"widget": {"name": name}} if widget else {})


def saved(
    number: int, kind: str, inputs: list[dict[str, Any]], outputs: list[str], values: list[Any]
) -> dict[str, Any]:
    outs = [{"name": of, "type": of} for of in outputs]
    return {"id": number, "type": kind, "mode": 0, "inputs": inputs, "outputs": outs, "widgets_values": values}


ROWS = [entry("model", "MODEL", 1), entry("clip", "CLIP", 2), entry("lora_1", "COMBO", None, True)]

ROWS.append(entry("strength_1", "FLOAT", None, True))


def app(second: dict[str, Any], **more: Any) -> Workflow:
    """The graph of the other tests as the canvas saves it, with a given node 2 between loader and sampler."""
    nodes = [
        saved(1, "PackshotLoadModel", [], ["MODEL", "CLIP", "VAE", "PACKSHOT_CARD"], ["starter", "auto", "settings"]),
        second,
        saved(3, "PackshotEncode", [entry("clip", "CLIP", 3), entry("card", "PACKSHOT_CARD", 4)],
              ["CONDITIONING", "CONDITIONING"], ["a red mug", "text"]),
        saved(4, "PackshotEmptyLatent", [entry("card", "PACKSHOT_CARD", 5)], ["LATENT", "INT", "INT"],
              [128, 128, 1, 1]),
        saved(5, "PackshotSample",
              [entry("model", "MODEL", 6), entry("positive", "CONDITIONING", 7), entry("negative", "CONDITIONING", 8),
               entry("latent", "LATENT", 9), entry("card", "PACKSHOT_CARD", 10)],
              ["LATENT"], [7, "fixed", 1, 0, 0, "card", "card", 0, 1]),
        saved(6, "VAEDecode", [entry("samples", "LATENT", 11), entry("vae", "VAE", 12)], ["IMAGE"], []),
        saved(7, "PreviewImage", [entry("images", "IMAGE", 13)], [], []),
    ]  # fmt: skip
    links = [
        [1, 1, 0, 2, 0, "MODEL"], [2, 1, 1, 2, 1, "CLIP"], [3, 2, 1, 3, 0, "CLIP"], [4, 1, 3, 3, 1, "PACKSHOT_CARD"],
        [5, 1, 3, 4, 0, "PACKSHOT_CARD"], [6, 2, 0, 5, 0, "MODEL"], [7, 3, 0, 5, 1, "CONDITIONING"],
        [8, 3, 1, 5, 2, "CONDITIONING"], [9, 4, 0, 5, 3, "LATENT"], [10, 1, 3, 5, 4, "PACKSHOT_CARD"],
        [11, 5, 0, 6, 0, "LATENT"], [12, 1, 2, 6, 1, "VAE"], [13, 6, 0, 7, 0, "IMAGE"],
    ]  # fmt: skip
    shown = {"lora": {"node": 2, "widget": "lora_1"}, "strength": {"node": 2, "widget": "strength_1"}}
    linear = {"inputs": [[2, "lora_1"], [2, "strength_1"]], "outputs": [7]}
    extra = {
        "linearMode": True,
        "linearData": linear,
        "packshot": {"name": "rows", "inputs": shown, "outputs": {"image": {"node": 7}}},
    }
    return Workflow({"nodes": nodes, "links": links, "extra": extra, "version": 0.4, **more}, "rows.app.json")


def plain() -> Workflow:
    return app(saved(2, "PackshotLoRAStack", ROWS, ["MODEL", "CLIP", "STRING", "STRING"], EMPTY))


def inside() -> Workflow:
    """The stack in a subgraph, which shows the first row's widgets as its own."""
    names = (("model", "MODEL"), ("clip", "CLIP"), ("lora_1", "COMBO"), ("strength_1", "FLOAT"))
    inner = [entry(name, kind, number, number > 2) for number, (name, kind) in enumerate(names, start=1)]
    subgraph = {
        "id": INSIDE,
        "name": "Look",
        "inputNode": {"id": -10},
        "outputNode": {"id": -20},
        "inputs": [{"id": f"in-{name}", "name": name, "type": kind, "linkIds": [number]}
                   for number, (name, kind) in enumerate(names, start=1)],
        "outputs": [{"id": "out-model", "name": "MODEL", "type": "MODEL", "linkIds": [5]},
                    {"id": "out-clip", "name": "CLIP", "type": "CLIP", "linkIds": [6]}],
        "nodes": [saved(20, "PackshotLoRAStack", inner, ["MODEL", "CLIP", "STRING", "STRING"], EMPTY)],
        "links": [
            *({"id": number, "origin_id": -10, "origin_slot": number - 1, "target_id": 20, "target_slot": number - 1,
               "type": kind} for number, (_, kind) in enumerate(names, start=1)),
            {"id": 5, "origin_id": 20, "origin_slot": 0, "target_id": -20, "target_slot": 0, "type": "MODEL"},
            {"id": 6, "origin_id": 20, "origin_slot": 1, "target_id": -20, "target_slot": 1, "type": "CLIP"},
        ],
    }  # fmt: skip
    return app(saved(2, INSIDE, ROWS, ["MODEL", "CLIP"], ["none", 1.0]), definitions={"subgraphs": [subgraph]})


def made(client: Client, workflow: Workflow, **inputs: Any) -> bytes:
    (output,) = client.submit(workflow, **inputs).result(300).outputs
    with Image.open(io.BytesIO(output.read())) as image:
        return image.convert("RGB").tobytes()


@pytest.mark.parametrize("workflow", [plain, inside], ids=["on the canvas", "in a subgraph"])
def test_rows_do_the_same_wherever_they_are_filled_in(brand_client: Client, workflow: Any, tmp_path: Path) -> None:
    assert list(brand_client.prepare(workflow()).contract.inputs) == ["lora", "strength"]
    expected = picture(brand_client, graph(core_loader(FILE, 0.7)))
    profile = Profile(declared={FILE: "own"})
    with Client(brand_client.url, profile=profile, out=tmp_path) as client:
        assert made(client, workflow(), lora=FILE, strength=0.7) == expected
        assert made(client, workflow()) == picture(brand_client, graph())
        with pytest.raises(InputInvalid, match=r"gone\.safetensors"):
            client.submit(workflow(), lora="gone.safetensors")


def test_a_result_warns_of_a_lora_that_changes_nothing(brand_client: Client, tmp_path: Path) -> None:
    files = ("untrained.safetensors", FILE)
    with Client(brand_client.url, profile=Profile(declared=dict.fromkeys(files, "own")), out=tmp_path) as client:
        untrained, tide = (client.submit(plain(), lora=file, strength=0.7).result(300) for file in files)
    assert [warning["slug"] for warning in untrained.warnings] == ["lora-no-effect"]
    assert "untrained.safetensors" in untrained.warnings[0]["message"]
    assert not tide.warnings


def test_api_json_needs_only_the_rows_that_are_filled(brand_client: Client) -> None:
    own = graph(node("PackshotLoRAStack", lora_2=FILE, strength_2=0.7))
    assert picture(brand_client, own) == picture(brand_client, graph(core_loader(FILE, 0.7)))
    whole = graph(node("PackshotLoRAStack", text="<lora:tide>"))
    assert picture(brand_client, whole) == picture(brand_client, graph(node("PackshotLoRAStack", lora_1=FILE)))
    own["20"]["inputs"]["lora_2"] = "gone.safetensors"
    assert isinstance(refused(brand_client, own), ModelMissing)
