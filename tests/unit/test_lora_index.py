"""The index of LoRA files, names of LoRAs in text, and files that are almost LoRAs."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import string
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from packshot.brand.lora.changes import adapters_of, change_of
from packshot.brand.lora.index import LoraIndex, SummaryReader
from packshot.brand.lora.metadata import Statement, scrubbed, stamp, trigger_words
from packshot.brand.lora.report import inspect_lora, summarise
from packshot.brand.lora.tags import Choice, find_file, read_tags
from packshot.brand.lora.tensors import TensorFile
from packshot.cli.main import app
from packshot.errors import InputInvalid, ModelMissing, OutputUnwritable, PackshotError
from packshot.hashes import file_hashes
from packshot.models.files.read import read_header
from support import loras
from support.mutations import mutants
from support.weights import model, write_safetensors

T = TypeVar("T")


def kohya(path: Path, base: str, metadata: dict[str, str] | None = None, rank: int = 4) -> Path:
    """The header of a LoRA of a published model's attention."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in model(base).items():
        if "attn" in name and len(shape) == 2 and name.endswith(".weight"):
            layer = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
            shapes |= {f"{layer}.lora_down.weight": (rank, shape[1]), f"{layer}.lora_up.weight": (shape[0], rank)}
    path.parent.mkdir(exist_ok=True)
    return write_safetensors(path, shapes, metadata)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shelf = tmp_path / "loras"
    shelf.mkdir()
    kohya(shelf / "a.safetensors", "sd15", {"modelspec.title": "A", "ss_base_model_version": "sdxl_base_v1-0"})
    kohya(shelf / "b.safetensors", "sd15", {"modelspec.title": "B", "ss_network_alpha": "8"})
    kohya(shelf / "c" / "c.safetensors", "flux1", {"modelspec.trigger_phrase": "tide"})
    kohya(shelf / "d.sft", "sdxl")
    write_safetensors(shelf / "model.safetensors", model("sd15"))
    (shelf / "broken.safetensors").write_bytes(b"nothing")
    (shelf / "note.txt").write_text("no LoRA")
    return shelf


def test_what_the_index_says_is_what_each_header_says(folder: Path, tmp_path: Path) -> None:
    with LoraIndex(tmp_path / "index") as index:
        found = {entry.path.name: entry.summary for entry in index.scan(folder)}
        again = {entry.path.name: entry.summary for entry in index.scan(folder)}
    assert set(found) == {
        "a.safetensors",
        "b.safetensors",
        "c.safetensors",
        "d.sft",
        "model.safetensors",
        "broken.safetensors",
    }
    assert again == found
    for path in sorted(folder.rglob("*.s*f*")):
        if path.name not in ("model.safetensors", "broken.safetensors"):
            assert found[path.name] == json.loads(json.dumps(summarise(read_header(path)))), path.name
    assert found["a.safetensors"]["mismatch"] is True
    assert found["b.safetensors"]["mismatch"] is False, "the same layers, and other metadata"
    assert found["b.safetensors"]["stated_alpha"] == 8
    assert found["model.safetensors"]["error"]["slug"] == "input-invalid"
    assert found["broken.safetensors"]["error"]["slug"] == "model-corrupt"


def test_only_new_and_changed_files_are_looked_into(folder: Path, tmp_path: Path) -> None:
    with LoraIndex(tmp_path / "index") as index:
        index.scan(folder)
        # The database is believed: a change of what it says shows, until the file itself changes.
        with sqlite3.connect(tmp_path / "index") as db:
            db.execute("""UPDATE files SET summary = '{"title": "remembered"}' WHERE path LIKE '%a.safetensors'""")
        db.close()
        assert _titles(index, folder)["a.safetensors"] == "remembered"
        (folder / "b.safetensors").unlink()
        kohya(folder / "a.safetensors", "sd15", {"modelspec.title": "New"})
        kohya(folder / "e.safetensors", "sd15", {"modelspec.title": "E"})
        titles = _titles(index, folder)
    assert titles["a.safetensors"] == "New"
    assert titles["e.safetensors"] == "E"
    assert "b.safetensors" not in titles


def _titles(index: LoraIndex, folder: Path) -> dict[str, str]:
    return {entry.path.name: str(entry.summary.get("title")) for entry in index.scan(folder)}


def test_hashes_and_norms_are_kept_until_the_file_changes(tmp_path: Path) -> None:
    path = loras.write(tmp_path / "a.safetensors")
    with LoraIndex(tmp_path / "index") as index:
        first, size = index.hashes(path), index.norm(path)
        assert first == file_hashes(path, read_header(path).body) == index.hashes(path)
        assert size is not None
        assert size == index.norm(path) > 0
        assert len(index.scan(tmp_path)) == 1, "a row without a summary is completed"
        assert index.hashes(path) == first
        stamp(path, path, Statement(title="x"))
        second = index.hashes(path)
        assert second.file != first.file
        assert second.body == first.body
        assert index.norm(loras.write(tmp_path / "b.safetensors", loras.oft)) is None


def test_a_damaged_index_is_made_anew(tmp_path: Path) -> None:
    loras.write(tmp_path / "a.safetensors")
    (tmp_path / "index").write_bytes(b"no database at all, and longer than a header of SQLite" * 100)
    with LoraIndex(tmp_path / "index") as index:
        assert len(index.scan(tmp_path)) == 1
    with sqlite3.connect(tmp_path / "index") as db:
        db.execute("PRAGMA user_version = 77")
    db.close()
    with LoraIndex(tmp_path / "index") as index:
        assert len(index.scan(tmp_path)) == 1


def test_an_index_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputUnwritable, match="index of LoRA files cannot be opened"):
        LoraIndex(tmp_path / "file" / "index")


