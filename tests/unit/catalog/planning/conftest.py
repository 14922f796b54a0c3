"""A plan made of a table, for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.brand import BrandKit
from packshot.catalog.planning.items import DEFAULT_MAPPING, plan_items
from packshot.catalog.table.read import read_table

KIT = BrandKit.model_validate(
    {
        "name": "Test Brand",
        "palette": [{"name": "oat", "hex": "#EFE6D6"}, {"name": "ink", "hex": "#101010"}],
        "prompt": {"prefix": "photo of", "suffix": "soft light", "negative": "text"},
    }
)


@pytest.fixture
def plan(tmp_path: Path):
    def make(content: str, mapping=DEFAULT_MAPPING, *, kit=KIT, base_seed=0, per_variant=False):
        path = tmp_path / "t.csv"
        path.write_bytes(content.encode())
        return plan_items(read_table(path), mapping, kit, base_seed=base_seed, per_variant=per_variant)

    return make
