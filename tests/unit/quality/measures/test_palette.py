"""The share of the colours that are the brand's."""

from __future__ import annotations

import pytest
from PIL import Image

from packshot.quality.checks import Given
from support.planted import (
    BRAND,
    KELP,
    canvas,
    measured,
    photograph,
    striped,
)

with Image.open(photograph("rocket.jpg")) as _rocket:
    ADOBE = _rocket.info["icc_profile"]


@pytest.mark.parametrize("columns", [0, 10, 29, 30, 31, 60, 100])
def test_palette_coverage(columns: int) -> None:
    verdict = measured("palette.coverage", striped(columns, KELP, (250, 20, 200)), given=Given(palette=BRAND))
    assert verdict.value == columns / 100
    assert (verdict.passed, verdict.reason) == ((True, "") if columns >= 30 else (False, "off-brand"))


@pytest.mark.parametrize("columns", [0, 10, 24, 25, 26, 60, 100])
def test_colours_that_are_not_the_brands(columns: int) -> None:
    verdict = measured("palette.off", striped(columns, (250, 20, 200), KELP), given=Given(palette=BRAND))
    assert verdict.value == columns / 100
    assert (verdict.passed, verdict.reason) == ((True, "") if columns <= 25 else (False, "foreign-colours"))


@pytest.mark.parametrize("level", [0, 64, 128, 192, 255])
def test_grey_is_nobodys_colour(level: int) -> None:
    assert measured("palette.off", canvas((level,) * 3), given=Given(palette={"red": "#C4513A"})).value == 0
