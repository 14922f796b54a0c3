"""Put a product on a background with its own pixels: nothing of it is generated, and the background stays as it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputInvalid
from .edges import inside, levels, without_spill
from .pixels import HAMMING, LANCZOS, Flags, Pixels, Rect, bounding_box, resize, same_ratio
from .shadow import contact_shadow

_AROUND = 64  # pixels around the product in which the old background's colour is looked for
_STEP = 1 / 255  # a mask value nearer to 0 or 1 than this is 0 or 1, as 8 bits would say


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the product goes.

    Attributes:
        fill: share of the frame's width or height, whichever it reaches first, that its bounding box takes; above 0,
            up to 1. The margin may make it less. 0: at the size that its pixels have.
        x, y: where in the room that is left: 0 left or top, 0.5 in the middle, 1 right or bottom.
        margin: kept free on every side, as a share of the frame's shorter side; 0 to below 0.5.
    """

    fill: float = 0.85
    x: float = 0.5
    y: float = 0.5
    margin: float = 0.05


@dataclass(frozen=True, slots=True)
class Edge:
    """How the product's edge is treated.

    Attributes:
        width: in pixels of the result; further inside than this, pixels are the resized product's, bit for bit.
        solid: mask values from here on count as 1, and those below 1 - solid as 0; above 0.5, up to 1.
        remove_spill: take the old background's colour out of the edge.
    """

    width: int = 3
    solid: float = 0.95
    remove_spill: bool = True


@dataclass(frozen=True, slots=True)
class Shadow:
    """The contact shadow; see :func:`~.shadow.contact_shadow`. A strength of 0 is none."""

    strength: float = 0.35
    softness: float = 1.0


@dataclass(frozen=True, slots=True)
class Composite:
    """A product on a background.

    Attributes:
        picture: ``[height, width, 3]``. Where ``inside``, it is ``product``, bit for bit. Where mask and shadow are 0,
            it is the background, bit for bit.
        mask: the product's opacity in its place.
        inside: the mask, eroded by the edge.
        product: the product picture resized and in its place, before any change at the edge; 0 outside its box.
        shadow: how much light the contact shadow keeps away, 0..1.
        scale: of the product's pixels; above 1 it was enlarged.
    """

    picture: Pixels
    mask: Pixels
    inside: Flags
    product: Pixels
    shadow: Pixels
    scale: float


def place_box(box: Rect, width: int, height: int, placement: Placement) -> Rect:
    """Where a product with this bounding box goes in a frame of ``width`` x ``height`` pixels.

    Raises:
        InputInvalid: at the size that its pixels have, it is larger than the frame within its margins.
    """
    margin = round(placement.margin * min(width, height))
    room = (width - 2 * margin, height - 2 * margin)
    if placement.fill > 0:
        largest = (min(placement.fill * width, room[0]), min(placement.fill * height, room[1]))
        scale = min(largest[0] / box.width, largest[1] / box.height)
        size = (max(round(box.width * scale), 1), max(round(box.height * scale), 1))
    else:
        size = (box.width, box.height)
    if size[0] > room[0] or size[1] > room[1]:
        raise InputInvalid(
            f"the product has {size[0]} x {size[1]} pixels, and the frame within its margins {room[0]} x {room[1]}",
            place="input 'fill'",
            remedy="let it be made smaller with a fill above 0, or take a larger background or a smaller margin",
        )
    left = margin + round(placement.x * (room[0] - size[0]))
    top = margin + round(placement.y * (room[1] - size[1]))
    return Rect(left, top, *size)


def compose(
    product: Pixels, mask: Pixels, background: Pixels, placement: Placement | None, edge: Edge, shadow: Shadow
) -> Composite:
    """Put a product on a background.

    Args:
        product: ``[height, width, 3]``, the picture that shows it.
        mask: ``[height, width]`` of the same size; 1 is the product.
        background: ``[height, width, 3]``, of any size; the result has that size.
        placement: None: where it is in its own picture, which is resized to the background's size.

    Raises:
        InputInvalid: the mask or the background is empty; the product does not fit; or, without a placement, the two
            pictures differ in their ratio of width to height by more than half a pixel.
    """
    if 0 in background.shape[:2]:
        raise InputInvalid(
            f"the background has {background.shape[1]} x {background.shape[0]} pixels",
            place="input 'background'",
            remedy="link a picture that has some, or none for the plain colour",
        )
    opacity = levels(mask, edge.solid)
    box = bounding_box(opacity)
    if box is None:
        raise InputInvalid(
            "the mask is empty: there is no product in it",
            place="input 'mask'",
            remedy="link a mask whose product is white, as Packshot Matte makes it; Load Image's own is the inverse",
        )
    height, width = background.shape[:2]
    if placement is None:
        _check_ratio(product, width, height)
        box = Rect(0, 0, product.shape[1], product.shape[0])
        target = Rect(0, 0, width, height)
    else:
        target = place_box(box, width, height, placement)

    def placed(layer: Pixels, resized: Pixels) -> Pixels:
        layer[target.slices] = resized
        return layer

    own = resize(product, target.width, target.height, LANCZOS, box)
    cut = resize(opacity, target.width, target.height, HAMMING, box)
    cut[cut < _STEP] = 0.0
    cut[cut > 1 - _STEP] = 1.0
    layer = placed(np.zeros_like(background), own)
    alpha = placed(np.zeros((height, width), np.float32), cut)
    untouched = inside(alpha, edge.width)
    coloured = layer
    if edge.remove_spill:
        near = box.grown(_AROUND).within(product.shape[1], product.shape[0])
        clean = without_spill(product[near.slices], opacity[near.slices])
        within = Rect(box.left - near.left, box.top - near.top, box.width, box.height)
        clean = resize(clean, target.width, target.height, LANCZOS, within)
        coloured = np.where(untouched[..., None], layer, placed(layer.copy(), clean))
    dark = contact_shadow(alpha, shadow.strength, shadow.softness)
    ground = background * (1 - dark[..., None])
    cover = alpha[..., None]
    blended = coloured * cover + ground * (1 - cover)
    # Not only for speed: 0 * x is not 0 where a picture holds an infinity, and x * 1 + y * 0 not always x.
    picture = np.where(cover == 1, coloured, np.where(cover == 0, ground, blended))
    return Composite(picture, alpha, untouched, layer, dark, target.width / box.width)


def _check_ratio(product: Pixels, width: int, height: int) -> None:
    own_height, own_width = product.shape[:2]
    if not same_ratio(own_width, own_height, width, height):
        raise InputInvalid(
            f"the product's picture has {own_width} x {own_height} pixels, the background {width} x {height}:"
            " the same place cannot be found in both",
            place="input 'placement'",
            remedy="choose 'fit' as the placement, or crop one of the pictures to the other's ratio",
        )
