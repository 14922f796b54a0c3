"""Whole files: checkpoints, what nothing fits, and the cards of every base."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from packshot.cli.main import app
from packshot.models.cards import card_ids, load_card
from packshot.models.detect.detect import detect
from packshot.models.detect.findings import CARDS
from packshot.models.files.quantisation import summary
from packshot.models.files.read import read_header
from support.models.detection import Shapes, clip, detected, image_vae, open_clip, t5
from support.weights import model, prefixed, write_gguf, write_safetensors

CHECKPOINTS = {
    "sd15": {
        **prefixed("model.diffusion_model.", model("sd15")),
        **prefixed("first_stage_model.", image_vae(4)),
        **prefixed("cond_stage_model.transformer.", clip(768, 12)),
    },
    "sd21": {
        **prefixed("model.diffusion_model.", model("sd21")),
        **prefixed("first_stage_model.", image_vae(4)),
        **prefixed("cond_stage_model.model.", open_clip(1024, 24)),
    },
    "sdxl": {
        **prefixed("model.diffusion_model.", model("sdxl")),
        **prefixed("first_stage_model.", image_vae(4)),
        **prefixed("conditioner.embedders.0.transformer.", clip(768, 12)),
        **prefixed("conditioner.embedders.1.model.", open_clip(1280, 32)),
    },
    "sd3.5-large": {
        **prefixed("model.diffusion_model.", model("sd3.5-large")),
        **prefixed("first_stage_model.", image_vae(16)),
        **prefixed("text_encoders.clip_l.transformer.", clip(768, 12)),
        **prefixed("text_encoders.clip_g.transformer.", clip(1280, 32)),
        **prefixed("text_encoders.t5xxl.transformer.", t5(4096, 4096, 24)),
    },
    "ltx-2": {
        **prefixed("model.diffusion_model.", model("ltx-2")),
        "vae.decoder.up_blocks.0.res_blocks.0.conv1.conv.weight": (1024, 1024, 3, 3, 3),
    },
}

PARTS = {
    "sd15": ("sd15", "clip-l", "sd-vae"),
    "sd21": ("sd21", "clip-h", "sd-vae"),
    "sdxl": ("sdxl", "clip-l", "clip-g", "sd-vae"),
    "sd3.5-large": ("sd3.5-large", "clip-l", "clip-g", "t5xxl", "flux1-vae"),
    "ltx-2": ("ltx-2", "ltx-2-vae"),
}


@pytest.mark.parametrize("base", CHECKPOINTS)
def test_checkpoints_are_the_sum_of_their_parts(tmp_path: Path, base: str) -> None:
    found = detected(tmp_path, CHECKPOINTS[base])
    assert (found.kind, found.base, found.parts) == ("checkpoint", base, PARTS[base])


@pytest.mark.parametrize(
    "shapes", [{}, {"a.weight": (3, 3)}, {"conv1.weight": (64, 3, 7, 7), "fc.weight": (1000, 512)}]
)
def test_what_nothing_fits_is_unknown(tmp_path: Path, shapes: Shapes) -> None:
    found = detected(tmp_path, shapes)
    assert (found.kind, found.base, found.confidence) == ("unknown", None, 0)
    assert found.reasons


def test_the_cards_of_every_base_are_those_of_its_family() -> None:
    families: dict[str, set[str]] = {}
    for card_id in card_ids():
        families.setdefault(load_card(card_id).family, set()).add(card_id)
    known = {base: set(ids) for base, ids in CARDS.items() if ids}
    assert {family: ids for family, ids in families.items() if family in known} == known


def test_the_commands_answer_one_object(tmp_path: Path) -> None:
    good = write_safetensors(tmp_path / "good.safetensors", model("flux2-klein-4b"), {"a\x1b": "b"}, "F8_E4M3")
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\0" * 9)
    run = CliRunner().invoke

    one = json.loads(run(app, ["models", "detect", "--json", str(good)]).stdout)
    assert {"file", "kind", "base", "confidence", "reasons", "mismatch", "component", "architecture", "cards"} <= set(
        one
    )
    assert (one["file"], one["base"]) == (str(good), "flux2-klein-4b")

    several = run(app, ["models", "detect", "--json", str(good), str(bad)])
    assert several.exit_code == 3
    assert [entry.get("base") for entry in json.loads(several.stdout)["files"]] == ["flux2-klein-4b", None]
    assert json.loads(several.stdout)["files"][1]["error"]["slug"] == "model-corrupt"

    inspected = json.loads(run(app, ["models", "inspect", "--json", str(good)]).stdout)
    assert inspected["layers"] == {"float8_e4m3fn": 89}
    assert inspected["tensors"]["img_in.weight"] == {"dtype": "F8_E4M3", "shape": [3072, 128], "bytes": 393216}

    shown = run(app, ["models", "inspect", str(good)]).stdout
    assert "89 layers stored as float8_e4m3fn" in shown
    assert "\x1b" not in shown


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
    found = detect(write_gguf(tmp_path / "q.gguf", model(variant), kind, spelt))
    assert (found.base, found.mismatch) == (variant, False)


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
