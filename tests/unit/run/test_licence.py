from __future__ import annotations

import pytest

from packshot import judge_licence
from packshot.errors import InputInvalid
from packshot.models.licensing.profile import Profile


def test_one_refusal_refuses_all() -> None:
    assert judge_licence("starter", profile=Profile()).decision != "refuse"
    assert judge_licence("starter", "nosuch.safetensors", profile=Profile()).decision == "refuse"


def test_what_is_nothing_known_is_refused_with_a_name_near_it() -> None:
    with pytest.raises(InputInvalid, match="no model, no workflow"):
        judge_licence("product-shoot", profile=Profile())
