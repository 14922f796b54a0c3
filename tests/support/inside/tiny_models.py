"""Writes tiny untrained models of four families as safetensors; run by the host's own Python.

    python tiny_models.py COMFYUI_FOLDER MODELS_FOLDER

The shapes come from core's own model classes, so that core's detection takes them for what they are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SEED = 20261121


def main(comfyui: Path, models: Path) -> None:
    sys.path.insert(0, str(comfyui))
    sys.argv = [sys.argv[0], "--cpu"]  # core reads its options while it is imported
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.ops
    import torch
    from comfy.cldm.cldm import ControlNet
    from comfy.ldm.flux.model import Flux
    from comfy.ldm.lightricks.vae.causal_video_autoencoder import VideoVAE
    from comfy.ldm.modules.diffusionmodules.mmdit import MMDiT
    from comfy.ldm.modules.diffusionmodules.model import Decoder
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
    from comfy.ldm.wan.vae import WanVAE
    from safetensors.torch import save_file

    torch.manual_seed(SEED)
    layers: Any = comfy.ops.manual_cast

    def filled(module: Any) -> dict[str, Any]:
        state = {}
        for name, tensor in module.state_dict().items():
            if name.endswith("bias"):
                value = torch.zeros(tensor.shape)
            elif tensor.ndim < 2:
                value = torch.ones(tensor.shape)
            else:
                value = torch.randn(tensor.shape) / tensor[0].numel() ** 0.5
            state[name] = value.half()
        return state

    def save(path: str, state: dict[str, Any], metadata: dict[str, str] | None = None) -> None:
        (models / path).parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in state.items()}, str(models / path), metadata)

    flux = {
        "in_channels": 16, "out_channels": 16, "vec_in_dim": 768, "context_in_dim": 768, "hidden_size": 128,
        "mlp_ratio": 4.0, "num_heads": 1, "depth": 1, "depth_single_blocks": 1, "axes_dim": [16, 56, 56],
        "theta": 10000, "patch_size": 2, "qkv_bias": True, "guidance_embed": True, "txt_ids_dims": [],
    }  # fmt: skip
    save("diffusion_models/tiny-flux1.safetensors", filled(Flux(**flux, dtype=torch.float16, operations=layers)))
    sd3 = MMDiT(
        input_size=None, patch_size=2, in_channels=16, depth=2, adm_in_channels=2048, num_patches=1024,
        context_embedder_config={"target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": 128}},
        pos_embed_max_size=32, pos_embed_scaling_factor=None, qk_norm="rms", out_channels=16, dtype=torch.float16,
        operations=layers,
    )  # fmt: skip
    save("diffusion_models/tiny-sd3.safetensors", filled(sd3))
    unet = UNetModel(
        image_size=32, in_channels=4, out_channels=4, model_channels=320, num_res_blocks=[1], channel_mult=(1,),
        num_heads=8, use_spatial_transformer=True, transformer_depth=[1], transformer_depth_middle=1,
        transformer_depth_output=[1, 1], context_dim=768, use_linear_in_transformer=False, legacy=False,
        dtype=torch.float16, operations=layers,
    )  # fmt: skip
    save("diffusion_models/tiny-sd15.safetensors", filled(unet))
    net = ControlNet(
        image_size=32, in_channels=4, hint_channels=3, model_channels=320, num_res_blocks=[1], channel_mult=(1,),
        num_heads=8, use_spatial_transformer=True, transformer_depth=[1], transformer_depth_middle=1, context_dim=768,
        legacy=False, dtype=torch.float16, operations=layers,
    )  # fmt: skip
    save("controlnet/tiny-sd15-canny.safetensors", filled(net))
    # Wan's, which Qwen-Image has too; its norms are called gamma, and have more than one dimension.
    wan = filled(WanVAE(dim=32, z_dim=16, temperal_downsample=[False, True, True]))
    save("vae/tiny-wan.safetensors", {n: v.fill_(1) if n.endswith("gamma") else v for n, v in wan.items()})
    # LTX-2's: 32 pixels and 8 frames to one of its latent; the shape is in the file's metadata.
    layers_of = {"num_layers": 1}
    ltx = {
        "dims": 3, "in_channels": 3, "out_channels": 3, "latent_channels": 128, "patch_size": 4,
        "norm_layer": "pixel_norm", "latent_log_var": "uniform", "spatial_padding_mode": "zeros",
        "encoder_base_channels": 8, "decoder_base_channels": 8,
        "encoder_blocks": [
            ["res_x", layers_of], ["compress_space_res", {"multiplier": 2}], ["compress_time_res", {"multiplier": 2}],
            ["compress_all_res", {"multiplier": 2}], ["compress_all_res", {"multiplier": 2}], ["res_x", layers_of],
        ],
        "decoder_blocks": [*([["compress_all", {"residual": True, "multiplier": 2}]] * 3), ["res_x", layers_of]],
    }  # fmt: skip
    save("vae/tiny-ltx.safetensors", filled(VideoVAE(config=ltx)), {"config": json.dumps({"vae": ltx})})
    for channels in (4, 16):
        decoder = Decoder(
            ch=32, out_ch=3, ch_mult=(1, 2, 4, 4), num_res_blocks=2, attn_resolutions=[], in_channels=3,
            resolution=256, z_channels=channels, dropout=0.0,
        )  # fmt: skip
        state = {f"decoder.{name}": value for name, value in filled(decoder).items()}
        if channels == 4:
            state["post_quant_conv.weight"] = torch.eye(4).reshape(4, 4, 1, 1).half()
            state["post_quant_conv.bias"] = torch.zeros(4).half()
            state["quant_conv.weight"] = torch.eye(8).reshape(8, 8, 1, 1).half()
            state["quant_conv.bias"] = torch.zeros(8).half()
        save(f"vae/tiny-kl{channels}.safetensors", state)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
