"""Connected parts of a mask."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from packshot.quality.components import runs_of

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
