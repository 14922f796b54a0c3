"""A check of a picture's colours as a whole against pictures of the brand's look."""

from __future__ import annotations

from ..checks import Limit, Subject, Value, measure
from ..colour import OVERVIEW


@measure(
    "colour.distribution",
    unit="× references",
    definition=(
        "Distance of the picture's colours from the nearest reference, by the distance that 95 % of the references keep"
        " from theirs. The distance is a sliced 1-Wasserstein distance of colours in Lab, with the longer side brought"
        f" down to {OVERVIEW} px."
    ),
    source="Bonneel et al., Journal of Mathematical Imaging and Vision 51 (2015): sliced Wasserstein",
    need="references",
    default=Limit(maximum=1.0),
    above="colours-unlike-references",
)
def _distribution(subject: Subject) -> Value:
    look = subject.given.look
    assert look is not None
    return look.distance(subject.picture)
