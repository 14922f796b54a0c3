"""Where the product is: told from a plain background, from transparency, or by a mask that is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .colour import Bytes
from .components import runs_of

Mask = npt.NDArray[np.bool_]

_BORDER = 1  # pixels that the frame is judged by
_LEAST_TOLERANCE, _MOST_TOLERANCE = 4, 24  # levels a channel: what noise and JPEG do to a plain background
_PLAIN = 0.6  # share of the frame's edge that a plain background must cover; a product that is cut off covers the rest
_SPECK = 0.01  # of the largest part: anything smaller is dirt, not a piece of the product
_JPEG_BLOCK = 16  # pixels, with subsampled colours: an edge disturbs the block it lies in, and none beyond


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; ``right`` and ``bottom`` lie outside of it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Region:
    """A product in its frame.

    Attributes:
        product: bool [H, W]: the product, with its holes as they are.
        box: around the product.
        background: uint8 [3]: the median of the frame's edge; for a given mask, that of all that is outside of it.
    """

    product: Mask
    box: Box
    background: Bytes

    def clear_background(self) -> Mask:
        """bool [H, W]: the background, except where a JPEG's edge of the product may have left its mark."""
        reach = _JPEG_BLOCK
        height, width = self.product.shape
        top, left = max(self.box.top - reach, 0), max(self.box.left - reach, 0)
        window = np.s_[top : min(self.box.bottom + reach, height), left : min(self.box.right + reach, width)]
        clear = np.ones_like(self.product)
        near = ndimage.maximum_filter(self.product[window].view(np.uint8), size=2 * reach + 1, mode="constant")
        clear[window] = near == 0
        return clear


def find_product(pixels: Bytes, alpha: Bytes | None = None) -> Region | None:
    """The product before a plain background, or in a cut-out.

    With transparency, the product is what is more than half opaque. Else the background is what is connected to the
    frame's edge and within a few levels of its median colour: how many, the edge itself says. What is left, without
    specks below 1 % of its largest part, is the product.

    Args:
        pixels: uint8 [H, W, 3].
        alpha: uint8 [H, W].

    Returns:
        None where there is no product, or where the background is not plain.
    """
    if alpha is not None and alpha.min() < 128:
        return region_of(pixels, alpha >= 128)
    edge = np.concatenate(
        [
            side.reshape(-1, 3)
            for side in (pixels[:_BORDER], pixels[-_BORDER:], pixels[:, :_BORDER], pixels[:, -_BORDER:])
        ]
    )
    colour = np.median(edge, axis=0).astype(np.uint8)
    deviation = np.abs(edge.astype(np.int16) - colour).max(axis=1)
    if np.mean(deviation <= _MOST_TOLERANCE) < _PLAIN:
        return None
    plain = deviation[deviation <= _MOST_TOLERANCE]
    tolerance = int(np.clip(np.percentile(plain, 99) + 3, _LEAST_TOLERANCE, _MOST_TOLERANCE))
    product = ~_connected_to_edge(_close_to(pixels, colour, tolerance))
    around = _box(product)
    if around is None:
        return None
    window = np.s_[around.top : around.bottom, around.left : around.right]
    product[window] = _largest(product[window])
    box = _box(product)
    return None if box is None else Region(product, box, colour)


def region_of(pixels: Bytes, mask: Mask) -> Region | None:
    """The region of a mask that is given; None where it is empty."""
    box = _box(mask)
    if box is None:
        return None
    outside = pixels[~mask]
    colour = np.median(outside, axis=0).astype(np.uint8) if len(outside) else np.full(3, 255, np.uint8)
    return Region(mask, box, colour)


def erode(mask: Mask, pixels: int) -> Mask:
    """The mask without a rim of so many pixels; the frame's edge counts as a rim."""
    if pixels <= 0:
        return mask
    eroded: Bytes = ndimage.minimum_filter(mask.view(np.uint8), size=2 * pixels + 1, mode="constant")
    return eroded.view(np.bool_)


def _close_to(pixels: Bytes, colour: Bytes, tolerance: int) -> Mask:
    low = np.clip(colour.astype(np.int16) - tolerance, 0, 255).astype(np.uint8)
    span = np.clip(colour.astype(np.int16) + tolerance, 0, 255).astype(np.uint8) - low
    close: Mask = (pixels[..., 0] - low[0]) <= span[0]  # below `low` the difference wraps round to a large level
    close &= (pixels[..., 1] - low[1]) <= span[1]
    close &= (pixels[..., 2] - low[2]) <= span[2]
    return close


def _connected_to_edge(mask: Mask) -> Mask:
    """The parts of a mask that reach the frame's edge."""
    height, width = mask.shape
    runs = runs_of(mask, corners=False)
    keep = np.zeros(runs.parts, bool)
    keep[runs.part[(runs.first == 0) | (runs.last == width) | (runs.row == 0) | (runs.row == height - 1)]] = True
    return runs.paint(keep)


def _largest(mask: Mask) -> Mask:
    """A mask without its specks."""
    runs = runs_of(mask, corners=True)
    sizes = runs.sizes()
    return runs.paint(sizes >= max(1.0, _SPECK * sizes.max()))


def _box(mask: Mask) -> Box | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
