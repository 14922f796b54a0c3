"""Merging, resizing, converting, stamping, comparing: what comes out adds what it should, and says what it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from packshot.brand.lora.changes import adapters_of, change_of, identity
from packshot.brand.lora.conflicts import overlap
from packshot.brand.lora.convert import convert
from packshot.brand.lora.merge import Part, merge, resize
from packshot.brand.lora.metadata import PRIVATE, Statement, scrubbed, stamp, trigger_words
from packshot.brand.lora.report import inspect_lora
from packshot.brand.lora.tensors import TensorFile
from packshot.cli.main import app
from packshot.errors import InputInvalid, PackshotError
from support import loras
from support.weights import model, write_safetensors

METADATA = {
    "modelspec.sai_model_spec": "1.0.0",
    "modelspec.title": "Tide",
    "modelspec.license": "apache-2.0",
    "modelspec.trigger_phrase": "tide style, sea light",
    "ss_network_dim": "4",
    "ss_network_alpha": "2.0",
    "ss_network_module": "networks.lora",
    "ss_training_comment": "made for tests",
    "sshs_model_hash": "0" * 64,
    "custom.key": "kept",
}


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


def metadata(path: Path) -> dict[str, str]:
    with safe_open(str(path), "np") as file:
        return dict(file.metadata() or {})


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


@pytest.mark.parametrize("algorithm", {**loras.ADDITIVE, **loras.OTHERS})
@pytest.mark.parametrize(("dtype", "bound"), [("fp16", 2**-11), ("bf16", 2**-8), ("fp32", 0.0)])
def test_converting_rounds_every_algorithm(tmp_path: Path, algorithm: str, dtype: str, bound: float) -> None:
    path = loras.write(tmp_path / "in.safetensors", {**loras.ADDITIVE, **loras.OTHERS}[algorithm], metadata=METADATA)
    done = convert(path, tmp_path / "out.safetensors", dtype)
    file = TensorFile(done.file)
    for name, value in load_file(str(path)).items():
        assert file.header.tensors[name].dtype == ("F32" if value.ndim == 0 else done.dtype)
        assert np.abs(file.floats(name) - value).max() <= bound * np.abs(value).max()
    assert done.error <= bound
    assert {k: v for k, v in metadata(done.file).items() if k in METADATA} == {
        k: v for k, v in METADATA.items() if not k.startswith("sshs_")
    }


def test_a_dtype_is_kept_where_none_is_asked(tmp_path: Path) -> None:
    half = convert(loras.write(tmp_path / "in.safetensors"), tmp_path / "half.safetensors", "fp16").file
    brain = convert(loras.write(tmp_path / "in2.safetensors", seed=2), tmp_path / "brain.safetensors", "bf16").file
    assert resize(half, tmp_path / "1.safetensors", rank=2).dtype == "F16"
    assert merge([Part(half), Part(half)], tmp_path / "2.safetensors").dtype == "F16"
    assert merge([Part(half), Part(brain)], tmp_path / "3.safetensors").dtype == "F32"
    assert merge([Part(half), Part(brain)], tmp_path / "4.safetensors", dtype="bf16").dtype == "BF16"


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


@pytest.mark.parametrize("algorithm", ["lora", "peft", "oft", "dora"])
def test_stamping_changes_no_tensor(tmp_path: Path, algorithm: str) -> None:
    make = {**loras.ADDITIVE, **loras.OTHERS}[algorithm]
    path = loras.write(tmp_path / "in.safetensors", make, metadata={**METADATA, "ss_dataset_dirs": '{"/home/ann": 1}'})
    before = inspect_lora(path)
    said = stamp(path, tmp_path / "out.safetensors", Statement(title="New", licence="own", trigger="a, b"))
    after = inspect_lora(tmp_path / "out.safetensors")
    assert after["autov3"] == before["autov3"]
    assert after["sha256"] != before["sha256"]
    assert {name: value.tobytes() for name, value in load_file(str(path)).items()} == {
        name: value.tobytes() for name, value in load_file(str(tmp_path / "out.safetensors")).items()
    }
    assert after["trigger_words"] == ["a", "b"]
    assert said == metadata(tmp_path / "out.safetensors") == after["metadata"]
    assert (said["modelspec.title"], said["modelspec.license"], said["custom.key"]) == ("New", "own", "kept")
    body = hashlib.sha256((tmp_path / "out.safetensors").read_bytes()[-before["size"] + _body(path) :]).hexdigest()
    assert said["modelspec.hash_sha256"] == f"0x{body}"
    assert body[:12] == after["autov3"]
    assert "ss_dataset_dirs" in said, "nothing is taken out unasked"


def _body(path: Path) -> int:
    return 8 + int.from_bytes(path.read_bytes()[:8], "little")


def test_scrubbing_takes_out_what_is_private_and_keeps_the_trigger(tmp_path: Path) -> None:
    private = dict.fromkeys(PRIVATE, "x") | {
        "ss_datasets": json.dumps([{"subsets": [{"class_tokens": "tide style", "image_dir": "C:\\Users\\ann"}]}]),
        "other": "see /home/ann/pictures",
    }
    path = loras.write(tmp_path / "in.safetensors", metadata=private | {"ss_network_dim": "4"})
    stamp(path, path, Statement(), scrub=True)
    said = metadata(path)
    assert not set(PRIVATE) & said.keys()
    assert "other" not in said
    assert said["ss_network_dim"] == "4"
    assert said["modelspec.trigger_phrase"] == "tide style"
    assert said["modelspec.title"] == "in"
    assert said["modelspec.architecture"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"modelspec.trigger_phrase": "a, b ,a"}, ("a", "b")),
        ({"modelspec.trigger_phrase": " ", "modelspec.usage_hint": "say c"}, ("say c",)),
        ({"ss_datasets": json.dumps([{"subsets": [{"class_tokens": "d"}, {"class_tokens": None}]}])}, ("d",)),
        ({"ss_tag_frequency": json.dumps({"10_x": {"e": 20, "mug": 3}}), "ss_num_train_images": "20"}, ("e",)),
        ({"ss_tag_frequency": json.dumps({"10_x": {"mug": 3, "e": 20}}), "ss_num_train_images": "20"}, ()),
        ({"ss_datasets": "[1, {}", "ss_tag_frequency": "[]"}, ()),
        ({"ss_datasets": "[" * 100_000}, ()),
        ({}, ()),
    ],
)
def test_trigger_words_come_from_the_first_that_names_any(said: dict[str, str], words: tuple[str, ...]) -> None:
    assert trigger_words(said) == words


def test_inspecting_says_all_that_is_promised(tmp_path: Path) -> None:
    path = loras.write(tmp_path / "in.safetensors", metadata=METADATA)
    answer = inspect_lora(path)
    content = path.read_bytes()
    assert (answer["kind"], answer["layout"], answer["algorithm"], answer["rank"]) == ("lora", "comfyui", "lora", 4)
    assert answer["alpha"] == 2.0
    assert answer["keys"] == 12
    assert answer["sha256"] == hashlib.sha256(content).hexdigest()
    assert answer["autov3"] == hashlib.sha256(content[_body(path) :]).hexdigest()[:12]
    assert answer["trigger_words"] == ["tide style", "sea light"]
    assert answer["metadata"] == METADATA


@pytest.mark.parametrize(
    ("make", "metadata", "alpha", "source"),
    [
        (loras.lora, None, 2.0, "tensors"),
        (loras.peft, None, 4.0, "rank"),
        (loras.peft, {"ss_network_alpha": "8"}, 8.0, "metadata"),
        (loras.oft, None, None, None),
    ],
)
def test_alpha_is_that_of_the_scale(
    tmp_path: Path, make: loras.Make, metadata: dict[str, str] | None, alpha: float | None, source: str | None
) -> None:
    answer = inspect_lora(loras.write(tmp_path / "lora.safetensors", make, metadata=metadata))
    assert (answer["alpha"], answer["alpha_from"]) == (alpha, source)


def test_a_hash_that_is_no_longer_true_is_noted_and_set_right_by_tools(tmp_path: Path) -> None:
    said = {"modelspec.hash_sha256": f"0x{'ab' * 32}"}
    file = loras.write(tmp_path / "lora.safetensors", metadata=said)
    assert any("it was changed after that" in note for note in inspect_lora(file)["notes"])
    written = resize(file, tmp_path / "resized.safetensors", rank=2)
    answer = inspect_lora(written.file)
    assert answer["notes"] == []
    assert answer["metadata"]["modelspec.hash_sha256"] == f"0x{written.sha256}"


@pytest.mark.parametrize(
    "value",
    [r"C:\Users\ann\set", "D:/pictures", r"\\server\share", "/home/ann/x", "dir=/mnt/set", "~/set", '{"a": "/data/x"}',
     "file:///x", "/Volumes/disk/x"],
)  # fmt: skip
def test_paths_of_a_machine_are_scrubbed(value: str) -> None:
    assert scrubbed({"note": value}) == {}


@pytest.mark.parametrize(
    "value", ["https://example.org/home/x", "data:image/jpeg;base64,/9j/4AAQ", "1.0.1", "a/b", "8:2", "Flux.2-dev/lora"]
)
def test_what_is_no_path_stays(value: str) -> None:
    assert scrubbed({"note": value}) == {"note": value}


def test_an_alpha_that_only_diffusers_applies_is_noted(tmp_path: Path) -> None:
    said = {"lora_adapter_metadata": json.dumps({"transformer.r": 4, "transformer.lora_alpha": 8})}
    answer = inspect_lora(loras.write(tmp_path / "in.safetensors", loras.peft, metadata=said))
    assert answer["alpha"] == 8
    assert any("diffusers applies it 2 times" in note for note in answer["notes"])


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


def run(*words: str) -> dict[str, object]:
    answer = CliRunner().invoke(app, ["lora", *words, "--json"])
    if isinstance(answer.exception, PackshotError):
        raise answer.exception
    assert answer.exit_code == 0, answer.output
    made: dict[str, object] = json.loads(answer.stdout)
    return made


def test_the_commands_answer_with_one_object(tmp_path: Path) -> None:
    first, second = (str(loras.write(tmp_path / f"{i}.safetensors", seed=i)) for i in (1, 2))
    out = str(tmp_path / "out.safetensors")
    assert run("inspect", first)["rank"] == 4
    assert run("merge", f"{first}:0.8", second, "-o", out)["ranks"] == [8]
    assert run("merge", first, second, "-o", out, "--method", "svd", "--rank", "3")["ranks"] == [3]
    assert run("resize", out, "-o", out, "--rank", "2")["ranks"] == [2]
    assert run("convert", out, "-o", out, "--dtype", "bf16")["dtype"] == "BF16"
    assert run("stamp", out, "--title", "T")["metadata"]["modelspec.title"] == "T"  # type: ignore[index]
    assert run("compare", first, second)["fights"] is False
    promised = {"base", "confidence", "reasons", "layout", "algorithm", "rank", "alpha", "keys", "trigger_words"}
    assert promised | {"metadata", "autov3", "sha256"} <= run("inspect", first).keys()
    with pytest.raises(InputInvalid):
        run("resize", out, "-o", out)
    assert CliRunner().invoke(app, ["lora", "merge", first, second, "-o", out, "--rank", "3"]).exit_code == 2
    shown = CliRunner().invoke(app, ["lora", "inspect", first])
    assert "AutoV3" in shown.stdout
