"""What a LoRA's algebra would take is known before anything is computed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from packshot.brand.lora.conflicts import overlap
from packshot.brand.lora.convert import convert
from packshot.brand.lora.merge import Part, merge, resize
from packshot.brand.lora.metadata import Statement, stamp
from packshot.brand.lora.prices import free_memory, price
from packshot.brand.lora.tensors import Floats, TensorFile, encode, write_tensors
from packshot.cli.main import app
from packshot.errors import InputInvalid, ModelCorrupt
from support.weights import write_safetensors

LAYER = "lora_unet_double_blocks_0_img_attn_qkv"

# What each of a few megabytes would unfold to; bodies are holes.
BOMBS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "lokr": {"lokr_w1": (1400, 1400), "lokr_w2": (128, 128)},
    "lokr in factors": {"lokr_w1_a": (9000, 2), "lokr_w1_b": (2, 9000), "lokr_w2": (64, 64)},
    "loha": {"hada_w1_a": (90_000, 400), "hada_w1_b": (400, 90_000), "hada_w2_a": (90_000, 400), "hada_w2_b": (400, 9)},
    "rank": {"lora_up.weight": (64, 1_000_000), "lora_down.weight": (1_000_000, 64)},
    "diff": {"diff": (90_000, 90_000)},
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_unfolds_beyond_memory_is_refused_with_its_price(tmp_path: Path, bomb: str) -> None:
    file = write_safetensors(
        tmp_path / "a.safetensors", {f"{LAYER}.{k}": v for k, v in BOMBS[bomb].items()}, dtype="F16"
    )
    tools: list[Callable[[], object]] = [
        lambda: resize(file, tmp_path / "out.safetensors", rank=4),
        lambda: merge([Part(file), Part(file)], tmp_path / "out.safetensors", method="svd", rank=4),
    ]
    if bomb != "diff":  # which is not compared
        tools.append(lambda: overlap(TensorFile(file), TensorFile(file)))
    for tool in tools:
        with pytest.raises(
            InputInvalid, match=r"would take [\d,.]+ GB of memory, and [\d,.]+ GB may be used"
        ) as caught:
            tool()
        assert LAYER in caught.value.place
    assert not (tmp_path / "out.safetensors").exists()


def test_a_layer_of_a_large_model_is_no_bomb() -> None:
    assert price(18_432, 3_072, 128) < 200e6
    assert price(12_288, 3_072, 3_072) < 2e9, "a whole layer of FLUX.1"
    assert free_memory() > 0


def _small(path: Path, parts: Mapping[str, Floats]) -> Path:
    write_tensors(path, [encode(f"{LAYER}.{name}", values, "F32") for name, values in parts.items()], {})
    return path


def _noise(*shape: int) -> Floats:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("parts", [{"lokr_w1": (4, 4), "lokr_w2": (16, 16)}, {"diff": (64, 64)}])
def test_a_file_of_whole_matrices_is_converted(tmp_path: Path, parts: Mapping[str, tuple[int, ...]]) -> None:
    file = _small(tmp_path / "a.safetensors", {name: _noise(*shape) for name, shape in parts.items()})
    command = ["lora", "convert", str(file), "--dtype", "fp16", "--out", str(tmp_path / "b.safetensors")]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    assert "1 layers, whole matrices, F16" in answer.output
    assert json.loads(CliRunner().invoke(app, [*command[:-1], str(tmp_path / "c"), "--json"]).stdout)["ranks"] == []


@pytest.mark.parametrize("part", ["alpha", "lora_up.weight"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_passed_on_by_no_tool(tmp_path: Path, part: str, value: float) -> None:
    parts = {"lora_up.weight": _noise(64, 4), "lora_down.weight": _noise(4, 64), "alpha": np.array(4, np.float32)}
    file = _small(tmp_path / "a.safetensors", parts)
    content = bytearray(file.read_bytes())
    header = TensorFile(file).header
    begin, _ = json.loads(content[8 : header.body])[f"{LAYER}.{part}"]["data_offsets"]
    content[header.body + begin : header.body + begin + 4] = np.float32(value).tobytes()
    file.write_bytes(content)
    out = tmp_path / "b.safetensors"
    for tool in (
        lambda: convert(file, out, "fp16"),
        lambda: stamp(file, out, Statement(title="x")),
        lambda: resize(file, out, rank=2),
    ):
        with pytest.raises(ModelCorrupt, match="infinite or no number"):
            tool()
    assert not out.exists()


def test_values_without_singular_values_are_refused(tmp_path: Path) -> None:
    huge = {
        "lora_up.weight": np.full((64, 4), 3e38, np.float32),
        "lora_down.weight": np.full((4, 64), 3e38, np.float32),
    }
    file = _small(tmp_path / "a.safetensors", huge)
    for method in (
        lambda: resize(file, tmp_path / "b.safetensors", rank=2),
        lambda: merge([Part(file), Part(file)], tmp_path / "b.safetensors", method="svd", rank=2),
    ):
        with pytest.raises(ModelCorrupt, match="values"):
            method()
