"""LoRAs under the names of other tools: what is read of the new file changes the model as the old one does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from packshot.brand.lora.algebra import difference, norm
from packshot.brand.lora.changes import adapters_of, change_of
from packshot.brand.lora.convert import convert
from packshot.brand.lora.naming.rename import NAMINGS
from packshot.brand.lora.tensors import TensorFile
from packshot.errors import InputInvalid
from packshot.models.detect.detect import detect
from packshot.models.detect.model_shapes import native_shapes, variants
from support import loras

VARIANTS = sorted({variant.name for variant in variants()})
# Layers that are changed: of the first blocks and of SD3's last, which is another; of every kind of U-Net's blocks.
BLOCKS = re.compile(r"(?:double|single|joint|transformer)?_?(?:blocks|layers|noise_refiner)\.(?:[01]|23|37)\.")
UNET = re.compile(r"(?:input_blocks\.[14578]|middle_block|output_blocks\.[05])\.|time_embed|label_emb|^out\.2")
ENDS = ("final_layer.adaLN_modulation.1", "final_layer.linear", "img_in")
VECTORS = ("table", "modulation", "embedding", "token", "registers")


def layers_of(variant: str) -> dict[str, tuple[int, int]]:
    """Some matrices of each kind."""
    return {
        name: (shape[0], shape[1])
        for name, shape in native_shapes(variant).items()
        if len(shape) == 2 and not name.rpartition(".")[2].endswith(VECTORS)
        and (UNET.search(name) or BLOCKS.match(name) or name in ENDS)
    }  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_lora_comes_back_from_diffusers_names_as_it_was(tmp_path: Path, variant: str) -> None:
    layers = layers_of(variant)
    source = loras.write(tmp_path / "source.safetensors", layers=layers, rank=2)
    theirs = convert(source, tmp_path / "theirs.safetensors", names="diffusers")
    assert theirs.error == 0
    assert detect(theirs.file).base == detect(source).base
    back = convert(theirs.file, tmp_path / "back.safetensors", names="native")
    changed = TensorFile(source), TensorFile(back.file)
    before, after = ({adapter.name: adapter for adapter in adapters_of(file)} for file in changed)
    assert len(layers) == len(before)
    assert before.keys() == after.keys()
    for name in before:
        exact, stored = (
            change_of(file, named[name]).matrix for file, named in zip(changed, (before, after), strict=True)
        )
        assert exact is not None
        assert stored is not None
        assert difference(exact, stored) <= 1e-4 * norm(exact), name


@pytest.mark.parametrize("names", NAMINGS)
def test_each_naming_is_written_as_its_readers_want_it(tmp_path: Path, names: str) -> None:
    source = loras.write(tmp_path / "source.safetensors", loras.with_bias, layers=loras.STARTER)
    written = load_file(str(convert(source, tmp_path / "out.safetensors", names=names).file))
    down, bias = {
        "native": ("diffusion_model.double_blocks.0.img_attn.qkv.lora_down.weight", "diff_b"),
        "kohya": ("lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight", "diff_b"),
        "diffusers": ("transformer.transformer_blocks.0.attn.to_k.lora_A.weight", "lora_B.bias"),
    }[names]
    assert written[down].shape == (4, 256)
    assert sum(name.endswith(bias) for name in written) == (6 if names == "diffusers" else 4)
    assert any(name.endswith(".alpha") for name in written) == (names != "diffusers")


def test_layers_of_text_encoders_go_along(tmp_path: Path) -> None:
    clip = {"text_model.encoder.layers.3.self_attn.q_proj": (32, 32)}
    arrays = loras.arrays(layers={"input_blocks.4.1.transformer_blocks.0.attn2.to_k": (640, 2048)}, prefix="lora_unet_")
    arrays |= loras.arrays(layers=clip, prefix="lora_te2_")
    save_file(arrays, str(tmp_path / "source.safetensors"))
    theirs = convert(tmp_path / "source.safetensors", tmp_path / "theirs.safetensors", names="diffusers")
    names = set(load_file(str(theirs.file)))
    assert "text_encoder_2.text_model.encoder.layers.3.self_attn.q_proj.lora_A.weight" in names
    assert "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight" in names
    back = convert(theirs.file, tmp_path / "back.safetensors", names="kohya")
    assert set(load_file(str(back.file))) == set(arrays)


def test_dora_keeps_its_magnitudes(tmp_path: Path) -> None:
    source = loras.write(tmp_path / "source.safetensors", loras.dora_of_peft, layers=loras.STARTER)
    theirs = load_file(str(convert(source, tmp_path / "theirs.safetensors", names="diffusers").file))
    ours = load_file(str(source))["diffusion_model.double_blocks.0.img_attn.qkv.dora_scale"][:, 0]
    for place, part in enumerate("qkv"):
        rows = theirs[f"transformer.transformer_blocks.0.attn.to_{part}.lora_magnitude_vector"]
        assert np.array_equal(rows, ours[place * 256 : (place + 1) * 256])


@pytest.mark.parametrize(
    ("make", "names", "says"),
    [
        (loras.lokr, "diffusers", "diffusers loads LoRA and DoRA"),
        (loras.oft_of_peft, "native", "turns what a layer takes in"),
        (loras.lora, "onetrainer", "there is no naming 'onetrainer'"),
    ],
)
def test_what_a_naming_cannot_hold_is_refused(tmp_path: Path, make: loras.Make, names: str, says: str) -> None:
    source = loras.write(tmp_path / "source.safetensors", make, layers=loras.STARTER)
    with pytest.raises(InputInvalid, match=says):
        convert(source, tmp_path / "out.safetensors", names=names)
    assert not (tmp_path / "out.safetensors").exists()


def test_a_lora_of_no_known_model_keeps_its_names(tmp_path: Path) -> None:
    source = loras.write(tmp_path / "source.safetensors", layers={"stages.0.mixer": (64, 48)})
    with pytest.raises(InputInvalid, match="no model that is known"):
        convert(source, tmp_path / "out.safetensors", names="native")
