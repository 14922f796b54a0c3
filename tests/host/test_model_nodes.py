"""The model nodes on a real host: one graph for four families, and everything that must be refused before the queue."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

import numpy as np
import pytest
from PIL import Image

from packshot import Client
from packshot.comfy import protocol
from packshot.comfy.protocol import HostFile, Record
from packshot.errors import InputInvalid, LicenceRefused, ModelCorrupt, ModelMissing, PackshotError

WORDS = {"prompt": "a red mug", "negative": "text", "seed": 11, "width": 128, "height": 128, "steps": 2}


@pytest.fixture(scope="module")
def client(tiny_client: Client) -> Client:
    return tiny_client


def picture(client: Client, **inputs: Any) -> np.ndarray:
    (output,) = client.submit("product-shot", **(WORDS | inputs)).result(300).outputs
    with Image.open(io.BytesIO(output.read())) as image:
        return np.asarray(image.convert("RGB"), dtype=np.int16)


@pytest.mark.parametrize("model", ["starter", "tiny-sd15", "tiny-sd3", "tiny-flux1", "tiny-flux2-edit"])
def test_one_graph_serves_every_family_by_its_card_alone(client: Client, model: str) -> None:
    first = picture(client, model=model)
    assert first.shape == (128, 128, 3)
    assert first.std() > 1, "not flat"
    assert np.abs(picture(client, model=model, prompt="a blue chair", seed=12) - first).mean() > 0.5


def test_every_release_makes_the_pictures_of_the_one_before(client: Client) -> None:
    made = []
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        content = client.submit(f"product-shot@{version}", **(WORDS | {"seed": 21})).result(300).outputs[0].read()
        with Image.open(io.BytesIO(content)) as opened:
            made.append(np.asarray(opened))
    assert np.array_equal(made[0], made[1])
    assert np.array_equal(made[1], made[2])


def test_missing_files_are_named_with_folder_and_command_before_the_queue(client: Client) -> None:
    with pytest.raises(ModelMissing) as caught:
        client.submit("product-shot", **(WORDS | {"model": "flux2-klein-4b"}))
    for name in ("diffusion_models/flux-2-klein-4b", "text_encoders/qwen_3_4b", "vae/"):
        assert name in caught.value.message
    assert "packshot models fetch flux2-klein-4b --models " in caught.value.remedy
    assert '"Model" (PackshotLoadModel, node 1)' in caught.value.place
    assert client.api.queue() == {"queue_running": [], "queue_pending": []}


@pytest.mark.parametrize(
    ("model", "kind", "words"),
    [
        ("wrong-file", ModelCorrupt, "holds"),
        ("forbidden", LicenceRefused, "Unknown licence"),
        ("flux1-dev", LicenceRefused, ""),
        ("hunyuanimage-3.0", PackshotError, ""),
    ],
)
def test_what_must_not_run_is_refused_before_the_queue(
    client: Client, model: str, kind: type[PackshotError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        client.submit("product-shot", **(WORDS | {"model": model}))
    assert words in caught.value.message
    assert caught.value.remedy
    assert client.api.queue() == {"queue_running": [], "queue_pending": []}


def run(client: Client, graph: dict[str, dict[str, Any]]) -> Record:
    """Run a graph in API format; the host's record of it."""
    prompt_id = str(uuid.uuid4())
    body = {"prompt": graph, "prompt_id": prompt_id, "client_id": prompt_id}
    answer = client.api.submit(body)
    assert answer.ok, answer.text
    while (record := protocol.read_record(client.api.history(prompt_id), prompt_id)) is None:
        time.sleep(0.1)
    return record


def node(class_type: str, /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": class_type}}


def graph(model: str, sample: dict[str, Any] | None = None, **encode: Any) -> dict[str, dict[str, Any]]:
    """The nodes of ``product-shot`` in API format, up to the decoded picture's preview."""
    settings = {
        "seed": uuid.uuid4().int % 2**32,
        "steps": 1,
        "cfg": 0.0,
        "guidance": 0.0,
        "sampler": "card",
        "scheduler": "card",
        "shift": 0.0,
        "denoise": 1.0,
    }
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 1], "latent": ["3", 0], "card": ["1", 3]}
    words = {"clip": ["1", 1], "card": ["1", 3], "vae": ["1", 2], "positive": "a mug", "negative": ""}
    return {
        "1": node("PackshotLoadModel", card=model, precision="auto", licence_profile="settings"),
        "2": node("PackshotEncode", **(words | encode)),
        "3": node("PackshotEmptyLatent", card=["1", 3], width=128, height=128, batch_size=1, frames=1),
        "4": node("PackshotSample", **links, **(settings | (sample or {}))),
        "5": node("VAEDecode", samples=["4", 0], vae=["1", 2]),
        "6": node("PreviewImage", images=["5", 0]),
        "7": node("EmptyImage", width=300, height=200, batch_size=1, color=0xAA2211),
    }


def texts(record: Record, node_id: str) -> str:
    return "\n".join(out.text for out in record.outputs if isinstance(out, protocol.HostText) and out.node == node_id)


def test_guidance_above_one_is_not_applied_to_a_distilled_model_and_says_why(client: Client) -> None:
    record = run(client, graph("tiny-flux1", {"cfg": 7.0}))
    assert record.succeeded
    assert "CFG 7 is not applied" in texts(record, "4")
    assert "distilled" in texts(record, "4")
    assert not texts(run(client, graph("tiny-flux1", {"cfg": 1.0})), "4")


