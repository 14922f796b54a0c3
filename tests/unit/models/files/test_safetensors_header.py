"""Headers of safetensors files: what may vary, and what breaks a rule."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from packshot.models.files.header import MAX_TENSORS, TensorInfo
from packshot.models.files.read import read_header
from packshot.models.files.safetensors_header import MAX_HEADER
from support.weights import refused, write_raw, write_safetensors


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


def test_a_header_is_read_whose_length_begins_as_a_pickle_does(tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}'.ljust(640)
    path = write_raw(tmp_path / "file.safetensors", header, 2)
    assert path.read_bytes().startswith(b"\x80\x02")
    assert read_header(path).tensors["w"].shape == (2,)
