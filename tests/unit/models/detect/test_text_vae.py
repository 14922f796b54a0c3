"""Text encoders and VAEs."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.models.detect.detect import detect
from support.models.detection import Shapes, clip, detected, image_vae, open_clip, t5
from support.weights import write_gguf


def llm(width: int, layers: int, *extra: str, prefix: str = "model.") -> dict[str, tuple[int, ...]]:
    one = ["input_layernorm.weight", "post_attention_layernorm.weight", *extra]
    named = {f"{prefix}layers.{i}.{name}": (width,) for i in range(layers) for name in one}
    projections = {f"{prefix}layers.{i}.self_attn.q_proj.weight": (4096, width) for i in range(layers)}
    return {**named, **projections, f"{prefix}embed_tokens.weight": (1000, width)}


def gguf_llm(width: int, layers: int, *extra: str) -> dict[str, tuple[int, ...]]:
    named = {f"blk.{i}.{name}": (width,) for i in range(layers) for name in ("attn_norm.weight", *extra)}
    return {**named, **{f"blk.{i}.attn_q.weight": (4096, width) for i in range(layers)}}


TOWER = {f"vision_model.encoder.layers.{i}.mlp.fc1.weight": (4304, 1152) for i in range(3)}

TEXT_ENCODERS = {
    "clip-l": (clip(768, 12), "clip-l"),
    "clip-g": (clip(1280, 32), "clip-g"),
    "clip-h": (clip(1024, 23), "clip-h"),
    "clip-g of OpenCLIP": (open_clip(1280, 32), "clip-g"),
    "clip-h of OpenCLIP": (open_clip(1024, 24), "clip-h"),
    "t5xxl": (t5(4096, 4096, 24), "t5xxl"),
    "byt5": (t5(1472, 384, 12), "byt5-glyph"),
    "t5-base": (t5(768, 768, 12), None),
    "mistral": (llm(5120, 40), "mistral-3-small"),
    "mistral pruned": (llm(5120, 30), "mistral-3-small"),
    "ministral": (llm(3072, 26), "ministral-3-3b"),
    "qwen3-4b": (llm(2560, 36, "self_attn.q_norm.weight"), "qwen3-4b"),
    "qwen3-8b": (llm(4096, 36, "self_attn.q_norm.weight"), "qwen3-8b"),
    "qwen3-0.6b": (llm(1024, 28, "self_attn.q_norm.weight"), None),
    "qwen3-vl": (
        {**llm(2560, 36, "self_attn.q_norm.weight"), "model.visual.deepstack_merger_list.0.norm.weight": (8,)},
        None,
    ),
    "qwen2.5-vl": (llm(3584, 28, "self_attn.k_proj.bias"), "qwen2.5-vl-7b"),
    "gemma3": (llm(3840, 48, "post_feedforward_layernorm.weight", "self_attn.q_norm.weight"), "gemma3-12b"),
    "gemma3 that sees": (
        {**TOWER, **llm(3840, 48, "post_feedforward_layernorm.weight", prefix="language_model.model.")},
        "gemma3-12b",
    ),
    "llama": (llm(4096, 32), None),
}


@pytest.mark.parametrize("case", TEXT_ENCODERS)
def test_text_encoders(tmp_path: Path, case: str) -> None:
    shapes, component = TEXT_ENCODERS[case]
    found = detected(tmp_path, shapes)
    assert (found.kind, found.component, found.base, found.cards) == ("text_encoder", component, None, ())


@pytest.mark.parametrize(
    ("shapes", "component"),
    [
        (gguf_llm(2560, 36, "attn_q_norm.weight"), "qwen3-4b"),
        (gguf_llm(5120, 40), "mistral-3-small"),
        (gguf_llm(3584, 28, "attn_k.bias"), "qwen2.5-vl-7b"),
        ({f"enc.blk.{i}.attn_k.weight": (4096, 4096) for i in range(24)}, "t5xxl"),
    ],
)
def test_text_encoders_of_llama_cpp(tmp_path: Path, shapes: Shapes, component: str) -> None:
    found = detect(write_gguf(tmp_path / "te.gguf", shapes, architecture="llama"))
    assert (found.kind, found.component) == ("text_encoder", component)


VAES = {
    "sd": (image_vae(4), "sd-vae"),
    "flux1": (image_vae(16), "flux1-vae"),
    "flux2": (image_vae(32, **{"bn.running_mean": (128,)}), "flux2-vae"),
    "hunyuanimage": (image_vae(64), "hunyuanimage-vae"),
    "of 8 channels": (image_vae(8), None),
    "wan2.1": ({"decoder.middle.0.residual.0.gamma": (384, 1, 1, 1)}, "wan2.1-vae"),
    "wan2.2": (
        {
            "decoder.middle.0.residual.0.gamma": (384, 1, 1, 1),
            "decoder.upsamples.0.upsamples.0.residual.2.weight": (4, 4, 3, 3, 3),
        },
        None,
    ),
    "ltx-2": ({"decoder.up_blocks.0.res_blocks.0.conv1.conv.weight": (1024, 1024, 3, 3, 3)}, "ltx-2-vae"),
    "taesd": ({"taesd_decoder.1.weight": (64, 4, 3, 3), "taesd_encoder.0.weight": (64, 3, 3, 3)}, "taesd"),
    "an encoder alone": (
        {"encoder.conv_in.weight": (128, 3, 3, 3), "encoder.conv_out.weight": (32, 512, 3, 3)},
        "flux1-vae",
    ),
}


@pytest.mark.parametrize("case", VAES)
def test_vaes(tmp_path: Path, case: str) -> None:
    shapes, component = VAES[case]
    found = detected(tmp_path, shapes)
    assert (found.kind, found.component, found.base) == ("vae", component, None)


def llm_part(width: int, first: int, last: int, *extra: str) -> dict[str, tuple[int, ...]]:
    one = ["input_layernorm.weight", "post_attention_layernorm.weight", *extra]
    return {f"model.layers.{i}.{name}": (width,) for i in range(first, last) for name in one}


PARTS_OF_ENCODERS = {
    "qwen3-4b": llm_part(2560, 20, 36, "self_attn.q_norm.weight"),
    "mistral-3-small": llm_part(5120, 0, 12),
    "qwen2.5-vl-7b": llm_part(3584, 0, 1, "self_attn.k_proj.bias"),
    "t5xxl": {f"encoder.block.{i}.layer.0.SelfAttention.k.weight": (4096, 4096) for i in range(12, 24)},
    "clip-l": {"text_model.encoder.layers.3.mlp.fc1.weight": (3072, 768)},
}


@pytest.mark.parametrize("component", PARTS_OF_ENCODERS)
def test_a_part_of_a_text_encoder(tmp_path: Path, component: str) -> None:
    found = detected(tmp_path, PARTS_OF_ENCODERS[component])
    assert (found.kind, found.component, found.confidence) == ("text_encoder", component, 0.6)
