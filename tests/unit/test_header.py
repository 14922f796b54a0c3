"""Headers: what is read, and what is refused, with a sentence that says what and where."""

from __future__ import annotations

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
from safetensors.numpy import save_file

from packshot.errors import ModelCorrupt, ModelMissing
from packshot.models.files.gguf_header import TENSOR_TYPES
from packshot.models.files.header import MAX_TENSORS, TensorInfo
from packshot.models.files.quantisation import layer_formats, logical_shapes, summary
from packshot.models.files.read import read_header
from packshot.models.files.safetensors_header import MAX_HEADER
from support.weights import gguf_string, write_gguf, write_raw, write_safetensors


def refused(path: Path) -> str:
    with pytest.raises(ModelCorrupt) as caught:
        read_header(path)
    assert str(path) in caught.value.place
    assert caught.value.remedy
    return str(caught.value)


def test_a_file_of_the_safetensors_library(tmp_path: Path) -> None:
    tensors = {
        "b.weight": np.zeros((3, 4), np.float32),
        "a": np.zeros((), np.int64),
        "empty": np.zeros((0, 5), np.float16),
        "Ünïcode": np.zeros(2, np.uint8),
    }
    path = tmp_path / "model.safetensors"
    save_file(tensors, path, metadata={"format": "pt", "quoted": 'a "b"\n\\ é 😀'})

    header = read_header(path)

    assert {name: (info.shape, info.nbytes) for name, info in header.tensors.items()} == {
        name: (array.shape, array.nbytes) for name, array in tensors.items()
    }
    assert header.tensors["a"].dtype == "I64"
    assert dict(header.metadata) == {"format": "pt", "quoted": 'a "b"\n\\ é 😀'}
    assert header.format == "safetensors"
    assert header.size == path.stat().st_size
    assert header.body + sum(array.nbytes for array in tensors.values()) == header.size


def test_spaces_field_order_and_escapes_are_free(tmp_path: Path) -> None:
    text = b"""{ "x\\u00e9" :\n{"data_offsets":[ 0 , 8 ],\t"shape":[2,1], "dtype":"F32"} , "__metadata__" : { } }   """
    header = read_header(write_raw(tmp_path / "x.safetensors", text, 8))
    assert header.tensors == {"xé": TensorInfo("F32", (2, 1), 8)}


def test_packed_dtypes_count_elements(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "f4.safetensors", {"w": (4, 6)}, dtype="F4")
    assert read_header(path).tensors["w"].nbytes == 12


def tensor(dtype: str = "F32", shape: str = "[2]", offsets: str = "[0,8]") -> bytes:
    return f'"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}'.encode()


