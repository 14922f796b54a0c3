"""Tensors of every dtype, read and written."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.brand.lora.tensors import Tensor, decode, decoded, encode, write_tensors
from packshot.errors import InputInvalid


@given(
    st.lists(st.floats(width=32, allow_nan=False, min_value=-(2.0**126), max_value=2.0**126), min_size=1, max_size=50)
)
def test_bf16_rounds_to_nearest_even(values: list[float]) -> None:
    stored = decoded(encode("a", np.array(values, np.float32), "BF16")).tolist()
    for given_value, kept in zip(np.array(values, np.float32).tolist(), stored, strict=True):
        bits = struct.unpack("<I", struct.pack("<f", given_value))[0]
        low, high = ((bits >> 16) << 16), ((bits >> 16) + 1) << 16
        options = [struct.unpack("<f", struct.pack("<I", b & 0xFFFFFFFF))[0] for b in (low, high)]
        nearest = min(
            options, key=lambda x: (abs(x - given_value), struct.unpack("<I", struct.pack("<f", x))[0] >> 16 & 1)
        )
        assert kept == nearest


def test_eight_bit_floats_have_the_values_of_the_specification() -> None:
    every = np.arange(256, dtype=np.uint8)
    e4m3, e5m2 = decode(every, "F8_E4M3"), decode(every, "F8_E5M2")
    assert (e4m3[0x7E], e4m3[0x08], e4m3[0x01], e4m3[0x38]) == (448.0, 2.0**-6, 2.0**-9, 1.0)
    assert (e5m2[0x7B], e5m2[0x04], e5m2[0x01], e5m2[0x3C]) == (57344.0, 2.0**-14, 2.0**-16, 1.0)
    assert np.isnan(e4m3[[0x7F, 0xFF]]).all()
    assert np.isinf(e5m2[[0x7C, 0xFC]]).all()
    assert np.isnan(e5m2[[0x7D, 0x7E, 0x7F]]).all()
    assert np.array_equal(e4m3[128:255], -e4m3[:127])


@pytest.mark.parametrize(("dtype", "value"), [("F16", 70000.0), ("BF16", 3.4e38)])
def test_a_value_too_large_for_the_dtype_is_refused(dtype: str, value: float) -> None:
    with pytest.raises(InputInvalid, match=f"too large for {dtype}"):
        encode("a", np.array([1.0, value], np.float32), dtype)


def test_a_written_file_is_read_by_the_safetensors_library_and_always_the_same(tmp_path: Path) -> None:
    from safetensors import safe_open

    tensors = [
        Tensor("b", "F16", (3,), np.arange(3, dtype="<f2").tobytes()),
        Tensor("a.alpha", "F32", (), np.array(2, "<f4").tobytes()),
    ]
    metadata = {"z": "1", "a": "ü", "modelspec.sai_model_spec": "1.0.1"}
    digest = write_tensors(tmp_path / "1", tensors, metadata)
    write_tensors(tmp_path / "2", reversed(tensors), dict(reversed(metadata.items())))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    with safe_open(str(tmp_path / "1"), "np") as file:
        assert file.metadata() == {**metadata, "modelspec.hash_sha256": f"0x{digest}"}
        assert file.get_tensor("b").tolist() == [0, 1, 2]
        assert file.get_tensor("a.alpha") == 2
