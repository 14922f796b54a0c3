"""The model nodes on a real host: one graph for four families, and everything that must be refused before the queue."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from packshot import Client
from packshot.errors import LicenceRefused, ModelCorrupt, ModelMissing, PackshotError
from support.host.model_graphs import node, run, texts

WORDS = {"prompt": "a red mug", "negative": "text", "seed": 11, "width": 128, "height": 128, "steps": 2}


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
