"""Where the product is: told from a plain background, from transparency, or by a mask that is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage, spatial

from .colour import Bytes
from .components import runs_of

Mask = npt.NDArray[np.bool_]

_BORDER = 1  # pixels that the frame is judged by
_LEAST_TOLERANCE, _MOST_TOLERANCE = 4, 24  # levels a channel: what noise and JPEG do to a plain background
_PLAIN = 0.6  # share of the frame's edge that a plain background must cover; a product that is cut off covers the rest
_SPECK = 0.01  # of the largest part: anything smaller is dirt, not a piece of the product
_GAP = 2  # pixels of exactly the background's colour, at most, between the parts of a face that noise has torn
_SOFT_EDGE, _FACE = (2, 5), 8  # pixels from a face's outline: where a soft edge has ended; from where on is the face
_STEP = 0.7  # of the face's difference from the background that is there just behind its edge; of a haze less is
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
        clear[window] = ~_near(self.product[window], reach)
        return clear


def find_product(pixels: Bytes, alpha: Bytes | None = None) -> Region | None:
    """The product before a plain background, or in a cut-out.

    With transparency, the product is what is more than half opaque. Else the background is what is connected to the
    frame's edge and within a few levels of its median colour: how many, the edge itself says. What is left, without
    specks below 1 % of its largest part, is the product. Where the frame's edge is of one exact colour, faces of the
    product that differ from it by a few levels are the product's, too: white on white.

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
    if box is None:
        return None
    region = Region(product, box, colour)
    return region if deviation.any() else _with_faces(pixels, region)


def _with_faces(pixels: Bytes, region: Region) -> Region:
    """A region with what the product has within a few levels of the background's one exact colour.

    It reaches no frame, and lies in the product's convex hull, as near as a JPEG tells; or it touches the product, and
    ends in a step. A haze or a shadow beside the product fades, and stays background.
    """
    other = (pixels != region.background).any(axis=2) & ~region.product
    clear = region.clear_background()
    if not (other & clear).any():
        return region
    joined = ndimage.binary_dilation(other, iterations=_GAP) & ~region.product
    labels, _ = ndimage.label(joined, np.ones((3, 3)))
    at_frame = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    hull = _near(_hull(region.product), _JPEG_BLOCK)
    touching = labels[ndimage.binary_dilation(region.product, iterations=_GAP)]
    faces = np.setdiff1d(np.intersect1d(touching, labels[other & clear & ~hull]), at_frame)
    own = other & hull & ~np.isin(labels, at_frame)
    if len(faces):
        difference = np.abs(pixels.astype(np.int16) - region.background).max(axis=2)
        whole = ndimage.binary_closing(other | region.product, iterations=_GAP)
        depth = ndimage.distance_transform_edt(whole)
        for label in faces:
            part = (labels == label) & other
            if _ends_in_a_step(difference, depth, part):
                own |= part
    product = region.product | own
    box = _box(product)
    return region if box is None else Region(product, box, region.background)


def _ends_in_a_step(difference: npt.NDArray[np.int16], depth: npt.NDArray[np.float64], part: Mask) -> bool:
    """Whether a part is as far from the background's colour behind its edge as it is further inside."""
    edge, face = part & (depth > _SOFT_EDGE[0]) & (depth <= _SOFT_EDGE[1]), part & (depth > _FACE)
    return bool(edge.any() and face.any() and difference[edge].mean() >= _STEP * difference[face].mean())


def _hull(mask: Mask) -> Mask:
    """The convex hull of a mask's pixels; the mask itself where these lie on a line."""
    rows = np.flatnonzero(mask.any(axis=1))
    ends = [(column, row) for row in rows for column in np.flatnonzero(mask[row])[[0, -1]]]
    try:
        corners = spatial.ConvexHull(ends).vertices
    except spatial.QhullError:
        return mask
    drawn = Image.new("1", (mask.shape[1], mask.shape[0]))
    ImageDraw.Draw(drawn).polygon([(int(ends[at][0]), int(ends[at][1])) for at in corners], fill=1, outline=1)
    return np.asarray(drawn)


def region_of(pixels: Bytes, mask: Mask) -> Region | None:
    """The region of a mask that is given; None where it is empty."""
    box = _box(mask)
    if box is None:
        return None
    outside = pixels[~mask]
    colour = np.median(outside, axis=0).astype(np.uint8) if len(outside) else np.full(3, 255, np.uint8)
    return Region(mask, box, colour)


def _near(mask: Mask, reach: int) -> Mask:
    """What is within so many pixels of a mask, in both axes."""
    near: Bytes = ndimage.maximum_filter(mask.view(np.uint8), size=2 * reach + 1, mode="constant")
    return near.view(np.bool_)


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
