"""A picture placed on the canvas that a channel asks for."""

from __future__ import annotations

import numpy as np
import pytest

from packshot.errors import InputInvalid
from packshot.quality.channels import load_channel
from packshot.quality.masks import find_product
from packshot.quality.picture import Picture
from packshot.quality.placing import place
from support.planted import photo, product, shape


@pytest.mark.parametrize("fill", [0.5, 0.75, 0.9, 1.0])
@pytest.mark.parametrize("size", [(900, 900), (700, 1000), (1000, 300)])
def test_placing_a_cutout(fill: float, size: tuple[int, int]) -> None:
    output = load_channel("amazon-main").output.model_copy(
        update={"fill": fill, "width": size[0], "height": size[1], "background": "#EFE6D6"}
    )
    pixels = place(Picture.from_array(shape()), output)
    region = find_product(pixels)
    assert region is not None
    assert region.background.tolist() == [0xEF, 0xE6, 0xD6]
    box = region.box
    assert max(box.width / size[0], box.height / size[1]) == pytest.approx(fill, abs=4 / min(size))
    assert abs(box.left + box.right - size[0]) <= 6
    assert abs(box.top + box.bottom - size[1]) <= 6
    assert (pixels[region.clear_background()] == (0xEF, 0xE6, 0xD6)).all()
    assert box.width / box.height == pytest.approx(0.71 / 0.6, rel=0.05)  # never stretched


def test_placing_keeps_a_picture_of_the_right_size_as_it_is() -> None:
    output = load_channel("plain").output.model_copy(update={"width": 600, "height": 400})
    assert np.array_equal(place(photo("coffee.png"), output), photo("coffee.png").pixels)


def test_placing_pads_with_the_pictures_own_background() -> None:
    grey = Picture.from_array(product((150, 150, 250, 250), (201, 202, 203)))
    pixels = place(grey, load_channel("zalando").output)
    assert (pixels[:20] == (201, 202, 203)).all()


def test_placing_needs_a_product_to_place() -> None:
    with pytest.raises(InputInvalid, match="no product"):
        place(photo("coffee.png"), load_channel("amazon-main").output)
    mask = np.zeros(photo("coffee.png").pixels.shape[:2], bool)
    mask[100:300, 200:400] = True
    placed = place(photo("coffee.png"), load_channel("amazon-main").output, mask=mask)
    assert placed.shape == (2000, 2000, 3)
