"""``shapes.json`` against ComfyUI's own classes, and the detector against its own detection."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from packshot.host.install import Installation
from packshot.models.detect import model_shapes
from packshot.models.detect.detect import detect
from support.places import INSIDE
from support.weights import write_safetensors

SCRIPT = INSIDE / "core_shapes.py"

# ComfyUI's class: the bases that it runs.
CLASSES = {
    "Flux": {"flux1"},
    "Flux2": {"flux2-dev", "flux2-klein-4b", "flux2-klein-9b", "starter"},
    "Chroma": {"chroma"},
    "SD3": {"sd3-medium", "sd3.5-medium", "sd3.5-large"},
    "SD15": {"sd15"},
    "SD20": {"sd21"},
    "SDXL": {"sdxl"},
    "ZImage": {"z-image"},
    "QwenImage": {"qwen-image"},
    "ErnieImage": {"ernie-image"},
    "HunyuanImage21": {"hunyuanimage-2.1"},
    "PixArtSigma": {"pixart-sigma"},
    "LTXAV": {"ltx-2"},
    "WAN21_T2V": {"wan"},
    "WAN22_T2V": {"wan"},
}


def core(installation: Installation, *arguments: str) -> Any:
    command = [str(installation.python), str(SCRIPT), *arguments]
    return json.loads(subprocess.run(command, cwd=installation.comfyui, check=True, capture_output=True).stdout)


@pytest.fixture(scope="module")
def complete(installation: Installation) -> dict[str, Any]:
    found: dict[str, Any] = core(installation, "--complete")
    return found


def test_the_table_is_what_comfyuis_classes_have(installation: Installation) -> None:
    table = json.loads(Path(model_shapes.__file__).with_name("shapes.json").read_text("utf-8"))
    assert core(installation) == table


def test_comfyui_and_the_detector_agree(complete: dict[str, Any], tmp_path: Path) -> None:
    """Over every parameter of every model, norms and biases too, in both namings."""
    bases = {variant.name: variant.base for variant in model_shapes.variants()}
    for name, entry in complete.items():
        variant = name.split()[0]
        found = detect(write_safetensors(tmp_path / "model.safetensors", entry["shapes"]))
        assert (name, found.kind, found.base) == (name, "diffusion_model", bases[variant])
        if entry["class"] is not None:
            assert found.base in CLASSES[entry["class"]], name
    assert {entry["class"] for entry in complete.values()} == {*CLASSES, None}
