"""The starter's blocks."""

from __future__ import annotations

import numpy as np
import pytest

from packshot.models.starter.blocks import basis, encode


def test_the_blocks_frequencies_are_orthogonal_and_keep_a_flat_colour() -> None:
    flat = basis().reshape(32, -1)
    products = flat @ flat.T
    assert np.abs(products - np.diag(products.diagonal())).max() < 1e-6
    colour = np.array([200, 90, 30], np.uint8)
    coded = encode(np.broadcast_to(colour, (16, 16, 3)))
    assert coded.shape == (32, 2, 2)
    assert np.ptp(coded, axis=(1, 2)).max() < 1e-6
    assert coded[0, 0, 0] == pytest.approx(colour.mean() / 127.5 - 1, abs=1e-5)
    assert np.abs(coded[[*range(1, 20), *range(21, 26), *range(27, 32)]]).max() < 1e-4
