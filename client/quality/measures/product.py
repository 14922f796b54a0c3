"""Checks of where the product lies in its frame."""

from __future__ import annotations

import numpy as np

from ..checks import Limit, Subject, Value, measure

_OURS = "Packshot's own rule"


@measure(
    "product.fill-side",
    unit="share",
    definition="The product's box by the frame, along the side on which it fills more.",
    source="Amazon, product image requirements (85 %); Google Merchant Center, image_link (75 to 90 %)",
    default=Limit(minimum=0.85),
    below="product-too-small",
    above="product-too-large",
)
def _fill_side(subject: Subject) -> Value:
    box, height, width = subject.product().box, subject.picture.height, subject.picture.width
    return max(box.width / width, box.height / height)


@measure(
    "product.fill-box",
    unit="share",
    definition="Area of the product's box by the frame's.",
    source=_OURS,
    below="product-too-small",
    above="product-too-large",
)
def _fill_box(subject: Subject) -> Value:
    box, height, width = subject.product().box, subject.picture.height, subject.picture.width
    return box.width * box.height / (width * height)


@measure(
    "product.fill-mask",
    unit="share",
    definition="Area of the product itself by the frame's.",
    source=_OURS,
    below="product-too-small",
    above="product-too-large",
)
def _fill_mask(subject: Subject) -> Value:
    return float(np.count_nonzero(subject.product().product) / subject.product().product.size)


@measure(
    "product.offset",
    unit="share",
    definition="How far the middle of the product's box is from the middle of the frame, by the frame's side.",
    source=_OURS,
    default=Limit(maximum=0.03),
    above="off-centre",
)
def _offset(subject: Subject) -> Value:
    box, height, width = subject.product().box, subject.picture.height, subject.picture.width
    across = abs(box.left + box.right - width) / (2 * width)
    down = abs(box.top + box.bottom - height) / (2 * height)
    return max(across, down)


@measure(
    "product.margin",
    unit="share",
    definition="The smallest distance from the product's box to the frame, by the frame's shorter side.",
    source=_OURS,
    default=Limit(minimum=0.01),
    below="margin-too-small",
)
def _margin(subject: Subject) -> Value:
    box, height, width = subject.product().box, subject.picture.height, subject.picture.width
    return min(box.left, box.top, width - box.right, height - box.bottom) / min(width, height)


@measure(
    "product.cut-off",
    unit="share",
    definition="The largest share of one of the frame's four edges that the product covers.",
    source=_OURS,
    default=Limit(maximum=0.0),
    above="product-cut-off",
)
def _cut_off(subject: Subject) -> Value:
    mask = subject.product().product
    return float(max(side.mean() for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1])))
