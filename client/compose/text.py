"""Set text into a box of a picture: wrapped, as large as fits, in one exact colour."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import uharfbuzz as hb
from uniseg.linebreak import line_break_boundaries

from ..errors import InputInvalid
from .fonts import FontFace, open_font
from .pixels import Pixels, Rect
from .shaping import DIRECTION_CONTROLS, Paragraph, ShapedLine

Align = Literal["start", "left", "centre", "right"]
Vertical = Literal["top", "middle", "bottom"]
ALIGNS, VERTICALS = get_args(Align), get_args(Vertical)

SMALLEST = 6  # pixels per em; below, no font can be read


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How text is set.

    Attributes:
        size: pixels per em at most; 0: as large as the box allows.
        align: of the lines; ``start`` is left, and right for a paragraph that is written from right to left.
        vertical: of the block in the box.
        line_spacing: in the font's own line height.
    """

    size: int = 0
    align: Align = "start"
    vertical: Vertical = "middle"
    line_spacing: float = 1.0


@dataclass(frozen=True, slots=True)
class SetText:
    """Text that was set.

    Attributes:
        mask: its opacity, ``[box height, box width]``, whole 255ths.
        size: in pixels per em.
        lines: how many there are.
    """

    mask: Pixels
    size: int
    lines: int


@dataclass(frozen=True, slots=True)
class _Line:
    shaped: ShapedLine
    right_to_left: bool
    left: int  # of its ink, in font units from its origin
    right: int


@dataclass(frozen=True, slots=True)
class _Block:
    """Wrapped lines, and the extents of the whole in font units."""

    lines: list[_Line]
    width: int
    above: int  # from the first baseline up to the top
    below: int  # from the last baseline down to the bottom
    pitch: float  # from baseline to baseline

    @property
    def height(self) -> float:
        return self.above + self.below + self.pitch * (len(self.lines) - 1)


def needed_characters(text: str) -> set[int]:
    """The code points that a font must have glyphs for: without white space, controls, and variation selectors."""
    return {
        ord(character)
        for character in text
        if unicodedata.category(character) not in ("Cc", "Cf", "Zs", "Zl", "Zp")
        and not 0xFE00 <= ord(character) <= 0xFE0F
    }


def set_text(text: str, face: FontFace, width: int, height: int, style: TextStyle) -> SetText:
    """Set text into a box of ``width`` x ``height`` pixels. All ink lies inside the box.

    Lines break where UAX #14 lets them, and at line feeds; direction follows UAX #9.

    Raises:
        InputInvalid: there is no text, the font lacks characters of it, or it does not fit even at the smallest size.
    """
    paragraphs = _paragraphs(text, face)
    font = open_font(face)
    # The largest size that fits: what fits at one size fits at every smaller one.
    low, high = SMALLEST - 1, min(style.size or 2 * height, 2 * height)
    while low < high:
        middle = (low + high + 1) // 2
        if _wrap(paragraphs, font, width, height, middle, style.line_spacing) is not None:
            low = middle
        else:
            high = middle - 1
    block = _wrap(paragraphs, font, width, height, low, style.line_spacing) if low >= SMALLEST else None
    if block is None:
        raise InputInvalid(
            f"the text does not fit into {width} x {height} pixels, not even at {SMALLEST} pixels per em",
            place="input 'text'",
            remedy="make the box larger or the text shorter",
        )
    return SetText(_draw(block, font, width, height, low, style), low, len(block.lines))


def _paragraphs(text: str, face: FontFace) -> list[Paragraph]:
    text = unicodedata.normalize("NFC", text.translate(dict.fromkeys(map(ord, DIRECTION_CONTROLS)))).strip()
    if not needed_characters(text):
        raise InputInvalid("there is no text", place="input 'text'", remedy="write some, or bypass the node")
    font = open_font(face)
    paragraphs = [Paragraph(part.replace("\t", " ").rstrip(), font) for part in text.splitlines()]
    missing = {
        paragraph.text[glyph.character]
        for paragraph in paragraphs
        for glyph in paragraph.line(0, len(paragraph.text)).glyphs
        if glyph.index == 0
    }
    if missing:
        raise InputInvalid(
            f"{face.name} has no glyph for {' '.join(sorted(missing))}",
            place="input 'font'",
            remedy="choose a font of this script, or 'auto' for one that has every character",
        )
    return paragraphs


