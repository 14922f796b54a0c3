"""Finding a logo in a picture: normalised cross-correlation over sizes, with the logo's transparency as its mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft

from ..errors import InputInvalid
from .colour import Bytes, luminance
from .masks import Box
from .picture import Picture

_Array = npt.NDArray[Any]  # float32, and complex64 where transformed

_FRAME = 640  # pixels: the longer side of the picture that is searched
_SMALLEST, _STEP = 0.04, 1.12  # of the frame; a logo half a step off still scores far above what is none
_FINE = (0.945, 0.963, 0.981, 1.0, 1.019, 1.038, 1.057)
_LEAST_SIDE = 6  # pixels of the searched picture: below it everything looks alike
_SAME = 1e-3  # of the squared levels: a flat place has no likeness to anything


@dataclass(frozen=True, slots=True)
class Found:
    """Where a logo is most likely.

    Attributes:
        score: normalised cross-correlation, -1..1.
        box: in pixels of the picture.
    """

    score: float
    box: Box


def find_logo(pixels: Bytes, logo: Picture) -> Found:
    """The place and size where a picture is most like the logo.

    Args:
        pixels: uint8 [H, W, 3].
        logo: with alpha where it is not a rectangle.

    Raises:
        InputInvalid: the logo is one flat colour without a shape, which anything matches.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, _FRAME / max(width, height))
    small = Image.fromarray(luminance(pixels)).resize(
        (max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BOX
    )
    search = _Search(np.asarray(small, np.float32))
    shape, cover = _trimmed(logo)
    rows, columns = search.shape
    largest = min(columns / shape.width, rows / shape.height)
    factor = max(_SMALLEST * columns / shape.width, _LEAST_SIDE / min(shape.size))
    best, at = Found(-1.0, Box(0, 0, 1, 1)), factor
    while factor <= largest:
        found = search.at(shape, cover, factor)
        if found.score > best.score:
            best, at = found, factor
        factor *= _STEP
    for fine in _FINE:
        if at * fine <= largest:
            found = search.at(shape, cover, at * fine)
            best = max(best, found, key=lambda one: one.score)
    box = best.box
    return Found(
        best.score,
        Box(round(box.left / scale), round(box.top / scale), round(box.right / scale), round(box.bottom / scale)),
    )


class _Search:
    """A picture in which logos of several sizes are looked for: its transforms are made once."""

    def __init__(self, luma: _Array) -> None:
        self.shape: tuple[int, ...] = luma.shape
        self._fast = tuple(fft.next_fast_len(2 * side, real=True) for side in luma.shape)
        centred = luma - luma.mean()  # keeps the sums of squares small, and so exact
        self._luma = fft.rfft2(centred, self._fast)
        self._squared = fft.rfft2(centred * centred, self._fast)

    def at(self, shape: Image.Image, cover: Image.Image, factor: float) -> Found:
        """The likeliest place at one size."""
        size = (max(2, round(shape.width * factor)), max(2, round(shape.height * factor)))
        template: _Array = np.asarray(shape.resize(size, Image.Resampling.BOX), np.float32)
        weight: _Array = np.asarray(cover.resize(size, Image.Resampling.BOX), np.float32) / 255
        total = float(weight.sum())
        if total <= 0:
            return Found(-1.0, Box(0, 0, *size))
        template = (template - float((template * weight).sum()) / total) * weight
        energy = float((template * template / np.maximum(weight, 1e-6)).sum())
        if energy <= _SAME * total * 255:
            return Found(-1.0, Box(0, 0, *size))
        sums = self._correlate(self._luma, weight)
        variance = self._correlate(self._squared, weight) - sums * sums / total
        likeness = self._correlate(self._luma, template)
        enough = variance > _SAME * total * 255
        scores = np.where(enough, likeness / np.sqrt(np.where(enough, variance, 1) * energy), -1)
        top, left = np.unravel_index(int(scores.argmax()), scores.shape)
        box = Box(int(left), int(top), int(left) + size[0], int(top) + size[1])
        return Found(float(min(scores.max(), 1.0)), box)

    def _correlate(self, transformed: _Array, kernel: _Array) -> _Array:
        """Sums of picture times kernel, for every place at which the kernel lies inside the picture."""
        product = transformed * np.conj(fft.rfft2(kernel, self._fast))
        sums: _Array = fft.irfft2(product, self._fast)
        rows, columns = self.shape[0] - kernel.shape[0] + 1, self.shape[1] - kernel.shape[1] + 1
        return sums[:rows, :columns]


def _trimmed(logo: Picture) -> tuple[Image.Image, Image.Image]:
    """The logo's luma and alpha, without an empty rim.

    An alpha with a flat colour inside it, as most logos have, says nothing by its inside alone: the background around
    its shape is then part of what is looked for, as white.
    """
    luma = Image.fromarray(luminance(logo.pixels))
    alpha = np.full(logo.pixels.shape[:2], 255, np.uint8) if logo.alpha is None else logo.alpha
    cover = Image.fromarray(alpha)
    box = cover.getbbox()
    if box is None:
        raise InputInvalid("the logo is transparent all over", place=logo.name, remedy="give the logo itself")
    luma, cover = luma.crop(box), cover.crop(box)
    inside = np.asarray(luma)[np.asarray(cover) > 127]
    if len(inside) and inside.std() < 4:
        cover = Image.new("L", cover.size, 255)
    if np.asarray(luma).std() < 2:
        raise InputInvalid(
            "the logo is one flat rectangle, which anything matches",
            place=logo.name,
            remedy="give its shape, with alpha",
        )
    return luma, cover
