"""What a VRAM policy promises, on tiny models of four families in four precisions, by core's own streamed path."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from own_hosts import TINY

from packshot.comfy.install import Installation

SCRIPT = Path(__file__).with_name("vram_models.py")
CASES = [
    f"{family} {dtype}" for family in ("sd15", "sd3", "flux1", "flux2") for dtype in ("fp32", "fp16", "bf16", "fp8")
]


@pytest.fixture(scope="module")
def shelf(installation: Installation, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vram")
    subprocess.run([installation.python, TINY, installation.comfyui, folder], check=True, timeout=300)
    starter = models / "diffusion_models" / "starter-flux2.safetensors"
    (folder / "diffusion_models" / starter.name).symlink_to(starter)
    return folder


def inside(installation: Installation, what: str, shelf: Path) -> dict[str, Any]:
    command = [str(installation.python), str(SCRIPT), what, str(installation.comfyui), str(shelf)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1200)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def seen(installation: Installation, shelf: Path) -> dict[str, Any]:
    return inside(installation, "policies", shelf)


@pytest.mark.parametrize("case", CASES)
def test_what_is_resident_does_not_change_a_picture_without_a_lora(seen: dict[str, Any], case: str) -> None:
    for name in ("budget", "blocks"):
        found = seen[case][name]
        assert found["same"], name
        assert 0 <= found["resident"] <= found["limit"] < seen[case]["total"], name
    assert seen[case]["whole again"] == {"same": True, "resident": seen[case]["total"]}


@pytest.mark.parametrize("case", CASES)
def test_a_lora_by_bypass_is_the_same_whatever_is_resident(seen: dict[str, Any], case: str) -> None:
    found = seen[case]
    assert found["changed"] > 0.001  # or the LoRA did nothing
    assert found["deltas"]["bypass"] == 0.0
    assert "by bypass" in found["patches"]["bypass"]
    assert "patched in their weights" in found["patches"]["weights"]
    assert found["quantised"] == case.endswith("fp8")
    if found["quantised"]:
        assert found["deltas"]["weights"] > 0.001  # what the bypass is for
        assert (found["deltas"]["auto"], found["patches"]["auto"]) == (0.0, found["patches"]["bypass"])


@pytest.mark.parametrize("case", CASES)
def test_nothing_outlives_a_run(seen: dict[str, Any], case: str) -> None:
    for how, found in seen[case]["after"].items():
        assert found == {"raised": True, "meanwhile": True, "restored": True, "forwards": True}, how
    assert seen[case]["unchanged"]


def test_what_cannot_be_held_is_refused_with_numbers_and_a_remedy(installation: Installation, shelf: Path) -> None:
    said = inside(installation, "refusals", shelf)
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


def test_out_of_memory_while_sampling_is_stepped_down_and_recorded(installation: Installation, shelf: Path) -> None:
    seen = inside(installation, "ladder", shelf)
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