def _wrap(
    paragraphs: list[Paragraph], font: hb.Font, width: int, height: int, size: int, line_spacing: float
) -> _Block | None:
    """Break the text into lines for one size; None where it does not fit."""
    room = width * font.face.upem / size
    lines = []
    for paragraph in paragraphs:
        for start, end in _breaks(paragraph, font, room):
            line = _line(paragraph, font, start, end)
            if line.right - line.left > room:
                return None  # one word, longer than the box is wide
            lines.append(line)
    extents = font.get_font_extents("ltr")
    # Ink may reach beyond what the font says of itself: stacked Vietnamese accents, Arabic vowel signs.
    above = max(extents.ascender, *(top for top, _ in _vertical_ink(lines[0], font)))
    below = max(-extents.descender, *(-bottom for _, bottom in _vertical_ink(lines[-1], font)))
    pitch = (extents.ascender - extents.descender + extents.line_gap) * line_spacing
    block = _Block(lines, max(line.right - line.left for line in lines), above, below, pitch)
    return block if block.height * size <= height * font.face.upem else None


def _breaks(paragraph: Paragraph, font: hb.Font, room: float) -> list[tuple[int, int]]:
    """Start and end of each line, each as full as it can be."""
    lines: list[tuple[int, int]] = []
    start = last = 0
    for end in line_break_boundaries(paragraph.text):
        if end <= start:
            continue
        line = _line(paragraph, font, start, end)
        if line.right - line.left > room and last > start:
            lines.append((start, last))
            start = last
        last = end
    return [*lines, (start, len(paragraph.text))]


def _line(paragraph: Paragraph, font: hb.Font, start: int, end: int) -> _Line:
    shaped = paragraph.line(start, end)
    left, right = 0, shaped.advance
    for glyph in shaped.glyphs:
        extents = font.get_glyph_extents(glyph.index)
        if extents is not None and extents.width:
            left = min(left, glyph.x + extents.x_bearing)
            right = max(right, glyph.x + extents.x_bearing + extents.width)
    return _Line(shaped, paragraph.right_to_left, left, right)


def _vertical_ink(line: _Line, font: hb.Font) -> list[tuple[int, int]]:
    """Top and bottom of each glyph of a line, in font units above its baseline."""
    ink = [(0, 0)]
    for glyph in line.shaped.glyphs:
        extents = font.get_glyph_extents(glyph.index)
        if extents is not None:
            ink.append((glyph.y + extents.y_bearing, glyph.y + extents.y_bearing + extents.height))
    return ink


def _draw(block: _Block, font: hb.Font, width: int, height: int, size: int, style: TextStyle) -> Pixels:
    scale = size / font.face.upem
    spare = height - block.height * scale
    top = {"top": 0.0, "middle": spare / 2, "bottom": spare}[style.vertical]
    raster = hb.RasterDraw()
    raster.extents = hb.RasterExtents(0, 0, width, height, 0)
    for number, line in enumerate(block.lines):
        align = style.align if style.align != "start" else ("right" if line.right_to_left else "left")
        room = width - (line.right - line.left) * scale
        x = {"left": 0.0, "centre": room / 2, "right": room}[align] - line.left * scale
        baseline = height - (top + (block.above + number * block.pitch) * scale)
        for glyph in line.shaped.glyphs:
            raster.transform = (scale, 0.0, 0.0, scale, x + glyph.x * scale, baseline + glyph.y * scale)
            raster.draw_glyph(font, glyph.index)
    image = raster.render()
    stored = np.frombuffer(image.buffer, np.uint8).reshape(height, image.extents.stride)
    return stored[::-1, :width].astype(np.float32) / np.float32(255)


def paint(picture: Pixels, mask: Pixels, place: Rect, rgb: Pixels) -> tuple[Pixels, Pixels]:
    """One colour through a mask onto a place of a picture: the picture, and the mask in its size.

    Where the mask is 1 the colour is exact; where it is 0 the picture is as it was, bit for bit.
    """
    result, whole = picture.copy(), np.zeros(picture.shape[:2], np.float32)
    under, cover = picture[place.slices], mask[..., None]
    blended = np.where(cover == 1, rgb, under * (1 - cover) + rgb * cover)
    result[place.slices] = np.where(cover == 0, under, blended)
    whole[place.slices] = mask
    return result, whole
