"""The edge of a product: its colour, and where the frame cuts it off."""

from __future__ import annotations

import numpy as np

from packshot.compose.edges import inside, without_spill


def test_spill_removal_finds_the_colour_of_the_product_at_its_edge() -> None:
    """A grey disc before green: edge pixels hold green, and after removal nearly none."""
    rows, columns = np.mgrid[:200, :200]
    mask = np.clip((60 - np.hypot(rows - 100, columns - 100)) / 6, 0, 1).astype(np.float32)
    product, green = np.float32([0.5, 0.5, 0.5]), np.float32([0.1, 0.9, 0.2])
    picture = product * mask[..., None] + green * (1 - mask[..., None])
    edge = (mask > 0.1) & (mask < 0.9)
    before = np.abs(picture - product)[edge].mean()
    after = np.abs(without_spill(picture, mask) - product)[edge].mean()
    assert before > 0.1
    assert after < before / 20


def test_a_cut_off_product_has_no_edge_at_the_frame() -> None:
    mask = np.zeros((40, 40), np.float32)
    mask[20:, :] = 1
    assert inside(mask, 3)[23:].all()
    assert not inside(mask, 3)[:23].any()
