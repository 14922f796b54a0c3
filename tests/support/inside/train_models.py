"""A tiny untrained FLUX.1 and an autoencoder that can encode, to train on in tests; and a look at both from inside.

    python train_models.py write COMFYUI_FOLDER MODELS_FOLDER
    python train_models.py gradients|apply COMFYUI_FOLDER MODEL [LORA]

Run by the host's own Python. Answers are JSON on standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[3] / "bench"))
from _inside import packed as pack

SEED = 20261121


def write(models: Path) -> None:
    """Write the two models as safetensors. The shapes come from core's own classes, so that core detects them."""
    import comfy.ops
    import torch
    from comfy.ldm.flux.model import Flux
    from comfy.taesd.taesd import Decoder, Encoder
    from safetensors.torch import save_file

    torch.manual_seed(SEED)
    flux = Flux(
        in_channels=16, out_channels=16, vec_in_dim=768, context_in_dim=768, hidden_size=128, mlp_ratio=4.0,
        num_heads=1, depth=1, depth_single_blocks=1, axes_dim=[16, 56, 56], theta=10000, patch_size=2, qkv_bias=True,
        guidance_embed=True, txt_ids_dims=[], dtype=torch.float32, operations=comfy.ops.manual_cast,
    )  # fmt: skip
    state = {f"taesd_encoder.{name}": value for name, value in _filled(Encoder(16)).items()}
    state |= {f"taesd_decoder.{name}": value for name, value in _filled(Decoder(16)).items()}
    for path, tensors in (("diffusion_models/tiny-train", _filled(flux)), ("vae/tiny-train-vae", state)):
        file = models / f"{path}.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, str(file))


def _filled(module: Any) -> dict[str, Any]:
    import torch

    state = {}
    for name, tensor in module.state_dict().items():
        if name.endswith("bias"):
            value = torch.zeros(tensor.shape)
        elif tensor.ndim < 2:
            value = torch.ones(tensor.shape)
        else:
            value = torch.randn(tensor.shape) / tensor[0].numel() ** 0.5
        state[name] = value.contiguous()
    return state


def gradients(model: Path) -> dict[str, Any]:
    """The trainer's gradient beside a finite difference, along one random direction for each trained matrix."""
    import comfy.sd
    import torch

    recipe = pack("client.brand.training.recipe").Recipe(trigger="probe", rank=4, alpha=4.0, seed=3)
    with torch.inference_mode():
        loaded = comfy.sd.load_diffusion_model(str(model))
    loop, flow = pack("nodes.training.loop"), pack("nodes.training.flow")
    patcher = loop.training_copy(loaded)
    adapters = pack("nodes.training.adapters").Adapters(patcher, recipe)
    random = torch.Generator().manual_seed(5)
    parameters = adapters.parameters()
    with torch.no_grad():  # neither matrix may be zero, or half of the gradient is
        for value in parameters.values():
            value.copy_(torch.randn(value.shape, generator=random) * 0.1)
    import comfy.model_management

    comfy.model_management.load_models_gpu([patcher], memory_required=1e20, force_full_load=True)
    patcher.inject_model()
    latents, noise = torch.randn(2, 16, 8, 8, generator=random), torch.randn(2, 16, 8, 8, generator=random)
    texts = [[[torch.randn(1, 77, 768, generator=random), {"pooled_output": torch.randn(1, 768, generator=random)}]]
             for _ in range(2)]  # fmt: skip
    levels = torch.tensor([0.3, 0.8])
    judge = flow.Flow(patcher, recipe)

    def loss() -> Any:
        return judge.loss(latents, texts, levels, noise)

    pairs = []
    with flow.training():
        with flow.gradients():
            loss().backward()
        for name, value in parameters.items():
            direction = torch.randn(value.shape, generator=random)
            direction /= direction.norm()
            step = 1e-2
            with torch.no_grad():
                value += step * direction
                above = float(loss())
                value -= 2 * step * direction
                below = float(loss())
                value += step * direction
            pairs.append((name, float((value.grad * direction).sum()), (above - below) / (2 * step)))
    return {"pairs": pairs}


def apply(model: Path, lora: Path) -> dict[str, Any]:
    """What core's loader makes of a LoRA file: layers patched, and weights at strengths 0, 0.5 and 1."""
    import comfy.sd
    import comfy.utils
    import torch

    loaded = comfy.sd.load_diffusion_model(str(model))
    weights = comfy.utils.load_torch_file(str(lora), safe_load=True)
    layers = {name.rsplit(".", 2)[0] for name in weights if name.endswith("lora_up.weight")}
    patched, _ = comfy.sd.load_lora_for_models(loaded, None, weights, 1.0, 0)
    key = "diffusion_model.single_blocks.0.linear2.weight"
    at = {}
    for strength in (0.0, 0.5, 1.0):
        changed, _ = comfy.sd.load_lora_for_models(loaded, None, weights, strength, 0)
        at[strength] = _patched(changed, key)
    middle = (at[0.0] + at[1.0]) / 2
    change = (at[1.0] - at[0.0]).norm()
    return {
        "layers": len(layers),
        "patches": len(patched.patches),
        "keys": len(weights),
        "change": float(change),
        "off_middle": float((at[0.5] - middle).norm() / change),
        "finite": all(bool(torch.isfinite(value).all()) for value in weights.values()),
    }


def _patched(patcher: Any, key: str) -> Any:
    import comfy.lora
    import comfy.utils

    weight = comfy.utils.get_attr(patcher.model, key).clone()
    return comfy.lora.calculate_weight(patcher.patches[key], weight, key)


def main() -> None:
    what, comfyui, *files = sys.argv[1:]
    sys.path.insert(0, comfyui)
    sys.argv = [sys.argv[0], "--cpu"]  # core reads its options while it is imported
    import comfy.options

    comfy.options.enable_args_parsing()
    answer = {"write": write, "gradients": gradients, "apply": apply}[what](*map(Path, files))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
