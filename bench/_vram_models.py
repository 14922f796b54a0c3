"""The models of ``bench/vram.py``: random weights of the real shapes, by core's own loaders and in diffusers."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _inside import SEED, autoencoder, random_state

# Model: channels of its latent, pixels a cell, width of its conditioning and of its pooled vector.
SHAPES = {
    "flux2-klein-4b": (128, 16, 7680, 0),
    "sd3.5-large": (16, 8, 4096, 2048),
    "z-image": (16, 8, 2560, 0),
    "qwen-image": (16, 8, 3584, 0),
    "starter": (128, 16, 768, 0),
}
WORDS = 256  # tokens of the conditioning
_RANK = 16

# diffusers' class of each model, and what differs from its defaults.
_DIFFUSERS: dict[str, tuple[str, dict[str, Any]]] = {
    "flux2-klein-4b": (
        "Flux2Transformer2DModel",
        {
            "num_layers": 5, "num_single_layers": 20, "num_attention_heads": 24, "joint_attention_dim": 7680,
            "guidance_embeds": False,
        },
    ),
    "sd3.5-large": (
        "SD3Transformer2DModel",
        {
            "num_layers": 38, "num_attention_heads": 38, "caption_projection_dim": 2432, "pos_embed_max_size": 192,
            "qk_norm": "rms_norm",
        },
    ),
    "z-image": ("ZImageTransformer2DModel", {}),
    "qwen-image": ("QwenImageTransformer2DModel", {}),
    "starter": (
        "Flux2Transformer2DModel",
        {
            "num_layers": 2, "num_single_layers": 4, "num_attention_heads": 2, "joint_attention_dim": 768,
            "guidance_embeds": False,
        },
    ),
}  # fmt: skip


def load(torch: Any, name: str) -> Any:
    """A diffusion model in bf16; the starter as it is in the managed host."""
    import comfy.model_management
    import comfy.sd

    if name == "starter":
        return comfy.sd.load_diffusion_model(str(starter("diffusion_models")))
    state = weights(torch, name)
    comfy.model_management.soft_empty_cache()
    return comfy.sd.load_diffusion_model_state_dict(state)


def weights(torch: Any, name: str) -> dict[str, Any]:
    """Those of a diffusion model, in bf16."""
    shapes = json.loads(Path(os.environ["SHAPES"]).read_text(encoding="utf-8"))[f"{name} native"]["shapes"]
    return random_state(torch, shapes, torch.bfloat16)


def qwen3_4b(torch: Any) -> dict[str, Any]:
    """The weights of FLUX.2 [klein] 4B's text encoder, in bf16."""
    import comfy.ops
    from comfy.text_encoders.llama import Qwen3_4B

    made = Qwen3_4B({}, torch.bfloat16, "meta", comfy.ops.disable_weight_init).state_dict()
    return random_state(torch, {key: value.shape for key, value in made.items()}, torch.bfloat16)


def starter(folder: str) -> Path:
    """A file of the starter model, which is so small that a CPU can try what a benchmark does."""
    (found,) = (Path(os.environ["MODELS"]) / folder).glob("starter-*.safetensors")
    return found


def picture_parts(torch: Any, tiny: bool) -> tuple[Any, Any, Any]:
    """What makes a picture with FLUX.2 [klein] 4B: model with a LoRA, text encoder, VAE; ``tiny``: the starter's."""
    import comfy.sd
    import comfy.utils

    if tiny:
        files = [str(starter("text_encoders"))]
        clip = comfy.sd.load_clip(files, clip_type=comfy.sd.CLIPType.STABLE_DIFFUSION)
        return lora(torch, load(torch, "starter")), clip, comfy.sd.VAE(comfy.utils.load_torch_file(str(starter("vae"))))
    clip = comfy.sd.load_text_encoder_state_dicts([qwen3_4b(torch)], clip_type=comfy.sd.CLIPType.FLUX2)
    return lora(torch, load(torch, "flux2-klein-4b")), clip, autoencoder(torch, 32)


