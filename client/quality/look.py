"""The look of a brand's own pictures: the colours that they share, as numbers that a new picture is measured by."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import InputInvalid
from .colour import distinct_colours, overview, srgb_to_lab
from .picture import Picture

_DIRECTIONS, _QUANTILES = 32, 64
_LEAST = 3  # references


@dataclass(frozen=True, slots=True)
class Look:
    """What references have in common.

    Attributes:
        described: float64 [N, 32, 64]; see :func:`describe`.
        spread: the distance that 95 % of them keep from the nearest other one, in units of Lab; at least 1.
    """

    described: npt.NDArray[np.float64]
    spread: float

    def distance(self, picture: Picture) -> float:
        """Of a picture's colours from the nearest reference, in units of :attr:`spread`: above 1 it stands apart."""
        return float(np.abs(self.described - describe(picture)).mean(axis=(1, 2)).min() / self.spread)


def look_of(references: Iterable[Picture]) -> Look:
    """Describe references, one after the other, so that only one needs to be in memory.

    Raises:
        InputInvalid: fewer than three.
    """
    described = np.array([describe(picture) for picture in references])
    if len(described) < _LEAST:
        raise InputInvalid(
            f"{len(described)} references say nothing of how far a brand's own pictures differ",
            remedy=f"give at least {_LEAST} pictures of the brand's look",
        )
    distances = np.array([np.abs(described - one).mean(axis=(1, 2)) for one in described])
    np.fill_diagonal(distances, np.inf)
    return Look(described, max(float(np.percentile(distances.min(axis=1), 95)), 1.0))


def describe(picture: Picture) -> npt.NDArray[np.float64]:
    """The quantiles of the colours of a picture's overview along fixed directions of Lab.

    The mean difference of two descriptions is the sliced 1-Wasserstein distance, in units of Lab.

    Returns:
        float64 [32 directions, 64 quantiles].
    """
    colours, counts = distinct_colours(overview(picture.pixels))
    projected = srgb_to_lab(colours) @ _directions().T
    shares = (np.arange(_QUANTILES) + 0.5) / _QUANTILES * counts.sum()
    described = np.empty((_DIRECTIONS, _QUANTILES))
    for row, values in zip(described, projected.T, strict=True):
        order = np.argsort(values)
        row[:] = values[order][np.searchsorted(np.cumsum(counts[order]), shares)]
    return described


@functools.lru_cache(maxsize=1)
def _directions() -> npt.NDArray[np.float64]:
    """Points spread evenly over half a sphere (Fibonacci lattice): a direction and its opposite say the same."""
    rank = np.arange(_DIRECTIONS) + 0.5
    height = rank / _DIRECTIONS
    turn = np.pi * (1 + np.sqrt(5)) * rank
    around = np.sqrt(1 - height**2)
    return np.stack([height, around * np.cos(turn), around * np.sin(turn)], axis=1)
