"""A LoRA that was made for another base than the kit says is refused: every base, in two namings."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from packshot.brand.kit import BrandKit
from packshot.brand.policy import judge_lora
from packshot.brand.sections import BrandLora
from packshot.errors import LicenceRefused, LoraMismatch
from packshot.models.detect.findings import CARDS
from support.weights import model, write_safetensors

VARIANTS = {
    "flux1": "flux1", "flux2-dev": "flux2-dev", "flux2-klein-4b": "flux2-klein-4b", "flux2-klein-9b": "flux2-klein-9b",
    "sd3-medium": "sd3-medium", "sd3.5-medium": "sd3.5-medium", "sd3.5-large": "sd3.5-large", "sd15": "sd15",
    "sd21": "sd21", "sdxl": "sdxl", "z-image": "z-image", "qwen-image": "qwen-image", "ernie-image": "ernie-image",
    "hunyuanimage-2.1": "hunyuanimage-2.1", "pixart-sigma": "pixart-sigma", "ltx-2": "ltx-2", "chroma": "chroma",
    "wan2.1-14b": "wan", "starter": "starter",
}  # fmt: skip
NAMINGS = {"kohya": ("lora_unet_", "lora_down", "lora_up"), "comfyui": ("diffusion_model.", "lora_A", "lora_B")}


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_wrong_base_is_always_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: str, naming: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    prefix, down, up = NAMINGS[naming]
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in model(variant).items():
        if name.endswith(".weight") and len(shape) == 2:
            layer = name.removesuffix(".weight")
            layer = prefix + (layer.replace(".", "_") if prefix.endswith("_") else layer)
            shapes |= {f"{layer}.{down}.weight": (1, shape[1]), f"{layer}.{up}.weight": (shape[0], 1)}
    path = write_safetensors(tmp_path / "a.safetensors", shapes)
    said = {
        "name": "a", "file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": "apache-2.0", "approved_by": "Ann",
    }  # fmt: skip
    kit = BrandKit(name="x")
    for base in (base for base in CARDS if base != "other"):
        lora = BrandLora.model_validate({**said, "base": base})
        if base != VARIANTS[variant]:
            with pytest.raises(LoraMismatch, match=f"was made for {VARIANTS[variant]}, and the kit says {base}"):
                judge_lora(kit, lora, path)
            continue
        try:
            found, decision = judge_lora(kit, lora, path)
        except LicenceRefused:  # the right file; what its base's licence says to an empty profile is another matter
            continue
        assert found.base == base
        assert decision.decision != "refuse"
