"""What each algorithm of a LoRA adds to a layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from packshot.brand.lora.algebra import norm
from packshot.brand.lora.changes import Change, adapters_of, change_of
from packshot.brand.lora.tensors import TensorFile
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


def test_gguf_and_files_without_a_lora_are_refused(tmp_path: Path) -> None:
    from support.weights import write_gguf

    with pytest.raises(InputInvalid, match="GGUF"):
        TensorFile(write_gguf(tmp_path / "a.gguf", {"a.lora_up.weight": (4, 4)}))
    with pytest.raises(InputInvalid, match="no LoRA"):
        adapters_of(TensorFile(write_safetensors(tmp_path / "a.safetensors", {"a.weight": (4, 4)})))
