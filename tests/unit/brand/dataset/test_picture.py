"""A photograph as it is trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from packshot.brand.dataset.picture import look, training_pixels
from support.encodings import ENCODINGS, shown, tolerance, write_encoding
from support.planted import swapped_profile


def test_training_pixels_are_upright_srgb_on_white_and_cropped_around_the_middle(tmp_path: Path) -> None:
    image = Image.new("RGBA", (200, 100), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((80, 30, 120, 70), fill=(255, 0, 0, 255))
    image.save(tmp_path / "a.png")
    pixels = training_pixels(tmp_path / "a.png", (64, 64))
    assert (pixels.shape, pixels.dtype) == ((64, 64, 3), np.float32)
    assert pixels[0, 0].tolist() == [1, 1, 1]
    assert pixels[32, 32].tolist() == [1, 0, 0]
    upright = Image.new("RGB", (100, 60), "white")
    exif = upright.getexif()
    exif[0x0112] = 6  # turn by a quarter
    upright.save(tmp_path / "b.jpg", exif=exif)
    seen, _ = look("b.jpg", tmp_path / "b.jpg", resolution=256, step=16)
    assert seen is not None
    assert seen.size == (60, 100)


def test_another_profile_is_converted(tmp_path: Path) -> None:
    image = Image.new("RGB", (160, 160), (200, 30, 30))
    image.save(tmp_path / "a.png", icc_profile=swapped_profile())
    red, _, blue = training_pixels(tmp_path / "a.png", (64, 64))[5, 5]
    assert blue > 2 * red, "what is red to the one profile is blue to the other"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(tmp_path / "b.png", icc_profile=srgb)
    levels = np.rint(training_pixels(tmp_path / "b.png", (64, 64)) * 255)
    assert levels[5, 5].tolist() == [200, 30, 30]


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_training_set_sees_what_every_other_door_sees(name: str, tmp_path: Path) -> None:
    pixels = training_pixels(write_encoding(name, tmp_path), (384, 256)) * 255
    difference = np.abs(pixels - shown(name)).max(axis=2)
    assert np.quantile(difference, 0.995) <= tolerance(name)
