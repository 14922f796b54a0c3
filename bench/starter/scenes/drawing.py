"""The pictures that the starter model learns from: drawn products of our own making, the same for the same seed.

A picture is a type of product in a colour before a background, under a soft light from the left, with a contact
shadow. It is drawn at 512 pixels a side and averaged down.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from .shapes import FLOOR, SHAPES, Part

COLOURS = {
    "red": "#C8262B", "orange": "#F07A1A", "yellow": "#F4C91C", "green": "#2F8F46", "turquoise": "#17A3A0",
    "blue": "#2357BD", "purple": "#7B3FA3", "pink": "#EE82AC", "brown": "#7A4A2A", "black": "#242428",
    "white": "#EDEDEA", "grey": "#85898E",
}  # fmt: skip
BACKGROUNDS = {
    "white": "#FCFCFC", "grey": "#C6C9CC", "beige": "#E9DCC3", "light blue": "#BBD9F0", "pink": "#F5CDD6",
    "dark": "#43474D",
}  # fmt: skip
TYPES = tuple(SHAPES)

_FULL = 512  # pixels a side of what is drawn
_DETAIL = 256  # of what is shaded, and of the largest picture


@dataclass(frozen=True, slots=True)
class Scene:
    """What a picture shows, and how: position and scale in the frame, and the product's proportions.

    ``colour`` and ``background`` are names of :data:`COLOURS` and :data:`BACKGROUNDS`, or codes like ``#3F5E57``.
    """

    type: str
    colour: str
    background: str
    shape: float = 0.0
    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    @classmethod
    def random(cls, seed: int, type: str, colour: str, background: str) -> Scene:
        """A scene with small random variations."""
        rng = random.Random(f"packshot starter/{seed}/{type}/{colour}/{background}")
        vary = [rng.uniform(-1, 1) for _ in range(4)]
        return cls(type, colour, background, vary[0], 0.9 + 0.04 * vary[1], 0.03 * vary[2], 0.02 * vary[3])


@dataclass(frozen=True, slots=True)
class Picture:
    """``pixels``: uint8 [side, side, 3], sRGB. ``mask``: float32 [side, side], 1 where the product is."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.float32]


def draw(scene: Scene, side: int = 256) -> Picture:
    """Draw a scene; ``side`` is 256 or a part of it by a power of two."""
    mask, tones = _product(scene)
    picture = _shade(scene, mask, tones)
    if side != _DETAIL:
        step = _DETAIL // side
        picture = picture.reshape(side, step, side, step, 3).mean((1, 3))
        mask = mask.reshape(side, step, side, step).mean((1, 3))
    return Picture(np.clip(np.rint(picture), 0, 255).astype(np.uint8), mask.astype(np.float32))


def _product(scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mask 0..1 and tones -1..1 of the product, float32 [256, 256] each."""
    mask = Image.new("L", (_FULL, _FULL), 0)
    tones = Image.new("L", (_FULL, _FULL), 128)
    on_mask, on_tones = ImageDraw.Draw(mask), ImageDraw.Draw(tones)
    for part in SHAPES[scene.type](scene.shape):
        _draw_part(on_mask, part, scene, 0 if part.hole else 255)
        if not part.hole:
            _draw_part(on_tones, part, scene, 128 + round(127 * part.tone))
    step = _FULL // _DETAIL
    small = [np.asarray(image.reduce(step), np.float32) for image in (mask, tones)]
    return small[0] / np.float32(255), (small[1] - np.float32(128)) / np.float32(127)


def _draw_part(on: ImageDraw.ImageDraw, part: Part, scene: Scene, fill: int) -> None:
    points = [_place(scene, x, y) for x, y in part.points]
    box = [*points[0], *points[-1]]
    width = round(part.width * scene.scale * _FULL / 2)
    if part.kind == "polygon":
        on.polygon(points, fill=fill)
    elif part.kind == "ellipse":
        on.ellipse(box, fill=fill)
    elif part.kind == "box":
        on.rounded_rectangle(box, radius=width, fill=fill)
    elif part.kind == "arc":
        on.arc(box, *part.angles, fill=fill, width=width)
    else:
        on.line(points, fill=fill, width=width, joint="curve")
        for x, y in points:
            on.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=fill)


def _place(scene: Scene, x: float, y: float) -> tuple[float, float]:
    """A point of the unit square in pixels; products are scaled about the middle of the line that they stand on."""
    across = x * scene.scale + scene.x
    down = (y - FLOOR) * scene.scale + FLOOR + scene.y
    return (across + 1) * _FULL / 2, (down + 1) * _FULL / 2


def _shade(scene: Scene, mask: NDArray[np.float32], tones: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture, float32 [256, 256, 3], 0 to 255."""
    lights, shadow_floor = _light()
    across = np.flatnonzero(mask.any(0))
    left, right = int(across[0]), int(across[-1])
    colour = _rgb(COLOURS.get(scene.colour, scene.colour))[:, None, None]
    albedo = colour + np.where(tones > 0, 255 - colour, colour) * tones
    soft = (
        np.asarray(Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(5)), np.float32) / 255
    )
    turn = (np.arange(_DETAIL, dtype=np.float32) - left) / max(1, right - left)
    light = (1.07 - 0.17 * np.clip(turn, 0, 1))[None, :] * (1 - 0.45 * (1 - np.clip(soft, 0.5, 1)))
    product = np.clip(albedo * light, 0, 255)
    ground = _rgb(BACKGROUNDS.get(scene.background, scene.background))[:, None, None] * lights
    ground = ground * (1 - 0.38 * _shadow(left, right, scene, shadow_floor))
    return np.ascontiguousarray((product * mask + ground * (1 - mask)).transpose(1, 2, 0), dtype=np.float32)


def _shadow(left: int, right: int, scene: Scene, down: NDArray[np.float32]) -> NDArray[np.float32]:
    """Depth of the contact shadow, 0 to 1: an ellipse on the floor, a little to the right, that fades outwards."""
    middle, half = (left + right) / 2 + 5, (right - left) / 2 + 6
    floor = (FLOOR + scene.y + 1) * _DETAIL / 2
    x = (np.arange(_DETAIL, dtype=np.float32) - middle) / half
    distance = x[None, :] ** 2 + ((down - floor) / 9) ** 2
    return np.exp(-1.2 * distance)


@cache
def _light() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The light on the background, float32 [256, 1], and the rows' numbers."""
    down = np.arange(_DETAIL, dtype=np.float32)[:, None]
    return np.float32(1) - np.float32(0.05 / _DETAIL) * down, down


def _rgb(colour: str) -> NDArray[np.float32]:
    return np.frombuffer(bytes.fromhex(colour[1:]), np.uint8).astype(np.float32)
