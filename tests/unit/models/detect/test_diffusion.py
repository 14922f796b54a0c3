"""Diffusion models, whole and in part, in every naming and packing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from packshot.models.detect.detect import detect
from packshot.models.detect.model_shapes import variants
from support.models.detection import Shapes, detected
from support.weights import model, namings, prefixed, write_gguf


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
    found = detect(write_gguf(tmp_path / "q.gguf", model("flux1"), "Q8_0"))
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


CORE = "model.diffusion_model."

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
