from __future__ import annotations

from pathlib import Path

import pytest

from packshot import fetch_model
from packshot.errors import ModelMissing


def test_an_unknown_model_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no model card 'nosuch'"):
        fetch_model("nosuch", models=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_dry_run_says_what_is_missing(tmp_path: Path) -> None:
    model = fetch_model("sdxl", models=tmp_path / "models", dry_run=True)
    assert {model.state(file) for file in model.files} == {"missing"}
    assert model.fetched == ()
    assert not list(tmp_path.iterdir())
