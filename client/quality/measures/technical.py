"""Checks that every picture must pass: what a broken sampler, VAE or cable makes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..checks import Limit, Subject, Value, measure
from ..colour import Bytes

_OURS = "Packshot's own rule"
_DARK = 8  # levels
_DETAIL_SIDE = 1024  # pixels: blur is judged at one size, as a larger picture of the same thing is softer by the pixel


@measure(
    "technical.not-finite",
    unit="values",
    definition="Values that are NaN or infinite, in a picture that came as floats.",
    source=_OURS,
    need="nothing",
    default=Limit(maximum=0),
    above="not-finite",
)
def _not_finite(subject: Subject) -> Value:
    return subject.picture.not_finite


@measure(
    "technical.contrast",
    unit="levels",
    definition="Standard deviation of the luma (ITU-R BT.601), 0..127.5. Near 0 the picture is one flat colour.",
    source=_OURS,
    need="nothing",
    default=Limit(minimum=2),
    below="flat",
)
def _contrast(subject: Subject) -> Value:
    counts = subject.luma_histogram
    levels = np.arange(256)
    mean = np.average(levels, weights=counts)
    return float(np.sqrt(np.average((levels - mean) ** 2, weights=counts)))


@measure(
    "technical.black",
    unit="share",
    definition=f"Share of pixels whose luma is below {_DARK} of 255.",
    source=_OURS,
    need="nothing",
    default=Limit(maximum=0.98),
    above="black",
)
def _black(subject: Subject) -> Value:
    return int(subject.luma_histogram[:_DARK].sum()) / subject.luma.size


@measure(
    "technical.sharpness",
    unit="levels²",
    definition=(
        f"Variance of the luma's 4-neighbour Laplacian where the luma changes by 8 levels or more within 3 pixels, with"
        f" the longer side brought down to {_DETAIL_SIDE} px. A picture with no such place has 0."
    ),
    source="Pech-Pacheco et al., ICPR 2000 (LAPV), restricted to edges so that an empty background does not count",
    need="nothing",
    default=Limit(minimum=60),
    below="blurred",
)
def _sharpness(subject: Subject) -> Value:
    luma = _reduced(subject.luma).astype(np.int16)
    if min(luma.shape) < 5:
        return 0.0
    centre = luma[1:-1, 1:-1]
    up, down, left, right = luma[:-2, 1:-1], luma[2:, 1:-1], luma[1:-1, :-2], luma[1:-1, 2:]
    laplacian = up + down + left + right - 4 * centre
    edges = np.maximum(np.abs(right - left), np.abs(down - up)) >= 8
    found = laplacian[edges]
    return float(found.astype(np.float32).var()) if len(found) else 0.0


def _reduced(luma: Bytes) -> Bytes:
    """The picture brought down to the size that sharpness is judged at; a smaller one stays as it is."""
    height, width = luma.shape
    scale = _DETAIL_SIDE / max(height, width)
    if scale >= 1:
        return luma
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(luma).resize(size, Image.Resampling.BOX))
