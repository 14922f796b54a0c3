"""Masks brought to a photograph's own edges, measured against the true ones."""

from __future__ import annotations

import numpy as np
import pytest

from packshot.compose.matte_verdict import judge_matte
from packshot.compose.pixels import HAMMING, resize
from packshot.compose.refine import guided, refine
from support.products import PRODUCTS, bucket, photograph


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    solid, true = mask > 0.5, truth > 0.5
    return float((solid & true).sum() / (solid | true).sum())


def coarse(mask: np.ndarray, side: int) -> np.ndarray:
    """As a network of so many pixels a side would give it."""
    height, width = mask.shape
    small = (resize(mask, side, side, HAMMING) > 0.5).astype(np.float32)
    return resize(small, width, height, HAMMING)


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_a_coarse_mask_comes_to_the_true_edge(name: str) -> None:
    picture, truth = photograph(name)
    blocks = coarse(truth, 64)
    refined = refine(picture, blocks)
    assert refined.shape == truth.shape
    assert (refined.min(), refined.max()) == (0, 1)
    assert overlap(refined, truth) >= 0.99
    assert overlap(refined, truth) > overlap(blocks, truth)


def test_a_thin_handle_that_the_network_lost_is_kept_or_its_loss_said() -> None:
    picture, truth, handle = bucket()
    network = coarse(truth * ~handle, 320)
    assert not (network[handle] > 0.5).any() or (network[handle] > 0.5).mean() < 0.1
    mask = refine(picture, network)
    reasons = {finding.slug for finding in judge_matte(picture, mask) if not finding.sound}
    assert (mask[handle] > 0.5).mean() >= 0.9 or "parts-lost" in reasons


def test_an_empty_mask_stays_empty() -> None:
    picture, truth = photograph("vase")
    assert not refine(picture, np.zeros_like(truth)).any()


def test_the_guided_filter_keeps_to_the_guide() -> None:
    guide = np.zeros((40, 40, 3), np.float32)
    guide[:, 20:] = 0.8
    steps = np.zeros((40, 40), np.float32)
    steps[:, 20:] = 1
    noisy = np.clip(steps + np.random.default_rng(1).normal(0, 0.2, steps.shape), -1, 2).astype(np.float32)
    smooth = guided(guide, noisy, 3, 1e-4)
    assert np.abs(smooth - steps).max() < 0.25
    assert np.abs(smooth[:, 20:22] - 1).mean() < 0.1  # the step is not blurred
    assert guided(guide, np.full((40, 40), 0.3, np.float32), 3, 1e-4) == pytest.approx(0.3, abs=1e-3)
