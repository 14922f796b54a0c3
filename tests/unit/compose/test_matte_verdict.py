"""The verdict on a matte: sound ones of drawn products, and each fault put there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from packshot.compose.matte_verdict import judge_matte
from packshot.errors import NoProduct
from support.products import PRODUCTS, photograph


def slugs(picture: np.ndarray, mask: np.ndarray) -> set[str]:
    return {finding.slug for finding in judge_matte(picture, mask.astype(np.float32)) if not finding.sound}


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_true_masks_give_no_decisive_reason(name: str) -> None:
    picture, truth = photograph(name)
    assert not [finding for finding in judge_matte(picture, truth) if finding.decisive and not finding.sound]


def test_a_lost_part_is_found() -> None:
    picture, truth = photograph("mug")
    without_handle = truth.copy()
    without_handle[:, 352:] = 0
    assert "parts-lost" in slugs(picture, without_handle)
    assert "parts-lost" not in slugs(picture, truth)


@pytest.mark.parametrize("name", ["mug", "vase", "can"])
def test_a_rim_of_the_old_backdrop_is_found(name: str) -> None:
    picture, truth = photograph(name, (0.95, 0.95, 0.95))
    wide = ndimage.binary_dilation(truth > 0.5, iterations=5)
    assert "halo" in slugs(picture, wide)
    assert "halo" not in slugs(picture, truth)


def test_backdrop_in_a_filled_hole_is_found() -> None:
    picture, truth = photograph("mug")
    filled = ndimage.binary_fill_holes(truth > 0.5)
    assert filled.sum() > (truth > 0.5).sum()
    assert "backdrop-enclosed" in slugs(picture, filled)
    assert "backdrop-enclosed" not in slugs(picture, truth)


def test_a_product_of_the_colour_of_the_backdrop_is_see_through() -> None:
    picture, truth = photograph("can", (0.8, 0.8, 0.8))
    glass = np.where(ndimage.binary_erosion(truth > 0.5, iterations=6)[..., None], np.roll(picture, 200, 1), picture)
    assert "see-through" in slugs(glass, truth)
    assert "see-through" not in slugs(picture, truth)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_product_that_the_frame_cuts_is_found_at_each_side(turns: int) -> None:
    picture, truth = photograph("mug")
    cut, mask = (np.rot90(plane[:, :260], turns) for plane in (picture, truth))
    assert "product-cut" in slugs(cut, mask)
    assert "product-cut" not in slugs(np.rot90(picture, turns), np.rot90(truth, turns))


def test_two_products_are_counted() -> None:
    (left, left_mask), (right, right_mask) = (photograph(name, (0.8, 0.8, 0.8)) for name in ("can", "vase"))
    both, mask = np.concatenate([left, right], 1), np.concatenate([left_mask, right_mask], 1)
    assert "several-products" in slugs(both, mask)
    assert "several-products" not in slugs(both, mask * (np.arange(1024) < 512))


def test_a_patterned_backdrop_is_told() -> None:
    picture, truth = photograph("vase")
    rows, columns = np.mgrid[:512, :512] // 16
    tiles = np.where((rows + columns) % 2, 0.25, 0.85)[..., None]
    patterned = (picture * truth[..., None] + tiles * (1 - truth[..., None])).astype(np.float32)
    assert "backdrop-patterned" in slugs(patterned, truth)
    assert "backdrop-patterned" not in slugs(picture, truth)


def test_an_empty_mask_is_no_product() -> None:
    picture, truth = photograph("vase")
    with pytest.raises(NoProduct):
        judge_matte(picture, np.zeros_like(truth))


def test_findings_are_recorded_with_value_limit_and_reason() -> None:
    findings = [finding.as_dict() for finding in judge_matte(*photograph("vase"))]
    assert all(entry["sound"] == (entry["value"] <= entry["limit"]) for entry in findings)
    assert len({entry["id"] for entry in findings}) == len({entry["slug"] for entry in findings}) == len(findings)


def test_a_product_of_nearly_the_colour_of_the_backdrop_has_a_faint_outline() -> None:
    """White before white: most of its inside differs from the backdrop by little more than the camera's noise."""
    rng = np.random.default_rng(5)
    truth = np.zeros((480, 480), np.float32)
    truth[120:360, 150:330] = 1
    noise = rng.normal(0, 0.004, (480, 480, 3)).astype(np.float32)
    white, red = (np.where(truth[..., None] > 0, colour, 0.93) + noise for colour in (0.955, np.array((0.7, 0.2, 0.1))))
    assert "faint-outline" in slugs(white.astype(np.float32), truth)
    assert "faint-outline" not in slugs(red.astype(np.float32), truth)
