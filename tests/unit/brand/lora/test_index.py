"""The index of the LoRAs in a folder."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from packshot.brand.lora.index import LoraIndex, SummaryReader
from packshot.brand.lora.metadata import Statement, stamp
from packshot.brand.lora.report import summarise
from packshot.cli.main import app
from packshot.errors import PackshotError
from packshot.hashes import file_hashes
from packshot.models.files.read import read_header
from support import loras
from support.mutations import mutants
from support.refusals import look
from support.weights import model, write_safetensors


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


@pytest.mark.parametrize("fault", ["no folder", "read-only", "a folder in its place", "locked"])
def test_without_an_index_all_is_worked_out_anew(
    folder: Path, tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = tmp_path / "cache" / "index"
    database.parent.mkdir()
    with LoraIndex(database) as index:
        expected = [entry.summary for entry in index.scan(folder)]
        hashes = index.hashes(folder / "a.safetensors")
    holder = sqlite3.connect(database)
    if fault == "no folder":
        shutil.rmtree(database.parent)
        database.parent.write_text("")
    elif fault == "a folder in its place":
        database.unlink()
        database.mkdir()
    elif fault == "locked":
        holder.execute("BEGIN EXCLUSIVE")
    else:
        holder.execute("DELETE FROM files")
        holder.commit()
        holder.execute("PRAGMA journal_mode = WAL")  # which cannot be read where its side files cannot be made
        holder.close()
        database.chmod(0o400)
        database.with_name("index-wal").mkdir()
    with LoraIndex(database) as index:
        assert [entry.summary for entry in index.scan(folder)] == expected
        assert index.hashes(folder / "a.safetensors") == hashes
        assert index.norm(folder / "a.safetensors") == index.norm(folder / "a.safetensors")
    assert any(str(database) in message for message in caplog.messages)
    holder.close()


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


@pytest.mark.parametrize("seed", range(4))
def test_mutants_of_real_headers_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "mutant.safetensors"
    reader = SummaryReader()
    for content, size in mutants(random.Random(seed), 20):
        path.write_bytes(content)
        os.truncate(path, size)
        read, said = look(lambda: summarise(read_header(path))), look(lambda: reader.summary(path))
        assert said == read
