from __future__ import annotations

from pathlib import Path

import pytest

from packshot import plan_memory
from packshot.errors import ModelMissing


def test_a_workflow_is_priced_with_another_card(tmp_path: Path) -> None:
    small = plan_memory("product-shot", 12 << 30, models=tmp_path)
    large = plan_memory("product-shot", 12 << 30, card="sdxl", models=tmp_path)
    assert small.peak_gib < large.peak_gib
    with pytest.raises(ModelMissing):
        plan_memory("product-shot", 12 << 30, card="nosuch", models=tmp_path)
