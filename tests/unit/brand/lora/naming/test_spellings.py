"""One layer under the names of many tools, and layers that must not be taken for each other."""

from __future__ import annotations

import pytest

from packshot.brand.lora.naming.spellings import index_of, look_up, spellings
from packshot.models.files.adapters import adapters

#: As ComfyUI's own lists have them.
NAMES = {
    "diffusion_model.layers.3.attention.to_q": "q",
    "diffusion_model.layers.3.feed_forward.w1": "w1",
    "lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_out_0": "out",
    "lora_te1_text_model_encoder_layers_0_self_attn_q_proj": "clip_l",
    "lora_te2_text_model_encoder_layers_0_self_attn_q_proj": "clip_g",
    "lora_te3_encoder_block_0_layer_0_SelfAttention_q": "t5",
    "text_encoders.qwen3_4b.transformer.model.layers.0.self_attn.q_proj": "qwen",
}
INDEX = index_of(NAMES)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("layers.3.attention.to_q", "q"),
        ("pipe.dit.layers.3.attention.to_q", "q"),
        ("base_model.model.layers.3.attention.to_q", "q"),
        ("transformer.base_model.model.layers.3.attention.to_q", "q"),
        ("model.diffusion_model.layers.3.feed_forward.w1", "w1"),
        ("lora_unet_layers_3_attention_to_q", "q"),
        ("lora_unet__layers_3_attention_to_q", "q"),
        ("lora_transformer_layers_3_attention_to_q", "q"),
        ("lycoris_layers_3_feed_forward_w1", "w1"),
        ("unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0", "out"),
        ("unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.processor.to_out", "out"),
        ("text_encoder.text_model.encoder.layers.0.self_attn.q_proj", "clip_l"),
        ("text_encoder.encoder.layers.0.self_attn.q_proj", "clip_l"),
        ("clip_g.text_model.encoder.layers.0.self_attn.q_proj", "clip_g"),
        ("text_encoder_2.base_model.model.text_model.encoder.layers.0.self_attn.q_proj", "clip_g"),
        ("text_encoder_3.encoder.block.0.layer.0.SelfAttention.q", "t5"),
        ("t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q", "t5"),
        ("text_encoders.qwen3_4b.transformer.model.layers.0.self_attn.q_proj", "qwen"),
        ("text_encoder.model.layers.0.self_attn.q_proj", "qwen"),
        ("text_encoder.base_model.model.model.layers.0.self_attn.q_proj", "qwen"),
        ("layers.33.attention.to_q", None),
        ("blocks.3.attention.to_q", None),
        ("text_encoder_2.text_model.encoder.layers.1.self_attn.q_proj", None),
    ],
)
def test_a_layer_is_known_by_any_tools_name(name: str, target: str | None) -> None:
    (adapter,) = adapters({f"{name}.lora_A.weight": (4, 64), f"{name}.lora_B.weight": (64, 4)})
    assert look_up(INDEX, adapter) == target


def test_layers_of_text_encoders_share_no_spelling_with_a_models() -> None:
    model = {spelling for name in NAMES if "te" not in name.split("_") for spelling in spellings(name)}
    text = set(spellings("text_encoder.layers.3.attention.to_q"))
    assert not model & text


@pytest.mark.parametrize("name", ["default", "my-style_2", "0"])
@pytest.mark.parametrize(
    "part", ["lora_A.{}.weight", "lora_B.{}.weight", "lora_magnitude_vector.{}.weight", "hada_w1_a.{}"]
)
def test_the_name_of_an_adapter_is_none_of_the_layers(part: str, name: str) -> None:
    (adapter,) = adapters({f"layers.3.attention.to_q.{part.format(name)}": (4, 64)})
    assert adapter.name == "layers.3.attention.to_q"
