"""Which font draws which part of a text: emoji in colour, and a font for each script that one font does not have."""

from __future__ import annotations

import functools
import itertools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import uharfbuzz as hb
from uniseg.emoji import emoji_presentation, extended_pictographic
from uniseg.graphemecluster import grapheme_cluster_boundaries

from ...errors import InputInvalid, nearest
from .fonts import AUTO, FontFace, covered, is_coloured, is_placeholder, plainness

SOFT_HYPHEN = "\u00ad"

_TEXT_STYLE, _EMOJI_STYLE, _KEYCAP = "\ufe0e", "\ufe0f", "\u20e3"
# Letters and marks that only join, part or select (default ignorables of the Unicode Character Database), and controls
# that are drawn (Prepended_Concatenation_Mark, such as the sign before an Arabic number).
_BLANK = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5})
_DRAWN = frozenset({*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD})
_SELECTORS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_EMOJI_FAMILY = "Noto Color Emoji"
# Families of Noto by script (ISO 15924), where the family is not Noto Sans with the script's own name.
_FAMILIES = {
    "Latn": "Noto Sans", "Grek": "Noto Sans", "Cyrl": "Noto Sans", "Hani": "Noto Sans CJK", "Hira": "Noto Sans CJK",
    "Kana": "Noto Sans CJK", "Bopo": "Noto Sans CJK", "Hang": "Noto Sans CJK", "Arab": "Noto Sans Arabic",
    "Hebr": "Noto Sans Hebrew", "Thai": "Noto Sans Thai", "Laoo": "Noto Sans Lao", "Khmr": "Noto Sans Khmer",
    "Mymr": "Noto Sans Myanmar", "Deva": "Noto Sans Devanagari", "Beng": "Noto Sans Bengali",
    "Guru": "Noto Sans Gurmukhi", "Gujr": "Noto Sans Gujarati", "Orya": "Noto Sans Oriya", "Taml": "Noto Sans Tamil",
    "Telu": "Noto Sans Telugu", "Knda": "Noto Sans Kannada", "Mlym": "Noto Sans Malayalam",
    "Sinh": "Noto Sans Sinhala", "Tibt": "Noto Serif Tibetan", "Geor": "Noto Sans Georgian",
    "Armn": "Noto Sans Armenian", "Ethi": "Noto Sans Ethiopic", "Mong": "Noto Sans Mongolian",
    "Cher": "Noto Sans Cherokee", "Xsux": "Noto Sans Cuneiform", "Egyp": "Noto Sans Egyptian Hieroglyphs",
    "Zyyy": "Noto Sans Symbols 2", "Zmth": "Noto Sans Math",
}  # fmt: skip

