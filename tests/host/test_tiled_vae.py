"""The tiled VAE makes what core's pass over the whole makes, whatever the tile; and steps down on its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from packshot.comfy.install import Installation

SCRIPT = Path(__file__).with_name("tiled_vae.py")
KINDS = ("kl4", "kl16", "flux2", "wan")


def inside(installation: Installation, what: str) -> dict[str, Any]:
    command = [str(installation.python), str(SCRIPT), what, str(installation.comfyui)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1200)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def seen(installation: Installation) -> dict[str, Any]:
    return inside(installation, "exact")


@pytest.mark.parametrize("kind", KINDS)
def test_a_tiled_decode_and_encode_are_those_of_the_whole(seen: dict[str, Any], kind: str) -> None:
    found = seen[kind]
    assert found["lines"] > 10  # there were borders at all
    assert found["same form"]
    assert len(found["decode"]) == len(found["encode"]) == 6
    for way in ("decode", "encode"):
        assert max(found[way].values()) <= 1e-4, found[way]
    assert seen["core"] > 0.01  # what core's own tiles are apart, on the same kind of weights


@pytest.mark.parametrize("kind", KINDS)
def test_borders_of_tiles_are_no_worse_than_the_rest(seen: dict[str, Any], kind: str) -> None:
    for found in seen[kind]["seams"]:
        assert found["border"] <= found["elsewhere"] + 1e-6, found  # 1e-6: rounding in 32 bit at values up to 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_latent_in_16_bit_gives_a_picture_in_16_bit(seen: dict[str, Any], kind: str) -> None:
    assert seen[kind]["half"] == "torch.float16"


def test_what_cannot_be_decoded_is_refused_with_numbers_and_a_remedy(seen: dict[str, Any]) -> None:
    said = seen["refusals"]
    assert set(said) == {"shape", "channels", "kind"}
    assert all(text.startswith("[input-invalid] ") and "\nWhat to do: " in text for text in said.values())
    assert "shape 16 x 8 x 8" in said["shape"]
    assert "C = 16" in said["channels"]
    assert "TAESD" in said["kind"]


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
