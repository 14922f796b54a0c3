"""Colours as people see them: sRGB to CIELAB, and the colour difference CIEDE2000, vectorised.

Lab is CIE 1976 L*a*b* under D65 and the 2° observer, as sRGB defines its white: L* 0..100, a* and b* about -128..128.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]
Planes = npt.NDArray[Any]  # float32 or float64
Bytes = npt.NDArray[np.uint8]

# IEC 61966-2-1: the primaries of sRGB as CIE XYZ under D65. Divided by the white, so that every grey is neutral.
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_XYZ_BY_WHITE = (_XYZ / _XYZ.sum(axis=1, keepdims=True)).astype(np.float32)
_LEVELS = np.arange(256) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)

#: Pixels: the longer side of what colours as a whole are judged by.
OVERVIEW = 512
_CHUNK = 32768  # pairs at once: two dozen intermediate arrays of them stay near the processor


def srgb_to_lab(colours: Bytes) -> Floats:
    """Lab of 8-bit sRGB.

    Args:
        colours: uint8 [..., 3].

    Returns:
        float32 [..., 3]: L*, a*, b* (CIE 15:2018, 8.2.1).
    """
    xyz: Floats = _LINEAR[colours] @ _XYZ_BY_WHITE.T
    # The cube root, and below (6/29)^3 the line that continues it.
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * ((29 / 6) ** 2 / 3) + 4 / 29)
    lab = np.empty_like(f)
    lab[..., 0] = 116 * f[..., 1] - 16
    lab[..., 1] = 500 * (f[..., 0] - f[..., 1])
    lab[..., 2] = 200 * (f[..., 1] - f[..., 2])
    return lab


def hex_to_lab(colour: str) -> Floats:
    """Lab [3] of ``#RRGGBB``."""
    return srgb_to_lab(np.array(hex_to_rgb(colour), np.uint8))


def hex_to_rgb(colour: str) -> tuple[int, int, int]:
    """``#RRGGBB`` as three levels, 0..255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def luminance(pixels: Bytes) -> Bytes:
    """Luma of 8-bit sRGB in 0..255 (ITU-R BT.601, as in JPEG): uint8 [H, W, 3] to uint8 [H, W]."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("L"))


def overview(pixels: Bytes) -> Bytes:
    """The picture as a whole, for what share of it has which colour: the longer side brought down to 512 px.

    Averaged over rectangles, as an eye further away does; a smaller picture stays as it is.

    Args:
        pixels: uint8 [H, W, 3].
    """
    height, width = pixels.shape[:2]
    scale = OVERVIEW / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.BOX))


def distinct_colours(pixels: Bytes) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """The colours of a picture and how often each stands in it: work on these is exact and far less.

    Args:
        pixels: uint8 [H, W, 3].

    Returns:
        Colours uint8 [N, 3] in ascending order of blue, green and red, and counts int64 [N].
    """
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGBX")  # four bytes a pixel: one number to sort
    packed = np.array(image).view("<u4").ravel()
    packed.sort()
    first = np.flatnonzero(np.concatenate([[True], packed[1:] != packed[:-1]]))
    counts = np.diff(first, append=len(packed))
    return packed[first].view(np.uint8).reshape(-1, 4)[:, :3], counts


def delta_e_2000(one: npt.ArrayLike, other: npt.ArrayLike) -> Floats:
    """CIEDE2000 colour difference with all weights 1.

    Within the larger of 5e-5 and 6 millionths of the formula in double precision. About 1 is just noticeable, above 3
    is plain to see. Where two hues lie exactly half a turn apart, the formula itself has two answers.

    Source: G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 Color-Difference Formula", Color Research & Application 30
    (2005), 21-30, with whose 34 pairs of test data it agrees. Hues are vectors here where they are angles there, which
    gives the same numbers without most of the trigonometry; and differences are formed so that single precision is
    enough for almost all pairs.

    Args:
        one, other: Lab [..., 3]; shapes are broadcast.

    Returns:
        float32 [...].
    """
    first, second = np.asarray(one), np.asarray(other)
    shape = np.broadcast_shapes(first.shape, second.shape)
    rows = [_rows(array, shape) for array in (first, second)]
    result = np.empty(math.prod(shape[:-1]), np.float32)
    doubtful = []
    for start in range(0, len(result), _CHUNK):
        part = slice(start, start + _CHUNK)
        planes = [np.array((row if len(row) == 1 else row[part]).T, np.float32, order="C") for row in rows]
        result[part], inexact = _delta_e(*planes)
        if len(inexact):
            doubtful.append(inexact + start)
    if doubtful:
        again = np.concatenate(doubtful)
        exact = [np.array((row if len(row) == 1 else row[again]).T, np.float64, order="C") for row in rows]
        result[again] = _delta_e(*exact)[0]
    return result.reshape(shape[:-1])


def lightness_term(one: Planes, other: Planes) -> Planes:
    """The part of CIEDE2000 that is lightness alone, which the whole is never below: |ΔL'| / S_L (equations 8 and 19).

    What is added to it for chroma and hue is never negative, as R_T stays within ±√3.

    Args:
        one, other: L*, 0..100; shapes are broadcast.
    """
    off = (one + other) * np.float32(0.5) - np.float32(50)
    off *= off
    term: Planes = np.abs(one - other) / (1 + np.float32(0.015) * off / np.sqrt(20 + off))
    return term


