"""Headers that hold a part of a model only, models in every quantised layout, and what metadata may claim."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packshot.models.detect.detect import Detection, detect_file
from packshot.models.detect.model_shapes import variants
from packshot.models.files.quantisation import summary
from packshot.models.files.read import read_header
from support.weights import model, namings, prefixed, write_gguf, write_safetensors

Shapes = Mapping[str, tuple[int, ...]]
CORE = "model.diffusion_model."


def detected(tmp_path: Path, shapes: Shapes, **options: object) -> Detection:
    return detect_file(write_safetensors(tmp_path / "file.safetensors", shapes, **options))  # type: ignore[arg-type]


BASES = {variant.name: variant.base for variant in variants()}


@pytest.mark.parametrize("prefix", ["", CORE])
@pytest.mark.parametrize(("variant", "naming"), namings())
def test_the_first_file_of_several(tmp_path: Path, variant: str, naming: str, prefix: str) -> None:
    """Embedders and the first block of each kind: what stands in ``…-00001-of-00003.safetensors``."""
    first = {
        name: shape
        for name, shape in model(variant, naming).items()
        if not re.search(r"(blocks|layers)\.(?!0\.)\d", name)
    }
    found = detected(tmp_path, prefixed(prefix, first))
    assert (found.kind, found.base) == ("diffusion_model", BASES[variant])
    assert 0.4 < found.confidence < 1
    assert any("of the model is here" in reason for reason in found.reasons)


# A few tensors each: what a base is known by.
FINGERPRINTS: dict[str, tuple[Shapes, str | None, tuple[str, ...] | None]] = {
    "flux2 dev": ({"double_stream_modulation_img.lin.weight": (36864, 6144)}, "flux2-dev", ("flux2-dev",)),
    "klein 4b": (
        {"double_stream_modulation_img.lin.weight": (18432, 3072)},
        "flux2-klein-4b",
        ("flux2-klein-4b", "flux2-klein-4b-base"),
    ),
    "klein 9b": ({"double_stream_modulation_img.lin.weight": (24576, 4096)}, "flux2-klein-9b", ("flux2-klein-9b",)),
    "flux1 dev": (
        {"img_in.weight": (3072, 64), "single_blocks.0.linear1.weight": (21504, 3072),
         "guidance_in.in_layer.weight": (3072, 256)},
        "flux1",
        ("flux1-dev",),
    ),
    "flux1 schnell": (
        {"img_in.weight": (3072, 64), "single_blocks.0.linear1.weight": (21504, 3072),
         "vector_in.in_layer.weight": (3072, 768)},
        "flux1",
        ("flux1-schnell",),
    ),
    "blocks of flux1, of dev or schnell": (
        {"single_blocks.37.linear1.weight": (21504, 3072), "single_blocks.37.modulation.lin.weight": (9216, 3072)},
        "flux1",
        ("flux1-dev", "flux1-schnell"),
    ),
    "attention of a flux model": ({"double_blocks.0.img_attn.qkv.weight": (9216, 3072)}, None, None),
    "playground": (
        {CORE + "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (640, 2048), "edm_mean": (1, 4, 1, 1),
         "edm_std": (1, 4, 1, 1)},
        "sdxl",
        ("playground-v2.5",),
    ),
    "sd15": (
        {CORE + "input_blocks.0.0.weight": (320, 4, 3, 3),
         CORE + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768)},
        "sd15",
        ("sd15",),
    ),
    "sd21": ({CORE + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 1024)}, "sd21", ("sd21",)),
    "ernie": ({"layers.0.mlp.linear_fc2.weight": (4096, 12288)}, "ernie-image", None),
    "qwen": (
        {"transformer_blocks.0.attn.add_k_proj.weight": (3072, 3072), "txt_in.weight": (3072, 3584),
         "transformer_blocks.0.img_mlp.net.0.proj.weight": (12288, 3072)},
        "qwen-image",
        None,
    ),
    "pixart": (
        {"blocks.0.attn.qkv.weight": (3456, 1152), "t_block.1.weight": (6912, 1152),
         "y_embedder.y_embedding": (300, 4096)},
        "pixart-sigma",
        None,
    ),
    "ltx-2": (
        {"adaln_single.emb.timestep_embedder.linear_1.weight": (4096, 256),
         "adaln_single.emb.timestep_embedder.linear_1.bias": (4096,),
         "transformer_blocks.0.audio_attn1.to_q.weight": (2048, 2048)},
        "ltx-2",
        None,
    ),
    "wan, image to video": (
        {"blocks.0.cross_attn.k.weight": (5120, 5120), "blocks.0.cross_attn.k_img.weight": (5120, 5120),
         "blocks.0.cross_attn.q.weight": (5120, 5120), "head.head.weight": (64, 5120)},
        "wan",
        None,
    ),
    "wan in a size of its own": (
        {"blocks.0.cross_attn.k.weight": (2048, 2048), "head.head.weight": (64, 2048)}, "wan", ()
    ),
    "chroma": (
        {"distilled_guidance_layer.in_proj.weight": (5120, 64), "double_blocks.0.img_attn.qkv.weight": (9216, 3072)},
        "chroma",
        (),
    ),
    "z-image": (
        {"layers.0.attention.qkv.weight": (11520, 3840), "noise_refiner.0.attention.qkv.weight": (11520, 3840),
         "cap_embedder.1.weight": (3840, 2560)},
        "z-image",
        None,
    ),
    "hunyuanimage": (
        {"byt5_in.fc1.weight": (2048, 1472), "double_blocks.0.img_attn.qkv.weight": (10752, 3584),
         "txt_in.individual_token_refiner.blocks.0.norm1.weight": (3584,)},
        "hunyuanimage-2.1",
        None,
    ),
    "hunyuanvideo": (
        {"txt_in.individual_token_refiner.blocks.0.norm1.weight": (3072,),
         "double_blocks.0.img_attn.qkv.weight": (9216, 3072)},
        "other",
        (),
    ),
    "ltx-video": (
        {"adaln_single.emb.timestep_embedder.linear_1.bias": (4096,),
         "transformer_blocks.0.attn1.to_q.weight": (4096, 4096)},
        "other",
        (),
    ),
    "sd3.5 large": (
        {CORE + "joint_blocks.37.x_block.attn.qkv.weight": (7296, 2432),
         CORE + "context_embedder.weight": (2432, 4096)},
        "sd3.5-large",
        None,
    ),
    "sd3.5 medium": ({CORE + "joint_blocks.0.x_block.attn2.qkv.weight": (4608, 1536)}, "sd3.5-medium", None),
    "sd3 medium": (
        {CORE + "joint_blocks.0.x_block.attn.qkv.weight": (4608, 1536), CORE + "pos_embed": (1, 36864, 1536)},
        "sd3-medium",
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FINGERPRINTS)
def test_a_few_tensors_tell_the_base(tmp_path: Path, case: str) -> None:
    shapes, base, cards = FINGERPRINTS[case]
    found = detected(tmp_path, shapes)
    assert (found.kind, found.base) == ("diffusion_model", base), found.reasons
    if cards is not None:
        assert found.cards == cards
    if base is None:
        assert {"flux1-dev", "flux2-klein-4b"} <= set(found.cards)


def test_what_a_part_leaves_open_the_metadata_may_choose(tmp_path: Path) -> None:
    part = {"double_blocks.0.img_attn.qkv.weight": (9216, 3072)}
    found = detected(tmp_path, part, metadata={"modelspec.architecture": "black-forest-labs/FLUX.2-klein-4B"})
    assert (found.base, found.mismatch) == ("flux2-klein-4b", False)
    found = detected(tmp_path, part, metadata={"modelspec.architecture": "stable-diffusion-xl-v1-base"})
    assert (found.base, found.mismatch) == (None, True)


def test_half_a_model_is_known_and_said_to_be_half(tmp_path: Path) -> None:
    half = {name: shape for i, (name, shape) in enumerate(model("sdxl").items()) if i % 2 or "input_blocks.0" in name}
    found = detected(tmp_path, half)
    assert (found.kind, found.base, found.architecture) == ("diffusion_model", "sdxl", "sdxl-unet")
    assert 0.6 < found.confidence < 0.8


# How matrices are stored: what the format is called.
QUANTISED = {
    "nf4": "nf4", "fp8-scaled": "float8_e4m3fn", "fp8-scaled, before comfy_quant": "float8_e4m3fn", "nvfp4": "nvfp4",
    "mxfp8": "mxfp8", "int8": "int8_tensorwise",
}  # fmt: skip


def quantised(variant: str, form: str) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Shapes and dtypes of a model whose matrices are stored so."""
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, str] = {}

    def put(name: str, shape: tuple[int, ...], dtype: str) -> None:
        shapes[name], dtypes[name] = shape, dtype

    for name, shape in model(variant).items():
        layer = name.removesuffix(".weight")
        if len(shape) != 2 or layer == name or shape[1] % 32:
            put(name, shape, "BF16")
            continue
        match form:
            case "nf4":
                elements = math.prod(shape)
                put(name, (elements // 2, 1), "U8")
                put(f"{name}.absmax", (elements // 64,), "F32")
                put(f"{name}.quant_map", (16,), "F32")
                put(f"{name}.quant_state.bitsandbytes__nf4", (80,), "U8")
            case "fp8-scaled":
                put(name, shape, "F8_E4M3")
                put(f"{layer}.weight_scale", (), "F32")
                put(f"{layer}.input_scale", (), "F32")
                put(f"{layer}.comfy_quant", (26,), "U8")
            case "fp8-scaled, before comfy_quant":
                put(name, shape, "F8_E4M3")
                put(f"{layer}.scale_weight", (1,), "F32")
            case "nvfp4":
                put(name, (shape[0], shape[1] // 2), "U8")
                put(f"{layer}.weight_scale", (shape[0], shape[1] // 16), "F8_E4M3")
                put(f"{layer}.weight_scale_2", (), "F32")
            case "mxfp8":
                put(name, shape, "F8_E4M3")
                put(f"{layer}.weight_scale", (shape[0], shape[1] // 32), "U8")
            case "int8":
                put(name, shape, "I8")
                put(f"{layer}.weight_scale", (shape[0], 1), "F32")
    return shapes, dtypes


@pytest.mark.parametrize("form", QUANTISED)
@pytest.mark.parametrize("variant", ["flux1", "flux2-klein-4b", "z-image", "sd3.5-large"])
def test_quantised_models_are_what_they_unpack_to(tmp_path: Path, variant: str, form: str) -> None:
    shapes, dtypes = quantised(variant, form)
    found = detected(tmp_path, shapes, dtype=dtypes)
    assert (found.kind, found.base) == ("diffusion_model", variant)
    assert found.confidence == 1.0
    formats = summary(read_header(tmp_path / "file.safetensors"))
    assert next(iter(formats)) == QUANTISED[form]


@pytest.mark.parametrize("variant", ["flux1", "flux2-klein-4b", "chroma", "z-image", "sd3.5-large", "qwen-image"])
@pytest.mark.parametrize("kind", ["Q4_K", "Q8_0"])
def test_gguf_of_every_kind(tmp_path: Path, variant: str, kind: str) -> None:
    """llama.cpp's word for the architecture is the same for all of FLUX's models, and contradicts none."""
    spelt = {"z-image": "lumina2", "sd3.5-large": "sd3", "qwen-image": "qwen_image"}.get(variant, "flux")
    found = detect_file(write_gguf(tmp_path / "q.gguf", model(variant), kind, spelt))
    assert (found.base, found.mismatch) == (variant, False)


@pytest.mark.parametrize(
    ("claimed", "variant", "mismatch"),
    [
        ("black-forest-labs/FLUX.1-dev", "flux1", False),
        ("flux-1-schnell/lora", "flux1", False),
        ("stabilityai/stable-diffusion-xl-base-1.0", "flux1", True),
        ("stable-diffusion-v3.5-large", "sd3.5-large", False),
        ("stable-diffusion-3.5-medium", "sd3.5-large", True),
        ("sd_1.5", "sd15", False),
        ("stable-diffusion-v2-1-768", "sd15", True),
        ("wangkanai/FLUX.1", "flux1", False),
        ("Wan2.1-T2V-14B", "wan2.1-14b", False),
        ("wanderlust", "flux1", False),
    ],
)
def test_claims_in_the_spellings_of_hubs_and_trainers(
    tmp_path: Path, claimed: str, variant: str, mismatch: bool
) -> None:
    found = detected(tmp_path, model(variant), metadata={"modelspec.architecture": claimed})
    assert (found.base, found.mismatch) == (BASES[variant], mismatch)


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


ELSE = {
    "redux": ({"redux_up.weight": (12288, 1152), "redux_down.weight": (4096, 12288)}, "unknown", "Redux"),
    "ip-adapter": ({"ip_adapter.1.to_k_ip.weight": (640, 2048)}, "unknown", "IP-Adapter"),
    "image encoder": (
        {f"vision_model.encoder.layers.{i}.mlp.fc1.weight": (5120, 1280) for i in range(3)}, "unknown", "image encoder"
    ),
    "textual inversion": ({"emb_params": (8, 768)}, "unknown", "textual inversion"),
    "upscaler": (
        {"conv_first.weight": (64, 3, 3, 3), "body.0.rdb1.conv1.weight": (32, 64, 3, 3)}, "unknown", "upscaler"
    ),
    "video vae": ({"decoder.conv_in.conv.weight": (512, 16, 3, 3, 3)}, "vae", "video"),
    "tiny vae": (
        {"encoder.layers.0.weight": (64, 3, 3, 3), "decoder.layers.0.weight": (64, 16, 3, 3)}, "vae", "tiny"
    ),
    "lllite": (
        {"lllite_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q.down.0.weight": (64, 640)},
        "controlnet",
        "LLLite",
    ),
    "fun controlnet of flux2": ({"control_img_in.weight": (6144, 260)}, "controlnet", "Fun"),
    "uni3c": ({"controlnet_patch_embedding.weight": (1024, 20, 1, 2, 2)}, "controlnet", "Uni3C"),
    "supir": ({"model.control_model.zero_convs.0.0.weight": (320, 320, 1, 1)}, "controlnet", "ControlNet"),
}  # fmt: skip


@pytest.mark.parametrize("case", ELSE)
def test_what_else_stands_in_the_folders(tmp_path: Path, case: str) -> None:
    shapes, kind, words = ELSE[case]
    found = detected(tmp_path, shapes)
    assert (found.kind, words in found.reasons[0]) == (kind, True), found.reasons


# Names by which the detectors know a file; whatever shapes stand behind them, there is an answer.
MARKERS = (
    "controlnet_blocks.0.weight", "pos_embed_input.proj.weight", "control_img_in.weight", "zero_convs.0.0.weight",
    "controlnet_cond_embedding.conv_in.weight", "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight",
    "decoder.conv_in.weight", "decoder.up_blocks.0.res_blocks.0.conv1.conv.weight", "encoder.conv_out.weight",
    "encoder.conv_in.weight", "bn.running_mean", "text_model.encoder.layers.0.mlp.fc1.weight",
    "transformer.resblocks.0.mlp.c_fc.weight", "encoder.block.0.layer.0.SelfAttention.k.weight",
    "layers.0.input_layernorm.weight", "blk.0.attn_norm.weight", "enc.blk.0.attn_k.weight", "img_in.weight",
    "double_blocks.0.img_attn.qkv.weight", "lora_unet_a.lora_down.weight", "lora_unet_a.lora_up.weight",
    "lora_unet_a.lora_mid.weight", "lora_unet_a.hada_w1_a", "lora_unet_a.hada_w1_b", "lora_unet_a.hada_t1",
    "lora_unet_a.lokr_w1", "lora_unet_a.lokr_w2_a", "lora_unet_a.lokr_w2_b", "lora_unet_a.lokr_t2",
    "lora_unet_a.oft_blocks", "lora_unet_a.b1.weight", "lora_unet_a.b2.weight", "lora_unet_a.diff",
    "lora_unet_a.dora_scale", "lora_unet_a.alpha", "lora_te_a.lora_up.weight",
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shapes=st.dictionaries(
        st.sampled_from(MARKERS), st.lists(st.sampled_from([0, 1, 3, 16, 768, 3072, 6144]), max_size=6), max_size=8
    )
)
def test_whatever_shape_a_known_name_has_there_is_an_answer(tmp_path: Path, shapes: dict[str, list[int]]) -> None:
    small = {name: tuple(shape) for name, shape in shapes.items() if math.prod(shape) < 2**36}
    found = detected(tmp_path, small)
    assert 0 <= found.confidence <= 1
    assert found.reasons or found.kind == "unknown"
