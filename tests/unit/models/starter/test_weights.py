"""The sizes of the starter."""

from __future__ import annotations

import numpy as np
import pytest

from packshot.models.starter.weights import autoencoder, diffusion_model, text_encoder


@pytest.mark.parametrize(("tensors", "millions"), [(diffusion_model, 8.3), (text_encoder, 123.7), (autoencoder, 37.6)])
def test_sizes_are_the_stated_ones(tensors: object, millions: float) -> None:
    count = sum(np.prod(tensor.shape, dtype=np.int64) for tensor in tensors())  # type: ignore[operator]
    assert round(float(count) / 1e6, 1) == millions
