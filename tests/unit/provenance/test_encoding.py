"""Quality of a JPEG."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from packshot.provenance.encoding import encode


@pytest.mark.parametrize("quality", [1, 50, 95, 100])
def test_noise_of_any_quality(quality: int) -> None:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (700, 900, 3), np.uint8))
    data = encode(noise, "JPEG", xmp=b"<a/>", quality=quality).data
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert (image.format, image.size) == ("JPEG", noise.size)
