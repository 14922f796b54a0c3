"""A stack of LoRAs makes the picture of core's own loader, and what is not allowed stops."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from packshot import Client
from packshot.errors import (
    InputInvalid,
    LoraMismatch,
    ModelCorrupt,
    ModelMissing,
    PackshotError,
)
from support.host.brand_graphs import (
    core_loader,
    failed,
    graph,
    node,
    picture,
    refused,
    run,
    stack,
    texts,
    with_brand,
)
from support.host.brand_kits import ALGORITHMS, FOREIGN


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_stack_makes_the_picture_of_cores_loader(client: Client, algorithm: str) -> None:
    name = f"{algorithm}.safetensors"
    ours = picture(client, graph(stack(lora_1=name, strength_1=0.7)))
    assert ours == picture(client, graph(core_loader(name, 0.7)))
    assert ours != picture(client, graph())


def test_rows_and_text_are_applied_in_their_order(client: Client) -> None:
    both = graph(core_loader("lora.safetensors", 0.8), core_loader("kohya.safetensors", -0.5))
    expected = picture(client, both)
    assert picture(client, graph(stack(lora_2="lora.safetensors", strength_2=0.8, lora_5="kohya.safetensors",
        strength_5=-0.5))) == expected  # fmt: skip
    assert picture(client, graph(stack("<lora:lora:0.8> <lora:kohya:-0.5:-0.5>"))) == expected
    assert picture(client, graph(stack("<lora:kohya:-0.5>", lora_1="lora.safetensors", strength_1=0.8))) == expected


def test_an_empty_stack_changes_nothing(client: Client) -> None:
    assert picture(client, graph(stack(lora_1="lora.safetensors", strength_1=0.0))) == picture(client, graph())


def test_the_stack_reports_what_it_did(client: Client) -> None:
    wanted = graph(stack("<lora:tide:0.5:0.25>", lora_1="lora.safetensors", lora_2="lora.safetensors"))
    wanted["8"] = node("PreviewAny", source=["20", 2])
    record = run(client, wanted)
    report = texts(record, "20")
    assert report.count("12/12 tensors matched") == 3
    assert "strength 0.5 (text encoder 0.25)" in report
    assert "change of norm" in report
    assert "lora.safetensors and lora.safetensors: 100% of the change is in the same directions" in report
    assert "tide style" in texts(record, "8")


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"lora_3": "gone.safetensors"}, ModelMissing, "no LoRA file 'gone.safetensors'"),
        ({"text": "<lora:gone:0.8>"}, ModelMissing, "no LoRA file 'gone'"),
        ({"text": "<lora:tide:much>"}, InputInvalid, "not of the form"),
        ({"text": "a red mug"}, InputInvalid, "names no LoRA"),
        ({"lora_1": "answer.safetensors"}, ModelCorrupt, "is an answer in JSON"),
        ({"text": "<lora:pointer:0.8>"}, ModelCorrupt, "Git LFS pointer"),
    ],
)
def test_what_is_missing_is_refused_before_the_queue(
    client: Client, changes: dict[str, Any], kind: type[PackshotError], words: str
) -> None:
    error = refused(client, graph(stack(**changes)))
    assert isinstance(error, kind)
    assert words in error.message


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("larger.safetensors", "the model has no such layer"),
        ("bare.safetensors", "ComfyUI applies BOFT only where the file has its alpha"),
        ("wider.safetensors", "512 x 512, and the model's is 256 x 256"),
    ],
)
def test_a_lora_of_another_model_is_refused(client: Client, file: str, words: str) -> None:
    error = failed(client, graph(stack(lora_1=file)))
    assert isinstance(error, LoraMismatch)
    assert "tensors fit the loaded model" in error.message
    assert words in error.message


@pytest.mark.parametrize("naming", [*FOREIGN, "musubi", "diffusers"])
def test_a_lora_in_the_names_of_another_tool_makes_the_same_picture(client: Client, naming: str) -> None:
    plain = "dora of kohya.safetensors" if naming == "dora of peft" else "peft.safetensors"
    record = run(client, graph(stack(lora_1=f"foreign {naming}.safetensors")))
    assert record.succeeded
    expected = picture(client, graph(stack(lora_1=plain)))
    assert picture(client, graph(stack(lora_1=f"foreign {naming}.safetensors"))) == expected
    assert expected != picture(client, graph())
    look = record.look[0]["loras"][0]
    assert look["matched"] == look["total"]
    assert look["changes"]
    known_to_core = naming == "diffusers"
    assert (look["renamed"] == 0) == known_to_core
    assert ("renamed from the names of" in texts(record, "20")) != known_to_core


@pytest.mark.parametrize("names", ["native", "diffusers", "kohya"])
def test_a_converted_lora_makes_the_picture_of_its_source(client: Client, names: str) -> None:
    expected = picture(client, graph(core_loader("peft.safetensors", 1.0)))
    assert picture(client, graph(core_loader(f"converted {names}.safetensors", 1.0))) == expected


@pytest.mark.parametrize(
    ("file", "words", "remedy"),
    [
        ("with a bias", "12 of 16 tensors fit the loaded model; left over are", "train it without biases"),
        ("oft of peft", "ComfyUI turns what it gives out", "have its tool write it, as LoRA"),
        ("two adapters", "of a second adapter in the same file", "save each adapter as a file of its own"),
        ("halves", "has no down", "the file is not whole"),
        ("other model", "the model has no such layer", "load sdxl, or use a LoRA for the loaded model"),
        ("names", "Their shapes are those of this model's layers", "diffusers' or kohya's names"),
    ],
)
def test_what_core_cannot_apply_is_refused_with_the_true_reason(
    client: Client, file: str, words: str, remedy: str
) -> None:
    error = failed(client, graph(stack(lora_1=f"refused {file}.safetensors")))
    assert isinstance(error, LoraMismatch)
    assert words in error.message
    assert remedy in error.remedy
    assert "CLIP" not in error.remedy


def test_the_clip_is_asked_for_where_its_layers_are_in_the_file(client: Client) -> None:
    wanted = graph(stack(lora_1="refused text.safetensors"))
    assert run(client, wanted).succeeded
    del wanted["20"]["inputs"]["clip"]
    wanted["3"]["inputs"]["clip"] = ["1", 1]
    error = failed(client, wanted)
    assert isinstance(error, LoraMismatch)
    assert error.remedy == "connect the CLIP, which 1 of its layers are for"


def test_a_lora_that_changes_nothing_is_said_to(client: Client) -> None:
    record = run(client, graph(stack(lora_1="untrained.safetensors")))
    assert "untrained.safetensors changes nothing, as what it adds is zero" in texts(record, "20")
    assert record.look[0]["loras"][0]["changes"] is False
    record = run(client, graph(stack("<lora:tide:0>", lora_1="lora.safetensors", strength_1=0.0)))
    assert texts(record, "20").count("is at strength 0 and not applied") == 2


def core_graph(kind: str, **inputs: Any) -> dict[str, dict[str, Any]]:
    """Core's own loaders, encoder and sampler, with one LoRA loader in between."""
    words = {name: node("CLIPTextEncode", clip=["20", 1], text=text) for name, text in (("3", "a mug"), ("4", "text"))}
    links = {"model": ["20", 0], "positive": ["3", 0], "negative": ["4", 0], "latent_image": ["12", 0]}
    sampling = {"seed": 7, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    return words | {
        "1": node("UNETLoader", unet_name="starter-flux2.safetensors", weight_dtype="default"),
        "10": node("CLIPLoader", clip_name="starter-clip-l.safetensors", type="stable_diffusion"),
        "11": node("VAELoader", vae_name="starter-flux2-vae.safetensors"),
        "12": node("EmptyFlux2LatentImage", width=128, height=128, batch_size=1),
        "20": node(kind, model=["1", 0], clip=["10", 0], **inputs),
        "5": node("KSampler", **links, **sampling),
        "6": node("VAEDecode", samples=["5", 0], vae=["11", 0]),
        "7": node("PreviewImage", images=["6", 0]),
    }


def test_the_nodes_work_after_cores_own_loaders(client: Client) -> None:
    file = {"lora_name": "mine/tide.safetensors", "strength_model": 0.8, "strength_clip": 0.8}
    expected = picture(client, core_graph("LoraLoader", **file))
    assert expected != picture(client, core_graph("LoraLoader", **{**file, "strength_model": 0.0}))
    kit_node = {"2": node("PackshotBrand", kit="good")}
    own = core_graph("PackshotBrandLoRA", brand=["2", 0], lora="", strength=0.0)
    assert picture(client, own | kit_node) == expected
    assert picture(client, core_graph("PackshotLoRAStack", text="<lora:tide:0.8>")) == expected


def test_what_has_not_changed_is_not_made_again(client: Client, brand_home: Path) -> None:
    wanted = with_brand("good")
    assert run(client, wanted).succeeded
    assert {"20", "5"} <= run(client, wanted).cached
    tide = brand_home / "models" / "loras" / "mine" / "tide.safetensors"
    os.utime(tide)
    assert "20" not in run(client, wanted).cached, "another file may be refused"
