"""Write what training made to the files that Packshot ships: the diffusion model, and the decoder with statistics."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from data import Latents
from decoder import Decoder, Resnet
from safetensors.numpy import save_file

_EPSILON = 1e-4  # that FLUX.2's latent format adds to the variance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flow", type=Path, required=True)
    parser.add_argument("--decoder", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    metadata = {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.author": "The Packshot authors",
        "modelspec.license": "Apache-2.0",
    }
    flow = {name: half(value) for name, value in torch.load(options.flow)["ema"].items()}
    write(options.out / "starter-flux2.safetensors", flow, metadata | {
        "modelspec.title": "Packshot starter: diffusion model", "modelspec.architecture": "Flux.2",
    })  # fmt: skip
    state, model, parts = torch.load(options.decoder)["ema"], Decoder(), {}
    idle = [name for name, module in model.named_modules() if isinstance(module, Resnet) and not module.active]
    shapes = {name: module.inner for name, module in model.named_modules() if hasattr(module, "inner")}
    for name, value in state.items():
        if any(name.startswith(f"{block}.") for block in idle):
            continue
        owner = name.rpartition(".")[0]
        if owner in shapes and name.endswith("weight"):
            value = value.view(-1, shapes[owner], 3, 3)
        parts[f"decoder.{name}"] = half(value)
    latents = Latents(options.pictures)
    parts["bn.running_mean"] = latents.mean.repeat_interleave(4).numpy()
    parts["bn.running_var"] = (latents.deviation.square() - _EPSILON).repeat_interleave(4).numpy()
    write(options.out / "starter-decoder.safetensors", parts, metadata | {
        "modelspec.title": "Packshot starter: decoder and latent statistics", "modelspec.architecture": "Flux.2 VAE",
    })  # fmt: skip


def half(value: torch.Tensor) -> np.ndarray:
    return np.asarray(value.detach().to(torch.float16).contiguous().numpy())


def write(path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, path, metadata)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
