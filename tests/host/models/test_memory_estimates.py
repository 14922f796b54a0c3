"""The table of working memory against the installed core, whose formulas it repeats."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from packshot.host.install import Installation
from packshot.models.memory.estimates import FAMILIES, INFERENCE, RESERVED, decode_bytes, sampling_bytes

# Run by the host's own Python: core's factors by class, its formula for one of them, and its VAE's.
_ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from comfy.cli_args import args
args.cpu = True
import torch
import comfy.model_base, comfy.model_management, comfy.sd, comfy.supported_models as models, comfy.utils
names = "SD15 SD20 SDXL SD3 PixArtSigma Flux FluxSchnell Chroma ZImage QwenImage ErnieImage HunyuanImage21 LTXAV"
factors = {name: getattr(models, name).memory_usage_factor for name in names.split() if name != "LTXAV"}
factors["LTXAV"] = models.LTXAV({"image_model": "ltxav"}).memory_usage_factor
for hidden in (6144, 3072, 4096, 256):
    factors[f"Flux2 {hidden}"] = models.Flux2({"image_model": "flux2", "hidden_size": hidden}).memory_usage_factor

class Klein(comfy.model_base.BaseModel):
    def __init__(self):
        torch.nn.Module.__init__(self)
        self.memory_usage_factor, self.memory_usage_factor_conds = factors["Flux2 3072"], ()
    def get_dtype_inference(self):
        return torch.bfloat16

comfy.model_management.pytorch_attention_flash_attention = lambda: True  # as on a GPU
vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(sys.argv[2]))
print(json.dumps({
    "factors": factors,
    "sampling": Klein().memory_required([2, 128, 64, 80]),
    "decode": vae.memory_used_decode((1, 128, 64, 80), torch.bfloat16),
    "reserved": comfy.model_management.minimum_inference_memory(),
}))
"""

_CLASSES = {
    "sd15": "SD15", "sd21": "SD20", "sdxl": "SDXL", "sd3-medium": "SD3", "sd3.5-medium": "SD3", "sd3.5-large": "SD3",
    "pixart-sigma": "PixArtSigma", "flux1": "Flux", "chroma": "Chroma", "flux2-dev": "Flux2 6144",
    "flux2-klein-4b": "Flux2 3072", "flux2-klein-9b": "Flux2 4096", "starter": "Flux2 256", "z-image": "ZImage",
    "qwen-image": "QwenImage", "ernie-image": "ErnieImage", "hunyuanimage-2.1": "HunyuanImage21", "ltx-2": "LTXAV",
}  # fmt: skip


def test_the_table_is_cores(installation: Installation, models: Path) -> None:
    vae = models / "vae" / "starter-flux2-vae.safetensors"
    line = [str(installation.python), "-c", _ASK, str(installation.comfyui), str(vae)]
    core = json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    assert {name: core["factors"][kind] for name, kind in _CLASSES.items()} == pytest.approx(
        {name: family.usage for name, family in FAMILIES.items()}
    )
    klein = FAMILIES["flux2-klein-4b"]
    assert sampling_bytes(klein, 1280, 1024, batch=2) == pytest.approx(core["sampling"])
    assert decode_bytes(klein, 1280, 1024) == pytest.approx(core["decode"])
    if sys.platform == "linux":  # core keeps more free on Windows
        assert pytest.approx(core["reserved"]) == INFERENCE + RESERVED
