"""The mask of a product."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from packshot.compose.product import Edge, Placement, Shadow, compose
from packshot.quality.masks import find_product
from support.places import ROOT
from support.planted import KELP, canvas, encoded, measured, product

Pixels8 = npt.NDArray[np.uint8]


def test_holes_are_product_and_specks_are_not() -> None:
    pixels = product((40, 40, 360, 360))
    pixels[100:120, 100:120] = 255  # a white label: not connected to the frame's edge
    pixels[10:14, 10:14] = KELP  # dirt
    region = find_product(pixels)
    assert region is not None
    assert (region.box.left, region.box.top, region.box.right, region.box.bottom) == (40, 40, 360, 360)
    assert region.product[40:360, 40:360].all()
    assert region.product.sum() == 320 * 320
    assert find_product(canvas()) is None


def judged(pixels: Pixels8) -> str:
    """The reason that the rule of an exact background gives; empty where it is kept to."""
    return measured("background.exact", encoded(pixels, "PNG")).reason


def white_mug() -> Pixels8:
    """A shaded mug whose light side is within 4 levels of white, with highlights that are white."""
    pixels = canvas()
    pixels[80:340, 60:200] = 200
    pixels[80:340, 200:300] = 252
    pixels[150:260, 230:262] = 255
    pixels[80:340, 300:340] = 225
    return pixels


def test_near_white_in_the_hull_of_a_product_is_product() -> None:
    pixels = white_mug()
    assert judged(pixels) == ""
    region = find_product(pixels)
    assert region is not None
    assert region.product[90:330, 205:225].all()


def test_a_white_face_beside_the_shaded_ones_is_product() -> None:
    """A box whose lid is nearly white, and sticks out of the hull of its other faces."""
    pixels = canvas()
    pixels[200:360, 60:340] = (214, 213, 210)
    pixels[80:200, 120:280] = 252
    assert judged(pixels) == ""
    region = find_product(pixels)
    assert region is not None
    assert region.box.top <= 82


@pytest.mark.parametrize("level", [254, 252, 247])
def test_a_background_that_is_not_white_fails_however_white_the_product(level: int) -> None:
    pixels = white_mug()
    pixels[(pixels == 255).all(axis=2)] = level
    assert judged(pixels) == "background-not-exact"


@pytest.mark.parametrize("level", [254, 252])
def test_a_stain_at_the_frame_fails_though_it_reaches_the_product(level: int) -> None:
    pixels = white_mug()
    pixels[200:220, :62] = level
    assert judged(pixels) == "background-not-exact"


def test_a_stain_far_from_the_product_fails() -> None:
    pixels = product((120, 120, 280, 280))
    pixels[40:60, 40:60] = 252
    assert judged(pixels) == "background-not-exact"


def test_a_haze_that_fades_around_the_product_fails() -> None:
    pixels = product((120, 120, 280, 280))
    rows, columns = np.mgrid[:400, :400]
    away = np.maximum(np.maximum(120 - rows, rows - 279), np.maximum(120 - columns, columns - 279))
    haze = np.clip(255 - np.clip(5 - away / 12, 0, 4), 0, 255).astype(np.uint8)
    pixels[away > 0] = haze[away > 0][:, None]
    assert judged(pixels) == "background-not-exact"


@pytest.mark.parametrize("name", ["bowl-white-on-white", "mug-white-on-white"])
@pytest.mark.parametrize("exposure", [1.0, 1.15, 1.2])
def test_a_rendered_white_product_on_white_has_an_exact_background(name: str, exposure: float) -> None:
    """Cut out by its true mask; the exposure takes its light side to white."""
    layers = [Image.open(ROOT / "bench" / "matte" / f"{name}.{kind}") for kind in ("jpg", "png")]
    picture, mask = (np.asarray(layer, np.float32) / 255 for layer in layers)
    ground = np.ones((1000, 1000, 3), np.float32)
    exposed = np.clip(picture * exposure, 0, 1).astype(np.float32)
    made = compose(exposed, mask, ground, Placement(fill=0.9), Edge(), Shadow(0.0)).picture
    pixels = (made * 255 + 0.5).astype(np.uint8)
    assert judged(pixels) == ""
    pixels[(pixels == 255).all(axis=2)] = 253
    assert judged(pixels) == "background-not-exact"
