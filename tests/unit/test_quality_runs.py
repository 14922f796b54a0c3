"""Connected parts by runs are those of scipy's labelling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from packshot.quality.components import runs_of
from packshot.quality.masks import find_product
from support.planted import KELP, canvas, product

SHAPES = [(1, 1), (1, 9), (9, 1), (2, 2), (7, 13), (40, 33)]


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_parts_are_those_of_scipy(shape: tuple[int, int], share: float, corners: bool) -> None:
    made = np.random.default_rng(int(share * 10) + shape[0])
    for _ in range(20):
        mask = made.random(shape) < share
        labels, count = ndimage.label(mask, structure=np.ones((3, 3)) if corners else None)
        runs = runs_of(mask, corners=corners)
        assert runs.parts == count
        assert sorted(runs.sizes()) == sorted(np.bincount(labels.ravel(), minlength=count + 1)[1:])
        assert np.array_equal(runs.paint(np.ones(count, bool)), mask)
        for part in range(count):
            painted = runs.paint(np.arange(count) == part)
            assert len(np.unique(labels[painted])) == 1
            assert painted.sum() == (labels == labels[painted][0]).sum()


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
