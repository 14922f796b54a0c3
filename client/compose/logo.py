"""Put a logo on a picture by the brand's rules: its exact colours, its clear space, its smallest size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import InputInvalid
from .pixels import HAMMING, Pixels, Rect, bounding_box, mask_of_size, resize

# Where the logo may stand: the share of the room that is left of it and above it. The corners come first, because
# `auto` takes the first that is free.
ANCHORS: dict[str, tuple[float, float]] = {
    "bottom right": (1.0, 1.0),
    "bottom left": (0.0, 1.0),
    "top right": (1.0, 0.0),
    "top left": (0.0, 0.0),
    "bottom": (0.5, 1.0),
    "top": (0.5, 0.0),
    "left": (0.0, 0.5),
    "right": (1.0, 0.5),
    "centre": (0.5, 0.5),
}
AUTO = "auto"
_OPAQUE = 0.5  # from here on, an edge pixel counts as the logo's


@dataclass(frozen=True, slots=True)
class LogoRule:
    """How a brand wants its logo shown.

    Attributes:
        width: of the logo, as a share of the picture's width; above 0, up to 1.
        anchor: a key of :data:`ANCHORS`, or ``auto``: the first of them where nothing is in the way.
        margin: to the edges of the picture, as a share of its shorter side; the clear space may make it more.
        clear_space: kept free around the logo, in heights of the logo; 0 or more.
        smallest: width below which the logo must not be shown, in pixels.
        box: whether the logo may be opaque along all its edges. A logo that is so by mistake has lost its transparency.
    """

    width: float = 0.2
    anchor: str = "bottom right"
    margin: float = 0.04
    clear_space: float = 0.25
    smallest: int = 64
    box: bool = False


@dataclass(frozen=True, slots=True)
class LogoPlaced:
    """A picture with its logo.

    Attributes:
        picture: ``[height, width, 3]``; where ``mask`` is 1, the logo's colours as whole 255ths, and where it is 0, the
            picture as it was, bit for bit.
        mask: the logo's opacity, ``[height, width]``.
        place: the logo without its clear space.
        scale: of the logo's pixels; above 1 it was enlarged.
    """

    picture: Pixels
    mask: Pixels
    place: Rect
    scale: float


def opacity_of_logo(alpha: Pixels | None, width: int, height: int) -> Pixels:
    """The opacity of a logo of this size, from the alpha that came with it.

    Args:
        alpha: ``[height, width]``, or of another size and the same ratio; None: none came.

    Raises:
        InputInvalid: it is of another ratio, and not that of a file without alpha.
    """
    # For a file without alpha, ComfyUI's Load Image gives an empty mask of 64 x 64, whatever the size of the file.
    if alpha is None or (alpha >= 1).all():
        return np.ones((height, width), np.float32)
    return mask_of_size(alpha, width, height)


def place_logo(
    picture: Pixels, logo: Pixels, opacity: Pixels, rule: LogoRule, keep_free: Pixels | None = None
) -> LogoPlaced:
    """Put a logo on a picture.

    Args:
        picture: ``[height, width, 3]``.
        logo: ``[height, width, 3]``; what is transparent around it is cut away first.
        opacity: ``[height, width]`` of the same size as the logo.
        keep_free: ``[height, width]`` of the picture's size: what neither the logo nor its clear space may touch.

    Raises:
        InputInvalid: the logo is all transparent, or a box where the rule does not let it be one, or there is no room
            for it with its clear space.
    """
    height, width = picture.shape[:2]
    box = bounding_box(opacity)
    if box is None:
        raise InputInvalid(
            "the logo is transparent everywhere",
            place="input 'transparency'",
            remedy="link the MASK of Load Image as it is, white for what is transparent; or take another file",
        )
    if not rule.box:
        _check_outline(opacity)
    own_width = max(round(rule.width * width), rule.smallest)
    own_height = max(round(own_width * box.height / box.width), 1)
    clear = math.ceil(rule.clear_space * own_height)
    margin = max(round(rule.margin * min(width, height)), clear)
    room = (width - 2 * margin - own_width, height - 2 * margin - own_height)
    if min(room) < 0:
        raise InputInvalid(
            f"the logo has {own_width} x {own_height} pixels and needs {margin} free on every side; the picture has"
            f" {width} x {height}",
            place="input 'width'",
            remedy=f"take a larger picture, or make the logo smaller; it must have {rule.smallest} pixels across",
        )
    place = _first_free(room, margin, (own_width, own_height), rule.anchor, clear, keep_free)
    alpha, colours = _resized(logo, opacity, box, place)
    result, mask = picture.copy(), np.zeros((height, width), np.float32)
    under, cover = picture[place.slices], alpha[..., None]
    blended = np.where(cover == 1, colours, under * (1 - cover) + colours * cover)
    result[place.slices] = np.where(cover == 0, under, blended)
    mask[place.slices] = alpha
    return LogoPlaced(result, mask, place, own_width / box.width)


def _check_outline(opacity: Pixels) -> None:
    """Refuse a logo that would be put down as a box."""
    if min(edge.min() for edge in (opacity[0], opacity[-1], opacity[:, 0], opacity[:, -1])) < _OPAQUE:
        return
    hollow = "is transparent only inside: its mask is inverted" if opacity.min() < _OPAQUE else "has no transparency"
    raise InputInvalid(
        f"the logo {hollow}, and would stand on the picture as a box",
        place="input 'transparency'",
        remedy="link the MASK of the logo's Load Image, white for what is transparent; for a file without transparency"
        " take one that has it (PNG), or link Packshot Matte through Invert Mask; switch 'box' on where a box is meant",
    )


def _first_free(
    room: tuple[int, int], margin: int, size: tuple[int, int], anchor: str, clear: int, keep_free: Pixels | None
) -> Rect:
    for name in ANCHORS if anchor == AUTO else (anchor,):
        x, y = ANCHORS[name]
        place = Rect(margin + round(x * room[0]), margin + round(y * room[1]), *size)
        if keep_free is None or not keep_free[place.grown(clear).slices].any():
            return place
    raise InputInvalid(
        f"the logo and its clear space of {clear} pixels would touch what is to be kept free",
        place="input 'anchor'",
        remedy="make the logo smaller, or leave more room in the picture"
        if anchor == AUTO
        else "choose another anchor, or 'auto' for the first that is free",
    )


def _resized(logo: Pixels, opacity: Pixels, box: Rect, place: Rect) -> tuple[Pixels, Pixels]:
    """Opacity and colours at the size of the place. What is transparent has no part in the colours."""
    alpha = resize(opacity, place.width, place.height, HAMMING, box)
    weighted = resize(logo * opacity[..., None], place.width, place.height, HAMMING, box)
    colours = np.divide(weighted, alpha[..., None], out=np.zeros_like(weighted), where=alpha[..., None] > 0)
    return _whole_steps(alpha), _whole_steps(np.clip(colours, 0.0, 1.0))


def _whole_steps(pixels: Pixels) -> Pixels:
    """To whole 255ths, which is what a host's 8 bits can hold."""
    return (np.round(pixels * 255) / np.float32(255)).astype(np.float32)
