"""Text as glyphs in the order in which they are seen: runs of one direction, script and font, shaped by HarfBuzz."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import uharfbuzz as hb
from bidi import algorithm as bidi

from ...errors import InputInvalid
from .fallback import SOFT_HYPHEN, scripts_of, visible_characters
from .fonts import FontFace, open_font

# The direction of a part is read from its letters. These characters would set it by hand; python-bidi knows no
# isolates, and removing only some of them would leave the others without their partners.
DIRECTION_CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph in its place on the line, at ``EM`` units per em; y upwards from the baseline.

    Attributes:
        face: the font that it is of.
        index: in the font.
        character: the offset in the paragraph of the first character that it shows.
        ink: left, bottom, right and top of what it draws, on the line; None: it draws nothing.
    """

    face: FontFace
    index: int
    x: int
    y: int
    character: int
    ink: tuple[int, int, int, int] | None


@dataclass(frozen=True, slots=True)
class ShapedLine:
    """A line: its glyphs from left to right, how far they advance, and its extents, at ``EM`` units per em.

    Attributes:
        left, right: of ink and advance together.
        top, bottom: of ink and baseline together.
    """

    glyphs: tuple[Glyph, ...]
    advance: int
    left: int
    right: int
    top: int
    bottom: int


class Paragraph:
    """One paragraph of text: its direction, and its lines as they are cut.

    Args:
        text: without line feeds and without :data:`DIRECTION_CONTROLS`.
        faces: one for each character.
    """

    def __init__(self, text: str, faces: Sequence[FontFace]) -> None:
        self.text = text
        self._faces = faces
        self._base = bidi.get_base_level(text)
        self._levels = _levels(text, self._base)
        self._scripts = scripts_of(text)
        self._shaped: dict[tuple[int, int], ShapedLine] = {}

    @property
    def right_to_left(self) -> bool:
        """Whether its first letter with a direction is of a script that is written from right to left."""
        return bool(self._base % 2)

    def line(self, start: int, end: int) -> ShapedLine:
        """The characters from ``start`` to ``end`` as one line.

        White space at its end is left out. A soft hyphen at its end is drawn as a hyphen, and elsewhere as nothing.

        Raises:
            InputInvalid: a font has no glyph for a character after all, or one that draws nothing.
        """
        end = start + len(self.text[start:end].rstrip())
        if (start, end) not in self._shaped:
            self._shaped[start, end] = self._shape(start, end)
        return self._shaped[start, end]

    def _shape(self, start: int, end: int) -> ShapedLine:
        # As many characters as before, so that levels, scripts and fonts keep their places.
        broken = start < end < len(self.text) and self.text[end - 1] == SOFT_HYPHEN
        text = f"{self.text[: end - 1]}-{self.text[end:]}" if broken else self.text
        glyphs: list[Glyph] = []
        x = 0
        for first, last, level in self._visual_runs(start, end):
            face = self._faces[first]
            buffer = hb.Buffer()
            # With the text around the run, so that Arabic letters join across its ends.
            buffer.add_str(text, first, last - first)
            buffer.direction = "rtl" if level % 2 else "ltr"
            buffer.script = self._scripts[first]
            buffer.guess_segment_properties()
            font = open_font(face)
            hb.shape(font, buffer)
            run = []
            for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
                at = (x + position.x_offset, position.y_offset)
                run.append(Glyph(face, info.codepoint, *at, info.cluster, _ink(font, info.codepoint, *at)))
                x += position.x_advance
            _check_ink(run, text, last)
            glyphs += run
        inks = [glyph.ink for glyph in glyphs if glyph.ink is not None]
        lefts, bottoms, rights, tops = zip((0, 0, x, 0), *inks, strict=True)
        return ShapedLine(tuple(glyphs), x, min(lefts), max(rights), max(tops), min(bottoms))

    def _visual_runs(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """First character, one past the last, and level of each run, from left to right (rule L2 of UAX #9)."""
        runs: list[tuple[int, int, int]] = []
        for at in range(start, end):
            key = (self._levels[at], self._scripts[at], self._faces[at])
            if runs and (self._levels[at - 1], self._scripts[at - 1], self._faces[at - 1]) == key:
                runs[-1] = (runs[-1][0], at + 1, key[0])
            else:
                runs.append((at, at + 1, key[0]))
        for level in range(max((run[2] for run in runs), default=0), 0, -1):
            at = 0
            while at < len(runs):
                last = at
                while last < len(runs) and runs[last][2] >= level:
                    last += 1
                runs[at:last] = runs[at:last][::-1]
                at = last + 1
        return runs


def _levels(text: str, base: int) -> list[int]:
    """The embedding level of each character (UAX #9, rules up to I2): odd is right to left."""
    storage = bidi.get_empty_storage()
    storage["base_level"], storage["base_dir"] = base, ("L", "R")[base]
    bidi.get_embedding_levels(text, storage)
    for index, character in enumerate(storage["chars"]):
        character["index"] = index  # rule X9 takes some characters out
        # Characters younger than this Python's tables have no class there; most of what is not assigned is L.
        character["type"] = character["orig"] = character["type"] or "L"
    bidi.explicit_embed_and_overrides(storage)
    bidi.resolve_weak_types(storage)
    bidi.resolve_neutral_types(storage, False)
    bidi.resolve_implicit_levels(storage, False)
    resolved = {character["index"]: character["level"] for character in storage["chars"]}
    levels: list[int] = []
    for index in range(len(text)):
        # What was taken out joins what stands before it: a joiner must not cut a word or a sequence of emoji.
        levels.append(resolved.get(index, levels[-1] if levels else base))
    return levels


def _ink(font: hb.Font, index: int, x: int, y: int) -> tuple[int, int, int, int] | None:
    extents = font.get_glyph_extents(index)
    if extents is None or not extents.width or not extents.height:
        return None
    left, top = x + extents.x_bearing, y + extents.y_bearing
    return left, top + extents.height, left + extents.width, top


def _check_ink(run: Sequence[Glyph], text: str, end: int) -> None:
    """Refuse a run in which a character that can be seen has no glyph, or one without ink."""
    starts = sorted({glyph.character for glyph in run})
    for first, last in itertools.pairwise([*starts, end]):
        shown = [glyph for glyph in run if glyph.character == first]
        visible = visible_characters(text[first:last])
        if any(glyph.index == 0 for glyph in shown) or (visible and not any(glyph.ink for glyph in shown)):
            codes = ", ".join(f"{chr(code)} (U+{code:04X})" for code in sorted(visible or map(ord, text[first:last])))
            raise InputInvalid(
                f"{shown[0].face.name} draws nothing for {codes}",
                place="input 'text'",
                remedy="name another font that draws it, or leave it out",
            )
