"""Which ComfyUI is taken, and that it is remembered."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from packshot.errors import HostFailed
from packshot.host.install import Installation, adopt, remember, remembered
from packshot.host.managed import ManagedHost


def _comfyui(folder: Path, version: str = "0.30.0") -> Path:
    folder.mkdir(parents=True)
    (folder / "main.py").write_text("")
    (folder / "comfyui_version.py").write_text(f'__version__ = "{version}"\n')
    return folder


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
