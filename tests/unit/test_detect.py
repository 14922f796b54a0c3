"""Which model a file is, from headers of every base, text encoder, VAE, checkpoint and ControlNet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from packshot.cli.main import app
from packshot.models.cards import card_ids, load_card
from packshot.models.detect.detect import Detection, detect_file
from packshot.models.detect.findings import CARDS
from packshot.models.detect.model_shapes import variants
from support.weights import model, prefixed, write_gguf, write_safetensors

Shapes = Mapping[str, tuple[int, ...]]


def detected(tmp_path: Path, shapes: Mapping[str, tuple[int, ...]], **options: object) -> Detection:
    return detect_file(write_safetensors(tmp_path / "file.safetensors", shapes, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "diffusion_model."])
@pytest.mark.parametrize("variant", sorted({variant.name for variant in variants()}))
def test_every_published_model(tmp_path: Path, variant: str, prefix: str) -> None:
    known = next(entry for entry in variants() if entry.name == variant)
    found = detected(tmp_path, prefixed(prefix, model(variant)))
    assert (found.kind, found.base, found.architecture) == ("diffusion_model", known.base, known.architecture)
    assert found.confidence == 1.0
    assert not found.mismatch


@pytest.mark.parametrize("variant", sorted({variant.name for variant in variants()} & {
    "flux1", "flux2-dev", "flux2-klein-4b", "sd3-medium", "sd3.5-medium", "sd3.5-large", "sd15", "sd21", "sdxl",
    "z-image", "pixart-sigma", "chroma", "hunyuanimage-2.1",
}))  # fmt: skip
def test_the_naming_of_diffusers(tmp_path: Path, variant: str) -> None:
    assert detected(tmp_path, model(variant, "diffusers")).base == variant


def test_a_gguf_has_its_sides_reversed(tmp_path: Path) -> None:
    found = detect_file(write_gguf(tmp_path / "q.gguf", model("flux1"), "Q8_0"))
    assert (found.kind, found.base, found.mismatch) == ("diffusion_model", "flux1", False)


def test_packed_weights_count_as_what_they_unpack_to(tmp_path: Path) -> None:
    shapes, dtypes = {}, {}
    for name, shape in model("flux2-klein-4b").items():
        layer = name.removesuffix(".weight")
        shapes[name], dtypes[name] = (shape[0], shape[1] // 2), "U8"
        shapes[f"{layer}.weight_scale"], dtypes[f"{layer}.weight_scale"] = (shape[0], shape[1] // 16), "F8_E4M3"
        shapes[f"{layer}.weight_scale_2"], dtypes[f"{layer}.weight_scale_2"] = (), "F32"
        shapes[f"{layer}.comfy_quant"], dtypes[f"{layer}.comfy_quant"] = (20,), "U8"
    found = detected(tmp_path, shapes, dtype=dtypes)
    assert (found.base, found.confidence) == ("flux2-klein-4b", 1.0)


@pytest.mark.parametrize(
    ("variant", "drop", "cards"),
    [
        ("flux1", "", ["flux1-dev"]),
        ("flux1", "guidance_in.", ["flux1-schnell"]),
        ("flux2-klein-4b", "", ["flux2-klein-4b", "flux2-klein-4b-base"]),
        ("sd3.5-large", "", ["sd3.5-large", "sd3.5-large-turbo"]),
        ("sdxl", "", ["sdxl", "sdxl-lightning-2step", "sdxl-lightning-4step", "sdxl-lightning-8step"]),
    ],
)
def test_cards_that_cannot_be_told_apart_are_listed(tmp_path: Path, variant: str, drop: str, cards: list[str]) -> None:
    shapes = {name: shape for name, shape in model(variant).items() if not drop or not name.startswith(drop)}
    assert list(detected(tmp_path, shapes).cards) == cards


def test_playground_shows_by_two_tensors(tmp_path: Path) -> None:
    shapes = {**prefixed("model.diffusion_model.", model("sdxl")), "edm_mean": (1, 4, 1, 1), "edm_std": (1, 4, 1, 1)}
    found = detected(tmp_path, shapes)
    assert (found.base, found.cards) == ("sdxl", ("playground-v2.5",))


def test_a_variant_with_more_input_channels_is_still_its_base(tmp_path: Path) -> None:
    fill = {**model("flux1"), "img_in.weight": (3072, 384)}
    found = detected(tmp_path, fill)
    assert found.base == "flux1"
    assert found.confidence < 1
    assert any("img_in is 3072×384 and not 3072×64" in reason for reason in found.reasons)


def scaled(variant: str, width: int, blocks: int) -> dict[str, tuple[int, ...]]:
    """A small model of a FLUX architecture: as the published one with other sides and fewer blocks."""
    hidden = {"flux1": 3072, "flux2-klein-4b": 3072}[variant]
    kept = {}
    for name, shape in model(variant).items():
        number = name.split(".")[1]
        if not name.startswith(("double_blocks.", "single_blocks.")) or int(number) < blocks:
            kept[name] = tuple(side * width // hidden if side % hidden == 0 else side for side in shape)
    return kept


def test_an_architecture_in_a_size_of_its_own(tmp_path: Path) -> None:
    found = detected(tmp_path, scaled("flux1", 128, 2))
    assert (found.kind, found.base, found.architecture, found.cards) == ("diffusion_model", "other", "flux", ())
    small = scaled("flux2-klein-4b", 128, 2)
    found = detected(tmp_path, small)
    assert (found.base, found.architecture) == ("other", "flux2")
    assert not detected(tmp_path, small, metadata={"modelspec.architecture": "Flux.2"}).mismatch
    assert detected(tmp_path, small, metadata={"modelspec.architecture": "flux-1-dev"}).mismatch
    assert not detected(tmp_path, model("starter"), metadata={"modelspec.architecture": "Flux.2"}).mismatch


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("double_layers.0.attn.w1q.weight", "AuraFlow"),
        ("blocks.0.mlp.layer1.weight", "Cosmos Predict2"),
        ("adaln_single.emb.timestep_embedder.linear_1.bias", "LTX-Video"),
    ],
)
def test_models_that_have_no_card(tmp_path: Path, name: str, title: str) -> None:
    found = detected(tmp_path, {f"model.diffusion_model.{n}": (64, 64) for n in (name, *"abcdef")})
    assert (found.kind, found.base, found.architecture) == ("diffusion_model", "other", None)
    assert title in found.reasons[0]


def clip(width: int, layers: int) -> dict[str, tuple[int, ...]]:
    one = {
        "mlp.fc1.weight": (width * 4, width), "mlp.fc2.weight": (width, width * 4), "layer_norm1.weight": (width,),
        "self_attn.q_proj.weight": (width, width),
    }  # fmt: skip
    named = {f"text_model.encoder.layers.{i}.{name}": shape for i in range(layers) for name, shape in one.items()}
    return {**named, "text_model.embeddings.token_embedding.weight": (49408, width)}


def open_clip(width: int, layers: int) -> dict[str, tuple[int, ...]]:
    one = {"mlp.c_fc.weight": (width * 4, width), "attn.in_proj_weight": (width * 3, width), "ln_1.weight": (width,)}
    named = {f"transformer.resblocks.{i}.{name}": shape for i in range(layers) for name, shape in one.items()}
    return {**named, "token_embedding.weight": (49408, width)}


def t5(width: int, inner: int, layers: int) -> dict[str, tuple[int, ...]]:
    one = {
        "layer.0.SelfAttention.k.weight": (inner, width), "layer.1.DenseReluDense.wi_1.weight": (10240, width),
        "layer.0.layer_norm.weight": (width,),
    }  # fmt: skip
    return {f"encoder.block.{i}.{name}": shape for i in range(layers) for name, shape in one.items()}


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
    found = detect_file(write_gguf(tmp_path / "te.gguf", shapes, architecture="llama"))
    assert (found.kind, found.component) == ("text_encoder", component)


def image_vae(channels: int, **extra: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {
        "decoder.conv_in.weight": (512, channels, 3, 3), "encoder.conv_in.weight": (128, 3, 3, 3),
        "encoder.conv_out.weight": (channels * 2, 512, 3, 3), "decoder.conv_out.weight": (3, 128, 3, 3), **extra,
    }  # fmt: skip


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


@pytest.mark.parametrize(
    "shapes", [{}, {"a.weight": (3, 3)}, {"conv1.weight": (64, 3, 7, 7), "fc.weight": (1000, 512)}]
)
def test_what_nothing_fits_is_unknown(tmp_path: Path, shapes: Shapes) -> None:
    found = detected(tmp_path, shapes)
    assert (found.kind, found.base, found.confidence) == ("unknown", None, 0)
    assert found.reasons


@pytest.mark.parametrize(
    ("key", "value", "mismatch"),
    [
        ("modelspec.architecture", "flux-1-dev", False),
        ("modelspec.architecture", "Flux.1-schnell", False),
        ("modelspec.architecture", "stable-diffusion-xl-v1-base", True),
        ("ss_base_model_version", "sdxl_base_v1-0", True),
        ("modelspec.architecture", "Flux.2-klein-4b", True),
        ("modelspec.architecture", "my own model", False),
    ],
)
def test_metadata_that_contradicts_the_shapes_is_flagged(tmp_path: Path, key: str, value: str, mismatch: bool) -> None:
    found = detected(tmp_path, model("flux1"), metadata={key: value})
    assert (found.base, found.mismatch) == ("flux1", mismatch)
    assert any(value in reason for reason in found.reasons) == mismatch


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
