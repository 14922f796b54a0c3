"""Reading text in pictures with RapidOCR, whose models come in its package (the extra ``ocr``)."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ..errors import InputInvalid
from .colour import Bytes
from .masks import Mask, Region

_SURE = 0.6  # confidence; below it, textures and patterns are taken for letters
_SCRIPTS = ("LATIN", "DIGIT", "CJK", "HIRAGANA", "KATAKANA")  # as the names of its letters begin
_ON = 0.5  # of a line's box that must lie on the product


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text.

    Attributes:
        confidence: 0..1.
        on_product: whether it is printed on the product rather than put beside or over it.
    """

    text: str
    confidence: float
    on_product: bool


def read_lines(pixels: Bytes, region: Region | None) -> list[Line]:
    """The lines of text in a picture, in reading order.

    Args:
        pixels: uint8 [H, W, 3].
        region: the product, where it is known.

    Raises:
        InputInvalid: RapidOCR is not installed.
    """
    answer = _engine()(np.ascontiguousarray(pixels[..., ::-1]))  # OpenCV's order of channels
    if answer.boxes is None:
        return []
    solid = None if region is None else _solid(region.product)
    lines = []
    for corners, text, confidence in zip(answer.boxes, answer.txts, answer.scores, strict=True):
        if confidence < _SURE:
            continue
        left, top = np.maximum(np.floor(np.min(corners, axis=0)), 0).astype(int)
        right, bottom = np.ceil(np.max(corners, axis=0)).astype(int)
        part = None if solid is None else solid[top:bottom, left:right]
        lines.append(Line(text, float(confidence), part is not None and part.size > 0 and float(part.mean()) >= _ON))
    return lines


def plain(text: str) -> str:
    """Letters and digits alone, without regard to case."""
    return "".join(char for char in text.casefold() if char.isalnum())


def edit_share(wanted: str, read: str) -> float:
    """Edits that turn the best matching part of ``read`` into ``wanted``, by the length of ``wanted``; 0..1.

    The dynamic programme of Sellers (1980): Levenshtein's, with a start and an end anywhere in ``read``.
    """
    row = [0] * (len(read) + 1)
    for count, char in enumerate(wanted, 1):
        above, row = row, [count]
        for position, other in enumerate(read, 1):
            row.append(min(above[position - 1] + (char != other), above[position] + 1, row[-1] + 1))
    return min(row) / len(wanted) if wanted else 0.0


def _solid(product: Mask) -> Mask:
    """The largest part of a product, without holes: letters laid beside it are parts of their own."""
    labels, count = ndimage.label(product)
    if count > 1:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        product = labels == sizes.argmax()
    filled: Mask = ndimage.binary_fill_holes(product)
    return filled


@functools.lru_cache(maxsize=1)
def _engine() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise InputInvalid(
            "text cannot be read: RapidOCR is not installed", remedy="pip install 'packshot[ocr]'"
        ) from error
    return RapidOCR(params={"Global.log_level": "critical"})


def read_back(pixels: Bytes, near: tuple[slice, slice], wanted: str) -> str:
    """Read the text that was set on a picture, and say for people how far it agrees, or why it was not read.

    A word of which RapidOCR does not know every letter is left out of the comparison, and named.

    Args:
        pixels: uint8 [H, W, 3].
        near: rows and columns of the text. The whole picture is read as well where the text is not found in them.
    """
    words = [word for word in wanted.split() if plain(word)]
    readable = [plain(word) for word in words if _is_readable(word)]
    if not words:
        return "not read back: there are no letters in it"
    if not readable:
        return "not read back: RapidOCR reads Latin, Chinese and Japanese, and this is another script"
    try:
        share, read = _best_reading((pixels[near], pixels), readable)
    except InputInvalid as error:
        return f"not read back: {error.message}; {error.remedy}"
    rest = " ".join(word for word in words if not _is_readable(word))
    unread = f"; not read back: '{rest}', which RapidOCR does not know" if rest else ""
    if share == 0:
        return f"read back: every letter is as it was set{unread}"
    answer = f"read back as '{read}'" if read else "no text could be read back"
    remedy = "more contrast, a larger box or a plainer font may help"
    return f"{answer}: {share:.0%} of its letters differ{unread}; {remedy}"


def _best_reading(views: Sequence[Bytes], words: Sequence[str]) -> tuple[float, str]:
    """The share of letters that differ, and what was read, in the view where they differ least.

    Word by word: what is read between them, such as an emoji taken for a letter, does not count.
    """
    letters = sum(map(len, words))
    readings: list[tuple[float, str]] = []
    for view in views:
        read = " ".join(line.text for line in read_lines(view, None))
        share = sum(edit_share(word, plain(read)) * len(word) for word in words) / letters
        readings.append((share, read))
        if share == 0:
            break
    return min(readings, key=lambda reading: reading[0])


def _is_readable(word: str) -> bool:
    return all(unicodedata.name(letter, "").startswith(_SCRIPTS) for letter in plain(word))
