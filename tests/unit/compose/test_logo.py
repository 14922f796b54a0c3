"""Logos: exact colours, clear space, smallest size, and a refusal where these cannot be kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.compose.logo import ANCHORS, AUTO, LogoRule, opacity_of_logo, place_logo
from packshot.compose.pixels import colour
from packshot.errors import InputInvalid

RED = colour("#C8102E", "here")


def disc(side: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """A red disc with transparent corners, whose colour there is green: it must never be seen."""
    rows, columns = np.mgrid[:side, :side]
    opacity = np.clip(side / 2 - 4 - np.hypot(rows - side / 2, columns - side / 2), 0, 1).astype(np.float32)
    return np.where(opacity[..., None] > 0, RED, np.float32([0, 1, 0])), opacity


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).random((height, width, 3), dtype=np.float32)


@settings(deadline=None, max_examples=80)
@given(
    st.integers(200, 400),
    st.integers(200, 400),
    st.sampled_from([*ANCHORS, AUTO]),
    st.floats(0.02, 0.24),  # with its clear space, it always has room
    st.floats(0, 0.5),
    st.floats(0, 0.1),
    st.integers(1, 60),
)
def test_colours_are_exact_and_the_rest_is_untouched(
    height: int, width: int, anchor: str, share: float, clear: float, margin: float, smallest: int
) -> None:
    ground = picture(height, width)
    rule = LogoRule(share, anchor, margin, clear, smallest)
    placed = place_logo(ground, *disc(), rule)
    assert np.array_equal(placed.picture[placed.mask == 0], ground[placed.mask == 0])
    assert (placed.picture[placed.mask == 1] == RED).all()
    # What shows through at the edge is the picture and the logo, and never the colour of what is transparent.
    part = (placed.mask > 0) & (placed.mask < 1)
    cover = placed.mask[part][:, None]
    assert np.allclose(placed.picture[part], ground[part] * (1 - cover) + RED * cover, atol=2 / 255)
    assert placed.place.width == max(round(share * width), smallest)
    free = clear * placed.place.height
    assert min(placed.place.left, placed.place.top) >= free
    assert min(width - placed.place.right, height - placed.place.bottom) >= free


@pytest.mark.parametrize("anchor", ANCHORS)
def test_each_anchor_is_where_it_says(anchor: str) -> None:
    place = place_logo(picture(400, 300), *disc(), LogoRule(0.2, anchor, 0.05, 0.1, 10)).place
    across = (place.left + place.right) / 2 / 300
    down = (place.top + place.bottom) / 2 / 400
    assert ("left" in anchor) == (across < 0.4)
    assert ("right" in anchor) == (across > 0.6)
    assert ("top" in anchor) == (down < 0.4)
    assert ("bottom" in anchor) == (down > 0.6)


def test_auto_takes_the_first_corner_whose_clear_space_is_free() -> None:
    taken = np.zeros((400, 400), np.float32)
    rule = LogoRule(0.2, AUTO, 0.0, 0.5, 10)
    assert place_logo(picture(400, 400), *disc(), rule, taken).place.left > 200
    # Not where the logo itself would stand, which is 40 pixels from the edges, but in its clear space.
    taken[395:, 395:] = 1
    moved = place_logo(picture(400, 400), *disc(), rule, taken)
    assert (moved.place.left < 200, moved.place.top > 200) == (True, True)
    with pytest.raises(InputInvalid, match="kept free"):
        place_logo(picture(400, 400), *disc(), LogoRule(0.2, "bottom right", 0.0, 0.5, 10), taken)
    with pytest.raises(InputInvalid, match="kept free"):
        place_logo(picture(400, 400), *disc(), rule, np.ones_like(taken))


def test_a_logo_without_room_or_without_pixels_is_refused() -> None:
    red, opacity = disc()
    for rule in (LogoRule(1.0, margin=0.1), LogoRule(0.1, smallest=500), LogoRule(0.5, clear_space=4)):
        with pytest.raises(InputInvalid, match="free on every side") as caught:
            place_logo(picture(200, 200), red, opacity, rule)
        assert caught.value.remedy
    with pytest.raises(InputInvalid, match="transparent"):
        place_logo(picture(200, 200), red, opacity * 0, LogoRule())


def test_a_logo_at_its_own_size_is_copied() -> None:
    red, opacity = disc(100)
    own = opacity[(opacity > 0).any(1)][:, (opacity > 0).any(0)]
    placed = place_logo(picture(500, 500), red, opacity, LogoRule(own.shape[1] / 500, "centre", 0, 0, 1))
    assert placed.scale == 1
    assert np.abs(placed.mask[placed.place.slices] - own).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_logo_that_has_lost_its_transparency_is_never_a_box(value: float) -> None:
    """Load Image paints what is transparent black, and gives 64 x 64 pixels of nothing for a file without alpha."""
    black = np.where(disc()[1][..., None] > 0, RED, np.float32(value))
    for alpha in (None, np.ones((64, 64), np.float32), np.ones((120, 120), np.float32)):
        opacity = opacity_of_logo(alpha, 120, 120)
        assert opacity.shape == (120, 120)
        with pytest.raises(
            InputInvalid, match="has no transparency, and would stand on the picture as a box"
        ) as caught:
            place_logo(picture(400, 400), black, opacity, LogoRule())
        assert caught.value.place == "input 'transparency'"
        assert "Load Image" in caught.value.remedy
    wide = opacity_of_logo(np.ones((64, 64), np.float32), 300, 100)
    assert wide.shape == (100, 300)


def test_an_inverted_mask_is_refused_as_such() -> None:
    red, opacity = disc()
    with pytest.raises(InputInvalid, match="mask is inverted"):
        place_logo(picture(400, 400), red, 1 - opacity, LogoRule())
    with pytest.raises(InputInvalid, match="transparent everywhere") as caught:
        place_logo(picture(400, 400), red, np.zeros_like(opacity), LogoRule())
    assert "white for what is transparent" in caught.value.remedy


def test_a_box_that_is_meant_is_placed() -> None:
    red = np.broadcast_to(RED, (50, 100, 3)).astype(np.float32)
    placed = place_logo(picture(400, 400), red, opacity_of_logo(None, 100, 50), LogoRule(box=True))
    assert (placed.picture[placed.place.slices] == RED).all()
