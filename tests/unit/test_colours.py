"""Colours in the forms of CSS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.colours import SRGBColour, opaque_colour, read_colour
from packshot.errors import InputInvalid

RED = SRGBColour(255, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "red", "RED", " #FF0000 ", "#f00", "#F00F", "f00", "FF0000", "ff0000ff", "#FF0000FF", "rgb(255, 0, 0)",
        "rgb(255 0 0)", "rgb(100% 0% 0% / 100%)", "rgba(255, 0, 0, 1)", "hsl(0, 100%, 50%)", "hsl(0deg 100% 50%)",
        "hsl(1turn 100% 50%)", "hwb(0 0% 0%)", "color(srgb 1 0 0)", "oklch(0.62796 0.25768 29.234)", "\tred\n",
    ],
)  # fmt: skip
def test_red_is_red_in_every_form_of_css(text: str) -> None:
    assert read_colour(text) == RED
    assert opaque_colour(text) == "#FF0000"


@pytest.mark.parametrize("text", ["#FF000080", "rgb(255 0 0 / 50%)", "rgba(255,0,0,.5)", "hsla(0 100% 50% / .5)"])
def test_a_see_through_colour_keeps_its_opacity_and_is_refused_where_it_must_be_solid(text: str) -> None:
    colour = read_colour(text)
    assert colour.hex == "#FF0000"
    assert colour.opacity == pytest.approx(0.5, abs=0.003)
    with pytest.raises(InputInvalid, match="see-through") as caught:
        opaque_colour(text, "input 'colour'")
    assert "#FF0000" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["", " ", "blau", "#12345", "#GGGGGG", "currentColor", "inherit", "rgb(255 0 0", "rgb()", "0xFF0000", "7"]
)
def test_what_is_no_colour_is_refused_in_its_place(text: str) -> None:
    with pytest.raises(InputInvalid, match="is not a colour") as caught:
        read_colour(text, "input 'colour'")
    assert caught.value.place == "input 'colour'"
    assert "as CSS does" in caught.value.remedy


@pytest.mark.parametrize("text", ["color(display-p3 1 0 0)", "oklch(0.7 0.37 150)", "rgb(300 0 0)"])
def test_a_colour_outside_of_srgb_is_refused_with_one_inside(text: str) -> None:
    with pytest.raises(InputInvalid, match="outside of sRGB") as caught:
        read_colour(text)
    assert read_colour(caught.value.remedy.split()[-1]).opacity == 1


@given(st.integers(0, 0xFFFFFF))
def test_hexadecimal_digits_are_exact(value: int) -> None:
    colour = read_colour(f"{value:06x}")
    assert (colour.red << 16) + (colour.green << 8) + colour.blue == value
    assert opaque_colour(f"rgb({colour.red} {colour.green} {colour.blue})") == f"#{value:06X}"
