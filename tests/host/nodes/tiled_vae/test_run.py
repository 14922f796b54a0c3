"""The tiled VAE makes what core's pass over the whole makes, whatever the tile; and steps down on its own."""

from __future__ import annotations

from typing import Any

import pytest

from packshot.host.install import Installation
from support.host.scripts import inside

SCRIPT = "tiled_vae.py"

KINDS = ("kl4", "kl16", "flux2", "wan")


@pytest.fixture(scope="module")
def seen(installation: Installation) -> dict[str, Any]:
    return inside(installation, SCRIPT, "exact")


@pytest.fixture(scope="module")
def faults(installation: Installation) -> dict[str, Any]:
    return inside(installation, SCRIPT, "faults")


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


UNLOADED = "other models unloaded"


def test_other_models_are_unloaded_before_features_go_to_main_memory(installation: Installation) -> None:
    for name, chosen in inside(installation, SCRIPT, "first").items():
        size, total, free = map(float, name.split())
        stores, steps, tiles = zip(*chosen["rungs"], strict=True)
        unloaded, left = chosen["after all"], chosen["after none"]
        if chosen["rungs"][0][:2] == ["cpu", ""]:  # the card could never hold them
            assert (size, total) == (4096, 12), name
            assert min(tiles[:2]) >= 64
            continue
        assert UNLOADED in steps, name
        aside = steps.index("features in main memory")
        assert stores[:aside] == ("cuda:0",) * aside, name
        assert steps.index(UNLOADED) < aside, name
        if steps[0] == UNLOADED:  # they would not fit as it is
            assert (unloaded["store"], left["store"]) == ("cuda:0", "cpu"), name
            assert unloaded["gib"] > free, name
            assert [step.split("; then ")[1] for step in unloaded["steps"]] == [UNLOADED], name
            assert [step.split("; then ")[1] for step in left["steps"]] == [UNLOADED, "features in main memory"], name
            assert "GiB are not free" in left["steps"][1]
        else:
            assert unloaded == left, name
            assert left["gib"] <= free, name
            assert left["steps"] == []
