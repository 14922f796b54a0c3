"""Checks that a picture still shows the product's own pixels: against an original in the same frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ...errors import InputInvalid
from ..checks import Limit, Subject, Unmeasurable, Value, measure
from ..colour import Bytes, delta_e_2000, luminance, srgb_to_lab
from ..masks import Mask, erode

_RIM = 2  # pixels: the mask's edge, where product and background mix
_WINDOW = 7  # pixels
_WHERE = f"inside the original's mask, less a rim of {_RIM} px"


@measure(
    "fidelity.max-difference",
    unit="levels",
    definition=f"The largest difference of a channel from the original {_WHERE}.",
    source="Packshot's own rule: pasted-back pixels differ by rounding and compression alone",
    need="original",
    default=Limit(maximum=2),
    above="product-changed",
)
def _max_difference(subject: Subject) -> Value:
    original, mask = _original(subject)
    ours, theirs = subject.pixels[mask], original[mask]
    return int((np.maximum(ours, theirs) - np.minimum(ours, theirs)).max())


@measure(
    "fidelity.ssim",
    unit="",
    definition=f"Mean structural similarity of the luma {_WHERE}; 1 is identical.",
    source="Wang et al., IEEE Transactions on Image Processing 13 (2004): uniform window of 7 px, K1 0.01, K2 0.03",
    need="original",
    default=Limit(minimum=0.9),
    below="product-structure-changed",
)
def _ssim(subject: Subject) -> Value:
    original, mask = _original(subject)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    reach = _WINDOW // 2
    window = np.s_[max(rows[0] - reach, 0) : rows[-1] + reach + 1, max(columns[0] - reach, 0) : columns[-1] + reach + 1]
    similarity = ssim_map(luminance(subject.pixels[window]), luminance(original[window]))
    return float(similarity[mask[window]].mean())


@measure(
    "fidelity.delta-e",
    unit="ΔE00",
    definition=f"Mean CIEDE2000 difference from the original {_WHERE}.",
    source="Sharma et al. 2005 (CIEDE2000)",
    need="original",
    default=Limit(maximum=3),
    above="product-colour-changed",
)
def _delta_e(subject: Subject) -> Value:
    original, mask = _original(subject)
    ours, theirs = subject.pixels[mask], original[mask]
    changed = (ours != theirs).any(axis=1)
    if not changed.any():
        return 0.0
    ours, theirs = ours[changed], theirs[changed]
    return float(delta_e_2000(srgb_to_lab(ours), srgb_to_lab(theirs)).sum(dtype=np.float64) / len(changed))


def ssim_map(one: Bytes, other: Bytes) -> npt.NDArray[np.float32]:
    """Structural similarity at every pixel.

    Args:
        one, other: luma uint8 [H, W].

    Returns:
        float32 [H, W], -1..1; as scikit-image's ``structural_similarity`` with its defaults gives it.
    """
    x, y = one.astype(np.float32), other.astype(np.float32)
    mean_x, mean_y = _mean(x), _mean(y)
    samples = _WINDOW**2
    unbiased = samples / (samples - 1)
    var_x = unbiased * (_mean(x * x) - mean_x * mean_x)
    var_y = unbiased * (_mean(y * y) - mean_y * mean_y)
    covariance = unbiased * (_mean(x * y) - mean_x * mean_y)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x * mean_x + mean_y * mean_y + c1) * (var_x + var_y + c2)
    return np.asarray(above / below, np.float32)


def _mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    mean: npt.NDArray[np.float32] = ndimage.uniform_filter(values, size=_WINDOW)
    return mean


def _original(subject: Subject) -> tuple[Bytes, Mask]:
    """The original's pixels and its eroded mask."""
    original = subject.given.original
    assert original is not None
    if original.pixels.shape != subject.pixels.shape:
        raise InputInvalid(
            f"the original has {original.width} x {original.height} pixels, the picture"
            f" {subject.picture.width} x {subject.picture.height}",
            place=subject.picture.name,
            remedy="give the original resized and placed as it lies in the picture",
        )
    if "fidelity" not in subject.notes:
        opaque = np.full(original.pixels.shape[:2], True) if original.alpha is None else original.alpha == 255
        subject.notes["fidelity"] = erode(opaque, _RIM)
    mask: Mask = subject.notes["fidelity"]
    if not mask.any():
        raise Unmeasurable("original-without-product")
    return original.pixels, mask
