"""Checks of the background behind a product, on decoded pixels: what a channel's own robot sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..checks import Limit, Subject, Unmeasurable, Value, measure
from ..colour import hex_to_rgb

_WHERE = "the background is all but the product and the 16 px around it, the reach of a JPEG block that holds an edge"


@dataclass(frozen=True, slots=True)
class _Background:
    """The pixels that are surely background.

    Attributes:
        count: of them.
        histograms: int64 [3, 256], by channel.
        exact: how many are the colour asked for.
    """

    count: int
    histograms: npt.NDArray[np.int64]
    exact: int


@measure(
    "background.exact",
    unit="share",
    definition=f"Share of the background that is exactly the colour asked for, white by default; {_WHERE}.",
    source="Amazon, product image requirements: pure white, RGB 255, 255, 255",
    default=Limit(minimum=1.0),
    below="background-not-exact",
)
def _exact(subject: Subject) -> Value:
    background = _background(subject)
    return background.exact / background.count


@measure(
    "background.deviation",
    unit="levels",
    definition=f"The largest difference of a background pixel's channel from the colour asked for; {_WHERE}.",
    source="Packshot's own rule",
    default=Limit(maximum=0),
    above="background-deviates",
)
def _deviation(subject: Subject) -> Value:
    wanted = hex_to_rgb(subject.given.background)
    largest = 0
    for histogram, level in zip(_background(subject).histograms, wanted, strict=True):
        present = np.flatnonzero(histogram)
        largest = max(largest, level - int(present[0]), int(present[-1]) - level)
    return largest


@measure(
    "background.tint",
    unit="levels",
    definition=f"The background's mean colour: its strongest channel less its weakest. 0 is neutral; {_WHERE}.",
    source="Packshot's own rule",
    default=Limit(maximum=2),
    above="background-tinted",
)
def _tint(subject: Subject) -> Value:
    background = _background(subject)
    means = background.histograms @ np.arange(256) / background.count
    return float(means.max() - means.min())


def _background(subject: Subject) -> _Background:
    if "background" not in subject.notes:
        subject.notes["background"] = _look(subject)
    background: _Background = subject.notes["background"]
    if not background.count:
        raise Unmeasurable("no-background")
    return background


def _look(subject: Subject) -> _Background:
    clear = subject.product().clear_background()
    mask = Image.fromarray(clear.view(np.uint8) * np.uint8(255))
    counted = Image.fromarray(subject.pixels).histogram(mask)
    histograms = np.array(counted, np.int64).reshape(3, 256)
    count = int(histograms[0].sum())
    wanted = hex_to_rgb(subject.given.background)
    by_channel = [int(histogram[level]) for histogram, level in zip(histograms, wanted, strict=True)]
    if min(by_channel) == count or not min(by_channel):
        return _Background(count, histograms, min(by_channel))
    same = clear & (subject.pixels == np.array(wanted, np.uint8)).all(axis=2)
    return _Background(count, histograms, int(np.count_nonzero(same)))
