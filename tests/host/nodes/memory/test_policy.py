"""What a VRAM policy promises, on tiny models of four families in four precisions, by core's own streamed path."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from packshot.host.install import Installation
from support.host.scripts import inside

SCRIPT = "vram_models.py"

CASES = [
    f"{family} {dtype}" for family in ("sd15", "sd3", "flux1", "flux2") for dtype in ("fp32", "fp16", "bf16", "fp8")
]


@pytest.fixture(scope="module")
def family(installation: Installation, tiny_shelf: Path) -> Callable[[str], dict[str, Any]]:
    return functools.cache(lambda name: inside(installation, SCRIPT, name, tiny_shelf))


@pytest.fixture
def found(family: Callable[[str], dict[str, Any]], case: str) -> dict[str, Any]:
    """What was seen of one family in one precision."""
    what: dict[str, Any] = family(case.split()[0])[case]
    return what


@pytest.mark.parametrize("case", CASES)
def test_what_is_resident_does_not_change_a_picture_without_a_lora(found: dict[str, Any]) -> None:
    for name in ("budget", "blocks", "least"):
        held = found[name]
        assert held["same"], name
        # The most that was resident at any moment, from an empty device on: a load is no exception.
        assert 0 <= held["resident"] <= held["limit"] < found["total"], name
        assert held["at the end"] <= held["resident"], name
        assert " resident of " in held["said"], name
    assert found["whole again"] == {"same": True, "resident": found["total"]}


@pytest.mark.parametrize("case", CASES)
def test_a_lora_by_bypass_is_the_same_whatever_is_resident(found: dict[str, Any], case: str) -> None:
    assert found["changed"] > 0.001  # or the LoRA did nothing
    assert found["deltas"]["bypass"] == 0.0
    for way in ("weights", "bypass"):
        budget = found[f"budget, {way}"]
        assert budget["resident"] <= budget["limit"], way
    assert "by bypass" in found["patches"]["bypass"]
    assert "patched in their weights" in found["patches"]["weights"]
    assert found["quantised"] == case.endswith("fp8")
    if found["quantised"]:
        assert found["deltas"]["weights"] > 0.001  # what the bypass is for
        assert (found["deltas"]["auto"], found["patches"]["auto"]) == (0.0, found["patches"]["bypass"])


@pytest.mark.parametrize("case", CASES)
def test_nothing_outlives_a_run(found: dict[str, Any]) -> None:
    for how, left in found["after"].items():
        assert left == {"raised": True, "meanwhile": True, "restored": True, "forwards": True}, how
    assert found["unchanged"]


def test_what_cannot_be_held_is_refused_with_numbers_and_a_remedy(installation: Installation, tiny_shelf: Path) -> None:
    said = inside(installation, SCRIPT, "refusals", tiny_shelf)
    compared = {name: said.pop(name) for name in ("same", "compare")}
    assert set(said) == {"budget", "blocks", "lock", "foreign", "conflict", "missing"}
    for name, text in said.items():
        slug = "out-of-memory" if name == "missing" else "input-invalid"
        assert text.startswith(f"[{slug}] "), text
        assert "\nWhat to do: " in text, text
    assert "1.00 GiB are missing" in said["missing"]
    assert "99 resident blocks; the model has 6" in said["blocks"]
    assert "15.9 MiB" in said["budget"]
    assert compared["same"].startswith("bit-identical")
    assert "max |Δ| 0.5" in compared["compare"]


def test_out_of_memory_while_sampling_is_stepped_down_and_recorded(
    installation: Installation, tiny_shelf: Path
) -> None:
    seen = inside(installation, SCRIPT, "ladder", tiny_shelf)
    for failures, steps in (("1", 1), ("3", 3)):
        found = seen[failures]
        assert found["same"], failures
        assert len(found["phase"]["steps"]) == steps
        assert found["phase"]["steps"][0] == "out of memory; then other models unloaded"
    assert "at most" in seen["3"]["phase"]["steps"][2]
    # The last step, 16 bit between layers, makes another picture, and says so; the model itself is as it was.
    assert seen["4"]["phase"]["steps"][3].endswith("bfloat16 between layers instead of float32: another picture")
    assert not seen["4"]["same"]
    assert seen["4"]["apart"] < 0.1
    assert seen["unchanged"]
    assert seen["3"]["phase"]["resident"] <= max(seen["least"], seen["total"] / 4)
    assert "[out-of-memory]" in seen["9"]["error"]
    assert "What to do: a smaller picture" in seen["9"]["error"]
    assert len(seen["9"]["phase"]["steps"]) == 4
    for how in ("success", "error", "cancel"):
        assert seen["after"][how] == {"raised": True, "lowered": True, "restored": True}, how
    # Where no less can stay than the budget allows, nothing is tried twice.
    first, last = seen["least budget"]["phase"]["steps"]
    assert first == "out of memory; then other models unloaded"
    assert "bfloat16 between layers" in last


def test_a_lock_holds_the_whole_model_patched_once_or_says_why_not(
    installation: Installation, tiny_shelf: Path
) -> None:
    seen = inside(installation, SCRIPT, "lock", tiny_shelf)
    assert seen["streamed before"] > 0  # core counts patches that it adds at each use, and never counts them back
    assert seen["same"]
    assert seen["resident"] == seen["total"] == seen["phase"]["resident"]
    assert seen["phase"]["policy"] == "full: all 15.9 MiB resident, patched once"
    missing = re.search(r"(\d+)\.\d\d GiB are missing", seen["no room"])  # a headroom of 2^20 GiB, less what is free
    assert missing
    assert 2**19 < int(missing[1]) < 2**20
    assert "of 15.9 MiB are resident after a full load" in seen["not held"]
    assert "ran out of memory while the whole model is locked" in seen["no memory"]
    for name in ("no room", "not held", "no memory"):
        assert "[out-of-memory]" in seen[name], name
        assert "What to do: " in seen[name], name


def test_under_dynamic_vram_what_has_no_pages_counts_too(installation: Installation, tiny_shelf: Path) -> None:
    seen = inside(installation, SCRIPT, "dynamic", tiny_shelf)
    found = seen["without pages"]
    assert found["same"]
    assert found["phase"]["allocator"] == "Dynamic VRAM"
    assert 0 < found["phase"]["resident"] == seen["forced"] == seen["pinned"]
    # The limit is 1 GiB and what has no pages, so that the pages get whole pages below 1 GiB; then less than that.
    assert seen["told"][:2] == [["set_watermark", 2**30], ["set_watermark", 0]]
    assert seen["much"] == ""
    assert seen["little"].startswith("[out-of-memory]")
    assert seen["told"][2:] == [["set_watermark_limit", seen["total"]], ["set_watermark_limit", 0], ["prioritize"]]
    assert seen["ended"].startswith("the lock did not hold: ")


def test_an_engine_that_cannot_hold_gives_way_to_a_copy_that_can(installation: Installation, tiny_shelf: Path) -> None:
    seen = inside(installation, SCRIPT, "dynamic", tiny_shelf)
    assert seen["changed"] > 0.001
    for name in ("delegate", "delegate with a lora"):
        found = seen[name]
        assert found["same"], name
        assert found["phase"]["allocator"] == "legacy", name
        assert 0 < found["phase"]["resident"] <= seen["limit"], name
    assert "[input-invalid]" in seen["no delegate"]
    assert "What to do: load the model with core's own loader" in seen["no delegate"]
    for release in ("0.4.11", "0.4.10", "0.4.9"):
        unknown, known = (seen["headroom"][f"{release}, {reserved}"] for reserved in (None, 0.25))
        assert unknown["told"] == []  # what it was could not be put back
        assert "for models without Dynamic VRAM alone" in unknown["said"]
        told = [one["simple_vram_headroom"] for one in known["told"]]
        assert told == ([] if release == "0.4.9" else [2**30, 2**28])
        assert all(one.get("nvml_pressure", True) for one in known["told"])
