"""What the pictures of one catalogue have in common, and which of them show the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft

from .colour import Bytes, Floats, srgb_to_lab
from .masks import Region
from .picture import Picture

_SIDE, _KEPT = 32, 8
_BITS = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


@dataclass(frozen=True, slots=True)
class Features:
    """What is kept of one picture to compare others with.

    Attributes:
        name: tells it from the others.
        hash: 64 bits, uint8 [8]; see :func:`perceptual_hash`.
        background: Lab [3]; None where the product does not stand before a plain background.
        fill: the product's box by the frame, along the side on which it fills more; None likewise.
        base: height of the product's foot above the frame's lower edge, as a share of its height; None likewise.
    """

    name: str
    hash: Bytes
    background: Floats | None
    fill: float | None
    base: float | None

    @classmethod
    def of(cls, name: str, picture: Picture, region: Region | None) -> Features:
        hashed = perceptual_hash(picture.pixels)
        if region is None:
            return cls(name, hashed, None, None, None)
        height, width = picture.pixels.shape[:2]
        fill = max(region.box.width / width, region.box.height / height)
        return cls(name, hashed, srgb_to_lab(region.background), fill, (height - region.box.bottom) / height)


class Catalogue:
    """The pictures that belong together.

    Args:
        members: one for each picture; names are unique.
    """

    def __init__(self, members: Sequence[Features]) -> None:
        self._index = {member.name: position for position, member in enumerate(members)}
        self._hashes = np.array([member.hash for member in members], np.uint8).reshape(-1, 8)
        placed = [member for member in members if member.background is not None]
        self.background = _median([member.background for member in placed])
        self.fill = _median([member.fill for member in placed])
        self.base = _median([member.base for member in placed])

    def nearest(self, features: Features) -> int | None:
        """Bits in which the most similar other picture differs, 0..64; None where there is no other."""
        distances = _BITS[self._hashes ^ features.hash].sum(axis=1, dtype=np.int64)
        own = self._index.get(features.name)
        if own is not None:
            distances = np.delete(distances, own)
        return int(distances.min()) if len(distances) else None


def perceptual_hash(pixels: Bytes) -> Bytes:
    """64 bits that stay nearly the same when a picture is scaled, compressed or slightly changed.

    Source: C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), the DCT hash: the
    8 x 8 lowest frequencies of the picture at 32 x 32, each above their median or not. The bits are those of the
    library imagehash.

    Args:
        pixels: uint8 [H, W, 3].

    Returns:
        uint8 [8].
    """
    small = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    frequencies = fft.dct(fft.dct(np.asarray(small, np.float64), axis=0), axis=1)[:_KEPT, :_KEPT]
    return np.packbits(frequencies > np.median(frequencies))


def _median(values: Sequence[npt.ArrayLike | None]) -> npt.NDArray[np.float64] | None:
    return np.median(np.array(values, np.float64), axis=0) if values else None
