"""Writes FLUX.2 [klein] 4B with random weights of the real shapes, under the names of its card.

COMFYUI=… SHAPES=… python _weights.py MODELS_FOLDER     run by the host's own Python; 16 GB
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import _inside
import _vram_models


def main(models: Path) -> None:
    torch = _inside.start()
    from safetensors.torch import save_file

    parts = {
        "diffusion_models/flux-2-klein-4b": lambda: _vram_models.weights(torch, "flux2-klein-4b"),
        "text_encoders/qwen_3_4b": lambda: _vram_models.qwen3_4b(torch),
        "vae/flux2-vae": lambda: _inside.autoencoder_state(torch, 32),
    }
    for name, make in parts.items():  # one after the other: two of them do not fit into a small machine
        path = models / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(make(), str(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