# Words with which the name of a letter goes on after that of its script.
_KINDS = frozenset({"Letter", "Sign", "Syllable", "Syllables", "Vowel", "Capital", "Small", "Digit", "Number", "Mark"})


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a reader takes for one character (a grapheme cluster of UAX #29).

    Attributes:
        start, end: offsets in the text.
        script: ISO 15924, that of its neighbours where it has none of its own.
        emoji: whether it is to be drawn in colour.
        needed: code points that a font must have glyphs for; empty where it shows nothing.
    """

    start: int
    end: int
    script: str
    emoji: bool
    needed: frozenset[int]


def visible_characters(text: str) -> frozenset[int]:
    """Give the code points of a text that show something: no white space, controls or selectors."""
    return frozenset(ord(character) for character in text if _is_visible(character))


def _is_visible(character: str) -> bool:
    code = ord(character)
    if unicodedata.category(character) in ("Cc", "Cf", "Zs", "Zl", "Zp"):
        return code in _DRAWN
    return code not in _BLANK and not any(code in block for block in _SELECTORS)


def clusters(text: str) -> list[Cluster]:
    """Cut a text into what its readers take for characters."""
    scripts = scripts_of(text)
    return [
        Cluster(start, end, scripts[start], _is_emoji(text[start:end]), _needed(text[start:end]))
        for start, end in itertools.pairwise(grapheme_cluster_boundaries(text))
    ]


def scripts_of(text: str) -> list[str]:
    """Give the script of each character (ISO 15924); without one of its own, that of its neighbour before it."""
    scripts = [_script(character) for character in text]
    current = next((script for script in scripts if script), "Latn")
    result = []
    for script in scripts:
        current = script or current
        result.append(current)
    return result


def assign_faces(text: str, faces: Mapping[str, FontFace], name: str) -> list[FontFace]:
    """Give the face of each character of a text.

    A word stays in one face wherever one has all of it. Emoji are drawn by a face with colours where one has them, and
    white space takes the face of the text around it.

    Args:
        faces: by name.
        name: of the face that sets all that it has glyphs for. It is not replaced in its own script. With
            :data:`AUTO`, the face that sets most of the text is taken for that.

    Raises:
        InputInvalid: there is no face of that name, or a character that no face has, or not this one of its script.
    """
    if name != AUTO and name not in faces:
        raise InputInvalid(f"there is no font '{name}'", place="input 'font'", remedy=nearest(name, faces)[:300])
    visible = [cluster for cluster in clusters(text) if cluster.needed]
    chosen: dict[int, FontFace] = {}  # by the start of a cluster
    for emoji in (False, True):
        words = _words([cluster for cluster in visible if cluster.emoji is emoji])
        candidates = _Candidates(faces.values(), text, emoji)
        if name != AUTO and (not emoji or is_coloured(faces[name])):
            words = _set_in(faces[name], words, chosen)
        words = _set_greedily(candidates, words, chosen)
        # What no face has as a whole word is set character by character.
        rest = _set_greedily(candidates, [[cluster] for word in words for cluster in word], chosen)
        if rest:
            raise _missing([cluster for word in rest for cluster in word], faces)
    return _spread(text, chosen, visible)


class _Candidates:
    """The faces that may be taken without being named, and the order in which they are."""

    def __init__(self, faces: Iterable[FontFace], text: str, emoji: bool) -> None:
        self._faces = [face for face in faces if not is_placeholder(face)]
        self._emoji = emoji
        self._region = _region(set(map(ord, text)))

    def best(self, words: Sequence[Sequence[Cluster]]) -> tuple[FontFace, list[Sequence[Cluster]]] | None:
        """Find the face that has most of these words, and give those; None where no face has any."""
        able = [(face, [word for word in words if _has(face, word)]) for face in self._faces]
        able = [(face, has) for face, has in able if has]
        if not able:
            return None

        def order(pair: tuple[FontFace, list[Sequence[Cluster]]]) -> tuple[object, ...]:
            face, has = pair
            wrong_look = is_coloured(face) is not self._emoji
            return wrong_look, -sum(map(len, has)), self._region not in (None, *face.name.split()), plainness(face)

        return min(able, key=order)


def _set_greedily(
    candidates: _Candidates, words: list[list[Cluster]], chosen: dict[int, FontFace]
) -> list[list[Cluster]]:
    """Give each word the face that has most of those that are left; return the words that no face has."""
    while words and (best := candidates.best(words)) is not None:
        face, has = best
        chosen.update({cluster.start: face for word in has for cluster in word})
        words = [word for word in words if word[0].start not in chosen]
    return words


def _set_in(face: FontFace, words: list[list[Cluster]], chosen: dict[int, FontFace]) -> list[list[Cluster]]:
    """Give the named face the words that it has; return the others.

    Raises:
        InputInvalid: it has the script of a word, and not all its letters: half of a word in another font would show.
    """
    rest = []
    for word in words:
        lacking = [cluster for cluster in word if not _has(face, [cluster])]
        if not lacking:
            chosen.update({cluster.start: face for cluster in word})
        elif any(cluster.script in _own_scripts(face) and not _is_symbol(cluster) for cluster in lacking):
            raise InputInvalid(
                f"{face.name} has no glyph for {_listed({code for cluster in lacking for code in cluster.needed})}",
                place="input 'font'",
                remedy="choose a font that has it, or 'auto'; another font inside of this one's words would show",
            )
        else:
            chosen.update({cluster.start: face for cluster in word if cluster not in lacking})
            rest += [[cluster] for cluster in lacking] if len(lacking) < len(word) else [word]
    return rest


def _words(visible: list[Cluster]) -> list[list[Cluster]]:
    """Put neighbours of one script together."""
    words: list[list[Cluster]] = []
    for cluster in visible:
        last = words[-1][-1] if words else None
        if last is not None and (last.end, last.script) == (cluster.start, cluster.script):
            words[-1].append(cluster)
        else:
            words.append([cluster])
    return words


def _has(face: FontFace, word: Sequence[Cluster]) -> bool:
    """Whether a face has glyphs for all of it, composed or as letters and marks."""
    present = covered(face)
    return all(
        cluster.needed <= present
        or all(set(map(ord, unicodedata.normalize("NFD", chr(code)))) <= present for code in cluster.needed)
        for cluster in word
    )


def _spread(text: str, chosen: Mapping[int, FontFace], visible: list[Cluster]) -> list[FontFace]:
    """One face for each character: that of its cluster, or of the letters before it where it shows nothing."""
    letters = [cluster for cluster in visible if not cluster.emoji] or visible
    current = chosen[letters[0].start] if letters else None
    emoji = {cluster.start for cluster in visible if cluster.emoji}
    result: list[FontFace] = []
    for cluster in clusters(text):
        face = chosen.get(cluster.start, current)
        if face is None:
            return []  # nothing of the text can be seen
        if cluster.start not in emoji:
            current = face
        result += [face] * (cluster.end - cluster.start)
    return result


def _needed(cluster: str) -> frozenset[int]:
    # At the end of a line a soft hyphen becomes a hyphen, so its font must have one.
    return frozenset({ord("-")}) if cluster == SOFT_HYPHEN else visible_characters(cluster)


def _is_emoji(cluster: str) -> bool:
    """Whether a cluster is drawn in colour (UTS #51): by default, by a selector, as a keycap or as a sequence."""
    if _TEXT_STYLE in cluster or not visible_characters(cluster):
        return False
    if _EMOJI_STYLE in cluster or _KEYCAP in cluster or emoji_presentation(cluster[0]):
        return True
    return len(cluster) > 1 and extended_pictographic(cluster[0]) and any(map(emoji_presentation, cluster[1:]))


def _is_symbol(cluster: Cluster) -> bool:
    return all(unicodedata.category(chr(code))[0] == "S" for code in cluster.needed)


@functools.lru_cache(maxsize=16)
def _own_scripts(face: FontFace) -> frozenset[str]:
    """The scripts that a face has letters of."""
    return frozenset(script for code in covered(face) if (script := _script(chr(code))))


@functools.lru_cache(maxsize=1 << 17)
def _script(character: str) -> str | None:
    buffer = hb.Buffer()
    buffer.add_str(character)
    buffer.guess_segment_properties()
    script: str | None = buffer.script
    return script


def _region(characters: set[int]) -> str | None:
    """The mark of the fonts that draw Han characters as the text's language does, as far as its letters tell."""
    for mark, first, last in (("JP", 0x3040, 0x30FF), ("KR", 0xAC00, 0xD7A3), ("SC", 0x4E00, 0x9FFF)):
        if any(first <= code <= last for code in characters):  # kana, Hangul, Han alone
            return mark
    return None


def _listed(codes: Iterable[int]) -> str:
    """Characters with their code points and names, the first eight of them."""
    names = [f"U+{code:04X} {unicodedata.name(chr(code), '').title()}".rstrip() for code in sorted(codes)[:8]]
    # A half of a character cannot be sent; a question mark stands for it.
    shown = [chr(code).encode("utf-8", "replace").decode() for code in sorted(codes)[:8]]
    return ", ".join(f"{character} ({name})" for character, name in zip(shown, names, strict=True))


def _missing(lacking: list[Cluster], faces: Mapping[str, FontFace]) -> InputInvalid:
    """The refusal of characters that no font has, with a remedy that this host has not tried yet."""
    needed = {code for cluster in lacking for code in cluster.needed}
    # Where each code point is in some font, and no font has the letter with all its marks, the whole is named.
    codes = {code for code in needed if not any(code in covered(face) for face in faces.values())} or needed
    families = dict.fromkeys(_family(cluster) for cluster in lacking if codes & cluster.needed)
    absent = [family for family in families if not _is_installed(family, faces)]
    categories = {unicodedata.category(chr(code)) for code in codes}
    if "Co" in categories:
        remedy = "leave them out, or name the font that these private characters were made for"
    elif "Cs" in categories:
        remedy = "leave them out, or write them anew: they are halves of characters, cut apart by another program"
    elif absent:
        remedy = (
            f"install {' and '.join(absent)}, or put the font's file into models/fonts; or leave these characters out"
        )
    else:
        remedy = f"{' and '.join(families)} is installed and lacks them: install a newer version, or leave them out"
    return InputInvalid(f"no font of this host has {_listed(codes)}", place="input 'text'", remedy=remedy)


def _is_installed(family: str, faces: Mapping[str, FontFace]) -> bool:
    regional = family == _FAMILIES["Hani"]  # its faces are named by their region
    return any(name.removesuffix(" Regular") == family or (regional and name.startswith(family)) for name in faces)


def _family(cluster: Cluster) -> str:
    if cluster.emoji or any(extended_pictographic(chr(code)) for code in cluster.needed):
        return _EMOJI_FAMILY
    script = next((script for code in sorted(cluster.needed) if (script := _script(chr(code)))), None)
    if script is None:
        return _FAMILIES["Zmth" if _is_mathematical(cluster) else "Zyyy"]
    if script in _FAMILIES:
        return _FAMILIES[script]
    # Noto names its families by the scripts' names in Unicode, with which the names of their letters begin.
    words = unicodedata.name(chr(min(cluster.needed)), "").title().split()
    stop = next((number for number, word in enumerate(words) if word in _KINDS), 1)
    return f"Noto Sans {' '.join(words[:stop])}".strip()


def _is_mathematical(cluster: Cluster) -> bool:
    return any(unicodedata.name(chr(code), "").startswith("MATHEMATICAL") for code in cluster.needed)
