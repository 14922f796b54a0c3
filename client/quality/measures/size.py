"""Checks of the frame: sides, ratio, pixels in all."""

from __future__ import annotations

from ..checks import Subject, Value, measure

_CHANNELS = "rules of the sales channels"


@measure(
    "size.longest-side",
    unit="px",
    definition="The longer side of the frame, as it is shown.",
    source=_CHANNELS,
    below="side-too-short",
    above="side-too-long",
)
def _longest(subject: Subject) -> Value:
    return max(subject.picture.width, subject.picture.height)


@measure(
    "size.shortest-side",
    unit="px",
    definition="The shorter side of the frame.",
    source=_CHANNELS,
    below="side-too-short",
    above="side-too-long",
)
def _shortest(subject: Subject) -> Value:
    return min(subject.picture.width, subject.picture.height)


@measure(
    "size.width",
    unit="px",
    definition="The frame's width.",
    source=_CHANNELS,
    below="width-too-small",
    above="width-too-large",
)
def _width(subject: Subject) -> Value:
    return subject.picture.width


@measure(
    "size.height",
    unit="px",
    definition="The frame's height.",
    source=_CHANNELS,
    below="height-too-small",
    above="height-too-large",
)
def _height(subject: Subject) -> Value:
    return subject.picture.height


@measure(
    "size.ratio",
    unit="height / width",
    definition="Height by width: above 1 is portrait.",
    source=_CHANNELS,
    below="ratio-too-wide",
    above="ratio-too-tall",
)
def _ratio(subject: Subject) -> Value:
    return subject.picture.height / subject.picture.width


@measure(
    "size.megapixels",
    unit="MP",
    definition="Width times height, in millions of pixels.",
    source=_CHANNELS,
    below="too-few-pixels",
    above="too-many-pixels",
)
def _megapixels(subject: Subject) -> Value:
    return subject.picture.width * subject.picture.height / 1e6
