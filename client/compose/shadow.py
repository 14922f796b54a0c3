"""The contact shadow: where a product that stands on something keeps the light away."""

from __future__ import annotations

import numpy as np

from .pixels import Pixels, Rect, window_sum

_REACH = 0.12  # of the product's height: what is so far above its lowest point does not touch the ground
_LINE = 0.004  # of the product's width: half the height of the line of contact, before it is blurred
# Blur of the core and of the halo: their share of the darkness, and their radii, across and down, in widths of the
# product. Down they are flatter, as a round shadow on the ground is when it is seen from the height of a table.
_PARTS = ((0.6, 0.02, 0.006), (0.4, 0.09, 0.02))
_NOTHING = 1 / 255  # less than this is not seen, and would only make a plain background not plain


def contact_shadow(mask: Pixels, strength: float, softness: float) -> Pixels:
    """How much light is kept away, ``[height, width]`` in 0..strength, exactly 0 away from the product's foot.

    Args:
        mask: the product in its place, 0..1.
        strength: of the darkest point, 0..1; 1 is black.
        softness: of the blur; 1 is that of a large window, 0.3 of a small lamp.
    """
    height, width = mask.shape
    solid = mask > 0.5
    columns = np.flatnonzero(solid.any(axis=0))
    if strength <= 0 or not len(columns):
        return np.zeros_like(mask)
    product_width = int(columns[-1] - columns[0]) + 1
    lowest = height - 1 - np.argmax(solid[::-1], axis=0)[columns]  # row, for each column of the product
    rows = np.flatnonzero(solid.any(axis=1))
    reach = max(_REACH * float(rows[-1] - rows[0] + 1), 1.0)
    touching = np.clip(1 - (lowest.max() - lowest) / reach, 0.0, 1.0)
    line = max(round(_LINE * product_width), 1)
    radii = [tuple(max(round(part * softness * product_width), 1) for part in blur) for _, *blur in _PARTS]
    # Only as much of the frame as the blurs reach: three boxes, which are close to a Gaussian and end somewhere.
    reached = [line + 3 * max(pair[axis] for pair in radii) for axis in (0, 1)]
    top, bottom = int(lowest.min()) - reached[1], int(lowest.max()) + reached[1] + 1
    left, right = int(columns[0]) - reached[0], int(columns[-1]) + reached[0] + 1
    near = Rect(left, top, right - left, bottom - top).within(width, height)
    contact = np.zeros((near.height, near.width))
    contact[lowest - near.top, columns - near.left] = touching
    contact = np.minimum(window_sum(contact, 0, line), 1.0)
    dark = np.zeros_like(contact)
    for (share, *_), (across, down) in zip(_PARTS, radii, strict=True):
        blurred = contact
        for _ in range(3):
            blurred = window_sum(blurred, across, down)
        dark += share * blurred / blurred.max()
    dark *= strength / dark.max()
    dark[dark < _NOTHING] = 0.0
    result = np.zeros_like(mask)
    result[near.slices] = dark
    return result
