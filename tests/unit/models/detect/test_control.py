"""ControlNets and other files that steer a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.models.detection import detected

CONTROLNETS = {
    "original": (
        {
            "control_model.zero_convs.0.0.weight": (320, 320, 1, 1),
            "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
        },
        "sd15",
    ),
    "diffusers": (
        {
            "controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3),
            "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight": (640, 2048),
        },
        "sdxl",
    ),
    "control-lora": (
        {"lora_controlnet": (0,), "input_blocks.4.1.transformer_blocks.0.attn2.to_k.down": (64, 2048)},
        "sdxl",
    ),
    "sd3": (
        {"controlnet_blocks.0.weight": (1536, 1536), "pos_embed_input.proj.weight": (1536, 16, 2, 2)},
        "sd3-medium",
    ),
    "sd3.5": (
        {"controlnet_blocks.0.weight": (2432, 2432), "pos_embed_input.proj.weight": (2432, 16, 2, 2)},
        "sd3.5-large",
    ),
    "xlabs": (
        {"controlnet_blocks.0.weight": (3072, 3072), "double_blocks.0.img_attn.qkv.weight": (9216, 3072)},
        "flux1",
    ),
    "instantx": ({"controlnet_blocks.0.weight": (3072, 3072), "controlnet_x_embedder.weight": (3072, 64)}, "flux1"),
    "mistoline": ({"controlnet_blocks.0.linear.weight": (3072, 3072)}, "flux1"),
    "qwen instantx": (
        {"controlnet_blocks.0.weight": (3072, 3072), "transformer_blocks.0.img_mlp.net.0.proj.weight": (12288, 3072)},
        "qwen-image",
    ),
    "qwen fun": (
        {"control_blocks.0.after_proj.weight": (3072, 3072), "control_img_in.weight": (3072, 132)},
        "qwen-image",
    ),
    "qwen diffsynth": ({"controlnet_blocks.0.y_rms.weight": (3072,), "img_in.weight": (3072, 64)}, "qwen-image"),
    "z-image": ({"control_all_x_embedder.2-1.weight": (3840, 132)}, "z-image"),
    "t2i-adapter": ({"adapter.body.0.resnets.0.block1.weight": (320, 320, 3, 3)}, None),
}


@pytest.mark.parametrize("case", CONTROLNETS)
def test_controlnets(tmp_path: Path, case: str) -> None:
    shapes, base = CONTROLNETS[case]
    found = detected(tmp_path, shapes)
    assert (found.kind, found.base) == ("controlnet", base)
