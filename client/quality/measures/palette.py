"""Checks of a picture's colours against a brand's palette."""

from __future__ import annotations

import numpy as np

from ..checks import Limit, Subject, Value, measure
from ..colour import OVERVIEW, Floats, delta_e_2000, hex_to_lab, lightness_term

_NEAR = 6.0  # ΔE00: the same paint under another light
_OFF = 15.0  # ΔE00: another colour by any name
_ROUNDING = 1e-3  # ΔE00
_WHOLE = f"with the longer side brought down to {OVERVIEW} px"


@measure(
    "palette.coverage",
    unit="share",
    definition=f"Share of the picture's pixels within ΔE00 {_NEAR:g} of a colour of the palette; {_WHOLE}.",
    source="Packshot's own rule, on Sharma et al. 2005 (CIEDE2000)",
    need="palette",
    default=Limit(minimum=0.3),
    below="off-brand",
)
def _coverage(subject: Subject) -> Value:
    counts = subject.colours[1]
    return float(counts[_distances(subject) <= _NEAR].sum() / counts.sum())


@measure(
    "palette.off",
    unit="share",
    definition=(
        f"Share of the picture's pixels further than ΔE00 {_OFF:g} from all of the palette and from grey; {_WHOLE}."
    ),
    source="Packshot's own rule, on Sharma et al. 2005 (CIEDE2000)",
    need="palette",
    default=Limit(maximum=0.25),
    above="foreign-colours",
)
def _off(subject: Subject) -> Value:
    lab, counts = subject.colours
    far = _distances(subject) > _OFF
    coloured = lab[far]
    grey = coloured * np.array([1, 0, 0], np.float32)  # of the same lightness
    foreign = delta_e_2000(coloured, grey) > _OFF
    return float(counts[far][foreign].sum() / counts.sum())


def _distances(subject: Subject) -> Floats:
    """For each distinct colour of the picture its ΔE00 [N] to a colour of the palette.

    To the nearest, but only as exactly as the two limits need: a colour that is near one is not compared with the rest,
    nor is any with one that its lightness alone keeps too far away.
    """
    if "palette" not in subject.notes:
        lab = subject.colours[0]
        palette = subject.given.palette or {}
        nearest = np.full(len(lab), np.inf, np.float32)
        for colour in palette.values():
            brand = hex_to_lab(colour)
            limit = np.where(nearest > _OFF, np.float32(_OFF + _ROUNDING), np.float32(_NEAR + _ROUNDING))
            open_ = np.flatnonzero((nearest > _NEAR) & (lightness_term(lab[:, 0], brand[0]) <= limit))
            nearest[open_] = np.minimum(nearest[open_], delta_e_2000(lab[open_], brand))
        subject.notes["palette"] = nearest
    distances: Floats = subject.notes["palette"]
    return distances
