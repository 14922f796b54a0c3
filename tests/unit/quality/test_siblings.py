"""Pictures of a catalogue that are nearly the same."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image

from packshot.quality.checks import Given, Subject, judge
from packshot.quality.picture import Picture
from packshot.quality.registry import find_check
from packshot.quality.siblings import perceptual_hash
from support.planted import (
    PHOTOGRAPHS,
    members,
    photo,
    photograph,
    product,
)

with Image.open(photograph("rocket.jpg")) as _rocket:
    ADOBE = _rocket.info["icc_profile"]


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_hashes_are_those_of_imagehash(name: str) -> None:
    pixels = photo(name).pixels
    expected = imagehash.phash(Image.fromarray(pixels)).hash.ravel()
    assert np.unpackbits(perceptual_hash(pixels)).astype(bool).tolist() == expected.tolist()


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_near_duplicates(name: str) -> None:
    picture = photo(name)
    others = [(other, photo(other).pixels) for other in PHOTOGRAPHS]
    alone = Given(catalogue=members(*others))
    subject = Subject(picture, alone, name=name)
    assert judge(find_check("catalogue.nearest"), subject).passed
    twin = np.asarray(Image.fromarray(picture.pixels).resize((picture.width * 3 // 4, picture.height * 3 // 4)))
    given = Given(catalogue=members(*others, ("twin", twin)))
    assert judge(find_check("catalogue.nearest"), Subject(picture, given, name=name)).reason == "near-duplicate"


def test_the_only_picture_is_no_duplicate() -> None:
    given = Given(catalogue=members(("a", product())))
    verdict = judge(find_check("catalogue.nearest"), Subject(Picture.from_array(product()), given, name="a"))
    assert (verdict.value, verdict.passed) == (64, True)
