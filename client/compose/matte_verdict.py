"""What is wrong with a matte, measured from the photograph and its mask: parts lost, halo, backdrop kept, and more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ..errors import NoProduct
from .backdrop import Backdrop, blurred, fit_backdrop
from .pixels import HAMMING, Flags, Pixels, resize
from .refine import depth_of, enclosed

_SIDE = 640  # longer side at which a matte is looked at
_LEAST_PRODUCT = 0.0005  # of the frame: a product of 45 x 45 pixels in a photograph of 2,000 x 2,000
_CLEAR = 0.012  # of the longer side, around the mask, in which an edge is the mask's own
_SHARP = 6.0  # of the median slope: steeper than grain, and than any shadow
_LINE = 0.03  # of the longer side: pixels of an edge that counts
_PIECE = 0.1  # of the largest part: what is smaller is a part of a product and no product
_SAME, _FAINT = 4.0, 12.0  # noise units from the backdrop: not told apart; told apart, but not surely
_SMALL_HOLE = 0.15  # of the distance of the product around it, in which a hole that light falls into is of the backdrop
_APART = 0.02  # of the longer side, between two products


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a matte was measured for.

    Attributes:
        id: of the measure, such as ``matte.lost``.
        value, limit: what was measured, and the most that a sound matte has; both in ``unit``.
        slug: of the reason where the value is above the limit.
        message: the reason, as a person reads it.
        decisive: whether a picture made from such a matte is kept out of a channel. Else it is said, and no more.
    """

    id: str
    value: float
    limit: float
    unit: str
    slug: str
    message: str
    decisive: bool

    @property
    def sound(self) -> bool:
        return self.value <= self.limit

    def as_dict(self) -> dict[str, Any]:
        """An entry of ``findings`` in a picture's record."""
        return {
            "id": self.id,
            "value": round(self.value, 4),
            "limit": self.limit,
            "unit": self.unit,
            "sound": self.sound,
            "slug": self.slug,
            "message": self.message,
            "decisive": self.decisive,
        }


def judge_matte(picture: Pixels, mask: Pixels) -> tuple[Finding, ...]:
    """Measure a matte, whoever made it.

    Args:
        picture: ``[H, W, 3]``, 0..1, with the backdrop that the product was photographed before.
        mask: ``[H, W]``, 0..1; 1 is the product.

    Raises:
        NoProduct: the mask is empty, or nearly so.
    """
    height, width = mask.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small, opacity = blurred(resize(picture, *size, HAMMING), 0.8), resize(mask, *size, HAMMING)
    product = opacity > 0.5
    if product.mean() < _LEAST_PRODUCT:
        raise no_product()
    clear = max(3, round(_CLEAR * max(size)))
    away = np.asarray(ndimage.distance_transform_edt(~product), np.float32)
    backdrop = fit_backdrop(small, away > 2 * clear)
    return (
        Finding(
            "matte.lost", _lost(small, backdrop, away > clear), 0.04, "share", "parts-lost",
            "something stands out from the backdrop beside the product, such as a handle or a strap, and was left out",
            decisive=True,
        ),
        Finding(
            "matte.halo", _halo(small, product, away, clear), 0.45, "share", "halo",
            "the product's rim has the colour of the old backdrop, and will shine on another one", decisive=True,
        ),
        Finding(
            "matte.enclosed", _enclosed(small, backdrop, product), 0.004, "share", "backdrop-enclosed",
            "areas inside the product look like the backdrop: holes that were not cut out, or parts of its very colour",
            decisive=False,
        ),
        Finding(
            "matte.see-through", _alike(backdrop, product, clear, _SAME), 0.5, "share", "see-through",
            "much of the product looks like the backdrop: glass and mesh are cut out opaque, with what lay behind them",
            decisive=False,
        ),
        Finding(
            "matte.faint", _alike(backdrop, product, clear, _FAINT), 0.5, "share", "faint-outline",
            "much of the product has nearly the backdrop's colour, such as white before white: parts of it can be"
            " missing unseen",
            decisive=False,
        ),
        Finding(
            "matte.cut", _cut(product), 0.01, "share of the frame", "product-cut",
            "the frame cuts the product off: a part of it is not in the photograph", decisive=True,
        ),
        Finding(
            "matte.products", float(_products(product)), 1.0, "products", "several-products",
            "several things were found and cut out as one", decisive=False,
        ),
        Finding(
            "matte.pattern", float(backdrop.noise.max()), 0.1, "levels of 1", "backdrop-patterned",
            "the backdrop has a pattern, before which an outline can be wrong unseen: look at it", decisive=False,
        ),
    )  # fmt: skip


