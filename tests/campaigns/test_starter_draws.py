"""The starter draws what is asked for: a sample of ``bench/starter/measure.py``, judged by measurement."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from judge import SAME, Verdict, judge
from look import at_strength, coverage, drawn, prompt_of
from PIL import Image
from scenes.captions import plain

from packshot import Client
from packshot.brand import BrandKit
from packshot.host.managed import HostStatus
from packshot.paths import shipped

# Type, colour, background, language: every colour once.
ASKED = [
    ("mug", "red", "white", "en"), ("bottle", "green", "beige", "en"), ("chair", "blue", "light blue", "de"),
    ("shirt", "orange", "dark", "en"), ("bag", "brown", "white", "de"), ("lamp", "yellow", "grey", "en"),
    ("teapot", "turquoise", "pink", "en"), ("bowl", "purple", "white", "de"), ("hat", "black", "beige", "en"),
    ("sofa", "grey", "light blue", "en"), ("trousers", "pink", "dark", "de"), ("vase", "white", "dark", "en"),
]  # fmt: skip


@pytest.fixture(scope="module")
def verdicts(host: HostStatus, tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    client = Client(str(host.url), out=tmp_path_factory.mktemp("out"))
    found = []
    for seed, (name, colour, background, language) in enumerate(ASKED):
        inputs = {"prompt": plain(name, colour, background, language), "negative": "", "seed": seed}
        (output,) = client.submit("product-shot", **inputs, width=128, height=128).result(300).outputs
        with Image.open(io.BytesIO(output.read())) as image:
            found.append(judge(np.asarray(image.convert("RGB")), colour))
    return found


def test_the_product_has_the_colour_asked_for(verdicts: list[Verdict]) -> None:
    assert sum(verdict.distance <= SAME for verdict in verdicts) >= 10, [v.distance for v in verdicts]


def test_the_product_has_the_outline_of_its_type(verdicts: list[Verdict]) -> None:
    assert sum(v.type == asked[0] for v, asked in zip(verdicts, ASKED, strict=True)) >= 8, [v.type for v in verdicts]


def test_the_background_is_the_one_asked_for(verdicts: list[Verdict]) -> None:
    found = [verdict.background for verdict in verdicts]
    assert sum(one == asked[2] for one, asked in zip(found, ASKED, strict=True)) >= 11, found


def test_a_brands_lora_brings_its_palette_and_keeps_the_outline(host: HostStatus, tmp_path: Path) -> None:
    """A sample of ``bench/starter/brands.py``; the host has the LoRAs of both kits."""
    client = Client(str(host.url), out=tmp_path)
    for name, product in (("aldern-quay", "teapot"), ("lumen-forge", "bag")):
        kit = BrandKit.load(shipped("examples") / "brands" / name)
        prompt = prompt_of(kit, product, "green")
        without, half, whole = (drawn(client, at_strength(kit, strength), prompt, 7) for strength in (0, 0.5, 1))
        shares = [coverage(kit, pixels) for pixels in (without, half, whole)]
        assert shares[0] <= 0.15, shares
        assert shares[0] < shares[1] < shares[2], shares
        assert shares[2] >= 0.7, shares
        assert judge(whole, "green").type == product
