"""The tiled VAE makes what core's pass over the whole makes, whatever the tile; and steps down on its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from packshot.host.install import Installation
from support.places import INSIDE

SCRIPT = INSIDE / "tiled_vae.py"
KINDS = ("kl4", "kl16", "flux2", "wan")


def inside(installation: Installation, what: str) -> dict[str, Any]:
    command = [str(installation.python), str(SCRIPT), what, str(installation.comfyui)]
    # glibc gives back what is freed, so that an address space can be limited to what a decode takes.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**20)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1200, env=environment)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def seen(installation: Installation) -> dict[str, Any]:
    return inside(installation, "exact")


@pytest.fixture(scope="module")
def large(installation: Installation) -> dict[str, Any]:
    return inside(installation, "large")


@pytest.fixture(scope="module")
def faults(installation: Installation) -> dict[str, Any]:
    return inside(installation, "faults")


@pytest.mark.parametrize("kind", KINDS)
def test_a_tiled_decode_and_encode_are_those_of_the_whole(seen: dict[str, Any], kind: str) -> None:
    found = seen[kind]
    assert found["lines"] > 10  # there were borders at all
    assert found["other forms"] == 0
    assert len(found["decode"]) == len(found["encode"]) == 6
    for way in ("decode", "encode"):
        assert max(found[way].values()) <= 1e-4, found[way]
    assert seen["core"] > 0.01  # what core's own tiles are apart, on the same kind of weights


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_latent_or_picture_in_16_bit_gives_one_in_16_bit(seen: dict[str, Any], kind: str) -> None:
    assert seen[kind]["between"] == ["torch.float16"] * 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("way", ["decode", "encode"])
def test_in_16_bit_tiles_are_as_near_to_32_bit_as_the_whole(
    seen: dict[str, Any], kind: str, dtype: str, way: str
) -> None:
    """Both round in each layer, and not at the same places: errors are alike; the largest is of one pixel alone."""
    found = seen[kind]["16 bit"][dtype][way]
    assert found["kept on"] == f"cpu in {dtype}"
    assert found["same form"]
    (whole, tiled), (whole_most, tiled_most) = found["mean"], found["most"]
    assert 0 < tiled <= 1.1 * whole
    assert tiled_most <= 2 * whole_most


def test_what_cannot_be_decoded_or_encoded_is_refused_with_numbers_and_a_remedy(seen: dict[str, Any]) -> None:
    said = seen["refusals"]
    assert set(said) == {"shape", "flat", "channels", "kind", "small"}
    assert all(text.startswith("[input-invalid] ") and "\nWhat to do: " in text for text in said.values())
    assert "shape 16 x 8 x 8" in said["shape"]
    assert "shape 16;" in said["flat"]
    assert "C = 16" in said["channels"]
    assert "TAESD" in said["kind"]
    assert "64 x 5 pixels" in said["small"]


def test_statistics_taken_in_pieces_lose_no_digits_far_from_zero(seen: dict[str, Any]) -> None:
    assert seen["deviation"] < 1e-5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's address space")
def test_out_of_memory_is_a_smaller_tile_that_is_recorded(installation: Installation) -> None:
    found = inside(installation, "memory")
    assert found["tile"] < 512
    assert found["steps"][0].startswith("out of memory with tiles of 512 pixels and features on cpu")
    assert "then tiles of 256 pixels" in found["steps"][0]
    # Only the last rung, features in 16 bit, costs digits, and it says so.
    assert found["apart"] <= (1e-2 if "16 bit" in found["steps"][-1] else 1e-4)


@pytest.mark.parametrize("way", ["decode", "encode"])
def test_memory_that_runs_out_round_the_layers_is_a_step_and_never_cores_tiles(
    faults: dict[str, Any], way: str
) -> None:
    once, always = faults[f"{way} 1"], faults[f"{way} 99"]
    assert once["apart"] <= 1e-4
    assert [step.split("; then ")[1] for step in once["steps"]] == ["tiles of 64 pixels"]
    assert always["refused"].startswith("[out-of-memory] ")
    assert always["tries"] == 3  # 128 pixels, 64, and 16 bit: core has not tried on its own


def test_a_decode_that_fails_leaves_its_steps_in_the_record(faults: dict[str, Any]) -> None:
    failed = faults["node"]
    assert failed["refused"].startswith("[out-of-memory] ")
    assert [step.split("; then ")[1].split(":")[0] for step in failed["phase"]["steps"]] == [
        "tiles of 64 pixels",
        "features kept in 16 bit",
    ]


def test_features_in_16_bit_are_a_picture_or_an_error_that_says_so(faults: dict[str, Any]) -> None:
    fits, overflows = faults["16 bit"], faults["overflow"]
    assert fits["steps"][-1].endswith("then features kept in 16 bit: no longer exact")
    assert 1e-4 < fits["apart"] < 1e-2
    assert overflows["finite"]  # in 32 bit
    assert overflows["refused"].startswith("[out-of-memory] features kept in 16 bit overflow")


def test_cores_tiles_of_a_video_get_smaller_where_memory_runs_out(faults: dict[str, Any]) -> None:
    through, refused = faults["video 2"], faults["video 99"]
    assert [step.split("; then ")[1] for step in through["steps"]] == [
        "512 pixels and 32 frames",
        "512 pixels and 16 frames",
    ]
    assert through["apart"] == 0  # from core's own node with these sizes
    assert len(refused["steps"]) == 3
    assert refused["refused"].startswith("[out-of-memory] out of memory with core's own tiles of 256 pixels")
