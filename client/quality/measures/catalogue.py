"""Checks of a picture against the others of its catalogue: the same thing twice, or one that stands out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..checks import Limit, Subject, Unmeasurable, Value, measure
from ..colour import delta_e_2000
from ..siblings import Catalogue, Features

_OURS = "Packshot's own rule"


@measure(
    "catalogue.nearest",
    unit="bits",
    definition="Bits of 64 in which the perceptual hash of the most similar other picture differs; 64 without another.",
    source="Zauner 2010: DCT hash",
    need="catalogue",
    default=Limit(minimum=4),
    below="near-duplicate",
)
def _nearest(subject: Subject) -> Value:
    catalogue, features = _both(subject)
    nearest = catalogue.nearest(features)
    return 64 if nearest is None else nearest


@measure(
    "catalogue.background",
    unit="ΔE00",
    definition="CIEDE2000 difference of the background from the median background of the catalogue.",
    source="Sharma et al. 2005 (CIEDE2000)",
    need="catalogue",
    default=Limit(maximum=3),
    above="background-unlike-others",
)
def _background(subject: Subject) -> Value:
    catalogue, features = _both(subject)
    if features.background is None:
        raise Unmeasurable("no-product-on-plain-background")
    return float(delta_e_2000(features.background, _known(catalogue.background)))


@measure(
    "catalogue.fill",
    unit="share",
    definition="Difference of product.fill-side from the catalogue's median.",
    source=_OURS,
    need="catalogue",
    default=Limit(maximum=0.05),
    above="size-unlike-others",
)
def _fill(subject: Subject) -> Value:
    catalogue, features = _both(subject)
    if features.fill is None:
        raise Unmeasurable("no-product-on-plain-background")
    return round(float(abs(features.fill - _known(catalogue.fill))), 9)


@measure(
    "catalogue.base",
    unit="share",
    definition="Difference of the height at which the product stands in its frame from the catalogue's median.",
    source=_OURS,
    need="catalogue",
    default=Limit(maximum=0.05),
    above="horizon-unlike-others",
)
def _base(subject: Subject) -> Value:
    catalogue, features = _both(subject)
    if features.base is None:
        raise Unmeasurable("no-product-on-plain-background")
    return round(float(abs(features.base - _known(catalogue.base))), 9)


def _both(subject: Subject) -> tuple[Catalogue, Features]:
    catalogue = subject.given.catalogue
    assert catalogue is not None
    return catalogue, subject.features


def _known(median: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64]:
    if median is None:
        raise Unmeasurable("catalogue-without-plain-backgrounds")
    return median
