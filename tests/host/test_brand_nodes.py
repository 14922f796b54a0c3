"""The brand nodes on a real host: pictures are those of core's own loader, and everything that is not allowed stops."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from packshot import Client
from packshot.comfy import protocol
from packshot.comfy.protocol import HostFile
from packshot.errors import (
    BrandInvalid,
    InputInvalid,
    LicenceRefused,
    LoraMismatch,
    ModelCorrupt,
    ModelMissing,
    PackshotError,
)
from support.host.brand_graphs import (
    content,
    core_loader,
    failed,
    graph,
    node,
    picture,
    refused,
    run,
    run_with_id,
    stack,
    texts,
    with_brand,
)
from support.host.brand_kits import ALGORITHMS


@pytest.fixture(scope="module")
def client(brand_client: Client) -> Client:
    return brand_client


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


@pytest.mark.parametrize("name", ["good", "last-day"])
def test_a_brand_makes_the_picture_of_cores_loader(client: Client, name: str) -> None:
    own = picture(client, with_brand(name))
    assert own == picture(client, graph(core_loader("mine/tide.safetensors", 0.8)))
    stronger = picture(client, with_brand(name, strength=1.0))
    assert stronger == picture(client, graph(core_loader("mine/tide.safetensors", 1.0)))
    assert own == picture(client, with_brand(name, lora="Tide"))


@pytest.mark.parametrize(
    ("name", "inputs", "kind", "words"),
    [
        ("unapproved", {}, BrandInvalid, "nobody has approved it"),
        ("expired", {}, BrandInvalid, "it expired on"),
        ("another-file", {}, ModelCorrupt, "another file than the brand approved"),
        ("missing", {}, ModelMissing, "nowhere.safetensors"),
        ("unknown-licence", {}, LicenceRefused, "no licence 'my-own-words'"),
        ("another-base", {}, LoraMismatch, "the loaded model is starter"),
        ("wrong-base", {}, LoraMismatch, "was made for other, and the kit says starter"),
        ("good", {"lora": "Reef"}, BrandInvalid, "no LoRA 'Reef'"),
        ("good", {"strength": 1.1}, InputInvalid, "not from 0.4 to 1"),
        ("good", {"strength": 0.1}, InputInvalid, "not from 0.4 to 1"),
    ],
)
def test_what_the_brand_does_not_allow_is_refused(
    client: Client, name: str, inputs: dict[str, Any], kind: type[PackshotError], words: str
) -> None:
    error = failed(client, with_brand(name, **inputs))
    assert type(error) is kind
    assert words in error.message


def test_a_kit_without_a_lora_changes_nothing_and_says_so(client: Client) -> None:
    wanted = with_brand("no-lora")
    assert picture(client, wanted) == picture(client, graph())
    wanted["5"]["inputs"]["seed"] = 8
    assert "the kit has no LoRA, and nothing was changed" in texts(run(client, wanted), "20")


def test_no_brand_changes_nothing(client: Client) -> None:
    assert picture(client, with_brand("none")) == picture(client, graph())


def test_a_kit_that_is_not_there_is_refused_before_the_queue(client: Client) -> None:
    error = refused(client, with_brand("nowhere"))
    assert isinstance(error, BrandInvalid)
    assert "no brand kit 'nowhere'" in error.message


def test_a_schedule_gives_each_step_its_strength(client: Client) -> None:
    plain, full = picture(client, graph(steps=4)), picture(client, with_brand("always", steps=4))
    assert picture(client, with_brand("never", steps=4)) == plain
    assert full == picture(client, with_brand("good", steps=4)), "by hooks as by weights"
    late = picture(client, with_brand("steps", steps=4))
    assert late not in (plain, full)


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


def test_the_brand_reports_what_it_did(client: Client) -> None:
    record = run(client, with_brand("steps"))
    report = texts(record, "20")
    assert "Tests: kit " in report
    assert "12/12 tensors matched" in report
    assert "0 from 0% of the steps, 0.8 from 50% of the steps" in report
    assert "for starter, by the conditioning's hooks" in report


def test_the_brand_node_shows_the_palette(client: Client) -> None:
    wanted = {"2": node("PackshotBrand", kit="aldern-quay"), "3": node("PreviewAny", source=["2", 1])}
    record, job = run_with_id(client, wanted)
    (shown,) = (out for out in record.outputs if isinstance(out, HostFile) and out.node == "2")
    assert bytes.fromhex("3F5E57") * 90 in content(client, shown), "a row of tidal green"
    kit_hash = texts(record, "3")
    assert len(kit_hash) == 64
    assert f"Aldern Quay 1.1.0: not approved, hash {kit_hash}" in texts(record, "2")
    said = client.api.history(job)[job]["outputs"]["2"]
    assert said["palette"][0] == {"name": "oat", "hex": "#EFE6D6", "role": "background"}
    assert said["brand"] == [{"name": "Aldern Quay", "version": "1.1.0", "hash": kit_hash, "approved_by": []}]


def test_a_kit_may_be_given_as_text(client: Client) -> None:
    wanted = with_brand("none")
    wanted["2"]["inputs"]["content"] = "{name: Sent, loras: ["
    assert isinstance(refused(client, wanted), BrandInvalid)
    wanted["2"]["inputs"]["content"] = "{name: Sent, palette: [{name: oat, hex: '#EFE6D6'}]}"
    record = run(client, wanted)
    assert record.succeeded
    assert "Sent: kit " in texts(record, "20")
    (look,) = record.look
    assert (look["brand"], look["loras"]) == ("Sent", [])


def test_the_prompt_has_the_brands_words(client: Client) -> None:
    wanted = with_brand("good")
    wanted["9"] = node("PackshotBrandPrompt", brand=["2", 0], product="a mug", locale="", triggers=["20", 2])
    wanted["10"], wanted["11"] = node("PreviewAny", source=["9", 0]), node("PreviewAny", source=["9", 1])
    record = run(client, wanted)
    assert texts(record, "10") == "tide style, photo of a mug"
    assert texts(record, "11") == "text"


def test_a_merge_is_that_of_the_library(client: Client) -> None:
    inputs = {"method": "concat", "rank": 16, "dtype": "as the files", "filename_prefix": "loras/merged"}
    merger = node("PackshotLoRAMerge", text="<lora:lora:0.8> <lora:kohya:-0.5>", **inputs)
    wanted = {"1": merger, "2": node("PreviewAny", source=["1", 0])}
    record = run(client, wanted)
    assert record.succeeded, protocol.failure(record, wanted)
    name = texts(record, "2")
    assert "4 layers, rank 8, F32, relative error" in texts(record, "1")
    merged, library = (picture(client, graph(core_loader(file, 1.0))) for file in (name, "both.safetensors"))
    assert merged == library
    error = failed(client, {"1": node("PackshotLoRAMerge", text="<lora:lora> <lora:oft>", **inputs)})
    assert "OFT turns the base model's weight" in error.message
    missing = refused(client, {"1": node("PackshotLoRAMerge", text="<lora:lora> <lora:gone>", **inputs)})
    assert isinstance(missing, ModelMissing)


def test_a_concatenated_file_is_the_stack(client: Client) -> None:
    stacked = graph(stack("<lora:lora:0.8> <lora:kohya:-0.5>"))
    one, other = picture(client, graph(stack("<lora:both:1>"))), picture(client, stacked)
    worst = max(abs(a - b) for a, b in zip(one, other, strict=True))
    assert worst <= 1, "of 255: the weights agree to 1e-5, and rounding to 8 bits may fall to either side"
