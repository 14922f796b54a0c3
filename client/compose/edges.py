"""The edge of a cut-out product: where its pixels must not change, and its colour without the old background."""

from __future__ import annotations

import numpy as np

from .pixels import Flags, Pixels, window_sum

# Window radii of the two passes, in pixels: half of the 90 and 6 of the paper, which gives the width of the window.
_COARSE, _FINE = 45, 3
_EPSILON = 1e-5


def levels(mask: Pixels, solid: float) -> Pixels:
    """A mask whose values from ``solid`` on become 1 and below ``1 - solid`` become 0, linear in between.

    Args:
        mask: ``[height, width]``, 0..1.
        solid: above 0.5, up to 1; at 1 the mask stays as it is.
    """
    stretched: Pixels = np.clip((mask - (1 - solid)) / (2 * solid - 1), 0.0, 1.0).astype(np.float32)
    return stretched


def inside(mask: Pixels, edge: int) -> Flags:
    """Where the mask is 1, and for ``edge`` pixels around too: the mask, eroded by a square.

    A product that the frame cuts off has no edge there.
    """
    eroded: Flags = window_sum(mask >= 1.0, edge) == (2 * edge + 1) ** 2
    return eroded


def without_spill(picture: Pixels, mask: Pixels) -> Pixels:
    """The colour of the product alone, everywhere: without the light of the old background that edge pixels hold.

    Two passes of blur fusion: M. Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021. With blurred
    estimates F' of the foreground and B' of the background, the foreground is F = F' + m (I - m F' - (1 - m) B').

    Args:
        picture: ``[height, width, 3]``, 0..1.
        mask: ``[height, width]``, 0..1.
    """
    opacity = mask.astype(np.float64)
    weights = {radius: window_sum(opacity, radius) + _EPSILON for radius in (_COARSE, _FINE)}
    result = np.empty_like(picture)
    for channel in range(picture.shape[2]):
        image = picture[..., channel].astype(np.float64)
        foreground = background = image
        for radius, weight in weights.items():
            area = (2 * radius + 1) ** 2 + 2 * _EPSILON
            # Where a window has nothing of the one or the other, the estimate of the pass before stands.
            seen = window_sum(foreground * opacity, radius) + _EPSILON * foreground
            hidden = window_sum(background * (1 - opacity), radius) + _EPSILON * background
            foreground, background = seen / weight, hidden / (area - weight)
            residue = image - opacity * foreground - (1 - opacity) * background
            foreground = np.clip(foreground + opacity * residue, 0.0, 1.0)
        result[..., channel] = foreground
    return result
