"""How a picture came about, in the words that shops, newsrooms and laws read: IPTC's digital source types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: What happened. ``generated``: a model made all of it. ``composite``: a model made a part; the product's own pixels
#: are in it. ``retouched``: a photograph, cut out, placed or corrected by rules, with nothing made up.
Making = Literal["generated", "composite", "retouched"]

#: https://cv.iptc.org/newscodes/digitalsourcetype/
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_TERMS: dict[Making, str] = {
    "generated": "trainedAlgorithmicMedia",
    "composite": "compositeWithTrainedAlgorithmicMedia",
    "retouched": "algorithmicallyEnhanced",
}
_MEANINGS = {
    "trainedAlgorithmicMedia": "made by generative AI",
    "compositeWithTrainedAlgorithmicMedia": "photograph and generative AI together",
    "algorithmicallyEnhanced": "photograph, corrected by rules",
    "algorithmicMedia": "made by rules, without AI that was trained on pictures",
    "digitalCreation": "made by people with tools that do not generate, such as a renderer",
    "compositeSynthetic": "of several parts, one of them synthetic",
    "compositeCapture": "of several photographs",
    "humanEdits": "photograph, edited by people",
    "digitalCapture": "photograph",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What is written into a picture.

    Attributes:
        making: how it came about; see :data:`Making`.
        title: of what it shows.
        rights: copyright notice.
        creator: who answers for it.
        recipe: how to make it again, such as workflow, version and seed; plain values, by name.
    """

    making: Making
    title: str = ""
    rights: str = ""
    creator: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source_type(self) -> str:
        """IPTC's digital source type, as a URI."""
        return SOURCE_TYPES + _TERMS[self.making]


def making_of(*, from_model: bool, product_pixels: bool) -> Making:
    """How a picture came about.

    Args:
        from_model: a generative model made at least a part of what it shows.
        product_pixels: the product's own pixels, from a photograph, are in it unchanged but for size and light.
    """
    if not from_model:
        return "retouched"
    return "composite" if product_pixels else "generated"


def meaning(source_type: str) -> str:
    """A digital source type in plain words; empty for one that is not known."""
    return _MEANINGS.get(source_type.rpartition("/")[2], "")