def test_a_negative_prompt_that_is_not_read_is_said(client: Client) -> None:
    assert "reads no negative prompt" in texts(run(client, graph("tiny-flux1", negative="text")), "2")


@pytest.mark.parametrize("override", [{"shift": 5.0}, {"sampler": "heun"}, {"scheduler": "normal"}, {"steps": 3}])
def test_each_setting_of_the_card_can_be_overridden(client: Client, override: dict[str, Any]) -> None:
    seed = {"seed": 5}
    own, other = (run(client, graph("tiny-sd3", seed | {"steps": 2} | change)) for change in ({}, override))
    assert not texts(other, "4")
    first, second = (next(out for out in record.outputs if isinstance(out, HostFile)) for record in (own, other))
    assert content(client, first) != content(client, second)


def content(client: Client, file: HostFile) -> bytes:
    stream = client.api.view(file.filename, file.subfolder, file.folder)
    assert stream is not None
    with Image.open(io.BytesIO(b"".join(stream))) as image:
        return image.convert("RGB").tobytes()


def test_a_size_outside_the_models_own_is_made_and_warned_of(client: Client) -> None:
    wanted = graph("tiny-sd3")
    wanted["3"]["inputs"] |= {"width": 72, "height": 72}
    record = run(client, wanted)
    assert "72 x 72 became 64 x 64" in texts(record, "3")
    assert "may look worse" in texts(record, "3")
    (file,) = (out for out in record.outputs if isinstance(out, HostFile))
    stream = client.api.view(file.filename, file.subfolder, file.folder)
    assert stream is not None
    with Image.open(io.BytesIO(b"".join(stream))) as image:
        assert image.size == (64, 64)


def test_reference_images_change_what_an_editing_model_makes(client: Client) -> None:
    fixed = {"seed": 9}
    alone = run(client, graph("tiny-flux2-edit", fixed))
    edited = run(client, graph("tiny-flux2-edit", fixed, **{"references.image0": ["7", 0]}))
    both = run(client, graph("tiny-flux2-edit", fixed, **{f"references.image{n}": ["7", 0] for n in range(2)}))
    made = {
        content(client, out) for record in (alone, edited, both) for out in record.outputs if isinstance(out, HostFile)
    }
    assert len(made) == 3


def steered(model: str, **given: Any) -> dict[str, dict[str, Any]]:
    """The graph with Packshot Control between words and sampler."""
    wanted = graph(model, {"seed": 4})
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 1], "vae": ["1", 2], "card": ["1", 3]}
    own = {"kind": "canny", "strength": 1.0, "start": 0.0, "end": 1.0, "licence_profile": "settings"}
    wanted["8"] = node("PackshotControl", **links, image=["9", 0], **(own | given))
    # A square in the middle of the picture, so that there are edges.
    wanted["9"] = node("ImageCompositeMasked", destination=["7", 0], source=["10", 0], x=80, y=60, resize_source=False)
    wanted["10"] = node("EmptyImage", width=100, height=80, batch_size=1, color=0xFFFFFF)
    wanted["4"]["inputs"] |= {"model": ["8", 0], "positive": ["8", 1], "negative": ["8", 2]}
    return wanted


def test_control_changes_the_picture_by_its_strength(client: Client) -> None:
    plain, *steers = (
        run(client, wanted)
        for wanted in (graph("tiny-sd15", {"seed": 4}), *(steered("tiny-sd15", strength=n) for n in (0.0, 1.0)))
    )
    made = [content(client, out) for record in (plain, *steers) for out in record.outputs if isinstance(out, HostFile)]
    assert made[0] == made[1]
    assert made[0] != made[2]


@pytest.mark.parametrize(
    ("model", "kind", "error", "words"),
    [
        ("tiny-sd3", "canny", InputInvalid, "cannot be steered by canny"),
        ("tiny-sd15", "depth", LicenceRefused, "Unknown licence"),
    ],
)
def test_control_that_cannot_be_is_refused(
    client: Client, model: str, kind: str, error: type[PackshotError], words: str
) -> None:
    wanted = steered(model, kind=kind)
    record = run(client, wanted)
    assert not record.succeeded
    refused = protocol.failure(record, wanted)
    assert isinstance(refused, error)
    assert words in refused.message
    assert refused.remedy


@pytest.mark.parametrize(
    ("model", "count", "words"), [("tiny-sd3", 1, "takes no reference images"), ("tiny-flux2-edit", 3, "takes 2")]
)
def test_references_that_a_model_does_not_take_are_refused(client: Client, model: str, count: int, words: str) -> None:
    wanted = graph(model, **{f"references.image{n}": ["7", 0] for n in range(count)})
    record = run(client, wanted)
    assert not record.succeeded
    error = protocol.failure(record, wanted)
    assert isinstance(error, InputInvalid)
    assert words in error.message
    assert error.remedy
    assert "PackshotEncode" in error.place


def test_model_info_tells_what_is_here_and_what_is_missing(client: Client) -> None:
    ready, missing = (
        texts(run(client, {"1": node("PackshotModelInfo", card=card_id)}), "1")
        for card_id in ("starter", "flux2-klein-4b")
    )
    assert "Ready." in ready
    assert "here as starter-flux2.safetensors" in ready
    assert "not here" in missing
    assert "packshot models fetch flux2-klein-4b" in missing


def test_the_loader_offers_shipped_cards_and_the_users_own(client: Client) -> None:
    choices = client.object_info["PackshotLoadModel"]["input"]["required"]["card"][1]["options"]
    assert {"flux2-dev", "starter", "tiny-sd3"} <= set(choices)
