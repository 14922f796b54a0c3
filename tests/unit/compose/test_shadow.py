"""The shadow that a product stands on."""

from __future__ import annotations

import pytest

from packshot.compose.shadow import contact_shadow
from support.products import photograph


def test_the_shadow_lies_where_the_product_stands() -> None:
    """Under the chair's legs, which are 150 to 174 and 330 to 354 pixels from the left, and not between them."""
    _, mask = photograph("chair")
    shadow = contact_shadow(mask, 0.5, 1.0)
    below = shadow[461]
    assert below[162] > 0.15
    assert below[342] > 0.15
    assert below[252] < 0.5 * below[162]
    assert shadow.max() == pytest.approx(0.5)
    assert not shadow[:380].any()
    soft = contact_shadow(mask, 0.5, 3.0)
    assert (soft > 0).sum() > 1.5 * (shadow > 0).sum()
