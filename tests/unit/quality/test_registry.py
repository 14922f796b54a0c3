"""Every check can be found and can fail."""

from __future__ import annotations

import pytest
from PIL import Image

from packshot.errors import InputInvalid
from packshot.quality.registry import all_checks, find_check
from support.planted import (
    photograph,
)

with Image.open(photograph("rocket.jpg")) as _rocket:
    ADOBE = _rocket.info["icc_profile"]


def test_every_shipped_check_can_fail_with_a_reason() -> None:
    checks = all_checks()
    assert len(checks) >= 30
    for check in checks.values():
        assert check.reasons, check.id
        assert check.definition.endswith("."), check.id
        assert check.source, check.id


def test_an_unknown_check_is_named() -> None:
    with pytest.raises(InputInvalid, match="did you mean"):
        find_check("product.offst")
