"""The managed host, against a real ComfyUI and real faults."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from packshot.cli.host import app
from packshot.comfy.health import health
from packshot.comfy.http import HostApi
from packshot.errors import HostFailed
from packshot.host.install import Installation, adopt
from packshot.host.managed import HostStatus, ManagedHost
from packshot.host.process import boot_id, free_port, since_boot
from support.host.jobs import NewHost, slow_graph, wait_until


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
    assert api.submit({"prompt": slow_graph(1), "client_id": "test"}).ok
    wait_until(lambda: health(api).running == 1)
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


def test_a_reused_process_number_is_not_our_host(tmp_path: Path) -> None:
    managed = ManagedHost(tmp_path)
    me = psutil.Process()
    record = {
        "pid": me.pid,
        "started": since_boot(me.pid) - 60,
        "boot": boot_id(),
        "url": "http://127.0.0.1:1",
        "command": ["python", "main.py"],
        "pack": None,
    }
    (tmp_path / "host.json").write_text(json.dumps(record))
    assert managed.status().pid is None
    assert managed.down() is False
    assert me.is_running()
    assert not (tmp_path / "host.json").exists()


def test_a_living_host_is_never_forgotten(new_host: NewHost) -> None:
    managed = new_host()
    up = managed.up()
    for record in (None, "", "{}", json.dumps({"pid": up.pid, "started": 0})):  # gone, or damaged
        file = managed.home / "host.json"
        file.unlink() if record is None else file.write_text(record)
        assert managed.status().pid == up.pid
    assert managed.down() is True
    assert not psutil.pid_exists(up.pid or 0)


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
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
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
