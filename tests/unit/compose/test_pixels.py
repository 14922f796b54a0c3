"""Colours, masks, window sums and resizing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.compose.pixels import (
    HAMMING,
    LANCZOS,
    colour,
    mask_of_size,
    resize,
    window_sum,
)
from packshot.errors import InputInvalid

sides = st.integers(12, 90)


@pytest.mark.parametrize("bad", ["", "#FFFFF", "#GGGGGG", "weiß", "#١٢٣٤٥٦"])
def test_what_is_no_colour_is_refused(bad: str) -> None:
    with pytest.raises(InputInvalid, match="not a colour"):
        colour(bad, "input 'colour'")


def test_every_colour_survives_8_bits() -> None:
    for value in range(256):
        assert (colour(f"#{value:02X}{value:02x}{value:02x}", "here") * np.float32(255)).astype(np.uint8)[0] == value


def test_a_mask_of_another_size_is_taken_and_of_another_ratio_refused() -> None:
    assert mask_of_size(np.ones((50, 75), np.float32), 600, 400).shape == (400, 600)
    assert mask_of_size(np.ones((33, 50), np.float32), 600, 400).shape == (400, 600)
    with pytest.raises(InputInvalid, match="64 x 64"):
        mask_of_size(np.zeros((64, 64), np.float32), 600, 400)


@given(sides, sides, st.integers(0, 8), st.integers(0, 8), st.integers(0, 2**32))
@settings(deadline=None, max_examples=50)
def test_window_sums_are_sums_over_windows(width: int, height: int, across: int, down: int, seed: int) -> None:
    values = np.random.default_rng(seed).random((height, width))
    padded = np.pad(values, ((down, down), (across, across)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * down + 1, 2 * across + 1))
    assert np.allclose(window_sum(values, across, down), windows.sum(axis=(2, 3)))


@given(sides, sides, st.integers(1, 200), st.integers(1, 200))
@settings(deadline=None, max_examples=50)
def test_flat_parts_stay_flat_in_every_resize(width: int, height: int, to_width: int, to_height: int) -> None:
    flat = np.full((height, width, 3), colour("#1A2B3C", "here"), np.float32)
    for resampling in (LANCZOS, HAMMING):
        resized = resize(flat, to_width, to_height, resampling)
        assert (np.round(resized * 255) == [0x1A, 0x2B, 0x3C]).all()
