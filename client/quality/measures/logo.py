"""Checks of a logo in the picture: that it is there, and that nothing crowds it."""

from __future__ import annotations

import numpy as np

from ..checks import Limit, Subject, Unmeasurable, Value, measure
from ..colour import luminance
from ..logos import Found, find_logo

_CLEAR = 0.25  # of the logo's height
_CLUTTER = 16  # levels
_LEAST = 0.6  # a lower score than this is no logo, so that there is nothing to clear


@measure(
    "logo.presence",
    unit="",
    definition=(
        "Normalised cross-correlation of the luma with the logo at the place and size, from 4 to 100 % of the frame,"
        " where it is highest. 1 is the logo itself; it must be upright."
    ),
    source="J. P. Lewis, Fast Normalized Cross-Correlation, 1995",
    need="logo",
    default=Limit(minimum=0.85),
    below="logo-missing",
)
def _presence(subject: Subject) -> Value:
    return _found(subject).score


@measure(
    "logo.clear-space",
    unit="share",
    definition=(
        f"Share of the space around the logo, {_CLEAR:g} of its height wide, that differs by more than {_CLUTTER}"
        " levels of luma from that space's median."
    ),
    source="Packshot's own rule: brands ask for a quarter of the logo's height and more",
    need="logo",
    default=Limit(maximum=0.02),
    above="logo-crowded",
)
def _clear_space(subject: Subject) -> Value:
    found = _found(subject)
    if found.score < _LEAST:
        raise Unmeasurable("logo-missing")
    box = found.box
    height, width = subject.pixels.shape[:2]
    reach = max(2, round(_CLEAR * box.height))
    gap = max(1, round(0.04 * box.height))  # the place is known to a few hundredths of the logo's size
    top, left = max(box.top - reach, 0), max(box.left - reach, 0)
    window = luminance(subject.pixels[top : min(box.bottom + reach, height), left : min(box.right + reach, width)])
    ring = np.ones(window.shape, bool)
    ring[
        max(box.top - gap - top, 0) : box.bottom + gap - top, max(box.left - gap - left, 0) : box.right + gap - left
    ] = False
    space = window[ring].astype(np.int16)
    if not len(space):
        raise Unmeasurable("logo-fills-the-frame")
    return float(np.mean(np.abs(space - np.median(space)) > _CLUTTER))


def _found(subject: Subject) -> Found:
    logo = subject.given.logo
    assert logo is not None
    if "logo" not in subject.notes:
        subject.notes["logo"] = find_logo(subject.pixels, logo)
    found: Found = subject.notes["logo"]
    return found
