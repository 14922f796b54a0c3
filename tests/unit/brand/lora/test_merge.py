"""LoRAs merged and resized."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from packshot.brand.lora.changes import adapters_of, change_of, identity
from packshot.brand.lora.convert import convert
from packshot.brand.lora.merge import Part, merge, resize
from packshot.brand.lora.report import inspect_lora
from packshot.brand.lora.tensors import TensorFile
from packshot.errors import InputInvalid
from support import loras
from support.loras import METADATA, metadata
from support.weights import model, write_safetensors


def added(path: Path) -> dict[tuple[bool, str], np.ndarray]:
    """What a file adds to each layer's weight, and to its vectors."""
    file = TensorFile(path)
    found: dict[tuple[bool, str], np.ndarray] = {}
    for adapter in adapters_of(file):
        change = change_of(file, adapter)
        if change.matrix is not None:
            found[identity(adapter)] = change.matrix.dense().astype(np.float64)
        for suffix, values in change.vectors.items():
            found[adapter.text, f"{identity(adapter)[1]}.{suffix}"] = values.astype(np.float64)
    return found


def close(made: Path, *parts: tuple[Path, float]) -> float:
    """The largest relative error of a layer of ``made``, against the weighted sum of others."""
    sums: dict[tuple[bool, str], np.ndarray] = {}
    for path, strength in parts:
        for key, value in added(path).items():
            sums[key] = sums.get(key, 0) + strength * value
    got = added(made)
    assert got.keys() == sums.keys()
    return max(float(np.linalg.norm(got[key] - value) / np.linalg.norm(value)) for key, value in sums.items())


def test_concatenation_is_the_exact_sum(tmp_path: Path) -> None:
    first = loras.write(tmp_path / "first.safetensors", seed=1, rank=4)
    second = loras.write(tmp_path / "second.safetensors", seed=2, rank=6)
    done = merge([Part(first, 0.8), Part(second, -0.3)], tmp_path / "both.safetensors")
    assert done.ranks == (10,)
    assert done.error < 1e-6
    assert close(done.file, (first, 0.8), (second, -0.3)) < 1e-5


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_a_concatenation_of_half_floats_is_exact_all_the_same(tmp_path: Path, dtype: str) -> None:
    files = []
    for number in (1, 2):
        full = loras.write(tmp_path / f"full{number}.safetensors", seed=number)
        files.append(convert(full, tmp_path / f"{number}.safetensors", {"F16": "fp16", "BF16": "bf16"}[dtype]).file)
    uneven = merge([Part(files[0], 0.8), Part(files[1], -0.3)], tmp_path / "uneven.safetensors")
    assert (uneven.dtype, uneven.error < 1e-6) == ("F32", True)
    halves = merge([Part(files[0], 1.0), Part(files[1], -0.5)], tmp_path / "halves.safetensors")
    assert (halves.dtype, halves.error) == (dtype, 0.0), "powers of two cost no digits"
    asked = merge([Part(files[0], 0.8), Part(files[1], -0.3)], tmp_path / "asked.safetensors", dtype="fp16")
    assert asked.dtype == "F16"
    assert 0 < asked.error < 1e-3


def test_concatenation_joins_the_same_layers_in_other_namings(tmp_path: Path) -> None:
    first = loras.write(tmp_path / "first.safetensors", loras.peft, seed=1)
    second = loras.write(tmp_path / "second.safetensors", seed=2, prefix="lora_unet_")
    done = merge([Part(first), Part(second)], tmp_path / "both.safetensors")
    assert done.layers == len(loras.LAYERS)
    assert close(done.file, (first, 1), (second, 1)) < 1e-5
    names = set(load_file(str(done.file)))
    assert all(name.startswith("diffusion_model.") and ".lora_" in name for name in names), "as in the first file"


def test_biases_are_added(tmp_path: Path) -> None:
    first = loras.write(tmp_path / "first.safetensors", loras.with_bias, seed=1)
    second = loras.write(tmp_path / "second.safetensors", loras.with_bias, seed=2)
    done = merge([Part(first, 0.5), Part(second, 2)], tmp_path / "both.safetensors")
    assert close(done.file, (first, 0.5), (second, 2)) < 1e-5
    assert sum(".diff_b" in name for name in load_file(str(done.file))) == len(loras.LAYERS)


