"""Judges a picture of the starter model by measurement: the product's colour, its outline, the background.

No model is used. What differs from the background at its side is the product. Rows where the contact shadow falls are
not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scenes.drawing import BACKGROUNDS, COLOURS, TYPES, Scene, draw

from packshot.quality.colour import delta_e_2000, hex_to_lab, srgb_to_lab

SAME = 15.0  # ΔE00: the product's colour is the one asked for
_PRODUCT = 4.0  # ΔE00 from which a pixel is no background
_SHADOW = 0.74  # share of the height above the rows that the contact shadow darkens
_MARGIN = 16  # part of the width that is taken for background at each side


@dataclass(frozen=True, slots=True)
class Verdict:
    """``distance``: ΔE00 of the product's main colour to the one asked for. ``type``, ``background``: the nearest."""

    distance: float
    type: str
    background: str
    overlap: float


def judge(pixels: NDArray[np.uint8], colour: str) -> Verdict:
    """Judge a square picture, uint8 [side, side, 3], side a power of two up to 256, of a product in a colour."""
    lab = srgb_to_lab(pixels[: int(len(pixels) * _SHADOW)])
    side = max(1, pixels.shape[1] // _MARGIN)
    ground = np.median(np.concatenate([lab[:, :side], lab[:, -side:]], 1), axis=1, keepdims=True)
    product = delta_e_2000(lab, np.broadcast_to(ground, lab.shape)) > _PRODUCT
    main = np.median(lab[product], axis=0) if product.any() else np.full(3, np.nan)
    distance = float(delta_e_2000(main[None], hex_to_lab(COLOURS.get(colour, colour))[None])[0])
    overlaps = {name: max(_overlap(product, mask) for mask in _outlines(name, len(pixels))) for name in TYPES}
    nearest = max(overlaps, key=lambda name: overlaps[name])
    behind = np.median(ground[:, 0], axis=0)
    grounds = {name: float(delta_e_2000(behind[None], hex_to_lab(code)[None])[0]) for name, code in BACKGROUNDS.items()}
    return Verdict(distance, nearest, min(grounds, key=lambda name: grounds[name]), overlaps[nearest])


def _overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max(1, (one | other).sum()))


@cache
def _outlines(type: str, side: int) -> tuple[NDArray[np.bool_], ...]:
    rows = int(side * _SHADOW)
    scenes = [Scene(type, "red", "white", shape, 0.9) for shape in (-0.7, 0.0, 0.7)]
    return tuple(draw(scene, side).mask[:rows] > 0.5 for scene in scenes)
