"""Counts the parameters of the models that the cards describe, from ComfyUI's own classes on PyTorch's meta device.

Nothing is downloaded and no weights are made; a minute and some hundred megabytes are enough. Run it with the Python of
a ComfyUI installation, from its folder or with its path::

    path/to/comfyui/venv/bin/python bench/parameters.py path/to/ComfyUI [--smoke]

It prints a line per component: name, parameters, and GiB at 16 and at 8 bits. The ``parameters`` of the cards come
from here; the shapes that core reads from a file's header stand in the tables below, as published.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _options import add_smoke

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("comfyui", type=Path, nargs="?", default=Path(), help="ComfyUI's folder")
add_smoke(parser)
options = parser.parse_args()
sys.path.insert(0, str(options.comfyui.resolve()))
sys.argv[1:] = []  # core reads the command line too

from comfy.cli_args import args  # noqa: E402

args.cpu = True  # before core looks for a device, which it does on import

import comfy.text_encoders as encoders  # noqa: E402
import torch  # noqa: E402
from comfy import ops  # noqa: E402
from comfy.clip_model import CLIPTextModel  # noqa: E402
from comfy.ldm.ernie.model import ErnieImageModel  # noqa: E402
from comfy.ldm.flux.model import Flux  # noqa: E402
from comfy.ldm.hunyuan_video import vae as hunyuan_vae  # noqa: E402
from comfy.ldm.hunyuan_video.model import HunyuanVideo  # noqa: E402
from comfy.ldm.lightricks.av_model import LTXAVModel  # noqa: E402
from comfy.ldm.lumina.model import NextDiT  # noqa: E402
from comfy.ldm.models.autoencoder import AutoencoderKL  # noqa: E402
from comfy.ldm.modules.diffusionmodules.mmdit import MMDiT  # noqa: E402
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel  # noqa: E402
from comfy.ldm.pixart.pixartms import PixArtMS  # noqa: E402
from comfy.ldm.qwen_image.model import QwenImageTransformer2DModel  # noqa: E402
from comfy.ldm.wan.vae import WanVAE  # noqa: E402
from comfy.text_encoders import llama  # noqa: E402
from comfy.text_encoders.t5 import T5  # noqa: E402

META = {"device": "meta", "dtype": torch.bfloat16, "operations": ops.disable_weight_init}
ENCODERS = Path(encoders.__path__[0])

_FLUX1 = {
    "in_channels": 16, "out_channels": 16, "vec_in_dim": 768, "context_in_dim": 4096, "hidden_size": 3072,
    "mlp_ratio": 4.0, "num_heads": 24, "depth": 19, "depth_single_blocks": 38, "axes_dim": [16, 56, 56],
    "theta": 10000, "patch_size": 2, "qkv_bias": True, "txt_ids_dims": [],
}  # fmt: skip
_FLUX2 = {
    "in_channels": 128, "out_channels": 128, "vec_in_dim": None, "mlp_ratio": 3.0, "axes_dim": [32, 32, 32, 32],
    "theta": 2000, "patch_size": 1, "qkv_bias": False, "txt_ids_dims": [3], "global_modulation": True,
    "mlp_silu_act": True, "ops_bias": False,
}  # fmt: skip
_UNET = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320, "use_spatial_transformer": True,
    "legacy": False,
}  # fmt: skip
_UNET_SD = _UNET | {
    "num_res_blocks": [2, 2, 2, 2], "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0], "channel_mult": [1, 2, 4, 4],
    "transformer_depth_middle": 1, "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
}  # fmt: skip
_UNET_SDXL = _UNET | {
    "num_classes": "sequential", "adm_in_channels": 2816, "num_res_blocks": [2, 2, 2],
    "transformer_depth": [0, 0, 2, 2, 10, 10], "channel_mult": [1, 2, 4], "transformer_depth_middle": 10,
    "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10], "use_linear_in_transformer": True,
    "context_dim": 2048, "num_head_channels": 64,
}  # fmt: skip
_Z_IMAGE = {
    "patch_size": 2, "in_channels": 16, "dim": 3840, "n_layers": 30, "n_heads": 30, "n_kv_heads": 30, "qk_norm": True,
    "cap_feat_dim": 2560, "axes_dims": [32, 48, 48], "axes_lens": [1536, 512, 512], "rope_theta": 256.0,
    "ffn_dim_multiplier": 8.0 / 3.0, "z_image_modulation": True, "time_scale": 1000.0, "pad_tokens_multiple": 32,
}  # fmt: skip
_HUNYUAN_21 = {
    "in_channels": 64, "patch_size": [1, 1], "out_channels": 64, "vec_in_dim": None, "axes_dim": [64, 64],
    "context_in_dim": 3584, "hidden_size": 3584, "mlp_ratio": 4.0, "num_heads": 28, "depth": 20,
    "depth_single_blocks": 40, "theta": 256, "qkv_bias": True, "byt5": True, "guidance_embed": False,
    "meanflow": False, "use_cond_type_embedding": False, "vision_in_dim": None, "meanflow_sum": False,
}  # fmt: skip
_KL = {
    "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128, "ch_mult": [1, 2, 4, 4], "num_res_blocks": 2,
    "attn_resolutions": [], "dropout": 0.0, "double_z": True,
}  # fmt: skip


def _flux2(hidden: int, double: int, single: int, context: int) -> torch.nn.Module:
    sizes = {"hidden_size": hidden, "num_heads": hidden // 128, "depth": double, "depth_single_blocks": single}
    # The published klein files carry no guidance embedding; FLUX.2 dev's does.
    return Flux(**_FLUX2, **sizes, context_in_dim=context, guidance_embed=hidden == 6144, **META)


def _mmdit(depth: int, positions: int, attention: tuple[int, ...] = (), norm: str | None = "rms") -> torch.nn.Module:
    context = {"target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": 64 * depth}}
    return MMDiT(
        input_size=None, patch_size=2, in_channels=16, out_channels=16, depth=depth, adm_in_channels=2048,
        context_embedder_config=context, num_patches=positions**2, pos_embed_max_size=positions,
        pos_embed_scaling_factor=None, qk_norm=norm, x_block_self_attn_layers=list(attention), **META,
    )  # fmt: skip


def _unet(config: dict[str, Any], **more: Any) -> torch.nn.Module:
    return UNetModel(**config, **more, **META)


def _language(model: type[torch.nn.Module], **config: int) -> torch.nn.Module:
    return model(config, META["dtype"], META["device"], META["operations"])


def _from_file(model: type[torch.nn.Module], file: str) -> torch.nn.Module:
    config = json.loads((ENCODERS / file).read_text())
    return model(config, META["dtype"], META["device"], META["operations"])


def _kl(channels: int, quant: bool) -> torch.nn.Module:
    with torch.device("meta"):
        kl = AutoencoderKL(ddconfig=_KL | {"z_channels": channels}, embed_dim=channels)
    if not quant:  # FLUX.1's and Stable Diffusion 3's have no 1x1 convolutions around the latent
        del kl.quant_conv, kl.post_quant_conv
    return kl


def _wan_vae() -> torch.nn.Module:
    with torch.device("meta"):
        return WanVAE(
            dim=96, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, temperal_downsample=[False, True, True]
        )


def _hunyuan_vae() -> torch.nn.Module:
    config = {
        "block_out_channels": [128, 256, 512, 512, 1024, 1024], "in_channels": 3, "out_channels": 3, "z_channels": 64,
        "num_res_blocks": 2, "ffactor_spatial": 32, "downsample_match_channel": True, "upsample_match_channel": True,
    }  # fmt: skip
    with torch.device("meta"):
        return torch.nn.ModuleList([hunyuan_vae.Encoder(**config), hunyuan_vae.Decoder(**config)])


MODELS: dict[str, Callable[[], torch.nn.Module]] = {
    "flux2-dev": lambda: _flux2(6144, 8, 48, 15360),
    "flux2-klein-4b": lambda: _flux2(3072, 5, 20, 7680),
    "flux2-klein-9b": lambda: _flux2(4096, 8, 24, 12288),
    "flux1-dev": lambda: Flux(**_FLUX1, guidance_embed=True, **META),
    "flux1-schnell": lambda: Flux(**_FLUX1, guidance_embed=False, **META),
    "sd3.5-large": lambda: _mmdit(38, 192),
    "sd3.5-medium": lambda: _mmdit(24, 384, tuple(range(13))),
    "sd3-medium": lambda: _mmdit(24, 192, norm=None),
    "sdxl": lambda: _unet(_UNET_SDXL),
    "sd15": lambda: _unet(_UNET_SD, context_dim=768, num_heads=8),
    "sd21": lambda: _unet(_UNET_SD, context_dim=1024, num_head_channels=64, use_linear_in_transformer=True),
    "z-image": lambda: NextDiT(**_Z_IMAGE, **META),
    "qwen-image": lambda: QwenImageTransformer2DModel(**META),
    "ernie-image": lambda: ErnieImageModel(**META),
    "hunyuanimage-2.1": lambda: HunyuanVideo(**_HUNYUAN_21, **META),
    "pixart-sigma": lambda: PixArtMS(micro_condition=False, model_max_length=300, input_size=128, **META),
    "ltx-2": lambda: LTXAVModel(**META),
    "mistral-3-small": lambda: _language(llama.Mistral3Small24B, num_hidden_layers=30),  # FLUX.2 reads no later layer
    "ministral-3-3b": lambda: _language(llama.Ministral3_3B),
    "qwen3-4b": lambda: _language(llama.Qwen3_4B),
    "qwen3-8b": lambda: _language(llama.Qwen3_8B),
    "qwen2.5-vl-7b": lambda: _language(llama.Qwen25_7BVLI),
    "gemma3-12b": lambda: _language(llama.Gemma3_12B),
    "t5xxl": lambda: _from_file(T5, "t5_config_xxl.json"),
    "byt5-glyph": lambda: _from_file(T5, "byt5_config_small_glyph.json"),
    "clip-l": lambda: _from_file(CLIPTextModel, "../sd1_clip_config.json"),
    "clip-h": lambda: _from_file(CLIPTextModel, "sd2_clip_config.json"),
    "clip-g": lambda: _from_file(CLIPTextModel, "../clip_config_bigg.json"),
    "sd-vae": lambda: _kl(4, quant=True),
    "flux1-vae": lambda: _kl(16, quant=False),
    "flux2-vae": lambda: _kl(32, quant=True),
    "wan2.1-vae": _wan_vae,
    "hunyuanimage-vae": _hunyuan_vae,
}


def rows() -> Iterator[tuple[str, int]]:
    """Name and number of parameters of each model; each is let go before the next one is built."""
    for name, make in MODELS.items():
        yield name, sum(parameter.numel() for parameter in make().parameters())


if __name__ == "__main__":
    print(f"{'component':<20}{'parameters':>16}{'GiB at 16 bits':>16}{'GiB at 8 bits':>16}")
    for name, count in itertools.islice(rows(), 1 if options.smoke else None):
        print(f"{name:<20}{count:>16,}{2 * count / 2**30:>16.2f}{count / 2**30:>16.2f}", flush=True)