def _rows(array: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Lab [N, 3]; a single colour stays single, to be broadcast chunk by chunk."""
    return array.reshape(1, 3) if array.size == 3 else np.broadcast_to(array, shape).reshape(-1, 3)


def _delta_e(first: Planes, second: Planes) -> tuple[Planes, npt.NDArray[np.intp]]:
    """CIEDE2000 of Lab [3, N] against Lab [3, N] or [3, 1], and which pairs need double precision."""
    (l1, a1, b1), (l2, a2, b2) = first, second
    # Equations 2 to 7: chroma, with a* stretched near the grey axis.
    b1_squared, b2_squared = b1 * b1, b2 * b2
    mean = (_root(a1 * a1, b1_squared) + _root(a2 * a2, b2_squared)) * 0.5
    chroma7 = _power7(mean)
    stretch = chroma7 + _25_TO_7
    np.divide(chroma7, stretch, out=stretch)
    np.sqrt(stretch, out=stretch)
    stretch *= -0.5
    stretch += 1.5
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = _root(a1 * a1, b1_squared), _root(a2 * a2, b2_squared)
    da, db, dc, chroma = a2 - a1, b2 - b1, c2 - c1, (c1 + c2) * 0.5
    # Equations 10 and 11: dH' = 2 sqrt(C1'C2') sin(dh'/2), from the cross and the dot product of the two hues.
    both, dot = c1 * c2, a1 * a2 + b1 * b2
    dh = (a1 * db - da * b1) * np.sqrt(2 / np.maximum(both + dot, _TINY))
    far = np.flatnonzero(dot < 0)
    if len(far):
        dh[far] = np.copysign(np.sqrt(2 * (both[far] - dot[far])), dh[far])
    # Equations 12 to 14: means; the mean hue is the direction of the sum of both unit vectors.
    x, y = a1 * c2 + a2 * c1, b1 * c2 + b2 * c1
    grey = both < _TINY  # the hue is that of the colour that has one
    if grey.any():
        x, y = np.where(grey, a1 + a2, x), np.where(grey, b1 + b2, y)
    length = np.sqrt(x * x + y * y)
    doubtful = np.flatnonzero(length < _ALMOST_OPPOSITE * both)
    if len(doubtful):
        # Near half a turn the sum is nearly nothing; the mean of the angles in 0..360, as in the paper, is not.
        h1, h2 = (
            np.arctan2(np.broadcast_to(b, x.shape)[doubtful], np.broadcast_to(a, x.shape)[doubtful]) % (2 * np.pi)
            for a, b in ((a1, b1), (a2, b2))
        )
        mean = (h1 + h2) / 2 + np.where(np.abs(h1 - h2) > np.pi, np.pi, 0)
        x[doubtful], y[doubtful], length[doubtful] = np.cos(mean), np.sin(mean), 1
    length = np.maximum(length, _TINY)  # both grey: any direction will do, as nothing is multiplied by it
    x /= length
    y /= length
    cos, sin = x, y
    # Equation 15, with cos(nh + k) by addition and multiple-angle formulas.
    cos2, sin2 = 2 * cos * cos - 1, 2 * sin * cos
    double = 2 * cos2
    t = 0.24 * cos2
    t -= cos * _T1[0] + sin * _T1[1]
    t += cos * (double - 1) * _T3[0] - sin * (double + 1) * _T3[1]
    t -= (double * cos2 - 1) * _T4[0] + (double * sin2) * _T4[1]
    t += 1
    # Equations 16 to 22.
    off = (l1 + l2) * 0.5 - 50
    off *= off
    dl = (l2 - l1) / (1 + 0.015 * off / np.sqrt(20 + off))
    dc /= 1 + 0.045 * chroma
    t *= chroma
    t *= 0.015
    t += 1
    dh /= t
    total = dl * dl
    total += dc * dc
    total += dh * dh
    _rotate(total, cos, sin, chroma, dc, dh)
    return np.sqrt(np.maximum(total, 0, out=total), out=total), doubtful


def _rotate(total: Planes, cos: Planes, sin: Planes, chroma: Planes, dc: Planes, dh: Planes) -> None:
    """Equations 16, 17 and 21: the rotation term, which only blues have, added to ``total`` in place.

    Beyond 105° from its centre at 275° it is below a millionth of what it is added to.
    """
    along = cos * _CENTRE[0] + sin * _CENTRE[1]
    blue = np.flatnonzero(along > _REACH)
    if not len(blue):
        return
    across = sin[blue] * _CENTRE[0] - cos[blue] * _CENTRE[1]
    offset = np.arctan2(across, along[blue]) * math.degrees(1) / 25
    theta = np.exp(-offset * offset) * math.radians(60)
    chroma7 = _power7(chroma[blue])
    total[blue] -= np.sin(theta) * 2 * np.sqrt(chroma7 / (chroma7 + _25_TO_7)) * dc[blue] * dh[blue]


def _root(one: Planes, other: Planes) -> Planes:
    """The root of a sum, in place of the first."""
    one += other
    return np.sqrt(one, out=one)


def _power7(x: Planes) -> Planes:
    squared = x * x
    power: Planes = squared * squared
    power *= squared
    power *= x
    return power


def _turned(degrees: float, factor: float = 1.0) -> tuple[float, float]:
    """Cosine and sine, times a factor. As Python's floats, so that they widen no array."""
    return math.cos(math.radians(degrees)) * factor, math.sin(math.radians(degrees)) * factor


_TINY, _ALMOST_OPPOSITE = 1e-30, 0.05
_25_TO_7 = 25.0**7
_T1, _T3, _T4 = _turned(30, 0.17), _turned(6, 0.32), _turned(63, 0.20)
_CENTRE, _REACH = _turned(275), _turned(105)[0]