def no_product() -> NoProduct:
    """The refusal of a photograph in which nothing stands out."""
    return NoProduct(
        "no product was found in the photograph",
        place="input 'image'",
        remedy="take a photograph that shows one product clearly, or cut it out by hand and load it with transparency",
    )


def _lost(picture: Pixels, backdrop: Backdrop, beyond: Flags) -> float:
    """The share of the photograph's edges that lie outside of the mask: told before a plain backdrop alone."""
    if not backdrop.plain:
        return 0.0
    slope = np.sqrt(sum(_slope(picture[..., channel]) ** 2 for channel in range(3)))
    edges = slope > max(float(np.median(slope)) * _SHARP, 0.01)
    labels, count = ndimage.label(edges & beyond, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]  # grain makes specks, an edge makes a line
    return float(sizes[sizes >= _LINE * max(edges.shape)].sum() / max(edges.sum(), 1))


def _slope(plane: Pixels) -> Pixels:
    return np.asarray(ndimage.gaussian_gradient_magnitude(plane, 0.7), np.float32)


def _halo(picture: Pixels, product: Flags, away: Pixels, clear: int) -> float:
    """The share of the rim that is nearer to the backdrop's colour than to the product's, where these differ."""
    depth = depth_of(product)
    rim = (depth > 1) & (depth <= 2)
    inner, outer = ((depth > clear / 2) & (depth <= 2 * clear)), ((away > clear / 2) & (away <= 2 * clear))
    if not (inner.any() and outer.any() and rim.any()):
        return 0.0
    inside, ground = _carried(picture, inner, rim), _carried(picture, outer, rim)
    apart = inside - ground
    contrast = (apart**2).sum(axis=1)
    seen = contrast > 0.15**2
    if seen.sum() < 0.2 * len(seen):
        return 0.0
    share = ((picture[rim] - ground) * apart).sum(axis=1)[seen] / contrast[seen]
    return float((share < 0.35).mean())


def _carried(picture: Pixels, source: Flags, target: Flags) -> Pixels:
    """The colours of the nearest source pixels, smoothed, at the target pixels ``[N, 3]``."""
    weight = source.astype(np.float32)
    support = blurred(weight, 4.0)
    means = blurred(picture * weight[..., None], 4.0) / np.maximum(support, 1e-6)[..., None]
    rows, columns = ndimage.distance_transform_edt(support < 1e-3, return_distances=False, return_indices=True)
    return np.asarray(means[rows[target], columns[target]], np.float32)


def _enclosed(picture: Pixels, backdrop: Backdrop, product: Flags) -> float:
    """Backdrop-coloured areas with product all around, by the product's area."""
    if not backdrop.plain:
        return 0.0
    around = ndimage.maximum_filter(np.where(product, backdrop.distance, 0), 11)
    alike = (backdrop.distance < np.clip(_SMALL_HOLE * around, 5, 10)) & (around > 15) & (depth_of(product) > 3)
    small = ndimage.binary_opening(alike, np.ones((2, 2)))
    return float((small | enclosed(picture, backdrop, product, shift=6.0)).sum() / product.sum())


def _alike(backdrop: Backdrop, product: Flags, clear: int, least: float) -> float:
    """The share of the product's inside that is nearer to a plain backdrop than ``least``, in units of its noise."""
    inside = depth_of(product) > clear
    return float((backdrop.distance[inside] < least).mean()) if backdrop.plain and inside.any() else 0.0


def _cut(product: Flags) -> float:
    """The share of the frame's edge at which the product ends."""
    edge = np.concatenate([product[0], product[-1], product[:, 0], product[:, -1]])
    return float(edge.mean())


def _products(product: Flags) -> int:
    """How many parts of some size lie apart."""
    joined = ndimage.binary_dilation(product, iterations=max(1, round(_APART * max(product.shape) / 2)))
    labels, count = ndimage.label(joined)
    sizes = ndimage.sum_labels(product, labels, np.arange(1, count + 1))
    return int((sizes > _PIECE * sizes.max()).sum())
