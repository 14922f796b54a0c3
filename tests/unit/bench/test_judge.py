"""The judge of the starter."""

from __future__ import annotations

import numpy as np
import pytest
from judge import judge
from scenes.drawing import BACKGROUNDS, COLOURS, TYPES, Scene, draw


@pytest.mark.parametrize("name", TYPES)
def test_the_judge_tells_what_was_drawn(name: str) -> None:
    at = TYPES.index(name)
    colour, background = list(COLOURS)[at % 12], list(BACKGROUNDS)[(at + 2) % 6]
    verdict = judge(draw(Scene.random(at, name, colour, background), 128).pixels, colour)
    assert (verdict.type, verdict.background) == (name, background)
    assert verdict.distance <= 15


def test_the_judge_is_not_content_with_another_colour_or_with_nothing() -> None:
    picture = draw(Scene.random(0, "mug", "red", "white"), 128).pixels
    assert judge(picture, "orange").distance > 15
    assert not judge(np.full((128, 128, 3), 200, np.uint8), "grey").distance <= 15
