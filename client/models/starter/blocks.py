"""Pictures as the starter's encoder gives them: the low frequencies of every block of 8x8 pixels, as in JPEG.

Red, green and blue become lightness, warm-cool and green-magenta; of each block's discrete cosine transform (ITU-T
T.81, annex A.3.3) the 20 lowest frequencies of lightness and the 6 lowest of the others make 32 channels.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

BLOCK, CHANNELS = 8, 32
_KEPT = (20, 6, 6)  # frequencies kept of lightness, warm-cool, green-magenta
_AXES = ((1 / 3, 1 / 3, 1 / 3), (0.5, 0.0, -0.5), (0.25, -0.5, 0.25))  # of red, green, blue


def basis() -> NDArray[np.float64]:
    """What each channel reads of a block: float64 [32, 3, 8, 8], so that a flat block's mean is its first channel."""
    waves = np.array(
        [[math.cos((2 * x + 1) * u * math.pi / 16) for x in range(BLOCK)] for u in range(BLOCK)], np.float64
    )
    waves[1:] *= math.sqrt(2)
    waves = np.rint(waves * 2**20) / 2**20  # the same on every machine, whatever its cosine
    order = sorted(((u, v) for u in range(BLOCK) for v in range(BLOCK)), key=lambda at: (sum(at), max(at), at))
    channels = []
    for axis, kept in zip(_AXES, _KEPT, strict=True):
        for v, u in order[:kept]:
            block = np.outer(waves[v], waves[u]) / BLOCK**2
            channels.append(np.array(axis)[:, None, None] * block)
    return np.stack(channels)


def encode(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [..., height, width, 3] to float32 [..., 32, height/8, width/8], as the encoder gives it."""
    *lead, height, width, _ = pixels.shape
    values = pixels.astype(np.float32) / np.float32(127.5) - 1
    blocks = values.reshape(*lead, height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3)
    axes = tuple(range(len(lead)))
    apart = blocks.transpose(*axes, *(len(lead) + i for i in (0, 2, 4, 1, 3)))
    flat = apart.reshape(*lead, height // BLOCK, width // BLOCK, -1)
    out = flat @ basis().reshape(CHANNELS, -1).T.astype(np.float32)
    return np.ascontiguousarray(np.moveaxis(out, -1, -3))
