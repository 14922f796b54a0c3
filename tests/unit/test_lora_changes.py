"""What a LoRA adds, against the formulas written out in full; float formats against the library that defines them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from packshot.brand.lora.algebra import difference, inner, joined, norm, spectrum, truncated
from packshot.brand.lora.changes import Change, adapters_of, change_of
from packshot.brand.lora.tensors import Tensor, TensorFile, decode, decoded, encode, write_tensors
from packshot.errors import InputInvalid, ModelCorrupt
from support import loras
from support.weights import write_safetensors


def change(path: Path, tensors: dict[str, np.ndarray]) -> Change:
    save_file(tensors, str(path))
    file = TensorFile(path)
    (adapter,) = adapters_of(file)
    matrix = change_of(file, adapter).matrix
    assert matrix is not None
    return matrix


def full(make: loras.Make, out: int = 24, into: int = 16) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """One layer's tensors, and its change by the formula, in float64 and without any factoring."""
    tensors = make("layer", out, into, np.random.default_rng(3))
    part = {name.removeprefix("layer."): value.astype(np.float64) for name, value in tensors.items()}
    alpha = float(part.get("alpha", 0))
    if "lora_up.weight" in part:
        return tensors, part["lora_up.weight"] @ part["lora_down.weight"] * alpha / 4
    if "lora_B.weight" in part:
        return tensors, part["lora_B.weight"] @ part["lora_A.weight"]
    if "hada_w1_a" in part:
        product = (part["hada_w1_a"] @ part["hada_w1_b"]) * (part["hada_w2_a"] @ part["hada_w2_b"])
        return tensors, product * alpha / part["hada_w1_b"].shape[0]
    if "diff" in part:
        return tensors, part["diff"]
    first = part["lokr_w1"] if "lokr_w1" in part else part["lokr_w1_a"] @ part["lokr_w1_b"]
    second = part["lokr_w2"] if "lokr_w2" in part else part["lokr_w2_a"] @ part["lokr_w2_b"]
    rank = part["lokr_w2_b"].shape[0] if "lokr_w2_b" in part else None
    return tensors, np.kron(first, second) * (alpha / rank if rank else 1.0)


@pytest.mark.parametrize("algorithm", loras.ADDITIVE)
def test_every_additive_algorithm(tmp_path: Path, algorithm: str) -> None:
    tensors, exact = full(loras.ADDITIVE[algorithm])
    made = change(tmp_path / "lora.safetensors", tensors)
    assert made.shape == exact.shape
    assert np.linalg.norm(made.dense() - exact) < 1e-6 * np.linalg.norm(exact)
    assert norm(made) == pytest.approx(np.linalg.norm(exact), rel=1e-6)


@pytest.mark.parametrize("algorithm", loras.OTHERS)
def test_what_is_no_sum_is_refused_with_the_reason(tmp_path: Path, algorithm: str) -> None:
    file = TensorFile(loras.write(tmp_path / "lora.safetensors", loras.OTHERS[algorithm]))
    with pytest.raises(InputInvalid, match=r"cannot be added up: .*(weight)"):
        change_of(file, adapters_of(file)[0])


