"""Colours of a palette as numbers and as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from .sections import Colour

_SIDE, _GAP = 96, 12  # pixels of a swatch and between them
_PAPER = (250, 250, 250)


def rgb(colour: str) -> tuple[int, int, int]:
    """``#RRGGBB`` as 0..255 each."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two sRGB colours, 1 to 21 (W3C, WCAG 2.2, "contrast ratio" and "relative luminance")."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def swatches(palette: Sequence[Colour]) -> Image.Image:
    """A strip of the colours with their names and codes below, RGB; an empty one is blank."""
    width = max(1, len(palette)) * (_SIDE + _GAP) + _GAP
    image = Image.new("RGB", (width, _SIDE + 2 * _GAP + 36), _PAPER)
    draw = ImageDraw.Draw(image)
    for number, colour in enumerate(palette):
        left = _GAP + number * (_SIDE + _GAP)
        box = (left, _GAP, left + _SIDE - 1, _GAP + _SIDE - 1)
        draw.rectangle(box, fill=rgb(colour.hex), outline=(210, 210, 210))
        for line, text in enumerate((colour.name, colour.hex)):
            draw.text((left, _GAP + _SIDE + 4 + line * 14), _fitting(draw, text), fill=(40, 40, 40))
    return image


def _fitting(draw: ImageDraw.ImageDraw, text: str) -> str:
    """The text, cut to the width of a swatch."""
    while len(text) > 1 and draw.textlength(text) > _SIDE:
        text = text[:-2] + "…" if text.endswith("…") else text[:-1] + "…"
    return text


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
