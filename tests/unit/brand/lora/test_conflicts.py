"""LoRAs that pull the same layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from packshot.brand.lora.conflicts import overlap
from packshot.brand.lora.tensors import TensorFile
from support import loras


def overlapping(tmp_path: Path, **changes: np.ndarray) -> tuple[TensorFile, TensorFile]:
    files = []
    for name, matrix in changes.items():
        u, s, v = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
        rank = int((s > 1e-9).sum())
        tensors = {
            "double_blocks.3.a.lora_up.weight": (u[:, :rank] * s[:rank]).astype("f4"),
            "double_blocks.3.a.lora_down.weight": v[:rank].astype("f4"),
        }
        save_file(tensors, str(tmp_path / name))
        files.append(TensorFile(tmp_path / name))
    return files[0], files[1]


def test_conflicts_are_measured_by_the_directions_they_share(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    basis, _ = np.linalg.qr(rng.standard_normal((32, 32)))
    one = np.outer(basis[0], basis[1])
    same = overlap(*overlapping(tmp_path, a=one, b=2 * one))
    assert (same.shared, same.cosine, same.blocks[0].angle) == pytest.approx((1, 1, 0), abs=1e-2)
    assert same.fights
    assert "stronger" in same.sentence()
    against = overlap(*overlapping(tmp_path, a=one, b=-one))
    assert against.cosine == pytest.approx(-1)
    assert "cancel" in against.sentence()
    apart = overlap(*overlapping(tmp_path, a=one, b=np.outer(basis[2], basis[3])))
    assert (apart.shared, apart.cosine, apart.blocks[0].angle) == pytest.approx((0, 0, 90), abs=1e-3)
    assert not apart.fights
    reads = overlap(*overlapping(tmp_path, a=one, b=np.outer(basis[2], basis[1])))
    assert reads.shared == pytest.approx(0, abs=1e-5), "they read the same and write elsewhere"
    tilted = np.outer(np.cos(0.5) * basis[0] + np.sin(0.5) * basis[2], basis[1])
    at = overlap(*overlapping(tmp_path, a=one, b=tilted))
    assert at.blocks[0].angle == pytest.approx(np.degrees(0.5), abs=1e-2)
    assert at.shared == pytest.approx(np.cos(0.5) ** 2, abs=1e-5)
    assert at.blocks[0].block == "double_blocks_3"
    two = one + np.outer(basis[2], basis[3])
    half = overlap(*overlapping(tmp_path, a=two, b=np.outer(basis[2], basis[1]) + np.outer(basis[4], basis[5])))
    assert half.shared == pytest.approx(0.5, abs=1e-5)
    assert half.cosine == pytest.approx(0, abs=1e-5)
    assert "different ways" in half.sentence()


def test_random_loras_leave_each_other_alone(tmp_path: Path) -> None:
    found = overlap(*(TensorFile(loras.write(tmp_path / str(seed), seed=seed)) for seed in (1, 2)))
    assert found.layers == len(loras.LAYERS)
    assert not found.fights
    assert {block.block for block in found.blocks} == {"double_blocks_0", "double_blocks_1", "single_blocks_2"}
