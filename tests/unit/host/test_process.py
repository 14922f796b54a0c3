"""The host's ports, links and log."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from packshot.errors import HostFailed
from packshot.host.process import boot_id, find, find_command, link_folder, port_refusal, since_boot, tail

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


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


@pytest.fixture
def sleeper() -> Iterator[int]:
    command = [sys.executable, "-c", "import time; time.sleep(600)", "--base-directory", "a folder of its own"]
    with subprocess.Popen(command) as child:
        yield child.pid
        child.kill()


def _set_clock(monkeypatch: pytest.MonkeyPatch, folder: Path, pid: int, step: int) -> None:
    """Have the kernel's own answers as they are once the clock was set: the boot moves with it, in /proc/stat."""
    folder.mkdir()
    told = Path("/proc/stat").read_text()
    moved = re.sub(r"(?m)^btime (\d+)$", lambda found: f"btime {int(found[1]) + step}", told)
    (folder / "stat").write_text(moved)
    for name in (str(pid), str(os.getpid()), "self"):
        (folder / name).symlink_to(f"/proc/{name}")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(folder))


@linux_only
@pytest.mark.parametrize("step", [2, -2, 3600, -20_000 * 86_400, 4_000 * 86_400])
def test_a_process_is_found_again_however_the_clock_is_set(
    step: int, sleeper: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, clock = since_boot(sleeper), psutil.Process(sleeper).create_time()
    _set_clock(monkeypatch, tmp_path / "proc", sleeper, step)
    assert abs(psutil.Process(sleeper).create_time() - clock - step) < 1
    found = find(sleeper, started, boot_id())
    assert found is not None
    assert found.pid == sleeper


def test_a_process_of_another_start_or_another_boot_is_not_found(sleeper: int) -> None:
    started = since_boot(sleeper)
    assert find(sleeper, started - 60, boot_id()) is None
    assert find(sleeper, started, "another boot") is None


def test_a_process_is_found_by_its_command_line_alone(sleeper: int) -> None:
    found = find_command(["--base-directory", "a folder of its own"])
    assert found is not None
    assert found.pid == sleeper
    assert find_command(["--base-directory", "a folder"]) is None
