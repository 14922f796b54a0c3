"""Every workflow of the library with every card that it can take, and end to end on models that a CPU can run."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from packshot import Client, Workflow
from packshot.models.cards import Card, card_ids, load_card
from packshot.workflow.versions import library

CARDS = [card for card in map(load_card, card_ids()) if card.supported_by_host]

STILLS = [card for card in CARDS if card.kind == "image"]

EDITORS = [card for card in STILLS if card.encoding.edit]

STEERED = [card for card in STILLS if card.controls]

PAINTERS = [card for card in STILLS if "text-to-image" in card.capabilities]

# Which cards a workflow is for, and the inputs that choose them. A new workflow has to be named here.
CAPABLE: dict[str, tuple[list[Card], tuple[str, ...]]] = {
    "product-shot": (PAINTERS, ("model",)),
    "reference-edit": (EDITORS, ("model",)),
    "style-reference": (EDITORS, ("model",)),
    "guided-restyle": (STEERED, ("model",)),
    "explore-then-final": (PAINTERS, ("fast_model", "final_model")),
    "upscale": (PAINTERS, ("model",)),
    "white-background": ([], ()),
    "product-scene": (PAINTERS, ("model",)),
    "text-on-product": ([], ()),
    "product-video": ([card for card in CARDS if card.kind == "video"], ()),
}

PICTURES = {
    "reference-edit": ("image", "reference"),
    "style-reference": ("style",),
    "guided-restyle": ("image",),
    "upscale": ("image",),
    "white-background": ("image",),
    "product-scene": ("image",),
    "text-on-product": ("image",),
}


def drawing(side: int = 128) -> bytes:
    """A product on a ground, as a PNG."""
    image = Image.new("RGB", (side, side * 3 // 4), (235, 230, 220))
    ImageDraw.Draw(image).rounded_rectangle((side // 4, side // 5, side * 3 // 4, side * 3 // 5), 8, fill=(160, 60, 50))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def given(name: str) -> dict[str, Any]:
    return {picture: drawing() for picture in PICTURES.get(name, ())}


def test_every_workflow_of_the_library_is_tested_here() -> None:
    assert set(library()) == set(CAPABLE)


@pytest.mark.parametrize("name", CAPABLE)
def test_the_host_accepts_it_with_every_card_that_can(stub_client: Client, name: str) -> None:
    cards, inputs = CAPABLE[name]
    assert bool(cards) == ("PackshotLoadModel" in {node["type"] for node in Workflow.load(name).data["nodes"]})
    for card_id in [card.id for card in cards] or [""]:
        assert stub_client.submit(name, **given(name), **dict.fromkeys(inputs, card_id)).id


@pytest.mark.parametrize("name", CAPABLE)
def test_an_app_of_at_most_seven_fields_each_with_help_and_a_note(name: str) -> None:
    workflow = Workflow.load(name)
    own = workflow.data["extra"]["packshot"]
    assert 1 <= len(own["inputs"]) <= 7
    assert all(entry["help"] for entry in own["inputs"].values())
    shown = [tuple(entry[:2]) for entry in workflow.data["extra"]["linearData"]["inputs"]]
    assert shown == [(entry["node"], entry["widget"]) for entry in own["inputs"].values()]
    assert workflow.summary
    (note,) = (node for node in workflow.data["nodes"] if node["type"] == "MarkdownNote")
    assert note["widgets_values"][0].startswith("# ")


@pytest.mark.parametrize("name", CAPABLE)
def test_the_template_browser_shows_it_with_a_picture(stub_client: Client, name: str) -> None:
    """The names are those by which ComfyUI's frontend asks."""
    assert f"{name}.app" in stub_client.api.json("GET", "/workflow_templates")["packshot"]
    answer = stub_client.api.request("GET", f"/api/workflow_templates/packshot/{name}.app.jpg")
    with Image.open(io.BytesIO(answer.content)) as thumbnail:
        assert thumbnail.size == (480, 480)
    assert len(answer.content) < 40_000


def pictures(client: Client, name: str, **inputs: Any) -> dict[str, list[np.ndarray]]:
    result: dict[str, list[np.ndarray]] = {}
    for output in client.submit(name, **(given(name) | inputs)).result(300).outputs:
        with Image.open(io.BytesIO(output.read())) as image:
            result.setdefault(output.name, []).append(np.asarray(image.convert("RGB"), dtype=np.int16))
    return result


@pytest.mark.parametrize(
    ("name", "inputs", "shape"),
    [
        ("reference-edit", {"model": "tiny-flux2-edit", "steps": 1, "image": drawing(64)}, None),
        ("style-reference", {"model": "tiny-flux2-edit", "steps": 1, "width": 128, "height": 192}, (192, 128, 3)),
        ("guided-restyle", {"model": "tiny-sd15"}, None),
        ("product-scene", {"model": "starter"}, (128, 128, 3)),
        ("text-on-product", {"text": "Spring", "colour": "#112233"}, (96, 128, 3)),
        ("upscale", {"model": "starter", "steps": 2, "factor": 2.0, "image": drawing(64)}, (96, 128, 3)),
    ],
)
def test_it_runs_end_to_end(
    tiny_client: Client, name: str, inputs: dict[str, Any], shape: tuple[int, ...] | None
) -> None:
    ((made,),) = pictures(tiny_client, name, **inputs).values()
    assert made.std() > 1, "not flat"
    assert shape is None or made.shape == shape


def test_explore_then_final_makes_the_candidates_once_and_finishes_another_choice(tiny_client: Client) -> None:
    same = {"prompt": "a lamp", "fast_model": "starter", "final_model": "starter", "candidates": 2, "seed": 77}
    first = tiny_client.submit("explore-then-final", choice=0, change=0.3, **same).result(300).outputs
    second = tiny_client.submit("explore-then-final", choice=1, change=0.3, **same).result(300).outputs
    assert [output.name for output in first] == [output.name for output in second] == ["image", *["candidates"] * 2]
    assert {output.name for output in second if output.reused} == {"candidates"}
    assert first[0].sha256 != second[0].sha256
    assert [output.sha256 for output in first[1:]] == [output.sha256 for output in second[1:]]


def test_white_background_is_white_around_the_products_own_pixels(tiny_client: Client) -> None:
    ((made,),) = pictures(tiny_client, "white-background", image=drawing(512), width=600, height=600).values()
    assert made.shape == (600, 600, 3)
    assert (made[:20] == 255).all()
    assert (made[:, :20] == 255).all()
    assert np.abs(made[300, 300] - (160, 60, 50)).max() <= 2
