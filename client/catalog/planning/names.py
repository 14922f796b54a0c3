"""File names for items: safe on every platform, different for every item, and the same on every run."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from pathvalidate import sanitize_filename

# Stem in bytes of UTF-8. File systems allow 255 a name; a hash, a suffix and a temporary name's parts need the rest.
_STEM_BYTES = 120
_DIGITS = (0, 8, 16, 64)  # hex digits of the hash appended, from none to what cannot collide


def safe_names(texts: Iterable[str]) -> dict[str, str]:
    """A file stem for every distinct text, with no two that any file system would take for the same file.

    Letters of every script stay (in Unicode's NFC form). A text that had to be changed in any way gets eight hex
    digits of its SHA-256, and so do all of several texts that differ only in case or in Unicode form; the others are
    their own names. So a name depends on nothing but its text, except where texts collide.

    Returns:
        text -> stem of at most 185 bytes of UTF-8, without a separator, a leading dot or dash, or a reserved name.
    """
    cleaned = {text: _clean(text) for text in texts}
    level = {text: 0 if stem == text else 1 for text, stem in cleaned.items()}
    while True:
        names = {text: _with_hash(stem, text, _DIGITS[level[text]]) for text, stem in cleaned.items()}
        same: dict[str, list[str]] = defaultdict(list)
        for text, name in names.items():
            same[_folded(name)].append(text)
        colliding = [text for group in same.values() if len(group) > 1 for text in group]
        if not colliding:
            return names
        for text in colliding:
            level[text] = min(level[text] + 1, len(_DIGITS) - 1)


def _clean(text: str) -> str:
    stem = unicodedata.normalize("NFC", text)
    # Controls, invisible marks such as direction overrides, lone surrogates, and separators of lines.
    stem = "".join("-" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp") else char for char in stem)
    # Windows finds a device's name also before spaces and a dot, and two devices that pathvalidate does not list.
    head, dot, tail = stem.partition(".")
    head = head.rstrip()
    stem = f"{head}_{dot}{tail}" if head.upper() in ("CONIN$", "CONOUT$") else head + dot + tail
    stem = str(sanitize_filename(stem, replacement_text="-", platform="universal"))
    stem = stem.encode()[:_STEM_BYTES].decode(errors="ignore")
    return stem.strip(". -") or "item"


def _with_hash(stem: str, text: str, digits: int) -> str:
    if not digits:
        return stem
    return f"{stem}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:digits]}"


def _folded(name: str) -> str:
    """What file systems that ignore case and Unicode form compare."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
