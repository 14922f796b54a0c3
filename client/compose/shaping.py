"""Text as glyphs in the order in which they are seen: bidirectional runs, one script each, shaped by HarfBuzz."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import uharfbuzz as hb
from bidi import algorithm as bidi

# The direction of a part is read from its letters. These characters would set it by hand; python-bidi knows no
# isolates, and removing only some of them would leave the others without their partners.
DIRECTION_CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph in its place on the line, in font units; y upwards from the baseline.

    Attributes:
        index: in the font; 0 is the box that stands for a character that the font does not have.
        character: the offset in the paragraph of the first character that it shows.
    """

    index: int
    x: int
    y: int
    character: int


@dataclass(frozen=True, slots=True)
class ShapedLine:
    """A line: its glyphs from left to right, and how far they advance, in font units."""

    glyphs: tuple[Glyph, ...]
    advance: int


class Paragraph:
    """One paragraph of text: its direction, and its lines as they are cut.

    Args:
        text: without line feeds and without :data:`DIRECTION_CONTROLS`.
        font: at the scale of its units.
    """

    def __init__(self, text: str, font: hb.Font) -> None:
        self.text = text
        self._font = font
        self._base = bidi.get_base_level(text)
        self._levels = _levels(text, self._base)
        self._scripts = _scripts(text)
        self._shaped: dict[tuple[int, int], ShapedLine] = {}

    @property
    def right_to_left(self) -> bool:
        """Whether its first letter with a direction is of a script that is written from right to left."""
        return bool(self._base % 2)

    def line(self, start: int, end: int) -> ShapedLine:
        """The characters from ``start`` to ``end`` as one line; white space at its end is left out."""
        end = start + len(self.text[start:end].rstrip())
        if (start, end) not in self._shaped:
            self._shaped[start, end] = self._shape(start, end)
        return self._shaped[start, end]

    def _shape(self, start: int, end: int) -> ShapedLine:
        glyphs: list[Glyph] = []
        x = 0
        for first, last, level in self._visual_runs(start, end):
            buffer = hb.Buffer()
            # With the text around the run, so that Arabic letters join across its ends.
            buffer.add_str(self.text, first, last - first)
            buffer.direction = "rtl" if level % 2 else "ltr"
            buffer.script = self._scripts[first]
            buffer.guess_segment_properties()
            hb.shape(self._font, buffer)
            for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
                glyphs.append(Glyph(info.codepoint, x + position.x_offset, position.y_offset, info.cluster))
                x += position.x_advance
        return ShapedLine(tuple(glyphs), x)

    def _visual_runs(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """First character, one past the last, and level of each run, from left to right (rule L2 of UAX #9)."""
        runs: list[tuple[int, int, int]] = []
        for at in range(start, end):
            key = (self._levels[at], self._scripts[at])
            if runs and (self._levels[at - 1], self._scripts[at - 1]) == key:
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
    levels = [base] * len(text)
    for character in storage["chars"]:
        levels[character["index"]] = character["level"]
    return levels


def _scripts(text: str) -> list[str]:
    """The script of each character (ISO 15924); what has none of its own takes that of its neighbour before it."""
    found = [_script(character) for character in text]
    current = next((script for script in found if script), "Latn")
    result = []
    for script in found:
        current = script or current
        result.append(current)
    return result


@functools.lru_cache(maxsize=4096)
def _script(character: str) -> str | None:
    buffer = hb.Buffer()
    buffer.add_str(character)
    buffer.guess_segment_properties()
    script: str | None = buffer.script
    return script
