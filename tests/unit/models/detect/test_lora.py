"""Which model a LoRA was made for: every naming and algorithm, few blocks, and metadata that says otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from packshot.models.detect.detect import Detection, detect
from packshot.models.detect.lora import describe_lora
from packshot.models.files.read import read_header
from support.weights import model, write_safetensors

Shapes = dict[str, tuple[int, ...]]

Make = Callable[[str, tuple[int, ...], int], Shapes]


def plain(down: str, up: str, *, alpha: bool = True) -> Make:
    """A LoRA of a layer, its two matrices named so."""

    def make(layer: str, shape: tuple[int, ...], rank: int) -> Shapes:
        kernel = shape[2:]
        made: Shapes = {
            layer + down: (rank, shape[1], *kernel),
            layer + up: (shape[0], rank, *(1 for _ in kernel)),
        }
        return {**made, f"{layer}.alpha": ()} if alpha else made

    return make


KOHYA = plain(".lora_down.weight", ".lora_up.weight")

PEFT = plain(".lora_A.weight", ".lora_B.weight", alpha=False)


def dora(layer: str, shape: tuple[int, ...], rank: int) -> Shapes:
    return {**KOHYA(layer, shape, rank), f"{layer}.dora_scale": (shape[0], 1)}


def loha(layer: str, shape: tuple[int, ...], rank: int) -> Shapes:
    sides = {"a": (shape[0], rank), "b": (rank, shape[1])}
    return {f"{layer}.hada_w{i}_{side}": sides[side] for i in (1, 2) for side in "ab"}


def lokr(layer: str, shape: tuple[int, ...], rank: int) -> Shapes:
    return {
        f"{layer}.lokr_w1": (8, 8), f"{layer}.lokr_w2_a": (shape[0] // 8, rank),
        f"{layer}.lokr_w2_b": (rank, shape[1] // 8), f"{layer}.alpha": (),
    }  # fmt: skip


def lokr_full(layer: str, shape: tuple[int, ...], _: int) -> Shapes:
    return {f"{layer}.lokr_w1": (4, 4), f"{layer}.lokr_w2": (shape[0] // 4, shape[1] // 4)}


def oft(layer: str, shape: tuple[int, ...], _: int) -> Shapes:
    return {f"{layer}.oft_blocks": (4, shape[0] // 4, shape[0] // 4), f"{layer}.rescale": (shape[0], 1)}


def boft(layer: str, shape: tuple[int, ...], _: int) -> Shapes:
    return {f"{layer}.oft_blocks": (2, shape[0] // 8, 8, 8)}


def glora(layer: str, shape: tuple[int, ...], rank: int) -> Shapes:
    sides = {"a1": (shape[1], rank), "a2": (rank, shape[1]), "b1": (shape[0], rank), "b2": (rank, shape[1])}
    return {f"{layer}.{part}.weight": side for part, side in sides.items()}


def diff(layer: str, shape: tuple[int, ...], _: int) -> Shapes:
    return {f"{layer}.diff": shape, f"{layer}.diff_b": (shape[0],)}


def lora(
    variant: str, only: str = "", make: Make = KOHYA, prefix: str = "lora_unet_", naming: str = "native", rank: int = 16
) -> Shapes:
    """A LoRA of the layers whose names match ``only``; with dots as underscores where the prefix ends in one."""
    shapes: Shapes = {}
    for name, shape in model(variant, naming).items():
        layer = name.removesuffix(".weight")
        if name != layer and len(shape) in (2, 4) and re.search(only, layer):
            layer = layer.replace(".", "_") if prefix.endswith("_") else layer
            shapes |= make(prefix + layer, shape, rank)
    assert shapes
    return shapes


def detected(tmp_path: Path, shapes: Shapes, metadata: dict[str, str] | None = None) -> Detection:
    found = detect(write_safetensors(tmp_path / "lora.safetensors", shapes, metadata))
    assert found.kind == "lora"
    assert found.lora is not None
    return found


@pytest.mark.parametrize(
    ("variant", "base"),
    [
        ("flux1", "flux1"), ("flux2-dev", "flux2-dev"), ("flux2-klein-4b", "flux2-klein-4b"),
        ("flux2-klein-9b", "flux2-klein-9b"), ("sd3-medium", "sd3-medium"), ("sd3.5-medium", "sd3.5-medium"),
        ("sd3.5-large", "sd3.5-large"), ("sd15", "sd15"), ("sd21", "sd21"), ("sdxl", "sdxl"), ("z-image", "z-image"),
        ("qwen-image", "qwen-image"), ("ernie-image", "ernie-image"), ("hunyuanimage-2.1", "hunyuanimage-2.1"),
        ("pixart-sigma", "pixart-sigma"), ("ltx-2", "ltx-2"), ("chroma", "chroma"), ("wan2.1-1.3b", "wan"),
        ("wan2.1-14b", "wan"), ("wan2.2-5b", "wan"), ("starter", "starter"),
    ],
)  # fmt: skip
def test_every_base_in_kohyas_naming(tmp_path: Path, variant: str, base: str) -> None:
    found = detected(tmp_path, lora(variant))
    assert found.base == base
    assert found.confidence >= 0.8
    assert found.lora is not None
    assert (found.lora.layout, found.lora.algorithm, found.lora.rank) == ("kohya", "lora", 16)


LAYOUTS = {
    "kohya": ("flux1", KOHYA, "lora_unet_", "native", "kohya", "lora"),
    "kohya, sdxl": ("sdxl", KOHYA, "lora_unet_", "native", "kohya", "lora"),
    "kohya, diffusers names": ("sd15", KOHYA, "lora_unet_", "diffusers", "kohya", "lora"),
    "peft": ("flux1", PEFT, "transformer.", "diffusers", "diffusers", "lora"),
    "peft with a prefix": ("sd3.5-large", PEFT, "base_model.model.", "diffusers", "diffusers", "lora"),
    "peft with an adapter's name": (
        "qwen-image",
        plain(".lora_A.default.weight", ".lora_B.default.weight"),
        "transformer.",
        "native",
        "diffusers",
        "lora",
    ),
    "diffusers unet": ("sdxl", PEFT, "unet.", "diffusers", "diffusers", "lora"),
    "early diffusers": (
        "sd15",
        plain("_lora.down.weight", "_lora.up.weight"),
        "unet.",
        "diffusers",
        "diffusers",
        "lora",
    ),
    "later diffusers": (
        "sd15",
        plain(".lora.down.weight", ".lora.up.weight"),
        "unet.",
        "diffusers",
        "diffusers",
        "lora",
    ),
    "transformers": (
        "sd15",
        plain(".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
        "unet.",
        "diffusers",
        "diffusers",
        "lora",
    ),
    "comfyui": ("flux2-klein-4b", PEFT, "diffusion_model.", "native", "comfyui", "lora"),
    "comfyui, trained there": ("z-image", KOHYA, "diffusion_model.", "native", "comfyui", "lora"),
    "onetrainer": ("flux1", KOHYA, "lora_transformer_", "diffusers", "onetrainer", "lora"),
    "simpletuner": ("flux1", lokr, "lycoris_", "diffusers", "lycoris", "lokr"),
    "diffsynth": ("qwen-image", PEFT, "", "native", "bare", "lora"),
    "mochi": ("ltx-2", plain(".lora_A", ".lora_B"), "diffusion_model.", "native", "comfyui", "lora"),
    "dora": ("sdxl", dora, "lora_unet_", "native", "kohya", "dora"),
    "loha": ("sdxl", loha, "lora_unet_", "native", "kohya", "loha"),
    "lokr": ("flux2-klein-9b", lokr, "lora_unet_", "native", "kohya", "lokr"),
    "lokr, full matrices": ("flux2-dev", lokr_full, "diffusion_model.", "native", "comfyui", "lokr"),
    "oft": ("sd15", oft, "lora_unet_", "native", "kohya", "oft"),
    "boft": ("sdxl", boft, "lora_unet_", "native", "kohya", "boft"),
    "glora": ("sdxl", glora, "lora_unet_", "native", "kohya", "glora"),
    "diff": ("sd15", diff, "diffusion_model.", "native", "comfyui", "diff"),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_every_naming_and_algorithm(tmp_path: Path, case: str) -> None:
    variant, make, prefix, naming, layout, algorithm = LAYOUTS[case]
    only = "attn2" if variant in ("sd15", "sdxl") else r"attn[12]?[._]|attention|qkv|linear[12]$"
    found = detected(tmp_path, lora(variant, only, make, prefix, naming))
    assert found.lora is not None
    assert (found.lora.layout, found.lora.algorithm) == (layout, algorithm)
    # OFT does not tell what a layer takes in, in which alone SD 1.5 and SD 2.1 differ.
    assert found.base == (None if algorithm == "oft" else variant)
    assert set(found.lora.layers) == {algorithm}
    ranked = algorithm in ("lora", "dora", "loha", "glora") or make is lokr
    assert found.lora.rank == (16 if ranked else None)


def test_xlabs_processors(tmp_path: Path) -> None:
    shapes: Shapes = {}
    for i in range(19):
        for part, out in (("qkv_lora1", 9216), ("proj_lora1", 3072), ("qkv_lora2", 9216), ("proj_lora2", 3072)):
            shapes |= plain(".down.weight", ".up.weight", alpha=False)(
                f"double_blocks.{i}.processor.{part}", (out, 3072), 16
            )
    found = detected(tmp_path, shapes)
    assert found.lora is not None
    assert (found.base, found.lora.layout, found.lora.rank) == ("flux1", "xlabs", 16)


SUBSETS = {
    "two blocks of flux1": ("flux1", r"^single_blocks\.(7|20)\.linear", "flux1"),
    "one block of klein 4b": ("flux2-klein-4b", r"^single_blocks\.3\.linear1", "flux2-klein-4b"),
    "a feed-forward of klein 4b": ("flux2-klein-4b", r"^double_blocks\.2\.img_mlp", "flux2-klein-4b"),
    "one block of klein 9b": ("flux2-klein-9b", r"^double_blocks\.2\.img_attn", "flux2-klein-9b"),
    "one block of dev": ("flux2-dev", r"^double_blocks\.0\.img_attn\.proj", "flux2-dev"),
    "a modulation of flux1": ("flux1", r"^double_blocks\.0\.img_mod", "flux1"),
    "a high block of flux1": ("flux1", r"^double_blocks\.17\.img_attn", "flux1"),
    "one layer of z-image": ("z-image", r"^layers\.4\.attention", "z-image"),
    "one block of sd3.5 large": ("sd3.5-large", r"^joint_blocks\.5\.x_block\.attn", "sd3.5-large"),
    "dual attention of sd3.5 medium": ("sd3.5-medium", r"^joint_blocks\.5\.x_block\.attn2", "sd3.5-medium"),
}


@pytest.mark.parametrize("case", SUBSETS)
def test_a_few_blocks_are_told_by_their_sides(tmp_path: Path, case: str) -> None:
    variant, only, base = SUBSETS[case]
    assert detected(tmp_path, lora(variant, only)).base == base


def one(layer: str, shape: tuple[int, ...], make: Make = PEFT) -> Shapes:
    return make(layer, shape, 8)


# One layer each, as trainers write it: the layer, its shape, what makes the tensors, the base.
ONE_LAYER = {
    "sd15, kohya": ("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k", (320, 768), KOHYA, "sd15"),
    "sd21, kohya": ("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_v", (1280, 1024), KOHYA, "sd21"),
    "sdxl, kohya": ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k", (640, 2048), KOHYA, "sdxl"),
    "flux1": ("lora_unet_single_blocks_0_linear1", (21504, 3072), KOHYA, "flux1"),
    "flux2 dev": ("diffusion_model.single_blocks.0.linear1", (55296, 6144), PEFT, "flux2-dev"),
    "flux2 dev, diffusers": ("transformer.transformer_blocks.0.attn.to_q", (6144, 6144), PEFT, "flux2-dev"),
    "klein 9b": ("diffusion_model.single_blocks.0.linear2", (4096, 16384), PEFT, "flux2-klein-9b"),
    "klein 4b": ("diffusion_model.single_blocks.0.linear2", (3072, 12288), PEFT, "flux2-klein-4b"),
    "klein 4b, diffusers": (
        "transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj", (27648, 3072), PEFT, "flux2-klein-4b"
    ),
    "z-image": ("diffusion_model.layers.0.attention.qkv", (11520, 3840), PEFT, "z-image"),
    "z-image, diffusers": ("transformer.layers.0.attention.to_q", (3840, 3840), PEFT, "z-image"),
    "z-image, modulation": ("diffusion_model.layers.0.adaLN_modulation.0", (15360, 256), KOHYA, "z-image"),
    "qwen-image": ("transformer_blocks.0.img_mlp.net.0.proj", (12288, 3072), KOHYA, "qwen-image"),
    "ernie-image": ("transformer.layers.0.mlp.linear_fc2", (4096, 12288), PEFT, "ernie-image"),
    "hunyuanimage": ("lora_unet_double_blocks_0_img_attn_qkv", (10752, 3584), KOHYA, "hunyuanimage-2.1"),
    "hunyuanimage, diffusers": ("transformer.transformer_blocks.0.attn.to_q", (3584, 3584), PEFT, "hunyuanimage-2.1"),
    "pixart-sigma": ("lora_unet_blocks_0_attn_qkv", (3456, 1152), KOHYA, "pixart-sigma"),
    "pixart-sigma, diffusers": ("transformer.transformer_blocks.0.attn1.to_q", (1152, 1152), PEFT, "pixart-sigma"),
    "ltx-2": ("diffusion_model.transformer_blocks.0.audio_attn1.to_q", (2048, 2048), PEFT, "ltx-2"),
    "wan 1.3b": ("diffusion_model.blocks.0.cross_attn.k", (1536, 1536), PEFT, "wan"),
    "wan 14b, diffusers": ("transformer.blocks.0.attn2.to_k", (5120, 5120), PEFT, "wan"),
    "wan 5b, kohya": ("lora_unet_blocks_0_cross_attn_k", (3072, 3072), KOHYA, "wan"),
    "chroma, diffusers": ("transformer.distilled_guidance_layer.layers.0.linear_1", (5120, 5120), PEFT, "chroma"),
    "sd3.5 medium": ("lora_unet_joint_blocks_0_x_block_attn2_qkv", (4608, 1536), KOHYA, "sd3.5-medium"),
    "sd3.5 medium, diffusers": ("transformer.transformer_blocks.0.attn2.to_q", (1536, 1536), PEFT, "sd3.5-medium"),
    "sd3.5 large, diffusers": ("transformer.transformer_blocks.0.attn.to_q", (2432, 2432), PEFT, "sd3.5-large"),
    "sdxl, loha": ("lora_unet_middle_block_1_transformer_blocks_9_attn2_to_k", (1280, 2048), loha, "sdxl"),
    "sdxl, glora": ("lora_unet_middle_block_1_transformer_blocks_9_attn2_to_k", (1280, 2048), glora, "sdxl"),
    "flux2 dev, lokr": ("lycoris_transformer_blocks_0_attn_to_q", (6144, 6144), lokr, "flux2-dev"),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_LAYER)
def test_one_layer_tells_the_base(tmp_path: Path, case: str) -> None:
    name, shape, make, base = ONE_LAYER[case]
    assert detected(tmp_path, one(name, shape, make)).base == base


def test_layers_of_convolutions_fit_whatever_their_kernel(tmp_path: Path) -> None:
    attention = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    conv = "lora_unet_down_blocks_0_resnets_0_conv1"
    tucker = {
        f"{conv}.lora_down.weight": (8, 320, 1, 1), f"{conv}.lora_mid.weight": (8, 8, 3, 3),
        f"{conv}.lora_up.weight": (320, 8, 1, 1),
    }  # fmt: skip
    sides = {"w1_a": (8, 320), "w1_b": (8, 320), "w2_a": (8, 320), "w2_b": (8, 320), "t1": (8, 8, 3, 3)}
    tucker_loha: Shapes = {f"{conv}.hada_{part}": shape for part, shape in {**sides, "t2": (8, 8, 3, 3)}.items()}
    flat_loha = loha(conv, (320, 320 * 9), 8)
    for changed in (KOHYA(conv, (320, 320, 3, 3), 8), tucker, tucker_loha, flat_loha):
        found = detected(tmp_path, {**one(attention, (640, 2048), KOHYA), **changed})
        assert (found.base, found.confidence) == ("sdxl", 0.99), found.reasons


def test_the_naming_of_text_encoders_does_not_count(tmp_path: Path) -> None:
    """OneTrainer names them as kohya does."""
    shapes = one("lora_transformer_single_transformer_blocks_0_proj_mlp", (12288, 3072), KOHYA)
    for layer in ("mlp_fc1", "mlp_fc2", "self_attn_q_proj"):
        shapes |= one(f"lora_te1_text_model_encoder_layers_0_{layer}", (768, 768), KOHYA)
    found = detected(tmp_path, shapes)
    assert found.lora is not None
    assert (found.base, found.lora.layout, found.lora.text_layers) == ("flux1", "onetrainer", 3)


def test_early_glora_has_its_factors_the_other_way_round(tmp_path: Path) -> None:
    layer = "lora_unet_middle_block_1_transformer_blocks_9_attn2_to_k"
    shapes = {"a1": (8, 2048), "a2": (2048, 8), "b1": (8, 2048), "b2": (1280, 8)}
    found = detected(tmp_path, {f"{layer}.{part}.weight": shape for part, shape in shapes.items()})
    assert found.lora is not None
    assert (found.base, found.lora.rank) == ("sdxl", 8)


def test_a_width_of_3072_alone_is_ambiguous(tmp_path: Path) -> None:
    found = detected(tmp_path, lora("flux1", r"^double_blocks\.[0-3]\.img_attn"))
    assert found.base is None
    assert found.confidence <= 0.5
    assert {"flux1-dev", "flux1-schnell", "flux2-klein-4b"} <= set(found.cards)
    assert not found.mismatch


def test_all_blocks_of_the_smaller_model_are_taken_for_it(tmp_path: Path) -> None:
    found = detected(tmp_path, lora("flux2-klein-4b", r"^double_blocks\.\d\.img_attn"))
    assert found.base == "flux2-klein-4b"
    assert found.confidence <= 0.6
    assert {"flux1-dev", "flux2-klein-4b"} <= set(found.cards), "it may be for the larger one all the same"
    assert any("not all that flux1 has" in reason for reason in found.reasons)
    said = {"ss_base_model_version": "flux1"}
    assert detected(tmp_path, lora("flux2-klein-4b", r"^double_blocks\.\d\.img_attn"), said).base == "flux1"


@pytest.mark.parametrize(
    ("variant", "only", "base"),
    [
        ("sd3-medium", r"attn", "sd3-medium"),
        ("sd3.5-medium", r"attn", "sd3.5-medium"),
        ("sd3.5-medium", r"mlp", None),
        ("sd3-medium", r"^joint_blocks\.20\..*attn", None),
    ],
)
def test_attention_without_its_second_kind_is_of_the_model_that_has_none(
    tmp_path: Path, variant: str, only: str, base: str | None
) -> None:
    found = detected(tmp_path, lora(variant, only))
    assert found.base == base
    assert base is not None or {"sd3-medium", "sd3.5-medium"} <= set(found.cards)


@pytest.mark.parametrize("variant", ["flux1", "flux2-klein-9b", "sdxl", "pixart-sigma"])
def test_glora_tells_its_sides_in_both_of_its_orders(tmp_path: Path, variant: str) -> None:
    def turned(layer: str, shape: tuple[int, ...], rank: int) -> Shapes:
        new = glora("", shape, rank)
        return {layer + name: new[name.translate(str.maketrans("12", "21"))] for name in new}

    for make in (glora, turned):
        found = detected(tmp_path, lora(variant, r"attn|to_q", make))
        assert found.base == variant
        assert found.lora is not None
        assert found.lora.rank == 16


def test_in_diffusers_naming_qwen_is_a_third_candidate(tmp_path: Path) -> None:
    found = detected(tmp_path, lora("qwen-image", r"^transformer_blocks\.[0-3]\.attn\.to_[qkv]$", PEFT, "transformer."))
    assert found.base is None
    assert {"flux1-dev", "flux2-klein-4b", "qwen-image"} <= set(found.cards)
    assert (
        detected(tmp_path, lora("qwen-image", r"^transformer_blocks\.40\.attn", PEFT, "transformer.")).base
        == "qwen-image"
    )


@pytest.mark.parametrize(
    ("metadata", "base"),
    [
        ({"modelspec.architecture": "Flux.2-klein-4b"}, "flux2-klein-4b"),
        ({"ss_base_model_version": "flux2_klein_4b"}, "flux2-klein-4b"),
        ({"modelspec.architecture": "flux-1-dev/lora"}, "flux1"),
        ({"ss_base_model_version": "chroma"}, "chroma"),
    ],
)
def test_metadata_chooses_among_what_the_shapes_allow(tmp_path: Path, metadata: dict[str, str], base: str) -> None:
    found = detected(tmp_path, lora("flux1", r"^double_blocks\.[0-3]\.img_attn"), metadata)
    assert (found.base, found.mismatch) == (base, False)
    assert 0.5 < found.confidence < 1


@pytest.mark.parametrize(
    ("variant", "metadata"),
    [
        ("flux1", {"ss_base_model_version": "sdxl_base_v1-0"}),
        ("sdxl", {"modelspec.architecture": "flux-1-dev/lora"}),
        ("flux2-klein-4b", {"modelspec.architecture": "Flux.2-klein-9b"}),
        ("sd15", {"ss_base_model_version": "sd_v2"}),
    ],
)
def test_shapes_win_over_metadata(tmp_path: Path, variant: str, metadata: dict[str, str]) -> None:
    found = detected(tmp_path, lora(variant), metadata)
    assert (found.base, found.mismatch) == (variant, True)
    assert any("contradict" in reason for reason in found.reasons)


def test_an_ambiguous_file_can_contradict_its_metadata_too(tmp_path: Path) -> None:
    shapes = lora("flux1", r"^double_blocks\.[0-3]\.img_attn")
    found = detected(tmp_path, shapes, {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"})
    assert (found.base, found.mismatch) == (None, True)


def test_a_larger_model_of_the_architecture_is_another(tmp_path: Path) -> None:
    """HunyuanVideo has FLUX.1's blocks, and one double and two single ones more."""
    shapes = lora("flux1", r"_blocks")
    shapes |= KOHYA("lora_unet_double_blocks_19_img_attn_qkv", (9216, 3072), 16)
    shapes |= KOHYA("lora_unet_single_blocks_39_linear1", (21504, 3072), 16)
    found = detected(tmp_path, shapes)
    assert (found.base, found.architecture) == ("other", "flux")


