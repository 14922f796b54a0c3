"""Set text into a box of a picture: wrapped, as large as fits, in one exact colour and the colours of its emoji."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import uharfbuzz as hb

from ...colours import SRGBColour
from ...errors import InputInvalid
from ..pixels import Pixels, Rect
from .colour_glyphs import ColourLayer, is_drawn_in_colour
from .fallback import assign_faces, visible_characters
from .fonts import EM, FontFace, open_font
from .line_breaks import line_breaks
from .shaping import DIRECTION_CONTROLS, Paragraph, ShapedLine

Align = Literal["start", "left", "centre", "right"]
Vertical = Literal["top", "middle", "bottom"]
ALIGNS, VERTICALS = get_args(Align), get_args(Vertical)

SMALLEST = 6  # pixels per em; below, no font can be read
_LINE_HEIGHT = 1.4  # em; a font that wants more for its lines gets it where the text's ink needs it
BLACK = SRGBColour(0, 0, 0)


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How text is set.

    Attributes:
        size: pixels per em at most; 0: as large as the box allows.
        align: of the lines; ``start`` is left, and right for a paragraph that is written from right to left.
        vertical: of the block in the box.
        line_spacing: in the fonts' own line height.
        colour: of the text; emoji keep their own, and take its opacity.
    """

    size: int = 0
    align: Align = "start"
    vertical: Vertical = "middle"
    line_spacing: float = 1.0
    colour: SRGBColour = BLACK


@dataclass(frozen=True, slots=True)
class SetText:
    """Text that was set.

    Attributes:
        mask: its opacity, ``[box height, box width]``, 0..1.
        colours: ``[box height, box width, 3]``: the text's colour, and where an emoji is, its own.
        size: in pixels per em.
        lines: how many there are.
        fonts: the name of each font, with the words that it sets, the one of most of the text first.
        enlarged: how much larger than the font's own pixels an emoji was drawn at most; 0: none has pixels.
    """

    mask: Pixels
    colours: Pixels
    size: int
    lines: int
    fonts: dict[str, str]
    enlarged: float


@dataclass(frozen=True, slots=True)
class _Line:
    shaped: ShapedLine
    right_to_left: bool


@dataclass(frozen=True, slots=True)
class _Block:
    """Wrapped lines, and the extents of the whole at ``EM`` units per em."""

    lines: list[_Line]
    width: int
    above: float  # from the first baseline up to the top
    below: float  # from the last baseline down to the bottom
    pitch: float  # from baseline to baseline

    @property
    def height(self) -> float:
        return self.above + self.below + self.pitch * (len(self.lines) - 1)


def set_text(text: str, faces: Mapping[str, FontFace], font: str, width: int, height: int, style: TextStyle) -> SetText:
    """Set text into a box of ``width`` x ``height`` pixels. All ink lies inside the box.

    Lines break where UAX #14 lets them, between the words of Thai, Lao, Khmer and Burmese, and at line feeds; direction
    follows UAX #9.

    Args:
        faces: by name: what the text may be set in.
        font: a name of these, or :data:`packshot.compose.typesetting.fonts.AUTO`.

    Raises:
        InputInvalid: there is no text, a font lacks characters of it or draws nothing for them, or it does not fit even
            at the smallest size.
    """
    if style.colour.opacity == 0:
        raise InputInvalid(
            "the text would be see-through", place="input 'colour'", remedy="choose a colour, or bypass the node"
        )
    text = _without_controls(text)
    if not visible_characters(text):
        raise InputInvalid("there is no text", place="input 'text'", remedy="write some, or bypass the node")
    chosen = assign_faces(text, faces, font)
    paragraphs = _paragraphs(text, chosen)
    # The largest size that fits: what fits at one size fits at every smaller one.
    low, high = SMALLEST - 1, min(style.size or 2 * height, 2 * height)
    while low < high:
        middle = (low + high + 1) // 2
        if _wrap(paragraphs, width, height, middle, style.line_spacing) is not None:
            low = middle
        else:
            high = middle - 1
    block = _wrap(paragraphs, width, height, low, style.line_spacing) if low >= SMALLEST else None
    if block is None:
        raise InputInvalid(
            f"the text does not fit into {width} x {height} pixels, not even at {SMALLEST} pixels per em",
            place="input 'text'",
            remedy="make the box larger or the text shorter",
        )
    ink, layer = _draw(block, width, height, low, style)
    mask, colours = _blended(ink, layer.pixels, style.colour)
    return SetText(mask, colours, low, len(block.lines), _words_by_font(text, chosen), layer.enlarged)


def _without_controls(text: str) -> str:
    """The text composed, without what only controls; its lines end in line feeds."""
    text = unicodedata.normalize("NFC", text.translate(dict.fromkeys(map(ord, DIRECTION_CONTROLS)))).strip()
    lines = (line.replace("\t", " ").rstrip() for line in text.splitlines())
    return "\n".join("".join(char for char in line if unicodedata.category(char) != "Cc") for line in lines)


def _paragraphs(text: str, faces: Sequence[FontFace]) -> list[Paragraph]:
    paragraphs = []
    start = 0
    for line in text.split("\n"):
        paragraphs.append(Paragraph(line, faces[start : start + len(line)]))
        start += len(line) + 1
    return paragraphs