@pytest.mark.parametrize(
    ("header", "body", "says"),
    [
        (b"", 0, "no JSON object"),
        (b"[]", 0, "no JSON object"),
        (b"null", 0, "no JSON object"),
        (b'{"w":1}', 0, "no description"),
        (b"{" + tensor(), 8, "neither a comma nor the end"),
        (b"{" + tensor() + b"} x", 8, "something follows"),
        (b"{" + tensor() + b"," + tensor() + b"}", 8, "described twice"),
        (b'{"__metadata__":{},"__metadata__":{}}', 0, "described twice"),
        (b'{"__metadata__":{"a":"1","a":"2"}}', 0, "'a' twice"),
        (b'{"__metadata__":{"a":1}}', 0, "is no string"),
        (b'{"__metadata__":[]}', 0, "no JSON object"),
        (b'{"w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8, "dtype twice"),
        (b'{"w":{"dtype":"F32","shape":[2]}}', 8, "no data_offsets"),
        (b'{"w":{"dtype":[4],"shape":[2],"data_offsets":[0,8]}}', 8, "dtype is of the wrong type"),
        (b'{"w":{"dtype":"F32","shape":"2","data_offsets":[0,8]}}', 8, "shape is of the wrong type"),
        (b"{" + tensor(dtype="F31") + b"}", 8, "the dtype 'F31', which is not known"),
        (b"{" + tensor(shape="[-2]") + b"}", 8, "whole numbers"),
        (b"{" + tensor(shape="[2.0]") + b"}", 8, "whole numbers"),
        (b"{" + tensor(shape="[NaN]") + b"}", 8, "whole numbers"),
        (b"{" + tensor(shape="[2e0]") + b"}", 8, "whole numbers"),
        (b"{" + tensor(shape="[02]") + b"}", 8, "whole numbers"),
        (b"{" + tensor(shape="[2,]") + b"}", 8, "whole numbers"),
        (b"{" + tensor(shape="[99999999999999999999]") + b"}", 8, "whole numbers"),
        (b"{" + tensor(shape="[1,1,1,1,1,1,2]") + b"}", 8, "7 dimensions"),
        (b"{" + tensor(shape="[3]") + b"}", 8, "has 8 bytes; 3 of F32 take 12"),
        (b"{" + tensor(dtype="F4", shape="[3]", offsets="[0,2]") + b"}", 2, "take 1.5"),
        (b"{" + tensor(offsets="[0,8,8]") + b"}", 8, "not two numbers"),
        (b"{" + tensor(offsets="[8,0]") + b"}", 8, "cut off"),
        (b"{" + tensor(offsets="[4,12]") + b"}", 12, "hole of 4 bytes"),
        (b"{" + tensor() + b',"v":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}', 12, "overlaps"),
        (b"{" + tensor() + b"}", 7, "cut off"),
        (b"{" + tensor() + b"}", 9, "1 bytes after its last tensor"),
        (b'{"\xff":1}', 0, "not UTF-8"),
        (b'{"\\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8, "no valid text"),
        (b'{"a\n":1}', 0, "what a JSON string may not"),
        (b'{"a\\x":1}', 0, "what a JSON string may not"),
        (b'{"endless', 0, "does not end"),
        (b'{"w":' * 1_000_000, 0, "the description is not"),
        (b"[" * 1_000_000, 0, "no JSON object"),
        (b'{"' + b"x" * 300 + b'":1}', 0, "longer than 256 bytes"),
    ],
)
def test_a_safetensors_header_that_breaks_a_rule(tmp_path: Path, header: bytes, body: int, says: str) -> None:
    assert says in refused(write_raw(tmp_path / "bad.safetensors", header, body))


def test_the_tensor_at_fault_is_named(tmp_path: Path) -> None:
    text = b'{"layers.7.weight":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}'
    assert "tensor 'layers.7.weight'" in refused(write_raw(tmp_path / "bad.safetensors", text, 8))


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    text = b'{"\\u001b[31mred":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}'
    assert "\x1b" not in refused(write_raw(tmp_path / "bad.safetensors", text, 8))


@pytest.mark.parametrize("length", [101_000_000, 2**40, 2**64 - 1])
def test_an_absurd_length_is_refused_before_anything_is_read(tmp_path: Path, length: int) -> None:
    path = tmp_path / "absurd.safetensors"
    path.write_bytes(struct.pack("<Q", length) + b"{}")
    assert "neither safetensors nor GGUF" in refused(path)


def test_a_header_longer_than_the_file_or_than_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(struct.pack("<Q", 1_000) + b"{}")
    assert "cut off" in refused(path)
    assert "ss_tag_frequency" in refused(write_raw(path, b"{}" + b" " * MAX_HEADER, 0))


def test_more_tensors_than_any_model(tmp_path: Path) -> None:
    entries = (f'"{i}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}' for i in range(MAX_TENSORS + 1))
    assert f"more than {MAX_TENSORS:,}" in refused(
        write_raw(tmp_path / "many.safetensors", ("{" + ",".join(entries) + "}").encode(), 0)
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"abc", "is no model file: it has 3 bytes"),
        (pickle.dumps({"a": 1}, protocol=2), "is a pickle"),
        (b"PK\x03\x04" + b"\0" * 100, "is a pickle"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b'{"weight_map": {"a": "model-00001.safetensors"}}', "neither safetensors nor GGUF"),
        (os.urandom(7) + b"\xff" + os.urandom(500), "neither safetensors nor GGUF"),
    ],
)
def test_what_is_no_file_of_weights(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "model.ckpt"
    path.write_bytes(content)
    assert says in refused(path)


def test_a_header_is_read_whose_length_begins_as_a_pickle_does(tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}'.ljust(640)
    path = write_raw(tmp_path / "file.safetensors", header, 2)
    assert path.read_bytes().startswith(b"\x80\x02")
    assert read_header(path).tensors["w"].shape == (2,)


def test_what_is_no_file(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe")  # nobody writes into it: to open it would wait for ever
    assert "no regular file" in refused(tmp_path / "pipe")
    assert "no regular file" in refused(Path("/dev/zero"))
    with pytest.raises(ModelMissing, match="no such file"):
        read_header(tmp_path / "absent.safetensors")
    (tmp_path / "link.safetensors").symlink_to(write_safetensors(tmp_path / "real.safetensors", {"w": (2,)}))
    assert read_header(tmp_path / "link.safetensors").tensors.keys() == {"w"}


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


Write = Callable[[Path], Path]


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_safetensors(path, {f"{i}.weight": (1 << 20, 1 << 14) for i in range(3)}),
        lambda path: write_gguf(path, {f"{i}.weight": (1 << 20, 1 << 14) for i in range(3)}),
    ],
)
def test_the_size_of_the_body_does_not_matter(tmp_path: Path, write: Write) -> None:
    header = read_header(write(tmp_path / "large"))
    assert header.size > 100e9
    assert len(header.tensors) == 3
