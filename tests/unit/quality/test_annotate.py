"""The annotated picture shows what failed."""

from __future__ import annotations

import numpy as np

from packshot.quality.annotate import annotate
from packshot.quality.channels import load_channel
from packshot.quality.picture import Picture
from packshot.quality.run import check_picture
from support.planted import product


def test_the_annotated_picture_shows_what_failed() -> None:
    pixels = product((0, 100, 200, 300), side=900)
    pixels[20:38, 600:618] = 250
    report = check_picture(Picture.from_array(pixels), load_channel("amazon-main"))
    sheet = np.asarray(annotate(report))
    assert sheet.shape[0] > 900
    assert (sheet[30, 610] == (196, 43, 43)).all()
    assert not np.array_equal(sheet[:900], pixels)
