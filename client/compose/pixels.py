"""Pixels: exact colours, resampling, and sums over windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..colours import opaque_colour
from ..errors import InputInvalid

Pixels = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

# Both have a support of more than one pixel where they reduce, which is what keeps fine detail from aliasing. Lanczos
# is the sharper one and overshoots at edges; Hamming has no negative weights, so that flat parts stay as they are.
LANCZOS, HAMMING = Image.Resampling.LANCZOS, Image.Resampling.HAMMING


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle of whole pixels; ``left`` and ``top`` may lie outside the picture."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column after it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row after it."""
        return self.top + self.height

    def grown(self, by: int) -> Rect:
        """With ``by`` more pixels on every side."""
        return Rect(self.left - by, self.top - by, self.width + 2 * by, self.height + 2 * by)

    def within(self, width: int, height: int) -> Rect:
        """The part of it inside a picture of that size; without any, a rectangle of no width or no height."""
        left, top = min(max(self.left, 0), width), min(max(self.top, 0), height)
        right, bottom = min(max(self.right, left), width), min(max(self.bottom, top), height)
        return Rect(left, top, right - left, bottom - top)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of an array; only for a rectangle inside it."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def colour(text: str, place: str) -> Pixels:
    """A solid colour as three float32, each a whole number of 255ths: a host that saves 8 bits writes that very colour.

    Raises:
        InputInvalid: it is no colour of sRGB, or see-through.
    """
    return np.frombuffer(bytes.fromhex(opaque_colour(text, place)[1:]), np.uint8).astype(np.float32) / np.float32(255)


def plain(rgb: Pixels, width: int, height: int) -> Pixels:
    """A picture of one colour."""
    return np.broadcast_to(rgb, (height, width, 3)).astype(np.float32)


def resize(pixels: Pixels, width: int, height: int, resampling: Image.Resampling, box: Rect | None = None) -> Pixels:
    """A picture or a mask, or a box of it, at another size, limited to 0..1.

    At the same size the values are those of the input, untouched. Pixels beside the box are taken into account.
    """
    box = box or Rect(0, 0, pixels.shape[1], pixels.shape[0])
    if (box.width, box.height) == (width, height):
        return pixels[box.slices].copy()
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    corners = (box.left, box.top, box.right, box.bottom)
    resized = [
        # One plane of float at a time, which is what Pillow resamples without rounding to 8 bits.
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((width, height), resampling, corners))
        for plane in np.moveaxis(planes, 2, 0)
    ]
    result: Pixels = np.clip(np.stack(resized, axis=2), 0.0, 1.0).reshape((height, width, *pixels.shape[2:]))
    return result


def mask_of_size(mask: Pixels, width: int, height: int) -> Pixels:
    """A mask at the size of the picture that it belongs to.

    Raises:
        InputInvalid: it is of another ratio of width to height, and so not this picture's.
    """
    own_height, own_width = mask.shape
    if not same_ratio(own_width, own_height, width, height):
        raise InputInvalid(
            f"the mask has {own_width} x {own_height} pixels, its picture {width} x {height}",
            place="input 'mask'",
            remedy="link the mask that was made from this picture, such as that of Packshot Matte",
        )
    return resize(mask, width, height, HAMMING)


def same_ratio(width: int, height: int, other_width: int, other_height: int) -> bool:
    """Whether one size is the other one scaled, up to the rounding of one side to whole pixels."""
    scales = (other_width / width, other_height / height)
    rounded = (abs(width * scales[1] - other_width), abs(height * scales[0] - other_height))
    return min(*rounded, rounded[0] / scales[1], rounded[1] / scales[0]) <= 0.5


def window_sum(values: npt.NDArray[np.generic], across: int, down: int | None = None) -> npt.NDArray[np.float64]:
    """The sum over a window around each pixel of ``[height, width]``.

    Beyond the frame, the outermost pixels repeat. Sums of whole numbers are exact.

    Args:
        across: pixels to either side that the window takes in.
        down: pixels above and below; as many where None.
    """
    result = values.astype(np.float64)
    for axis, radius in ((0, across if down is None else down), (1, across)):
        if radius == 0:
            continue
        padding = [(0, 0), (0, 0)]
        padding[axis] = (radius + 1, radius)
        total = np.cumsum(np.pad(result, padding, mode="edge"), axis=axis)
        first, last = total[: -2 * radius - 1], total[2 * radius + 1 :]
        if axis == 1:
            first, last = total[:, : -2 * radius - 1], total[:, 2 * radius + 1 :]
        result = last - first
    return result


def bounding_box(mask: Pixels) -> Rect | None:
    """The smallest rectangle with all of a mask that is above 0; None where the mask is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    left, top = int(columns[0]), int(rows[0])
    return Rect(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)
