"""The surface behind a product."""

from __future__ import annotations

import numpy as np
import pytest

from packshot.compose.backdrop import fit_backdrop
from support.products import photograph


def test_a_lit_backdrop_is_fitted_where_the_product_hides_it() -> None:
    picture, truth = photograph("can")
    empty, _ = photograph("can", None)
    backdrop = fit_backdrop(picture, truth < 0.01)
    assert backdrop.plain
    assert backdrop.surface.shape == empty.shape
    rows = backdrop.surface.mean(axis=2)
    assert rows[20].mean() > rows[-20].mean()  # it darkens downwards, as it was drawn
    assert np.median(backdrop.distance[truth < 0.01]) < 2
    assert np.median(backdrop.distance[truth > 0.99]) > 8


def test_what_stands_before_it_is_strange_and_a_shadow_is_told_apart() -> None:
    ground = np.full((120, 120, 3), 0.8, np.float32)
    picture = ground + np.random.default_rng(2).normal(0, 0.004, ground.shape).astype(np.float32)
    picture[20:50, 20:50] = (0.6, 0.2, 0.2)
    picture[70:100, 70:100] *= 0.8
    free = np.ones((120, 120), bool)
    free[15:55, 15:55] = free[65:105, 65:105] = False
    stands, shaded = fit_backdrop(picture, free).strange(picture, 5.0)
    assert stands[25:45, 25:45].all()
    assert not stands[75:95, 75:95].any()
    assert shaded[75:95, 75:95].mean() > 0.95
    assert (stands | shaded)[free].mean() < 0.01


def test_a_thin_line_is_no_shadow() -> None:
    picture = np.full((120, 120, 3), 0.8, np.float32)
    picture[60:62] = 0.4
    picture[80:] *= 0.7
    backdrop = fit_backdrop(picture, np.arange(120)[:, None].repeat(120, 1) < 50)
    thin = backdrop.thin(picture)
    assert thin[60:62, 5:-5].all()
    assert not thin[95:].any()


@pytest.mark.parametrize(("contrast", "plain"), [(0.0, True), (0.3, False)])
def test_a_pattern_is_not_plain(contrast: float, plain: bool) -> None:
    rows, columns = np.mgrid[:128, :128] // 4
    tiles = (0.6 + contrast * ((rows + columns) % 2))[..., None].repeat(3, 2).astype(np.float32)
    assert fit_backdrop(tiles, np.ones((128, 128), bool)).plain is plain


def test_without_any_ground_nothing_is_told() -> None:
    backdrop = fit_backdrop(np.zeros((8, 8, 3), np.float32), np.zeros((8, 8), bool))
    assert not backdrop.plain
    assert np.isinf(backdrop.distance).all()