def test_names_of_no_known_model(tmp_path: Path) -> None:
    found = detected(tmp_path, KOHYA("lora_unet_some_thing_else", (64, 64), 4))
    assert (found.base, found.cards) == (None, ())


def test_text_encoder_layers_do_not_count(tmp_path: Path) -> None:
    text: Shapes = {}
    for i in range(12):
        text |= KOHYA(f"lora_te1_text_model_encoder_layers_{i}_self_attn_q_proj", (768, 768), 8)
        text |= KOHYA(f"lora_te2_text_model_encoder_layers_{i}_self_attn_q_proj", (1280, 1280), 8)
    found = detected(tmp_path, {**lora("sdxl", "attn2"), **text})
    assert found.lora is not None
    assert (found.base, found.lora.text_layers, found.lora.ranks) == ("sdxl", 24, (8, 16))
    alone = detected(tmp_path, text)
    assert (alone.base, alone.confidence) == ("sdxl", 0.6)
    one = {name: shape for name, shape in text.items() if "te1" in name}
    assert detected(tmp_path, one).base is None


@pytest.mark.parametrize(
    ("metadata", "alpha"),
    [
        ({"ss_network_alpha": "8.0"}, 8.0),
        ({"ss_network_alpha": "Dynamic"}, None),
        ({"lora_adapter_metadata": json.dumps({"transformer.r": 16, "transformer.lora_alpha": 32})}, 32.0),
        ({"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 32, "text_encoder.lora_alpha": 8})}, None),
        ({"lora_adapter_metadata": "[1"}, None),
        ({}, None),
    ],
)
def test_alpha_is_what_the_metadata_states(tmp_path: Path, metadata: dict[str, str], alpha: float | None) -> None:
    path = write_safetensors(tmp_path / "lora.safetensors", lora("sd15", "attn2"), metadata)
    info = describe_lora(read_header(path))
    assert info is not None
    assert info.alpha == alpha


def test_a_model_is_no_lora(tmp_path: Path) -> None:
    assert describe_lora(read_header(write_safetensors(tmp_path / "model.safetensors", model("sd15")))) is None
