"""Draw glyphs that have colours of their own: pictures (CBDT, sbix), layers and paints (COLR), and drawings (SVG)."""

from __future__ import annotations

import functools
import io

import numpy as np
import uharfbuzz as hb
from PIL import Image

from ...colours import SRGBColour
from ...errors import InputInvalid
from ..pixels import LANCZOS, Pixels, Rect, resize
from .fonts import FontFace, open_font
from .shaping import Glyph


def is_drawn_in_colour(glyph: Glyph) -> bool:
    """Whether the font has colours for this glyph; many fonts have them for some."""
    face = open_font(glyph.face).face
    return (
        bool(face.get_glyph_color_layers(glyph.index))
        or bool(face.glyph_has_color_paint(glyph.index))
        or _picture(glyph.face, glyph.index) is not None
        or bool(face.has_color_svg and face.get_glyph_color_svg(glyph.index))
    )


class ColourLayer:
    """The glyphs in colour of one text, drawn one after the other.

    Args:
        width, height: in pixels.
        ink: the text's colour, in which some glyphs draw a part of themselves.

    Attributes:
        pixels: float32 ``[height, width, 4]``, colours weighted by opacity, which is the last.
        enlarged: how much larger than its own pixels a glyph was drawn at most; 0: none has pixels.
    """

    def __init__(self, width: int, height: int, ink: SRGBColour) -> None:
        self.pixels: Pixels = np.zeros((height, width, 4), np.float32)
        self.enlarged = 0.0
        self._ink = hb.Color(ink.red, ink.green, ink.blue, 255)

    def draw(self, glyph: Glyph, x: float, baseline: float, scale: float) -> None:
        """Draw one glyph.

        Args:
            x, baseline: of the line, in pixels from the left and from the top.
            scale: pixels for each of ``EM`` units.

        Raises:
            InputInvalid: nothing is drawn: the font's picture of it is damaged, or see-through.
        """
        picture = _picture(glyph.face, glyph.index)
        if picture is not None and glyph.ink is not None:
            left, bottom, right, top = glyph.ink
            # On whole pixels: between two of them every edge of a small picture would be soft.
            box = Rect(
                round(x + left * scale),
                round(baseline - top * scale),
                max(round((right - left) * scale), 1),
                max(round((top - bottom) * scale), 1),
            )
            self.enlarged = max(self.enlarged, box.height / picture.shape[0])
            drawn = resize(picture, box.width, box.height, LANCZOS)
        else:
            box = Rect(0, 0, *self.pixels.shape[1::-1])
            drawn = self._painted(glyph, x, baseline, scale)
        if not drawn[..., 3].any():
            raise InputInvalid(
                f"{glyph.face.name} draws nothing for one of the characters, though it says that it has it",
                place="input 'font'",
                remedy="name another font, or install this one anew",
            )
        self._put(drawn, box)

    def _painted(self, glyph: Glyph, x: float, baseline: float, scale: float) -> Pixels:
        height, width = self.pixels.shape[:2]
        raster = hb.RasterPaint()
        raster.extents = hb.RasterExtents(0, 0, width, height, 0)
        raster.foreground = self._ink
        raster.transform = (scale, 0.0, 0.0, scale, x + glyph.x * scale, height - baseline + glyph.y * scale)
        raster.paint_glyph(open_font(glyph.face), glyph.index)
        image = raster.render()
        stored = np.frombuffer(image.buffer, np.uint8).reshape(height, image.extents.stride // 4, 4)
        painted: Pixels = stored[::-1, :width, [2, 1, 0, 3]].astype(np.float32) / np.float32(255)
        return painted

    def _put(self, drawn: Pixels, box: Rect) -> None:
        height, width = self.pixels.shape[:2]
        inside = box.within(width, height)
        rows, columns = inside.slices
        part = drawn[rows.start - box.top : rows.stop - box.top, columns.start - box.left : columns.stop - box.left]
        under = self.pixels[inside.slices]
        self.pixels[inside.slices] = part + under * (1 - part[..., 3:])


@functools.lru_cache(maxsize=256)
def _picture(face: FontFace, index: int) -> Pixels | None:
    """What a font holds of a glyph as pixels, ``[height, width, 4]``, its colours weighted by its opacity."""
    blob = open_font(face).get_glyph_color_png(index)
    if not blob:
        return None
    try:
        with Image.open(io.BytesIO(blob.data)) as image:
            pixels: Pixels = np.array(image.convert("RGBA"), np.float32) / np.float32(255)
    except OSError:  # sbix may hold other formats, and a file may be damaged; an outline may be there all the same
        return None
    pixels[..., :3] *= pixels[..., 3:]
    return pixels
