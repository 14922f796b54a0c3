"""Glyphs in colours of their own, in the two ways in which fonts hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fontTools.colorLib.builder import buildCOLR, buildCPAL
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from packshot.colours import read_colour
from packshot.compose.typesetting.fonts import find_fonts
from packshot.compose.typesetting.text import SetText, TextStyle, set_text
from packshot.errors import InputInvalid
from support.text_faces import FACES, faces_for

INK = read_colour("#204060")


def square(left: int, right: int) -> object:
    pen = TTGlyphPen(None)
    for number, point in enumerate([(left, 0), (left, 800), (right, 800), (right, 0)]):
        (pen.lineTo if number else pen.moveTo)(point)
    pen.closePath()
    return pen.glyph()


def layered_font(file: Path, version: int, opacity: float = 1.0) -> None:
    """A font whose fire is two squares: red on the left, and on the right the colour of the text."""
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "fire", "left", "right"])
    builder.setupCharacterMap({0x1F525: "fire"})
    builder.setupGlyf(
        {".notdef": square(0, 1000), "fire": square(0, 1000), "left": square(0, 500), "right": square(500, 1000)}
    )
    builder.setupHorizontalMetrics({name: (1000, 500 * (name == "right")) for name in builder.font.getGlyphOrder()})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Layers", "styleName": "Regular", "fullName": "Layers"})
    builder.setupOS2()
    builder.setupPost()
    foreground = 0xFFFF
    layers: object = [("left", 0), ("right", foreground)][: 2 if opacity else 1]
    if version == 1:
        fills = [
            ("left", {"Format": 2, "PaletteIndex": 0, "Alpha": 1.0}),
            ("right", {"Format": 2, "PaletteIndex": foreground, "Alpha": 1.0}),
        ]
        layers = {"Format": 1, "Layers": [{"Format": 10, "Glyph": glyph, "Paint": fill} for glyph, fill in fills]}
    builder.font["COLR"] = buildCOLR({"fire": layers}, version=version)
    builder.font["CPAL"] = buildCPAL([[(1.0, 0.0, 0.0, opacity)]])
    builder.save(file)


def at(done: SetText, x: float) -> list[int]:
    """The colour in the middle of the ink, at a share of its width."""
    rows, columns = (np.flatnonzero((done.mask > 0.9).any(axis=axis)) for axis in (1, 0))
    column = round(columns[0] + x * (columns[-1] - columns[0]))
    colour = done.colours[(rows[0] + rows[-1]) // 2, column]
    return [round(float(level) * 255) for level in colour]


@pytest.mark.parametrize("version", [0, 1])
def test_layers_and_paints_have_their_own_colours_and_the_texts(tmp_path: Path, version: int) -> None:
    layered_font(tmp_path / "layers.ttf", version)
    done = set_text("🔥", find_fonts([tmp_path]), "auto", 200, 100, TextStyle(colour=INK))
    assert at(done, 0.25) == [255, 0, 0]
    assert at(done, 0.75) == [INK.red, INK.green, INK.blue]
    assert done.enlarged == 0


def test_a_glyph_without_ink_is_refused(tmp_path: Path) -> None:
    layered_font(tmp_path / "layers.ttf", version=0, opacity=0.0)
    with pytest.raises(InputInvalid, match="Layers draws nothing") as caught:
        set_text("🔥", find_fonts([tmp_path]), "auto", 200, 100, TextStyle())
    assert caught.value.remedy


def test_a_fonts_pictures_are_drawn_at_every_size_and_enlarging_is_told() -> None:
    faces_for("🔥")
    small, large = (set_text("🔥", FACES, "auto", 900, side, TextStyle()) for side in (60, 600))
    assert small.enlarged < 1 < large.enlarged
    for done in (small, large):
        red, green, blue = done.colours[done.mask > 0.9].mean(axis=0)
        assert red > green > blue


def test_two_emoji_stand_side_by_side() -> None:
    faces_for("🔥")
    done = set_text("🔥🔥", FACES, "auto", 400, 120, TextStyle(80))
    columns = np.flatnonzero((done.mask > 0.5).any(axis=0))
    assert np.diff(columns).max() > 3
    assert np.count_nonzero(np.diff(columns) > 3) == 1
