"""What our nodes apply is what ComfyUI's own loader applies, and so is what the library says that a LoRA adds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from packshot.brand.lora.merge import Part, merge
from packshot.host.install import Installation
from packshot.models.detect import model_shapes
from packshot.paths import checkout
from support import loras
from support.places import INSIDE

SCRIPT = INSIDE / "lora_weights.py"
NAMINGS = INSIDE / "lora_namings.py"
# What core has no code for, whatever the names.
BEYOND = {"oft of peft": "ComfyUI turns what it gives out", "two adapters": "of a second adapter"}


def test_our_count_is_cores_for_every_naming_of_every_family(installation: Installation, tmp_path: Path) -> None:
    root = checkout()
    assert root is not None
    (tmp_path / "packshot").symlink_to(root, target_is_directory=True)
    command = list(map(str, [installation.python, NAMINGS, tmp_path]))
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600, cwd=installation.comfyui)
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    families = [line for line in lines if "naming" not in line]
    cases = [line for line in lines if "naming" in line]
    assert {line["family"] for line in families} == {variant.name for variant in model_shapes.variants()}
    assert not [line for line in families if line["tables apart"]]
    assert len(cases) > 1000
    for case in cases:
        assert case["matched"] == case["core"], case
        assert not case["elsewhere"], case
        beyond = BEYOND.get(case["algorithm"])
        assert (case["matched"] < case["total"]) == (beyond is not None), case
        assert (case["refusal"] is not None) == (beyond is not None), case
        assert beyond is None or beyond in case["refusal"]["message"], case


def test_changes_are_those_of_core(installation: Installation, models: Path, tmp_path: Path) -> None:
    files = [
        loras.write(tmp_path / f"{name}.safetensors", make, layers=loras.STARTER, scale=0.1)
        for name, make in {**loras.ADDITIVE, **loras.OTHERS}.items()
    ]
    files.append(loras.write(tmp_path / "kohya.safetensors", seed=2, prefix="lora_unet_", layers=loras.STARTER))
    parts = [Part(files[0], 0.8), Part(files[-1], -0.5)]
    files.append(merge(parts, tmp_path / "concatenated.safetensors").file)
    files.append(merge(parts, tmp_path / "truncated.safetensors", method="svd", rank=3).file)
    root = checkout()
    assert root is not None
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "packshot").symlink_to(root, target_is_directory=True)
    model = models / "diffusion_models" / "starter-flux2.safetensors"
    command = [installation.python, SCRIPT, installation.comfyui, tmp_path / "pack", model, *files]
    answer = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True, timeout=300)
    found = json.loads(answer.stdout.splitlines()[-1])
    assert len(found) == len(files)
    for name, one in found.items():
        assert one["layers"] >= len(loras.STARTER), name
        assert one["applied"] < 1e-5, name
        assert (one["error"] is None) == (name.removesuffix(".safetensors") in loras.OTHERS), name
        assert one["error"] is None or one["error"] < 1e-5, name
