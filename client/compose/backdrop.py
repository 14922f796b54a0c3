"""A photograph's backdrop as a smooth surface, and how far each pixel is from it: what shows thin parts and holes.

Where a backdrop is plain, it tells more of the product than a mask of a few hundred pixels: all that is not backdrop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .pixels import Flags, Pixels

_SIGMAS = (0.2, 0.06, 0.02)  # of the blurs that fill the surface, coarse to fine, as shares of the longer side
_PASSES = 3  # each leaves out what the pass before took for something else than backdrop
_OUTLIER = 4.0  # noise units
_LEAST_NOISE = 0.003  # of a level: three quarters of an 8-bit step
_PLAIN = 0.02  # noise above this is a pattern, against which a small difference says nothing

_SHADOW = (0.3, 1.25)  # share of the backdrop's light that is left in a shadow, or in light that glass throws
_SAME_HUE = 4.0  # noise units that a shadow may be off the backdrop's own hue
_HALF, _NEIGHBOURS = 0.4, 7  # of the greatest distance within so many pixels
_THIN_WINDOW = 7  # of the reduced picture's pixels: what is thinner than half of it does not move its median
_REDUCED = 4


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What lies behind the product.

    Attributes:
        surface: its colour everywhere, ``[H, W, 3]``, also where the product hides it.
        noise: its standard deviation, 0..1, by channel ``[3]``.
        distance: how far each pixel is from the surface, in units of the noise, ``[H, W]``, 0 and more.
        plain: whether it is smooth enough that the distance tells product from backdrop.
    """

    surface: Pixels
    noise: Pixels
    distance: Pixels
    plain: bool

    def strange(self, picture: Pixels, least: float) -> tuple[Flags, Flags]:
        """Where something else than a plain backdrop is, ``[H, W]``: surely, and where it may be but a shadow.

        A shadow keeps the backdrop's hue. Of both, what is less than half as far from the backdrop as its neighbours
        is light that they throw, or the soft outer half of their edge.

        Args:
            picture: that the backdrop was fitted to.
            least: distance in units of the noise from which a pixel is something else.
        """
        share = (picture * self.surface).sum(axis=2) / np.maximum((self.surface**2).sum(axis=2), 1e-6)
        hue = self._in_noise(picture - share[..., None] * self.surface)
        shadow = (share > _SHADOW[0]) & (share < _SHADOW[1]) & (hue < _SAME_HUE)
        half = _HALF * ndimage.maximum_filter(self.distance, _NEIGHBOURS)
        far = (self.distance > least) & (self.distance > half)
        return far & ~shadow, far & shadow

    def thin(self, picture: Pixels) -> Flags:
        """Where something darker than the median around it is, ``[H, W]``: a cable or a handle, which no shadow is."""
        share = (picture * self.surface).sum(axis=2) / np.maximum((self.surface**2).sum(axis=2), 1e-6)
        reduced = picture[::_REDUCED, ::_REDUCED]
        around = np.stack([ndimage.median_filter(reduced[..., c], _THIN_WINDOW) for c in range(3)], axis=2)
        height, width = self.distance.shape
        around = around.repeat(_REDUCED, axis=0)[:height].repeat(_REDUCED, axis=1)[:, :width]
        flags: Flags = (self._in_noise(picture - around) > 2 * _SAME_HUE) & (share < 0.9)
        return flags

    def _in_noise(self, difference: Pixels) -> Pixels:
        distance: Pixels = np.sqrt(((difference / self.noise) ** 2).mean(axis=2))
        return distance


def fit_backdrop(picture: Pixels, ground: Flags) -> Backdrop:
    """Fit the backdrop to the pixels that are surely of it.

    Args:
        picture: ``[H, W, 3]``, 0..1.
        ground: ``[H, W]``; what of it is none, such as a strap that the mask lost, is found and left out.
    """
    if not ground.any():  # the product fills the frame
        far = np.full(ground.shape, np.inf, np.float32)
        return Backdrop(picture, np.ones(3, np.float32), far, plain=False)
    used = ground
    for _ in range(_PASSES):
        surface = _filled(picture, used)
        off = picture - surface
        noise = np.maximum(1.4826 * np.median(np.abs(off[ground]), axis=0), _LEAST_NOISE).astype(np.float32)
        distance = np.sqrt(((off / noise) ** 2).mean(axis=2)).astype(np.float32)
        used = ground & (distance < _OUTLIER)
        if not used.any():
            used = ground
    return Backdrop(surface, noise, distance, plain=bool(noise.max() < _PLAIN))


def blurred(values: Pixels, sigma: float) -> Pixels:
    """A Gaussian blur of ``[H, W]`` or ``[H, W, C]``, along the first two axes."""
    result: Pixels = ndimage.gaussian_filter(
        values, (sigma, sigma, *(0.0,) * (values.ndim - 2)), mode="nearest", truncate=3.0
    )
    return result


def mean_near(values: Pixels, weight: Pixels, sigma: float) -> tuple[Pixels, Pixels]:
    """The weighted mean of ``[H, W, C]`` around each pixel, and the weight that it rests on, ``[H, W]``."""
    support = blurred(weight, sigma)
    mean = blurred(values * weight[..., None], sigma) / np.maximum(support, 1e-7)[..., None]
    return mean.astype(np.float32), support


def _filled(picture: Pixels, ground: Flags) -> Pixels:
    """The ground's colours, smooth, carried on over what is none: from far where nothing is near."""
    height, width = ground.shape
    reduced, weight = _halved(picture, ground, _REDUCED)
    surface = np.broadcast_to(picture[ground].mean(axis=0), reduced.shape).astype(np.float32)
    for share in _SIGMAS:
        near, support = mean_near(reduced, weight, max(share * max(height, width) / _REDUCED, 0.5))
        trust = np.clip(support / 0.05, 0, 1)[..., None]
        surface = surface * (1 - trust) + near * trust
    scale = (reduced.shape[0] / height, reduced.shape[1] / width)
    rows = np.clip((np.arange(height) + 0.5) * scale[0] - 0.5, 0, reduced.shape[0] - 1)
    columns = np.clip((np.arange(width) + 0.5) * scale[1] - 0.5, 0, reduced.shape[1] - 1)
    grid = np.meshgrid(rows, columns, indexing="ij")
    planes = [ndimage.map_coordinates(surface[..., c], grid, order=1, mode="nearest") for c in range(3)]
    return np.stack(planes, axis=2).astype(np.float32)


def _halved(picture: Pixels, ground: Flags, by: int) -> tuple[Pixels, Pixels]:
    """Means of blocks of ``by`` x ``by`` pixels over the ground alone, and how much of a block is ground, 0..1."""
    height, width = ground.shape
    padding = ((0, -height % by), (0, -width % by))
    weight = np.pad(ground.astype(np.float32), padding)
    values = np.pad(picture, (*padding, (0, 0))) * weight[..., None]
    blocks = (weight.shape[0] // by, by, weight.shape[1] // by, by)
    share = weight.reshape(blocks).mean(axis=(1, 3))
    means = values.reshape(*blocks, 3).mean(axis=(1, 3)) / np.maximum(share, 1e-6)[..., None]
    return means.astype(np.float32), share.astype(np.float32)