def lora(torch: Any, model: Any) -> Any:
    """The model with a LoRA on all matrices of its blocks, by core's own function."""
    import comfy.sd

    random = torch.Generator().manual_seed(SEED)
    tensors = {}
    for key, value in model.model.diffusion_model.state_dict().items():
        if key.endswith(".weight") and value.ndim == 2 and "blocks" in key:
            name, (out, into) = key.removesuffix(".weight"), value.shape
            tensors[f"diffusion_model.{name}.lora_up.weight"] = torch.randn(out, _RANK, generator=random) * 0.01
            tensors[f"diffusion_model.{name}.lora_down.weight"] = torch.randn(_RANK, into, generator=random) * 0.01
    return comfy.sd.load_lora_for_models(model, None, tensors, 1.0, 0)[0]


def diffusers(torch: Any, name: str, size: int, offload: str) -> tuple[Callable[[], Any], Any]:
    """One step of diffusers' model of the same shape, and the model; ``offload``: "", "block_level", "leaf_level"."""
    try:
        library = importlib.import_module("diffusers")
        importlib.import_module("accelerate")  # which its offloading needs, and does not say
    except ImportError as error:
        raise SystemExit(f"left out, as this Python lacks diffusers or accelerate ({error})") from None
    kind, config = _DIFFUSERS[name]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kept, dtype = torch.get_default_dtype(), torch.bfloat16
    torch.set_default_dtype(dtype)
    try:
        with device:
            model = getattr(library, kind)(**config).eval()
    finally:
        torch.set_default_dtype(kept)
    if offload:
        model = model.to("cpu")
        streams = {"use_stream": True, "non_blocking": True, "record_stream": True} if device.type == "cuda" else {}
        blocks = {"num_blocks_per_group": 1} if offload == "block_level" else {}
        model.enable_group_offload(device, torch.device("cpu"), offload_type=offload, **blocks, **streams)
    given = inputs(torch, name, size, device, dtype)
    return lambda: model(**given, return_dict=False), model


def inputs(torch: Any, name: str, size: int, device: Any, dtype: Any) -> dict[str, Any]:
    """What a step takes of diffusers' model, for as much picture and as many words as core's gets."""
    channels, cell, width, pooled = SHAPES[name]
    side = size // cell
    time = torch.tensor([0.5], device=device, dtype=dtype)
    words = torch.randn(1, WORDS, width, device=device, dtype=dtype)
    latent = torch.randn(1, channels, side, side, device=device, dtype=dtype)
    if name == "z-image":
        return {"x": [latent[0].unsqueeze(1)], "t": time, "cap_feats": [words[0]]}
    if name == "sd3.5-large":
        pooled_words = torch.randn(1, pooled, device=device, dtype=dtype)
        return {
            "hidden_states": latent, "encoder_hidden_states": words, "pooled_projections": pooled_words,
            "timestep": time,
        }  # fmt: skip
    if name == "qwen-image":
        packed = torch.randn(1, side * side // 4, 4 * channels, device=device, dtype=dtype)
        mask = torch.ones(1, WORDS, device=device, dtype=torch.bool)
        return {
            "hidden_states": packed, "encoder_hidden_states": words, "encoder_hidden_states_mask": mask,
            "timestep": time, "img_shapes": [[(1, side // 2, side // 2)]],
        }  # fmt: skip
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    places = torch.stack([torch.zeros_like(rows), rows, columns, torch.zeros_like(rows)], dim=-1).reshape(-1, 4)
    order = torch.zeros(WORDS, 4)
    order[:, 3] = torch.arange(WORDS)
    return {
        "hidden_states": latent.flatten(2).transpose(1, 2), "encoder_hidden_states": words, "timestep": time,
        "img_ids": places.to(device), "txt_ids": order.to(device), "guidance": time,
    }  # fmt: skip