def test_a_loop_of_links_ends(folder: Path, tmp_path: Path) -> None:
    (folder / "c" / "loop").symlink_to(folder, target_is_directory=True)
    with LoraIndex(tmp_path / "index") as index:
        assert len(index.scan(folder)) == 6


def test_the_command_inspects_a_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    answer = CliRunner().invoke(app, ["lora", "inspect", str(folder), "--json"])
    assert answer.exit_code == 3, "two of the files are no LoRAs"
    files = json.loads(answer.stdout)["files"]
    assert {Path(one["file"]).name: one.get("base") for one in files}["c.safetensors"] == "flux1"
    assert (tmp_path / "cache" / "packshot" / "lora-index.sqlite").is_file()
    shown = CliRunner().invoke(app, ["lora", "inspect", str(folder)])
    assert "trigger words: tide" in shown.stdout
    assert "refused: " in shown.stdout


def test_the_quick_way_reads_metadata_of_any_shape(tmp_path: Path) -> None:
    reader = SummaryReader()
    for number, metadata in enumerate([None, {}, {"modelspec.title": 'a "}" ü'}, {"x": "y" * 2_000_000}]):
        path = kohya(tmp_path / f"{number}.safetensors", "sd15", metadata)
        assert reader.summary(path) == summarise(read_header(path))
    # The same header over a body of another size is another file, and a damaged one.
    whole = (tmp_path / "2.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-10])
    with pytest.raises(PackshotError, match="cut off"):
        reader.summary(tmp_path / "cut.safetensors")


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("", []),
        ("<lora:tide>", [Choice("tide", 1.0, 1.0)]),
        ("<lora:a/b.sft:0.8>, <LoRA: reef :-1:0.5>", [Choice("a/b.sft", 0.8, 0.8), Choice("reef", -1, 0.5)]),
    ],
)
def test_tags_name_loras(text: str, choices: list[Choice]) -> None:
    assert read_tags(text) == choices


@pytest.mark.parametrize(
    "text", ["tide", "<lora:>", "<lora:a:b>", "<lora:a:1:2:3>", "<lora:a:nan>", "<lora:a:1e9>", "<lora:a> b"]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InputInvalid):
        read_tags(text)


@given(st.text(string.printable, max_size=60))
def test_text_of_any_kind_is_read_or_refused(text: str) -> None:
    found = look(lambda: read_tags(text))
    assert found == "input-invalid" or all(abs(choice.model) <= 100 for choice in found)


def test_names_are_found_with_or_without_folder_and_ending() -> None:
    files = ["tide.safetensors", "mine/reef.safetensors", "a/kelp.safetensors", "b/kelp.safetensors", "win\\foam.sft"]
    assert find_file("tide", files, "here") == find_file("tide.safetensors", files, "here") == "tide.safetensors"
    assert find_file("reef", files, "here") == find_file("mine/reef", files, "here") == "mine/reef.safetensors"
    assert find_file("win/foam", files, "here") == find_file("foam", files, "here") == "win\\foam.sft"
    assert find_file("b/kelp", files, "here") == "b/kelp.safetensors"
    with pytest.raises(ModelMissing, match="may be any of a/kelp"):
        find_file("kelp", files, "here")
    with pytest.raises(ModelMissing, match=r"no LoRA file 'tidd'.*did you mean 'tide'"):
        find_file("tidd", files, "here")
    with pytest.raises(ModelMissing, match="put it in models/loras"):
        find_file("tide", [], "here")


@pytest.mark.parametrize("seed", range(4))
def test_mutants_of_real_headers_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "mutant.safetensors"
    reader = SummaryReader()
    for content, size in mutants(random.Random(seed), 20):
        path.write_bytes(content)
        os.truncate(path, size)
        read, said = look(lambda: summarise(read_header(path))), look(lambda: reader.summary(path))
        assert said == read


@given(
    st.dictionaries(
        st.sampled_from(["a", "b.c"]),
        st.dictionaries(
            st.sampled_from([
                "lora_up.weight", "lora_down.weight", "lora_mid.weight", "alpha", "hada_w1_a", "hada_w1_b", "hada_w2_a",
                "hada_w2_b", "hada_t1", "lokr_w1", "lokr_w2_a", "lokr_w2_b", "lokr_t2", "dora_scale", "diff", "diff_b",
                "oft_blocks", "a1.weight", "b1.weight", "w_norm", "set_weight", "lora_B.bias", "lora_A.weight",
            ]),
            st.lists(st.integers(0, 3), max_size=5).map(tuple),
            max_size=6,
        ),
        min_size=1,
    ),
    st.dictionaries(
        st.sampled_from(["ss_datasets", "ss_tag_frequency", "ss_num_train_images", "modelspec.trigger_phrase", "x"]),
        st.text(max_size=30) | st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
            max_leaves=5,
        ).map(json.dumps),
    ),
)  # fmt: skip
def test_layers_of_any_shape_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, layers: dict[str, dict[str, tuple[int, ...]]], metadata: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    shapes = {f"{layer}.{part}": shape for layer, parts in layers.items() for part, shape in parts.items()}
    write_safetensors(path, shapes, metadata, "F32")
    look(lambda: inspect_lora(path))
    look(lambda: [change_of(TensorFile(path), adapter) for adapter in adapters_of(TensorFile(path))])
    assert all(isinstance(word, str) for word in trigger_words(metadata))
    assert scrubbed(metadata).keys() <= metadata.keys()


def look(make: Callable[[], T]) -> T | str:
    """What came of it, or the slug of the refusal; nothing else may happen."""
    try:
        return make()
    except PackshotError as refusal:
        return refusal.slug
