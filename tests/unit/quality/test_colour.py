"""Colour against the published data, against scikit-image, and exactly."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000, rgb2lab

from packshot.quality.colour import (
    delta_e_2000,
    distinct_colours,
    hex_to_lab,
    hex_to_rgb,
    lightness_term,
    luminance,
    srgb_to_lab,
)
from support.planted import PHOTOGRAPHS, photo

# Sharma, Wu, Dalal 2005, table 1: L*, a*, b* of two colours, and their difference.
PAIRS = np.array(
    [
        float(number)
        for number in re.findall(
            r"[-.\d]+",
            """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
""",
        )
    ]
).reshape(-1, 7)


@pytest.mark.parametrize("row", range(34))
def test_the_published_pairs(row: int) -> None:
    one, other, expected = PAIRS[row, :3], PAIRS[row, 3:6], PAIRS[row, 6]
    assert abs(delta_e_2000(one, other) - expected) <= 1e-4
    assert abs(delta_e_2000(other, one) - expected) <= 1e-4


def test_all_pairs_at_once_are_as_one_by_one() -> None:
    together = delta_e_2000(PAIRS[:, :3], PAIRS[:, 3:6])
    assert np.array_equal(together, [delta_e_2000(row[:3], row[3:6]) for row in PAIRS])


def far_from_opposite(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pairs whose hues are not within half a degree of half a turn apart, where the formula has two answers."""
    turn = np.degrees(np.arctan2(one[:, 2], one[:, 1]) - np.arctan2(other[:, 2], other[:, 1])) % 360
    return np.abs(turn - 180) > 0.5


def test_agrees_with_scikit_image_over_all_of_lab() -> None:
    random = np.random.default_rng(7)
    one, other = random.uniform([0, -110, -110], [100, 110, 110], (2, 200_000, 3))
    expected = deltaE_ciede2000(one, other)
    difference = np.abs(delta_e_2000(one, other) - expected)[far_from_opposite(one, other)]
    assert (difference / np.maximum(5e-5, 6e-6 * expected[far_from_opposite(one, other)])).max() <= 1


def test_agrees_with_scikit_image_on_close_colours() -> None:
    random = np.random.default_rng(8)
    one = random.uniform([0, -110, -110], [100, 110, 110], (200_000, 3))
    other = one + random.normal(0, 0.5, one.shape)
    keep = far_from_opposite(one, other)
    assert np.abs(delta_e_2000(one, other) - deltaE_ciede2000(one, other))[keep].max() <= 5e-5


def test_no_difference_is_below_its_term_of_lightness() -> None:
    random = np.random.default_rng(9)
    one, other = random.uniform([0, -110, -110], [100, 110, 110], (2, 200_000, 3)).astype(np.float32)
    assert (lightness_term(one[:, 0], other[:, 0]) <= delta_e_2000(one, other) + 1e-3).all()
    grey = one * np.array([1, 0, 0], np.float32), other * np.array([1, 0, 0], np.float32)
    assert np.abs(lightness_term(grey[0][:, 0], grey[1][:, 0]) - delta_e_2000(*grey)).max() < 1e-3


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_in_lab(name: str) -> None:
    pixels = photo(name).pixels
    # scikit-image rounds the matrix of sRGB to six digits.
    assert np.abs(srgb_to_lab(pixels) - rgb2lab(pixels)).max() < 0.01


def test_broadcasting_against_one_colour() -> None:
    lab = srgb_to_lab(photo("coffee.png").pixels)
    brand = hex_to_lab("#3F5E57")
    assert np.array_equal(delta_e_2000(lab, brand), delta_e_2000(lab, np.broadcast_to(brand, lab.shape)))
    assert delta_e_2000(lab, brand).shape == lab.shape[:2]


@given(st.tuples(*[st.integers(0, 255)] * 3), st.tuples(*[st.integers(0, 255)] * 3))
def test_a_difference_is_symmetric_and_nothing_only_of_the_same(one: tuple, other: tuple) -> None:
    first, second = srgb_to_lab(np.array(one, np.uint8)), srgb_to_lab(np.array(other, np.uint8))
    there, back = float(delta_e_2000(first, second)), float(delta_e_2000(second, first))
    assert np.isfinite(there)
    assert there == pytest.approx(back, abs=1e-3)
    assert (there == 0) == (one == other)


def test_every_grey_is_neutral() -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    lab = srgb_to_lab(greys)
    assert np.abs(lab[:, 1:]).max() < 1e-4
    assert lab[0, 0] == pytest.approx(0, abs=1e-4)
    assert lab[255, 0] == pytest.approx(100, abs=1e-4)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_distinct_colours_are_those_of_numpy(name: str) -> None:
    pixels = photo(name).pixels
    colours, counts = distinct_colours(pixels)
    expected, times = np.unique(pixels.reshape(-1, 3)[:, ::-1], axis=0, return_counts=True)
    assert np.array_equal(colours[:, ::-1], expected)
    assert np.array_equal(counts, times)


def test_hex_and_luma() -> None:
    assert hex_to_rgb("#1a2B3c") == (0x1A, 0x2B, 0x3C)
    assert luminance(np.full((2, 3, 3), 255, np.uint8)).tolist() == [[255] * 3] * 2
    assert luminance(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)).tolist() == [[76, 150, 29]]
