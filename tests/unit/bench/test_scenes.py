"""Drawn scenes and their captions."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scenes.captions import caption, plain
from scenes.drawing import BACKGROUNDS, COLOURS, TYPES, Scene, draw


def test_there_is_as_much_to_draw_as_is_said() -> None:
    assert (len(TYPES), len(COLOURS), len(BACKGROUNDS)) == (25, 12, 6)


def test_a_scene_is_drawn_the_same_every_time_and_another_seed_otherwise() -> None:
    one, same, other = (Scene.random(seed, "mug", "red", "white") for seed in (1, 1, 2))
    assert np.array_equal(draw(one).pixels, draw(same).pixels)
    assert not np.array_equal(draw(one).pixels, draw(other).pixels)


@pytest.mark.parametrize("side", [64, 128, 256])
def test_every_size_shows_the_same_picture(side: int) -> None:
    scene = Scene.random(3, "teapot", "blue", "beige")
    large, small = draw(scene), draw(scene, side)
    step = 256 // side
    assert small.pixels.shape == (side, side, 3)
    mean = large.pixels.reshape(side, step, side, step, 3).mean((1, 3))
    assert np.abs(mean - small.pixels).max() <= 1.0
    assert 0.05 < small.mask.mean() < 0.5


@pytest.mark.parametrize("seed", range(40))
def test_captions_name_what_is_shown_and_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    scene = Scene(rng.choice(TYPES), "purple", "beige")
    said = caption(scene, rng).lower()
    assert "purple" in said or "lila" in said
    assert "beige" in said
    assert not any(word in said for word in ("red ", "rot", "green", "grün"))


def test_plain_captions_read_as_people_write() -> None:
    assert plain("mug", "red", "white") == "a red mug on a white background"
    assert plain("mug", "red", "white", "de") == "eine rote Tasse auf weißem Hintergrund"
    assert plain("glasses", "orange", "light blue") == "a pair of orange glasses on a light blue background"
