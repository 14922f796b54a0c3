"""Logos are found where they are."""

from __future__ import annotations

import numpy as np
import pytest

from packshot.errors import InputInvalid
from packshot.quality.checks import Given
from packshot.quality.logos import find_logo
from packshot.quality.picture import Picture
from support.marks import MARKS, PLACES, logo, with_logo
from support.planted import Planted, canvas, measured, product


@pytest.mark.parametrize(("side", "x", "y"), PLACES)
@pytest.mark.parametrize("colour", [(255, 255, 255), (239, 230, 214), (184, 156, 125)])
def test_a_logo_is_found_where_it_is(side: int, x: int, y: int, colour: tuple[int, int, int]) -> None:
    pixels = with_logo(canvas(colour), side, x, y)
    assert measured("logo.presence", pixels, given=Given(logo=logo())).passed
    box = find_logo(pixels, logo()).box
    # The logo's own empty rim, a twelfth on each side, is not part of it.
    assert abs(box.left - (x + side / 12)) <= 0.06 * side + 2
    assert abs(box.top - (y + side / 12)) <= 0.06 * side + 2
    assert abs(box.width - side * 9.5 / 12) <= 0.1 * side + 3


@pytest.mark.parametrize("change", ["flipped", "turned"])
@pytest.mark.parametrize(("side", "x", "y"), PLACES)
def test_a_logo_the_wrong_way_round_is_none(side: int, x: int, y: int, change: str) -> None:
    pixels = with_logo(canvas(), side, x, y, **{change: True})
    assert measured("logo.presence", pixels, given=Given(logo=logo())).reason == "logo-missing"


def test_where_there_is_no_logo_there_is_no_room_to_judge() -> None:
    verdict = measured("logo.clear-space", product(), given=Given(logo=logo()))
    assert (verdict.value, verdict.reason) == (None, "logo-missing")


def test_what_is_no_logo_is_refused() -> None:
    with pytest.raises(InputInvalid, match="flat rectangle"):
        find_logo(canvas(), Picture.from_array(canvas((9, 9, 9), 40)))
    with pytest.raises(InputInvalid, match="transparent all over"):
        find_logo(canvas(), Picture.from_array(np.zeros((9, 9, 4), np.uint8)))


@pytest.mark.parametrize("planted", MARKS, ids=str)
def test_faults_of_logos_and_text(planted: Planted) -> None:
    planted.verify()