@pytest.mark.parametrize("algorithm", ["lora", "loha", "lokr", "lokr, full", "diff"])
def test_svd_merges_every_additive_algorithm(tmp_path: Path, algorithm: str) -> None:
    first = loras.write(tmp_path / "first.safetensors", loras.ADDITIVE[algorithm], seed=1)
    second = loras.write(tmp_path / "second.safetensors", seed=2)
    done = merge([Part(first), Part(second, 0.5)], tmp_path / "all.safetensors", method="svd", rank=40)
    assert close(done.file, (first, 1), (second, 0.5)) < 1e-4, "a full rank loses nothing"
    assert done.error < 1e-4
    less = merge([Part(first), Part(second, 0.5)], tmp_path / "less.safetensors", method="svd", rank=6)
    assert max(less.ranks) <= 6
    sums = {key: value + 0.5 * added(second)[key] for key, value in added(first).items() if key in added(second)}
    lost = sum(float((np.linalg.svd(v, compute_uv=False)[6:] ** 2).sum()) for v in sums.values())
    whole = sum(float((v**2).sum()) for v in sums.values())
    if algorithm != "diff":  # its biases are kept, and count in the whole
        assert less.error == pytest.approx((lost / whole) ** 0.5, rel=1e-3), "the error stated is the true one"


@pytest.mark.parametrize("algorithm", ["loha", "lokr", "diff"])
def test_concatenation_needs_low_rank_matrices(tmp_path: Path, algorithm: str) -> None:
    first = loras.write(tmp_path / "first.safetensors", loras.ADDITIVE[algorithm])
    second = loras.write(tmp_path / "second.safetensors")
    with pytest.raises(InputInvalid, match=f"is a {algorithm} layer") as caught:
        merge([Part(first), Part(second)], tmp_path / "out.safetensors")
    assert "svd" in caught.value.remedy
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize("algorithm", loras.OTHERS)
@pytest.mark.parametrize("tool", ["concat", "svd", "resize"])
def test_what_the_algebra_does_not_allow_is_refused(tmp_path: Path, algorithm: str, tool: str) -> None:
    path = loras.write(tmp_path / "first.safetensors", loras.OTHERS[algorithm])
    other, out = loras.write(tmp_path / "second.safetensors"), tmp_path / "out.safetensors"
    tools: dict[str, Callable[[], object]] = {
        "concat": lambda: merge([Part(other), Part(path)], out),
        "svd": lambda: merge([Part(other), Part(path)], out, method="svd", rank=4),
        "resize": lambda: resize(path, out, rank=2),
    }
    with pytest.raises(InputInvalid, match=r"first\.safetensors, layer '.*cannot be added up") as caught:
        tools[tool]()
    assert caught.value.remedy
    assert not out.exists()


def test_loras_of_different_models_are_not_merged(tmp_path: Path) -> None:
    paths = []
    for base in ("sd15", "sdxl"):
        shapes = {}
        for name, shape in model(base).items():
            if "attn2" in name and len(shape) == 2:
                layer = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
                shapes |= {f"{layer}.lora_up.weight": (shape[0], 4), f"{layer}.lora_down.weight": (4, shape[1])}
        paths.append(write_safetensors(tmp_path / f"{base}.safetensors", shapes))
    with pytest.raises(InputInvalid, match=r"different models \(sd15\.safetensors: sd15; sdxl"):
        merge([Part(path) for path in paths], tmp_path / "out.safetensors")


def test_layers_of_other_shapes_are_not_merged(tmp_path: Path) -> None:
    for name, width in (("a", 8), ("b", 12)):
        save_file(loras.lora("x.y", 8, width, np.random.default_rng(0)), str(tmp_path / name))
    with pytest.raises(InputInvalid, match=r"layer 'x\.y': has a layer of 8 x 8 and 8 x 12"):
        merge([Part(tmp_path / "a"), Part(tmp_path / "b")], tmp_path / "out.safetensors")


