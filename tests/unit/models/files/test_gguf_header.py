"""Headers of GGUF files."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest

from packshot.models.files.gguf_header import TENSOR_TYPES
from packshot.models.files.header import TensorInfo
from packshot.models.files.read import read_header
from support.weights import gguf_string, refused, write_gguf


@pytest.mark.parametrize("order", ["<", ">"])
def test_gguf_in_either_byte_order(tmp_path: Path, order: str) -> None:
    shapes = {"blk.0.attn_q.weight": (64, 512), "norm.weight": (512,)}
    header = read_header(write_gguf(tmp_path / "m.gguf", shapes, "Q4_K", order=order))
    assert header.format == "gguf"
    assert header.metadata == {"general.architecture": "flux"}
    assert header.tensors == {
        "blk.0.attn_q.weight": TensorInfo("Q4_K", (64, 512), 64 * 512 // 256 * 144),
        "norm.weight": TensorInfo("F32", (512,), 2048),
    }


def test_a_file_of_the_gguf_library(tmp_path: Path) -> None:
    path = tmp_path / "real.gguf"
    writer = gguf.GGUFWriter(path, "lumina2")
    writer.add_array("tokenizer.ggml.tokens", [f"token{i}" for i in range(5_000)])
    writer.add_array("tokenizer.ggml.scores", [float(i) for i in range(5_000)])
    writer.add_array("comfy.gguf.orig_shape.patch.weight", [4, 2, 1, 2, 2])
    writer.add_float32("not.finite", float("inf"))
    writer.add_bool("yes", True)
    writer.add_tensor("patch.weight", np.zeros((4, 8), np.float16))
    writer.add_tensor("q.weight", np.zeros((3, 34 * 2), np.uint8), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    header = read_header(path)

    assert header.tensors == {
        "patch.weight": TensorInfo("F16", (4, 2, 1, 2, 2), 64),
        "q.weight": TensorInfo("Q8_0", (3, 64), 204),
    }
    assert header.metadata["general.architecture"] == "lumina2"
    assert header.metadata["yes"] == "true"
    assert header.metadata["not.finite"] == "inf"
    assert "tokenizer.ggml.tokens" not in header.metadata
    assert gguf.GGUFReader(path).data_offset == header.body
    sizes = {kind.value: gguf.GGML_QUANT_SIZES[kind] for kind in gguf.GGML_QUANT_SIZES}
    assert {n: (block, size) for n, (_, block, size) in TENSOR_TYPES.items() if n in sizes}.items() <= sizes.items()


def gguf_head(tensors: int = 0, keys: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def gguf_tensor(name: str, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    return gguf_string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"GGUF", "is cut off"),
        (gguf_head(version=1), "version 1"),
        (gguf_head(version=7), "version 7"),
        (gguf_head(tensors=2**63), "claims 9,223"),
        (gguf_head(keys=2**63), "metadata keys"),
        (gguf_head(keys=1), "is cut off"),
        (gguf_head(keys=1) + gguf_string("k") + struct.pack("<I", 99), "type 99"),
        (gguf_head(keys=1) + gguf_string("k") + struct.pack("<IQ", 8, 2**62), "is cut off"),
        (gguf_head(keys=1) + gguf_string("k") + struct.pack("<IIQ", 9, 0, 2**62), "is cut off"),
        (gguf_head(keys=1) + gguf_string("k") + struct.pack("<IIQ", 9, 8, 2**62), "arrays have more than"),
        (gguf_head(keys=1) + gguf_string(b"\xff\xfe") + struct.pack("<IB", 0, 0), "not UTF-8"),
        (gguf_head(keys=1) + gguf_string("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 9, "4 levels"),
        (gguf_head(keys=2) + (gguf_string("k") + struct.pack("<IB", 0, 0)) * 2, "'k' twice"),
        (
            gguf_head(keys=1) + gguf_string("general.alignment") + struct.pack("<II", 4, 24) + b"\0" * 64,
            "power of two",
        ),
        (gguf_head(tensors=1) + gguf_string("w") + struct.pack("<I", 5) + b"\0" * 64, "5 dimensions"),
        (gguf_head(tensors=1) + gguf_tensor("w", (2,), kind=5) + b"\0" * 64, "type 5"),
        (gguf_head(tensors=1) + gguf_tensor("w", (33,), kind=2) + b"\0" * 64, "whole blocks of Q4_0"),
        (gguf_head(tensors=1) + gguf_tensor("w", (2,), offset=4) + b"\0" * 64, "no multiple of 32"),
        (gguf_head(tensors=1) + gguf_tensor("w", (1 << 20,)) + b"\0" * 64, "cut off"),
        (gguf_head(tensors=1) + gguf_tensor("w", (2**32, 2**32, 2**32, 2**32)) + b"\0" * 64, "cut off"),
        (gguf_head(tensors=2) + gguf_tensor("w", (2,)) * 2 + b"\0" * 64, "described twice"),
        (gguf_head(tensors=2) + gguf_tensor("w", (9,)) + gguf_tensor("v", (9,)) + b"\0" * 96, "overlaps"),
    ],
)
def test_a_gguf_header_that_breaks_a_rule(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    assert says in refused(path)
