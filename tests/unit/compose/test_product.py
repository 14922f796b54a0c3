"""Compositing keeps the product's pixels and the background's: properties over many sizes, masks and placements."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.compose.edges import levels
from packshot.compose.pixels import (
    LANCZOS,
    Rect,
    bounding_box,
    colour,
    plain,
    resize,
)
from packshot.compose.product import Composite, Edge, Placement, Shadow, compose, place_box
from packshot.errors import InputInvalid
from support.products import PRODUCTS, photograph

share = st.floats(0, 1)

sides = st.integers(12, 90)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A noisy product picture, a mask of a few soft and hard blobs, and a noisy background of another size."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    width, height = draw(sides), draw(sides)
    product = random.random((height, width, 3), dtype=np.float32)
    mask = np.zeros((height, width), np.float32)
    rows, columns = np.mgrid[:height, :width]
    for _ in range(draw(st.integers(1, 3))):
        y, x = random.uniform(0, height), random.uniform(0, width)
        radius, softness = random.uniform(3, max(width, height)), random.choice([0.01, 1.0, 4.0])
        distance = np.hypot(rows - y, columns - x)
        mask = np.maximum(mask, np.clip((radius - distance) / softness, 0, 1).astype(np.float32))
    mask[int(height // 2), int(width // 2)] = 1.0
    background = random.random((draw(sides), draw(sides), 3), dtype=np.float32)
    return product, mask, background


placements = st.builds(Placement, fill=st.floats(0.05, 1), x=share, y=share, margin=st.floats(0, 0.4))

edges = st.builds(Edge, width=st.integers(0, 6), solid=st.floats(0.55, 1), remove_spill=st.booleans())

shadows = st.builds(Shadow, strength=share, softness=st.floats(0.1, 4))


def independent_erosion(opaque: np.ndarray, by: int) -> np.ndarray:
    padded = np.pad(opaque, by, mode="edge")
    height, width = opaque.shape
    shifts = range(2 * by + 1)
    return np.all([padded[y : y + height, x : x + width] for y in shifts for x in shifts], axis=0)


@settings(deadline=None, max_examples=150)
@given(scenes(), placements, edges, shadows)
def test_inside_is_the_product_and_away_from_it_is_the_background_bit_for_bit(
    scene: tuple[np.ndarray, np.ndarray, np.ndarray], placement: Placement, edge: Edge, shadow: Shadow
) -> None:
    product, mask, background = scene
    made = compose(product, mask, background, placement, edge, shadow)
    assert made.picture.shape == background.shape
    assert made.picture.dtype == np.float32
    assert made.picture.min() >= 0
    assert made.picture.max() <= 1
    # Both sides found again, by other means than those of the code.
    box = bounding_box(levels(mask, edge.solid))
    assert box is not None
    target = place_box(box, background.shape[1], background.shape[0], placement)
    resized = resize(product, target.width, target.height, LANCZOS, box)
    eroded = independent_erosion(made.mask == 1, edge.width)
    assert np.array_equal(made.inside, eroded)
    assert np.array_equal(made.picture[target.slices][eroded[target.slices]], resized[eroded[target.slices]])
    assert not eroded.any() or eroded[target.slices].sum() == eroded.sum()
    away = (made.mask == 0) & (made.shadow == 0)
    assert np.array_equal(made.picture[away], background[away])


@settings(deadline=None, max_examples=60)
@given(scenes(), placements, edges, shadows, st.integers(0, 0xFFFFFF))
def test_a_plain_background_is_the_colour_asked_for_in_8_bits(
    scene: tuple[np.ndarray, np.ndarray, np.ndarray], placement: Placement, edge: Edge, shadow: Shadow, rgb: int
) -> None:
    product, mask, background = scene
    height, width = background.shape[:2]
    ground = plain(colour(f"#{rgb:06x}", "here"), width, height)
    made = compose(product, mask, ground, placement, edge, shadow)
    saved = (made.picture * np.float32(255)).astype(np.uint8)  # as core writes it: cut off, not rounded
    away = (made.mask == 0) & (made.shadow == 0)
    assert (saved[away] == np.array([rgb >> 16, rgb >> 8 & 255, rgb & 255], np.uint8)).all()


@settings(deadline=None, max_examples=60)
@given(scenes(), placements, shadows)
def test_a_shadow_never_brightens_and_stays_outside_of_the_product(
    scene: tuple[np.ndarray, np.ndarray, np.ndarray], placement: Placement, shadow: Shadow
) -> None:
    product, mask, background = scene
    dark = compose(product, mask, background, placement, Edge(), shadow)
    light = compose(product, mask, background, placement, Edge(), Shadow(0.0))
    assert (dark.picture <= light.picture + 1e-6).all()
    assert np.array_equal(dark.picture[dark.mask == 1], light.picture[light.mask == 1])
    assert dark.shadow.max(initial=0) <= np.float32(shadow.strength) + 1e-6
    assert not light.shadow.any()


@settings(deadline=None, max_examples=60)
@given(scenes(), placements, st.integers(0, 6))
def test_spill_removal_leaves_the_inside_and_the_outside_alone(
    scene: tuple[np.ndarray, np.ndarray, np.ndarray], placement: Placement, width: int
) -> None:
    product, mask, background = scene
    with_spill, without = (
        compose(product, mask, background, placement, Edge(width, remove_spill=removed), Shadow())
        for removed in (False, True)
    )
    same = with_spill.inside | (with_spill.mask == 0)
    assert np.array_equal(with_spill.picture[same], without.picture[same])


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_a_product_on_white_has_no_halo_of_its_old_background(name: str) -> None:
    """Composited with spill removal, a drawn product is nearer to what it would be without any background."""
    picture, mask = photograph(name)
    truth, _ = photograph(name, backdrop=(1.0, 1.0, 1.0))
    white = plain(colour("#FFFFFF", "here"), 512, 512)
    edge = (mask > 0.02) & (mask < 0.98)
    errors = []
    for removed in (False, True):
        made = compose(picture, mask, white, None, Edge(0, 1.0, removed), Shadow(0.0))
        errors.append(np.abs(made.picture - truth)[edge].mean())
    assert errors[1] < 0.5 * errors[0]


def test_pixels_at_their_own_size_are_not_resampled() -> None:
    picture, mask = photograph("mug")
    ground = plain(colour("#FFFFFF", "here"), 640, 600)
    made = compose(picture, mask, ground, Placement(fill=0), Edge(), Shadow())
    box = bounding_box(levels(mask, 0.95))
    assert box is not None
    assert made.scale == 1
    target = place_box(box, 640, 600, Placement(fill=0))
    assert np.array_equal(made.product[target.slices], picture[box.slices])


def test_pasted_back_the_product_is_where_it_was() -> None:
    picture, mask = photograph("vase")
    scene = np.random.default_rng(3).random((512, 512, 3), dtype=np.float32)
    made = compose(picture, mask, scene, None, Edge(2), Shadow(0.0))
    kept = independent_erosion(levels(mask, 0.95) == 1, 2)
    assert np.array_equal(made.inside, kept)
    assert np.array_equal(made.picture[kept], picture[kept])
    half = compose(picture, mask, scene[::2, ::2], None, Edge(2), Shadow(0.0))
    assert np.array_equal(half.picture[half.inside], resize(picture, 256, 256, LANCZOS)[half.inside])
    assert half.inside.sum() > 0.2 * kept.sum()


@pytest.mark.parametrize("corner", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5)])
@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 300), (1000, 1000)])
def test_the_product_fills_its_share_within_the_margins(width: int, height: int, corner: tuple[float, float]) -> None:
    margin = 0.05
    for own in (Rect(0, 0, 80, 40), Rect(0, 0, 40, 80), Rect(0, 0, 7, 600)):
        target = place_box(own, width, height, Placement(0.85, *corner, margin))
        free = round(margin * min(width, height))
        assert target.left >= free
        assert target.top >= free
        assert target.right <= width - free
        assert target.bottom <= height - free
        reach = max(target.width / width, target.height / height)
        assert reach == pytest.approx(0.85, abs=1 / min(width, height))
        assert target.width / target.height == pytest.approx(own.width / own.height, rel=0.2, abs=0.02)
        gaps = (target.left - free, width - free - target.right, target.top - free, height - free - target.bottom)
        assert corner != (0.0, 0.0) or (gaps[0], gaps[2]) == (0, 0)
        assert corner != (1.0, 1.0) or (gaps[1], gaps[3]) == (0, 0)
        assert corner != (0.5, 0.5) or (abs(gaps[0] - gaps[1]) <= 1 and abs(gaps[2] - gaps[3]) <= 1)


def refused(product: tuple[int, int], mask: np.ndarray, ground: tuple[int, int], where: Placement | None) -> Composite:
    picture = np.zeros((*product, 3), np.float32)
    return compose(picture, mask, np.zeros((*ground, 3), np.float32), where, Edge(), Shadow())


def test_what_cannot_be_composed_is_refused_with_a_remedy() -> None:
    whole = np.ones((40, 60), np.float32)
    cases = [
        ("empty", (whole * 0, (100, 100), Placement())),
        ("within its margins", (whole, (42, 62), Placement(fill=0, margin=0.1))),
        ("cannot be found in both", (whole, (100, 100), None)),
    ]
    for words, (mask, ground, where) in cases:
        with pytest.raises(InputInvalid, match=words) as caught:
            refused((40, 60), mask, ground, where)
        assert caught.value.place
        assert caught.value.remedy


@pytest.mark.parametrize("size", [(0, 40), (40, 0), (0, 0)])
def test_a_background_without_pixels_is_refused(size: tuple[int, int]) -> None:
    product, mask = np.full((20, 20, 3), 0.5, np.float32), np.ones((20, 20), np.float32)
    for placement in (Placement(), None):
        with pytest.raises(InputInvalid, match="pixels") as caught:
            compose(product, mask, np.zeros((*size, 3), np.float32), placement, Edge(), Shadow())
        assert caught.value.place == "input 'background'"
        assert caught.value.remedy
