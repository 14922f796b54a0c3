"""What our nodes apply is what ComfyUI's own loader applies, and so is what the library says that a LoRA adds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from packshot.brand.lora.merge import Part, merge
from packshot.host.install import Installation
from packshot.paths import checkout
from support import loras
from support.places import INSIDE

SCRIPT = INSIDE / "lora_weights.py"


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
