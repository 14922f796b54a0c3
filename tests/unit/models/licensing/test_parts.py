"""Under whose terms a file of weights stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.models.licensing.licences import (
    licence_ids,
)
from packshot.models.licensing.parts import known_files, origin_of_file, origin_of_metadata


def test_the_licences_of_well_known_files_are_known() -> None:
    table = known_files().files
    assert {licence for one in table for licence in one.licences} <= set(licence_ids())
    assert len({one.pattern for one in table}) == len(table)
    assert all(one.pattern == one.pattern.lower() for one in table), "names are compared in lower case"


@pytest.mark.parametrize(
    ("metadata", "cards"),
    [
        ({"modelspec.architecture": "flux-1-dev/lora"}, ("flux1-dev", "flux1-schnell")),
        ({"ss_base_model_version": "sd_v1"}, ("sd15",)),
        ({"ss_base_model_version": "something new"}, ()),
        ({}, ()),
    ],
)
def test_metadata_say_what_a_lora_was_made_for(metadata: dict[str, str], cards: tuple[str, ...]) -> None:
    assert origin_of_metadata(metadata).cards == cards


def test_a_file_without_a_header_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "upscaler.pth").write_bytes(b"not looked at")
    assert origin_of_file(tmp_path / "upscaler.pth") is None
