"""The fonts of this machine, by the names that they carry, read with HarfBuzz."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import uharfbuzz as hb

AUTO = "auto"  # stands for the plainest fonts that have every character
EM = 1 << 16  # units per em of all fonts, so that glyphs of several stand on one line

_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_FULL_NAME, _FAMILY = hb.OTNameIdPredefined.FULL_NAME, hb.OTNameIdPredefined.FONT_FAMILY


@dataclass(frozen=True, slots=True)
class FontFace:
    """One face of a font file, or one named instance of a variable one.

    Attributes:
        name: the full name, such as ``DejaVu Sans Bold``.
        index: of the face in a collection.
        instance: of the named instance; None: the face as it is.
    """

    name: str
    path: Path
    index: int
    instance: int | None = None


def system_folders() -> list[Path]:
    """Where this system keeps its fonts and its user's, whether or not they exist."""
    home = Path.home()
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
        return [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts", local / "Microsoft" / "Windows" / "Fonts"]
    if sys.platform == "darwin":
        return [home / "Library" / "Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    data = [Path(os.environ.get("XDG_DATA_HOME", home / ".local" / "share"))]
    data += [Path(part) for part in os.environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":") if part]
    return [home / ".fonts", *(folder / "fonts" for folder in data)]


def find_fonts(folders: Iterable[Path]) -> dict[str, FontFace]:
    """All faces in these folders and below them, by name, in the order of the names.

    Of two with one name, that of the earlier folder is taken. What holds no font with a name is passed over.
    """
    faces: dict[str, FontFace] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.suffix.lower() in _SUFFIXES and path.is_file():
                for face in _faces_of(path, path.stat().st_mtime_ns):
                    faces.setdefault(face.name, face)
    return dict(sorted(faces.items()))


@functools.lru_cache(maxsize=4096)
def _faces_of(path: Path, _changed: int) -> tuple[FontFace, ...]:
    try:
        blob = hb.Blob.from_file_path(str(path))
    except hb.HarfBuzzError:
        return ()
    found = []
    for index in range(hb.Face(blob).count):
        face = hb.Face(blob, index)
        name = face.get_name(_FULL_NAME)
        if not name:
            continue
        found.append(FontFace(name, path, index))
        family = face.get_name(hb.OTNameIdPredefined.TYPOGRAPHIC_FAMILY) or face.get_name(_FAMILY) or name
        for number, instance in enumerate(face.named_instances):
            style = face.get_name(instance.subfamily_name_id)
            if style and f"{family} {style}" != name:
                found.append(FontFace(f"{family} {style}", path, index, number))
    return tuple(found)


@functools.lru_cache(maxsize=64)
def open_font(face: FontFace) -> hb.Font:
    """The face, ready for shaping, at :data:`EM` units per em."""
    font = hb.Font(hb.Face(hb.Blob.from_file_path(str(face.path)), face.index))
    font.scale = (EM, EM)
    if face.instance is not None:
        font.var_named_instance = face.instance
    return font


@functools.lru_cache(maxsize=1024)
def covered(face: FontFace) -> frozenset[int]:
    """The code points that a face has glyphs for."""
    return frozenset(hb.Face(hb.Blob.from_file_path(str(face.path)), face.index).unicodes)


@functools.lru_cache(maxsize=1024)
def is_coloured(face: FontFace) -> bool:
    """Whether a face draws glyphs in colours of its own, as fonts of emoji do."""
    font = hb.Face(hb.Blob.from_file_path(str(face.path)), face.index)
    return any(map(bool, (font.has_color_png, font.has_color_layers, font.has_color_paint, font.has_color_svg)))


def plainness(face: FontFace) -> tuple[int, bool, int, str]:
    """A key that sorts upright sans serifs of normal weight first."""
    words = face.name.casefold().split()
    marked = {"bold", "italic", "oblique", "light", "thin", "black", "medium", "condensed", "narrow", "mono", "serif"}
    return len(marked.intersection(words)), "sans" not in words, len(words), face.name


@functools.lru_cache(maxsize=1024)
def is_placeholder(face: FontFace) -> bool:
    """Whether a face has a few glyphs for all of Unicode: the boxes of Last Resort, the nothing of Adobe Blank."""
    glyphs = hb.Face(hb.Blob.from_file_path(str(face.path)), face.index).glyph_count
    return len(covered(face)) > 4 * int(glyphs)
