"""LoRAs by bypass on every way that a model goes."""

from __future__ import annotations

from pathlib import Path

from packshot.host.install import Installation
from support.host.scripts import inside

SCRIPT = "vram_models.py"


def test_loras_by_bypass_go_wherever_the_model_goes(installation: Installation, tiny_shelf: Path) -> None:
    seen = inside(installation, SCRIPT, "loras", tiny_shelf)
    assert seen["changed"] > 0.001
    assert seen["own"]
    assert seen["copied"]
    assert seen["kept"] == ["torch.float32"]  # a model has copies on its device, and the LoRAs stay as they were
    assert seen["unchanged"]
    assert seen["stacked"].startswith("11 LoRA layers by bypass")
    assert seen["stacked"].endswith("11 layers patched in their weights")
    assert seen["twice"].startswith("11 LoRA layers by bypass")
    assert seen["twice apart"] < 0.005
    assert seen["core's"] == "LoRAs by core's own bypass"
    assert seen["around core's"].startswith("11 LoRA layers by bypass")
    assert seen["around core's"].endswith("LoRAs by core's own bypass")
    assert seen["around core's apart"] < 0.005
    assert len(seen["again"]) == 12
    assert all(seen["again"].values()), seen["again"]
    assert "[lora-mismatch] 1 layers of the LoRA are not in the model" in seen["stray"]
