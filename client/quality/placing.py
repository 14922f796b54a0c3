"""Making a picture fit a channel: resized, padded, and the product placed as the channel's rule has it."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from ..errors import InputInvalid
from .channels import Output
from .colour import Bytes, hex_to_rgb
from .masks import Box, Mask, find_product, region_of
from .picture import Picture

# Of 255: what is fainter is the resampling filter's ripple around an edge, and would spoil a background that is exact.
_FAINT = 4


def place(picture: Picture, output: Output, *, mask: Mask | None = None) -> Bytes:
    """A frame of the channel's size with the picture in it, never stretched.

    Where the channel says how much of the frame the product fills, the product's box is scaled to that and its middle
    put in the middle. Else the whole picture is scaled to fit. Transparent parts, and what the picture does not reach,
    get the channel's background; a picture without transparency is padded with the colour of its own background, as
    another one would show its edge.

    Args:
        mask: bool [H, W]: the product, where it is known better than from the picture.

    Returns:
        uint8 [output.height, output.width, 3].

    Raises:
        InputInvalid: the channel has a rule for the product's size and no product can be told from its background.
    """
    whole = Box(0, 0, picture.width, picture.height)
    region = find_product(picture.pixels, picture.alpha) if mask is None else region_of(picture.pixels, mask)
    if output.fill is not None and region is None:
        raise InputInvalid(
            "no product can be told from the background",
            place=picture.name,
            remedy="cut it out first: give a picture with transparency, or one before a plain background",
        )
    box = whole if output.fill is None or region is None else region.box
    scale = (output.fill or 1.0) * min(output.width / box.width, output.height / box.height)
    # The part of the source's plane that the frame shows, taken to the frame's size in one step.
    left = (box.left + box.right - output.width / scale) / 2
    top = (box.top + box.bottom - output.height / scale) / 2
    window = (left, top, left + output.width / scale, top + output.height / scale)
    frame = (output.width, output.height)
    pixels = Image.fromarray(picture.pixels)
    background = hex_to_rgb(output.background)
    if picture.alpha is None:
        around = background if region is None else tuple(int(level) for level in region.background)
        return np.asarray(_shown(pixels, window, frame, around)).copy()
    # The pixels lie on white: over another background, each loses what of white it had too much.
    shown = np.asarray(_shown(pixels, window, frame, (255, 255, 255)))
    clear = 255 - np.asarray(_shown(Image.fromarray(picture.alpha), window, frame, 0)).astype(np.uint32)
    excess = clear[..., None] * (255 - np.array(background, np.uint32))
    placed: Bytes = np.clip(shown - ((excess + 127) // 255).astype(np.int16), 0, 255).astype(np.uint8)
    placed[clear >= 255 - _FAINT] = background
    return placed


def _shown(
    image: Image.Image, window: tuple[float, float, float, float], size: tuple[int, int], around: int | tuple[int, ...]
) -> Image.Image:
    """What a window shows of an image that lies on a plane of one colour."""
    left, top, right, bottom = window
    before = (max(0, math.ceil(-left)), max(0, math.ceil(-top)))
    beyond = (max(0, math.ceil(right - image.width)), max(0, math.ceil(bottom - image.height)))
    if any(before + beyond):
        plane = Image.new(
            image.mode, (image.width + before[0] + beyond[0], image.height + before[1] + beyond[1]), around
        )
        plane.paste(image, before)
        image = plane
    inside = (
        left + before[0], top + before[1],
        min(right + before[0], image.width), min(bottom + before[1], image.height),
    )  # fmt: skip
    return image.resize(size, Image.Resampling.LANCZOS, box=inside)
