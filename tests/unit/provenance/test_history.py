"""What a graph says of how its picture came about."""

from __future__ import annotations

from typing import Any

import pytest

from packshot.provenance.history import history_of

GENERATES = {"KSampler", "VAEDecode", "VAEEncode", "Painter"}


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


PHOTO = {"1": node("LoadImage", image="mug.jpg"), "2": node("PackshotMatte", image=["1", 0], model="auto")}

SCENE = {
    "10": node("CheckpointLoaderSimple", ckpt_name="sdxl.safetensors"),
    "11": node("KSampler", model=["10", 0], seed=7),
    "12": node("VAEDecode", samples=["11", 0], vae=["10", 2]),
}


def composed(product: str, background: str | None) -> dict[str, Any]:
    inputs: dict[str, Any] = {"product": [product, 1]} | ({"background": [background, 0]} if background else {})
    return {"3": node("PackshotProductComposite", **inputs)}


def saved(link: str) -> dict[str, Any]:
    return {"9": node("PackshotSave", image=[link, 0], sku="A")}


CASES = {
    "a photograph on white": ({**PHOTO, **composed("2", None), **saved("3")}, "retouched"),
    "a photograph as it is": ({**PHOTO, **saved("1")}, "retouched"),
    "a model's picture": ({**SCENE, **saved("12")}, "generated"),
    "a product in a model's scene": ({**PHOTO, **SCENE, **composed("2", "12"), **saved("3")}, "composite"),
    "a product put into a scene, with more on top": (
        {**PHOTO, **SCENE, **composed("2", "12"), "4": node("PackshotLogo", image=["3", 0]), **saved("4")},
        "composite",
    ),
    "a model's product on white": ({**SCENE, **composed("12", None), **saved("3")}, "generated"),
    "a model's product in a photograph": ({**PHOTO, **SCENE, **composed("12", "1"), **saved("3")}, "generated"),
    "a composite that a model went over": (
        {
            **PHOTO, **SCENE, **composed("2", "12"), "5": node("VAEEncode", pixels=["3", 0]),
            "6": node("KSampler", latent_image=["5", 0], seed=8), "7": node("VAEDecode", samples=["6", 0]),
            **saved("7"),
        },
        "generated",
    ),
    "an edit of a photograph": (
        {**PHOTO, "5": node("VAEEncode", pixels=["1", 0]), "7": node("VAEDecode", samples=["5", 0]), **saved("7")},
        "generated",
    ),
    "a service's picture": ({"5": node("Painter", seed=1), **saved("5")}, "generated"),
    "a model elsewhere in the graph": ({**PHOTO, **SCENE, **saved("1")}, "retouched"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_making(name: str) -> None:
    prompt, making = CASES[name]
    assert history_of(prompt, "9", GENERATES.__contains__).making == making


def test_the_recipe_and_the_photographs_are_those_of_the_nodes_above() -> None:
    prompt = CASES["a product in a model's scene"][0]
    prompt = {**prompt, "99": node("LoadImage", image="other.png")}
    history = history_of(prompt, "9", GENERATES.__contains__, "product-scene@1.0.0")
    assert history.photographs == ("mug.jpg",)
    assert history.recipe == {"workflow": "product-scene@1.0.0", "seed": 7, "model": "sdxl.safetensors"}
    two = CASES["a composite that a model went over"][0]
    assert "seed" not in history_of(two, "9", GENERATES.__contains__).recipe


def test_a_graph_that_leads_in_circles_or_nowhere_ends() -> None:
    prompt = {"1": node("A", x=["2", 0], y=["404", 0], z=[1, 2], w=["1", 0, 0]), "2": node("B", x=["1", 0])}
    assert history_of(prompt, "1", GENERATES.__contains__).making == "retouched"
