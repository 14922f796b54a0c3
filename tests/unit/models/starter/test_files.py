"""The starter model's files: the same bytes every time, mended when damaged, and in the format that they claim."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from packshot.errors import OutputUnwritable
from packshot.models.starter.files import FILES, write_starter


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated once; generating checks each file against its pinned SHA-256."""
    folder = tmp_path_factory.mktemp("models")
    write_starter(folder)
    return folder


def test_a_second_call_writes_nothing(models: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in models.rglob("*.safetensors")}
    said: list[str] = []
    assert set(write_starter(models, said.append)) == set(before)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert said == []


@pytest.mark.parametrize("damage", ["truncated", "one byte changed", "gone"])
def test_a_damaged_file_is_made_again(models: Path, damage: str) -> None:
    path = models / FILES[0].path
    good = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(good[:-1])
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes(good[:100_000] + bytes([good[100_000] ^ 1]) + good[100_001:])
    said: list[str] = []
    write_starter(models, said.append)
    assert path.read_bytes() == good
    assert said == [f"generating {FILES[0].path}"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_safetensors_reads_what_was_written(models: Path, file: object) -> None:
    path = models / file.path  # type: ignore[attr-defined]
    with safe_open(path, framework="numpy") as opened:
        assert opened.metadata()["modelspec.license"] == "Apache-2.0"
        assert "25 kinds of products" in opened.metadata()["modelspec.description"]
        names = set(opened.keys())
        assert names == {tensor.name for tensor in file.tensors()}  # type: ignore[attr-defined]
        for name in sorted(names)[:40]:
            assert np.isfinite(opened.get_tensor(name)).all(), name


def test_an_unwritable_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(OutputUnwritable):
        write_starter(tmp_path / "models")
