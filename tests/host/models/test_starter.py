"""The starter model and ``product-shot`` on a real host: loaded by core's own loaders, and it does what models do."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from packshot import Client
from packshot.comfy.events import Preview
from packshot.host.managed import HostStatus


@pytest.fixture(scope="module")
def client(host: HostStatus, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(str(host.url), out=tmp_path_factory.mktemp("out"))


def picture(client: Client, **inputs: object) -> np.ndarray:
    (output,) = client.submit("product-shot@1", **inputs).result(300).outputs
    with Image.open(io.BytesIO(output.read())) as image:
        return np.asarray(image.convert("RGB"), dtype=np.int16)


def test_prompt_negative_and_seed_each_make_a_difference(client: Client) -> None:
    base = {"prompt": "a red mug", "negative": "text", "seed": 3, "steps": 4}
    first = picture(client, **base)
    assert first.shape == (128, 128, 3)
    assert first.std() > 20, "not flat"
    for change in ({"prompt": "a blue chair"}, {"negative": "a red mug on a white background"}, {"seed": 4}):
        assert np.abs(picture(client, **base | change) - first).mean() > 2, change


def test_the_same_inputs_give_the_same_bytes_even_when_made_again(client: Client) -> None:
    first = picture(client, prompt="a lamp", seed=5, steps=2)
    picture(client, prompt="a lamp", seed=6, steps=2)  # or the host would answer from its cache
    assert np.array_equal(picture(client, prompt="a lamp", seed=5, steps=2), first)


def test_the_size_asked_for_is_the_size_made(client: Client) -> None:
    assert picture(client, width=320, height=192, steps=1).shape == (192, 320, 3)


def test_previews_are_pictures_of_unfinished_work(host: HostStatus, tmp_path: Path) -> None:
    with Client(str(host.url), out=tmp_path, previews=True) as watching:
        job = watching.submit("product-shot", seed=2**40 + 1, steps=6)
        previews = [event for event in job.events() if isinstance(event, Preview)]
    assert previews
    with Image.open(io.BytesIO(previews[0].image)) as image:
        assert image.width > 0
        assert image.get_format_mimetype() == previews[0].media_type


def test_a_picture_opens_as_the_workflow_that_made_it(client: Client, tmp_path: Path) -> None:
    (output,) = client.submit("product-shot", prompt="a „Becher“", seed=77, steps=1).result(300, out=tmp_path).outputs
    with Image.open(output.file) as image:
        text = image.info["workflow"]
    assert '"version": "1.2.0"' in text
    assert "77" in text
