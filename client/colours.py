"""Read a colour in any form that CSS takes, as 8 bits of sRGB: the one reader of nodes, brand kits and channels."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from .errors import InputInvalid

_BARE_HEX = re.compile(r"[0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8}")
_ROUNDING = 0.5 / 255  # what 8 bits cannot tell from the edge of the gamut


@dataclass(frozen=True, slots=True)
class SRGBColour:
    """A colour of sRGB.

    Attributes:
        red, green, blue: 0..255.
        opacity: 0..1.
    """

    red: int
    green: int
    blue: int
    opacity: float = 1.0

    @property
    def hex(self) -> str:
        """``#RRGGBB`` in capitals, without the opacity."""
        return f"#{self.red:02X}{self.green:02X}{self.blue:02X}"


def read_colour(text: str, place: str = "") -> SRGBColour:
    """Read a colour as CSS Color 4 writes it, and hexadecimal digits without their ``#``.

    Raises:
        InputInvalid: it is no colour, or lies outside of sRGB.
    """
    from coloraide import Color  # 0.1 s to import, and most of what imports this module reads no colour

    code = text.strip()
    try:
        colour = Color(f"#{code}" if _BARE_HEX.fullmatch(code) else code)
    except ValueError as error:
        raise InputInvalid(
            f"'{text}' is not a colour",
            place=place,
            remedy="write it as CSS does: #C8102E, red, rgb(200 16 46), hsl(350 85% 42%), oklch(0.52 0.2 24)",
        ) from error
    inside = colour.convert("srgb", norm=False).clip()
    # Half a level goes up, as in CSS; without the noise of the conversion, which would take half of the halves down.
    red, green, blue = (math.floor(round(255 * level, 6) + 0.5) for level in inside.coords(nans=False))
    result = SRGBColour(red, green, blue, min(max(inside.alpha(nans=False), 0.0), 1.0))
    if not colour.in_gamut("srgb", tolerance=_ROUNDING):
        raise InputInvalid(
            f"'{text}' lies outside of sRGB, the colours that a picture of 8 bits holds",
            place=place,
            remedy=f"choose a colour inside, such as {colour.convert('srgb').fit().to_string(hex=True).upper()}",
        )
    return result


def opaque_colour(text: str, place: str = "") -> str:
    """Read a colour that covers what is under it, as ``#RRGGBB`` in capitals.

    Raises:
        InputInvalid: it is no colour of sRGB, or see-through.
    """
    colour = read_colour(text, place)
    if colour.opacity < 1:
        raise InputInvalid(
            f"'{text}' is see-through, and this colour must be solid",
            place=place,
            remedy=f"write it without its alpha, such as {colour.hex}",
        )
    return colour.hex
