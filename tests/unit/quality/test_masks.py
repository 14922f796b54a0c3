"""The mask of a product."""

from __future__ import annotations

from packshot.quality.masks import find_product
from support.planted import KELP, canvas, product


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