def test_convolutions_keep_their_kernel(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    up, down = rng.standard_normal((8, 2, 1, 1)), rng.standard_normal((2, 4, 3, 3))
    made = change(tmp_path / "conv.safetensors", {"c.lora_up.weight": up, "c.lora_down.weight": down})
    exact = np.einsum("or,rikl->oikl", up[:, :, 0, 0], down).reshape(8, -1)
    assert made.kernel == (3, 3)
    assert np.allclose(made.dense(), exact, atol=1e-5)


def test_a_tucker_decomposition_is_multiplied_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    parts = {
        "c.lora_up.weight": rng.standard_normal((8, 2, 1, 1)), "c.lora_down.weight": rng.standard_normal((2, 4, 1, 1)),
        "c.lora_mid.weight": rng.standard_normal((2, 2, 3, 3)),
    }  # fmt: skip
    exact = np.einsum("or,rskl,si->oikl", *(value.squeeze() for value in (
        parts["c.lora_up.weight"], parts["c.lora_mid.weight"], parts["c.lora_down.weight"]
    )))  # fmt: skip
    made = change(tmp_path / "conv.safetensors", parts)
    assert made.kernel == (3, 3)
    assert np.allclose(made.dense(), exact.reshape(8, -1), atol=1e-5)


@pytest.mark.parametrize("name", ["hada", "lokr"])
def test_tucker_cores_of_lycoris(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(5)
    out, into, rank = 8, 4, 2
    tensors = {}
    if name == "hada":
        for i in (1, 2):
            tensors[f"c.hada_t{i}"] = rng.standard_normal((rank, rank, 3, 3))
            tensors[f"c.hada_w{i}_a"] = rng.standard_normal((rank, out))
            tensors[f"c.hada_w{i}_b"] = rng.standard_normal((rank, into))
        full1, full2 = (
            np.einsum("ijkl,jr,ip->prkl", *(tensors[f"c.hada_{part}{i}{side}"] for part, side in (
                ("t", ""), ("w", "_b"), ("w", "_a")
            )))
            for i in (1, 2)
        )  # fmt: skip
        exact = full1 * full2
    else:
        tensors["c.lokr_w1"] = rng.standard_normal((2, 2))
        tensors["c.lokr_t2"] = rng.standard_normal((rank, rank, 3, 3))
        tensors["c.lokr_w2_a"] = rng.standard_normal((rank, out // 2))
        tensors["c.lokr_w2_b"] = rng.standard_normal((rank, into // 2))
        core = np.einsum("ijkl,jr,ip->prkl", tensors["c.lokr_t2"], tensors["c.lokr_w2_b"], tensors["c.lokr_w2_a"])
        exact = np.kron(tensors["c.lokr_w1"][:, :, None, None], core)
    made = change(tmp_path / "c.safetensors", tensors)
    assert made.kernel == (3, 3)
    assert np.allclose(made.dense(), exact.reshape(out, -1), atol=1e-5)


def test_matrices_that_do_not_fit_are_said_so(tmp_path: Path) -> None:
    path = tmp_path / "lora.safetensors"
    save_file({"a.lora_up.weight": np.ones((4, 3), "f4"), "a.lora_down.weight": np.ones((2, 4), "f4")}, str(path))
    file = TensorFile(path)
    with pytest.raises(InputInvalid, match=r"layer 'a': its matrices do not fit"):
        change_of(file, adapters_of(file)[0])
    save_file({"a.lora_up.weight": np.ones((4, 3), "f4")}, str(path))
    file = TensorFile(path)
    with pytest.raises(InputInvalid, match="has no matrix 'down'"):
        change_of(file, adapters_of(file)[0])


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lora.safetensors"
    save_file(
        {"a.lora_up.weight": np.full((4, 2), np.nan, "f2"), "a.lora_down.weight": np.ones((2, 4), "f2")}, str(path)
    )
    file = TensorFile(path)
    with pytest.raises(ModelCorrupt, match="infinite or no number"):
        change_of(file, adapters_of(file)[0])


sizes = st.integers(1, 9)


@given(sizes, sizes, sizes, sizes, st.integers(0, 2**32 - 1))
def test_the_algebra_of_factors_is_that_of_matrices(out: int, into: int, first: int, second: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (
        Change(rng.standard_normal((out, rank)).astype("f4"), rng.standard_normal((rank, into)).astype("f4"))
        for rank in (first, second)
    )
    full_a, full_b = (x.up.astype("f8") @ x.down.astype("f8") for x in (a, b))
    size = np.linalg.norm(full_a) + np.linalg.norm(full_b)
    assert inner(a, b) == pytest.approx((full_a * full_b).sum(), rel=1e-5, abs=1e-5 * size**2)
    assert norm(a) == pytest.approx(np.linalg.norm(full_a), rel=1e-5)
    assert np.allclose(joined([(a, 0.5), (b, -2.0)]).dense(), 0.5 * full_a - 2 * full_b, atol=1e-4 * size)
    values = np.linalg.svd(full_a, compute_uv=False)
    assert np.allclose(spectrum(a).values[: len(values)], values[: len(spectrum(a).values)], atol=1e-4 * size)
    whole = truncated(a)
    assert difference(a, whole) < 1e-4 * size
    kept = truncated(a, rank=1)
    assert kept.up.shape[1] == 1
    assert difference(a, kept) == pytest.approx(np.sqrt((values[1:] ** 2).sum()), abs=1e-3 * size)


def test_energy_keeps_the_smallest_rank_that_has_it() -> None:
    values = np.array([8.0, 4.0, 2.0, 1.0], "f4")
    a = Change(np.diag(values), np.eye(4, dtype="f4"))
    shares = np.cumsum(values**2) / (values**2).sum()
    for rank, share in enumerate(shares[:-1], start=1):
        assert truncated(a, energy=float(share) - 1e-4).up.shape[1] == rank
        assert truncated(a, energy=float(share) + 1e-4).up.shape[1] == rank + 1


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


def test_gguf_and_files_without_a_lora_are_refused(tmp_path: Path) -> None:
    from weights import write_gguf

    with pytest.raises(InputInvalid, match="GGUF"):
        TensorFile(write_gguf(tmp_path / "a.gguf", {"a.lora_up.weight": (4, 4)}))
    with pytest.raises(InputInvalid, match="no LoRA"):
        adapters_of(TensorFile(write_safetensors(tmp_path / "a.safetensors", {"a.weight": (4, 4)})))
