"""Quantised weights: the format of each layer, and what it unpacks to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packshot.models.files.quantisation import layer_formats, logical_shapes, summary
from packshot.models.files.read import read_header
from support.weights import write_gguf, write_safetensors


def quantised(weight: str, **scales: str) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """A linear layer of 256 outputs and 512 inputs: shapes and dtypes of its tensors."""
    shapes: dict[str, tuple[int, ...]] = {
        "l.weight": (256, 256 if weight == "U8" else 512),
        "l.bias": (256,),
        "l.comfy_quant": (30,),
    }
    dtypes = {"l.weight": weight, "l.comfy_quant": "U8"}
    for name, dtype in scales.items():
        shapes[f"l.{name}"] = (256, 32) if dtype in ("F8_E4M3", "F8_E8M0") else ()
        dtypes[f"l.{name}"] = dtype
    return shapes, dtypes


@pytest.mark.parametrize(
    ("made", "form"),
    [
        (quantised("F8_E4M3", weight_scale="F32"), "float8_e4m3fn"),
        (quantised("F8_E4M3", scale_weight="F32", scale_input="F32"), "float8_e4m3fn"),
        (quantised("F8_E5M2", weight_scale="F32"), "float8_e5m2"),
        (quantised("F8_E4M3", weight_scale="F8_E8M0"), "mxfp8"),
        (quantised("U8", weight_scale="F8_E4M3", weight_scale_2="F32"), "nvfp4"),
        (quantised("I8", weight_scale="F32"), "int8_tensorwise"),
        (quantised("BF16"), "bf16"),
    ],
)
def test_the_format_of_a_layer_shows_beside_its_weight(
    tmp_path: Path, made: tuple[dict[str, tuple[int, ...]], dict[str, str]], form: str
) -> None:
    header = read_header(write_safetensors(tmp_path / "q.safetensors", made[0], dtype=made[1]))
    assert layer_formats(header) == {"l": form}
    assert logical_shapes(header) == {"l.weight": (256, 512), "l.bias": (256,)}


def test_stated_formats_are_believed_first(tmp_path: Path) -> None:
    stated = {"format_version": "1.0", "layers": {"a": {"format": "convrot_w4a4"}, "b": {"format": "mxfp8"}}}
    path = write_safetensors(
        tmp_path / "q.safetensors",
        {"a.weight": (8, 4), "b.weight": (8, 8), "c.weight": (8, 8)},
        {"_quantization_metadata": json.dumps(stated)},
        {"a.weight": "I8", "b.weight": "F8_E4M3"},
    )
    assert summary(read_header(path)) == {"convrot_w4a4": 1, "mxfp8": 1, "bf16": 1}
    assert logical_shapes(read_header(path))["a.weight"] == (8, 8)


@pytest.mark.parametrize("text", ["", "null", "[]", '{"layers": 3}', '{"layers": {"l": 1}}', "[" * 50_000])
def test_a_statement_that_says_nothing_is_passed_over(tmp_path: Path, text: str) -> None:
    path = write_safetensors(tmp_path / "q.safetensors", {"l.weight": (8, 8)}, {"_quantization_metadata": text})
    assert summary(read_header(path)) == {"bf16": 1}


def test_gguf_goes_by_its_own_formats(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "q.gguf", {"a.weight": (8, 256), "b.weight": (8, 256), "c.weight": (8,)}, "Q6_K")
    assert summary(read_header(path)) == {"q6_k": 2}
