"""The look of reference pictures."""

from __future__ import annotations

import pytest
from PIL import Image

from packshot.errors import InputInvalid
from packshot.quality.look import look_of
from support.planted import (
    PHOTOGRAPHS,
    photo,
    photograph,
)

with Image.open(photograph("rocket.jpg")) as _rocket:
    ADOBE = _rocket.info["icc_profile"]


def test_two_references_are_too_few() -> None:
    with pytest.raises(InputInvalid, match="2 references"):
        look_of(photo(name) for name in PHOTOGRAPHS[:2])
