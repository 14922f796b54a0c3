"""A brand kit on a real host: its LoRAs, words and palette."""

from __future__ import annotations

from typing import Any

import pytest

from packshot import Client
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
    texts,
    with_brand,
)


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


def test_a_brand_that_is_not_linked_changes_nothing_and_the_record_says_so(client: Client) -> None:
    wanted = with_brand("good")
    del wanted["2"], wanted["20"]["inputs"]["brand"]
    wanted["3"]["inputs"]["positive"] = ["9", 0]
    wanted["9"] = node("PackshotBrandPrompt", product="a red mug", locale="", triggers=["20", 2])
    client.api.free_memory()  # or the host would hand out what it has kept, and say nothing
    record = run(client, wanted)
    assert record.succeeded
    (made,) = (out for out in record.outputs if isinstance(out, HostFile) and out.node == "7")
    assert content(client, made) == picture(client, graph())
    for node_id in ("20", "9"):
        assert "made without a brand" in texts(record, node_id)
    loras, words = record.look
    assert (loras["brand"], loras["kit"], loras["loras"]) == ("none", "", [])
    assert (words["brand"], words["positive"]) == ("none", "a red mug")


@pytest.mark.parametrize("product", ["", " \n"])
def test_a_product_without_a_word_is_refused(client: Client, product: str) -> None:
    wanted = with_brand("good")
    wanted["3"]["inputs"]["positive"] = ["9", 0]
    wanted["9"] = node("PackshotBrandPrompt", brand=["2", 0], product=product, locale="")
    assert isinstance(refused(client, wanted), InputInvalid)
    wanted["9"]["inputs"]["product"] = ["10", 0]
    wanted["10"] = node("PrimitiveStringMultiline", value=product)
    assert "does not say what the product is" in failed(client, wanted).message


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


def test_the_brand_reports_what_it_did(client: Client) -> None:
    client.api.free_memory()  # or the host would hand out what it has kept, and report nothing
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
