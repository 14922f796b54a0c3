"""Large tiles, and memory that really runs out."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from packshot.host.install import Installation
from support.host.scripts import inside

SCRIPT = "tiled_vae.py"

KINDS = ("kl4", "kl16", "flux2", "wan")


@pytest.fixture(scope="module")
def large(installation: Installation) -> dict[str, Any]:
    return inside(installation, SCRIPT, "large")


@pytest.mark.parametrize("kind", KINDS)
def test_large_tiles_are_exact_too_and_their_borders_no_worse_than_the_rest(large: dict[str, Any], kind: str) -> None:
    for tile, ways in large[kind].items():
        for found in ways.values():
            assert all(lines >= 1 for lines in found["lines"])  # it was cut both ways
            assert found["apart"] <= 1e-4, (tile, found)
            # 1e-6: rounding in 32 bit at values up to 1
            assert found["seam"]["border"] <= found["seam"]["elsewhere"] + 1e-6, (tile, found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["decode", "encode"])
def test_progress_only_grows_and_ends_at_its_total(large: dict[str, Any], kind: str, way: str) -> None:
    for ways in large[kind].values():
        values = [value for value, _ in ways[way]["told"]]
        totals = {total for _, total in ways[way]["told"]}
        assert len(values) > 2
        assert values == sorted(values)
        assert totals == {values[-1]}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's address space")
def test_out_of_memory_is_a_smaller_tile_that_is_recorded(installation: Installation) -> None:
    found = inside(installation, SCRIPT, "memory")
    assert found["tile"] < 512
    assert found["steps"][0].startswith("out of memory with tiles of 512 pixels and features on cpu")
    assert "then tiles of 256 pixels" in found["steps"][0]
    # Only the last rung, features in 16 bit, costs digits, and it says so.
    assert found["apart"] <= (1e-2 if "16 bit" in found["steps"][-1] else 1e-4)