def test_two_ways_of_naming_the_same_model_are_not_merged(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    save_file(loras.peft("transformer.single_transformer_blocks.0.attn.to_q", 64, 64, rng), str(tmp_path / "a"))
    save_file(loras.lora("lora_unet_single_blocks_0_linear1", 64, 64, rng), str(tmp_path / "b"))
    with pytest.raises(InputInvalid, match="names no layer as a does"):
        merge([Part(tmp_path / "a"), Part(tmp_path / "b")], tmp_path / "out.safetensors")


def test_one_file_is_no_merge(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="only one file"):
        merge([Part(tmp_path / "a")], tmp_path / "b")


@pytest.mark.parametrize("algorithm", loras.ADDITIVE)
def test_resizing_is_the_best_of_its_rank(tmp_path: Path, algorithm: str) -> None:
    path = loras.write(tmp_path / "in.safetensors", loras.ADDITIVE[algorithm])
    done = resize(path, tmp_path / "out.safetensors", rank=2)
    assert done.ranks == (2,)
    before, after = added(path), added(done.file)
    for key, value in before.items():
        if value.ndim == 2:
            best = np.sqrt((np.linalg.svd(value, compute_uv=False)[2:] ** 2).sum())
            assert np.linalg.norm(after[key] - value) <= best * 1.001 + 1e-4


def test_resizing_by_energy_keeps_what_was_asked(tmp_path: Path) -> None:
    path = loras.write(tmp_path / "in.safetensors", rank=16)
    done = resize(path, tmp_path / "out.safetensors", energy=0.9)
    for key, value in added(path).items():
        share = np.linalg.norm(added(done.file)[key]) ** 2 / np.linalg.norm(value) ** 2
        assert 0.9 <= share + 1e-5 < 0.99
    assert done.error <= 0.1**0.5


@pytest.mark.parametrize("options", [{}, {"rank": 0}, {"energy": 0.0}, {"energy": 1.5}, {"energy": 1.0}])
def test_resizing_needs_a_size(tmp_path: Path, options: dict[str, float]) -> None:
    path = loras.write(tmp_path / "in.safetensors")
    with pytest.raises(InputInvalid, match="rank of 1 or more"):
        resize(path, tmp_path / "out", **options)  # type: ignore[arg-type]


def test_metadata_survive_each_tool(tmp_path: Path) -> None:
    path = loras.write(tmp_path / "in.safetensors", metadata=METADATA)
    sized = metadata(resize(path, tmp_path / "sized.safetensors", rank=2).file)
    assert (sized["ss_network_dim"], sized["ss_network_alpha"]) == ("2", "2")
    assert sized["ss_training_comment"] == "resized to rank 2 from in.safetensors; made for tests"
    dynamic = loras.write(tmp_path / "d.safetensors", rank=16, metadata=METADATA)
    uneven = resize(dynamic, tmp_path / "e.safetensors", energy=0.9)
    assert len(uneven.ranks) > 1
    assert metadata(uneven.file)["ss_network_dim"] == "Dynamic"
    other = loras.write(tmp_path / "b.safetensors", seed=2, metadata={**METADATA, "modelspec.title": "Reef",
        "modelspec.license": "own", "modelspec.trigger_phrase": "reef style, sea light", "own": "x"})  # fmt: skip
    both = metadata(merge([Part(path, 0.8), Part(other)], tmp_path / "both.safetensors").file)
    assert both["modelspec.title"] == "Tide + Reef"
    assert both["modelspec.merged_from"] == "in.safetensors (0.8), b.safetensors (1)"
    assert both["modelspec.trigger_phrase"] == "tide style, sea light, reef style"
    assert both["modelspec.license"] == "apache-2.0 AND own"
    assert both["modelspec.sai_model_spec"] == "1.0.1"
    for said in (sized, both):
        assert said["custom.key"] == "kept"
        assert said["ss_network_module"] == "networks.lora"
        assert "sshs_model_hash" not in said, "it is no longer true"
    assert "own" not in both


def test_a_hash_that_is_no_longer_true_is_noted_and_set_right_by_tools(tmp_path: Path) -> None:
    said = {"modelspec.hash_sha256": f"0x{'ab' * 32}"}
    file = loras.write(tmp_path / "lora.safetensors", metadata=said)
    assert any("it was changed after that" in note for note in inspect_lora(file)["notes"])
    written = resize(file, tmp_path / "resized.safetensors", rank=2)
    answer = inspect_lora(written.file)
    assert answer["notes"] == []
    assert answer["metadata"]["modelspec.hash_sha256"] == f"0x{written.sha256}"
