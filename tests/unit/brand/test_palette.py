"""Contrast of two colours, and swatches of a palette."""

from __future__ import annotations

import pytest

from packshot.brand.kit import BrandKit
from packshot.brand.palette import contrast, swatches
from packshot.paths import shipped


@pytest.mark.parametrize(("first", "second", "ratio"), [
    ("#000000", "#FFFFFF", 21.0), ("#FFFFFF", "#FFFFFF", 1.0), ("#777777", "#FFFFFF", 4.48),
    ("#FF0000", "#FFFFFF", 4.0),
])  # fmt: skip
def test_contrast_is_that_of_wcag(first: str, second: str, ratio: float) -> None:
    assert contrast(first, second) == pytest.approx(ratio, abs=0.005)
    assert contrast(second, first) == contrast(first, second)


def test_swatches_have_the_exact_colours() -> None:
    kit = BrandKit.load(shipped("examples") / "brands" / "aldern-quay")
    pixels = {"#{:02X}{:02X}{:02X}".format(*pixel) for _, pixel in swatches(kit.palette).getcolors(1 << 20)}
    assert {colour.hex for colour in kit.palette} <= pixels
    assert swatches(()).size[0] > 0
