"""The part of graphs that encodes their prompts."""

from __future__ import annotations

from typing import Any

from packshot.catalog.runner.encode_ahead import encode_ahead, encodes


def node(class_type: str, /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": class_type}}


def graph(positive: Any, seed: int = 1, card: str = "starter", **more: Any) -> dict[str, Any]:
    return {
        "1": node("PackshotLoadModel", card=card),
        "2": node("PackshotEncode", clip=["1", 1], card=["1", 3], positive=positive, negative="text", **more),
        "3": node("PackshotEmptyLatent", card=["1", 3]),
        "4": node("PackshotSample", model=["1", 0], positive=["2", 0], negative=["2", 1], latent=["3", 0], seed=seed),
    }


def ahead(merged: dict[str, Any]) -> list[dict[str, Any]]:
    return [node["inputs"] for node in merged.values() if node["class_type"] == "PackshotEncodeAhead"]


def test_each_prompt_once_and_the_loader_once() -> None:
    merged = encode_ahead([graph("a mug", 1), graph("a lamp", 2), graph("a mug", 3)])
    assert sorted(node["class_type"] for node in merged.values()) == ["PackshotEncodeAhead"] * 2 + ["PackshotLoadModel"]
    assert merged["1"] == graph("a mug")["1"], "the host knows the loader again by its id"
    shared = {"clip": ["1", 1], "card": ["1", 3], "negative": "text", "references": False}
    assert ahead(merged) == [{**shared, "positive": "a mug"}, {**shared, "positive": "a lamp"}]


def test_words_that_other_nodes_make_come_with_those() -> None:
    first, second = graph(["9", 0]), graph(["9", 0])
    first["9"], second["9"] = node("PackshotBrandPrompt", product="a mug"), node("PackshotBrandPrompt", product="a cup")
    merged = encode_ahead([first, second])
    products = [merged[inputs["positive"][0]]["inputs"]["product"] for inputs in ahead(merged)]
    assert products == ["a mug", "a cup"]
    assert len(merged) == 5


def test_another_model_is_another_loader() -> None:
    merged = encode_ahead([graph("a mug"), graph("a mug", card="sdxl")])
    assert [merged[inputs["clip"][0]]["inputs"]["card"] for inputs in ahead(merged)] == ["starter", "sdxl"]


def test_pictures_are_told_of_and_left_behind() -> None:
    given = graph("make it red", **{"references.image0": ["8", 0], "vae": ["1", 2]})
    given["8"] = node("LoadImage", image="mug.png")
    merged = encode_ahead([given])
    assert "LoadImage" not in {node["class_type"] for node in merged.values()}
    assert ahead(merged)[0]["references"] is True


def test_a_graph_without_our_encoder_has_nothing_to_encode() -> None:
    other = {"1": node("EmptyImage"), "2": node("SaveImage", images=["1", 0])}
    assert not encodes(other)
    assert encodes(graph("a mug"))
    assert encode_ahead([other]) == {}


def test_what_the_record_needs_runs_again_for_the_picture() -> None:
    given = graph(["9", 0])
    given["9"] = node("PackshotBrandPrompt", product="a mug", triggers=["8", 2])
    given["8"] = node("PackshotBrandLoRA", model=["1", 0])
    kept = {merged_id for merged_id in encode_ahead([given]) if merged_id in given}
    assert kept == {"1", "2"}