def _words_by_font(text: str, faces: Sequence[FontFace]) -> dict[str, str]:
    """What each font sets, the one of most characters first."""
    words: dict[str, str] = {}
    for name, group in itertools.groupby(zip(text, faces, strict=True), lambda pair: pair[1].name):
        part = " ".join("".join(character for character, _ in group).split())
        if visible_characters(part):
            words[name] = f"{words[name]} {part}" if name in words else part
    return dict(sorted(words.items(), key=lambda item: -len(item[1])))


def _wrap(paragraphs: list[Paragraph], width: int, height: int, size: int, line_spacing: float) -> _Block | None:
    """Break the text into lines for one size; None where it does not fit."""
    room = width * EM / size
    lines = []
    for paragraph in paragraphs:
        for start, end in _breaks(paragraph, room):
            line = paragraph.line(start, end)
            if line.right - line.left > room:
                return None  # one word, longer than the box is wide
            lines.append(_Line(line, paragraph.right_to_left))
    ascender, descender, pitch = _line_metrics(lines)
    # Ink may reach beyond what the font says of itself: stacked Vietnamese accents, Arabic vowel signs.
    above = max(ascender, lines[0].shaped.top)
    below = max(descender, -lines[-1].shaped.bottom)
    pitch *= line_spacing
    block = _Block(lines, max(line.shaped.right - line.shaped.left for line in lines), above, below, pitch)
    return block if block.height * size <= height * EM else None


def _line_metrics(lines: Sequence[_Line]) -> tuple[float, float, float]:
    """Height above the baseline, depth below it, and distance of baselines that all fonts of these lines keep to.

    Fonts of scripts that stack leave room for their tallest pile, up to 1.9 em a line. Where the text has none so tall,
    that room is the letters'.
    """
    faces = {glyph.face for line in lines for glyph in line.shaped.glyphs}
    extents = [open_font(face).get_font_extents("ltr") for face in faces]
    ascender = max(extent.ascender for extent in extents)
    descender = max(-extent.descender for extent in extents)
    height = ascender + descender + max(extent.line_gap for extent in extents)
    ink = max(line.shaped.top for line in lines) - min(line.shaped.bottom for line in lines)
    idle = max(height - max(_LINE_HEIGHT * EM, ink), 0.0)
    return ascender - idle / 2, descender - idle / 2, height - idle


def _breaks(paragraph: Paragraph, room: float) -> list[tuple[int, int]]:
    """Start and end of each line, each as full as it can be."""
    lines: list[tuple[int, int]] = []
    start = last = 0
    for end in line_breaks(paragraph.text):
        line = paragraph.line(start, end)
        if line.right - line.left > room and last > start:
            lines.append((start, last))
            start = last
        last = end
    return [*lines, (start, len(paragraph.text))]


def _draw(block: _Block, width: int, height: int, size: int, style: TextStyle) -> tuple[Pixels, ColourLayer]:
    """The opacity of what is drawn in the text's colour, ``[height, width]``, and what has its own."""
    scale = size / EM
    spare = height - block.height * scale
    top = {"top": 0.0, "middle": spare / 2, "bottom": spare}[style.vertical]
    raster = hb.RasterDraw()
    raster.extents = hb.RasterExtents(0, 0, width, height, 0)
    layer = ColourLayer(width, height, style.colour)
    for number, line in enumerate(block.lines):
        align = style.align if style.align != "start" else ("right" if line.right_to_left else "left")
        room = width - (line.shaped.right - line.shaped.left) * scale
        x = {"left": 0.0, "centre": room / 2, "right": room}[align] - line.shaped.left * scale
        baseline = top + (block.above + number * block.pitch) * scale
        for glyph in line.shaped.glyphs:
            if is_drawn_in_colour(glyph):
                layer.draw(glyph, x, baseline, scale)
                continue
            raster.transform = (scale, 0.0, 0.0, scale, x + glyph.x * scale, height - baseline + glyph.y * scale)
            raster.draw_glyph(open_font(glyph.face), glyph.index)
    image = raster.render()
    stored = np.frombuffer(image.buffer, np.uint8).reshape(height, image.extents.stride)
    return stored[::-1, :width].astype(np.float32) / np.float32(255), layer


def _blended(ink: Pixels, layer: Pixels, colour: SRGBColour) -> tuple[Pixels, Pixels]:
    """Opacity ``[height, width]`` and colours ``[height, width, 3]``, those whole 255ths, of glyphs over plain ink."""
    rgb = np.array((colour.red, colour.green, colour.blue), np.float32) / np.float32(255)
    own = layer[..., 3]
    under = (1 - own) * ink
    opacity = own + under
    weighted = layer[..., :3] + rgb * under[..., None]
    mixed = np.divide(weighted, opacity[..., None], out=np.zeros_like(weighted), where=opacity[..., None] > 0)
    steps = np.round(np.clip(mixed, 0, 1) * 255) / np.float32(255)
    colours: Pixels = np.where(own[..., None] > 0, steps, rgb).astype(np.float32)
    return opacity * np.float32(colour.opacity), colours


def paint(picture: Pixels, done: SetText, place: Rect) -> tuple[Pixels, Pixels]:
    """Put set text onto a place of a picture: the picture, and the text's opacity in its size.

    Where the mask is 1 the colour is exact; where it is 0 the picture is as it was, bit for bit.
    """
    result, whole = picture.copy(), np.zeros(picture.shape[:2], np.float32)
    under, cover = picture[place.slices], done.mask[..., None]
    blended = np.where(cover == 1, done.colours, under * (1 - cover) + done.colours * cover)
    result[place.slices] = np.where(cover == 0, under, blended)
    whole[place.slices] = done.mask
    return result, whole
