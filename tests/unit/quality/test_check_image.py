from __future__ import annotations

from pathlib import Path

import pytest

from packshot import check_image
from packshot.errors import InputInvalid


def test_pictures_are_named_before_they_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="no pictures here"):
        check_image(tmp_path)
    (report,) = check_image(tmp_path / "nowhere.png")
    assert report.reasons == ("not-found",)
