"""The product's own pixels, against its photograph."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from packshot.errors import InputInvalid
from packshot.quality.checks import Given
from packshot.quality.colour import luminance
from packshot.quality.measures.fidelity import ssim_map
from packshot.quality.picture import Picture
from support.planted import (
    PHOTOGRAPHS,
    blurred,
    measured,
    photo,
    photograph,
    product,
    shape,
)

with Image.open(photograph("rocket.jpg")) as _rocket:
    ADOBE = _rocket.info["icc_profile"]


@pytest.mark.parametrize("delta", [0, 1, 2, -1, -2, 3, 4, -3, 50, 200])
def test_one_level_of_one_pixel_of_the_product(delta: int) -> None:
    original = Picture.from_array(shape())
    pixels = original.pixels.astype(int)
    pixels[200, 180, 1] = np.clip(pixels[200, 180, 1] + delta, 0, 255)
    verdict = measured("fidelity.max-difference", pixels.astype(np.uint8), given=Given(original=original))
    expected = int(abs(pixels - original.pixels.astype(int)).max())
    assert verdict.value == expected
    assert verdict.passed == (expected <= 2)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_ssim_is_that_of_scikit_image(name: str) -> None:
    one = luminance(photo(name).pixels)
    other = luminance(blurred(photo(name), 1.5).pixels)
    expected = structural_similarity(one, other, full=True, data_range=255)[1]
    assert np.abs(ssim_map(one, other) - expected).max() < 2e-3
    assert abs(float(ssim_map(one, other).mean()) - float(expected.mean())) < 1e-4


def test_an_original_of_another_size_is_refused() -> None:
    with pytest.raises(InputInvalid, match="600 x 400"):
        measured("fidelity.ssim", product(), given=Given(original=photo("coffee.png")))
