"""The operating system's side of the managed host: its process, its port, its log, its link to the node pack."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from ..errors import HostFailed

# Hosts that this very process started. They outlive it by design; while it lives, it must be the one to reap them.
_children: dict[int, subprocess.Popen[bytes]] = {}

# Threads that wait for each other sleep instead of spinning: where other programs want the same cores, spinning was
# seen to make a picture on the CPU four times slower.
_QUIET = {"OMP_WAIT_POLICY": "PASSIVE"}

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux; new at every boot
_LINGER = 3.0  # seconds that the port of a dead process may take to come free
_TERMINATE = 10.0  # seconds that a process may take to end by itself


def spawn(command: list[str], directory: Path, log: Path) -> psutil.Process:
    """Start ``command`` with its output in ``log``, in a session of its own, so that Ctrl-C here does not reach it.

    A log that is there already becomes ``<log>.1``.
    """
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            cwd=directory,
            env={**_QUIET, **os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **options,
        )
    for pid in [pid for pid, earlier in _children.items() if earlier.poll() is not None]:
        del _children[pid]
    _children[child.pid] = child
    return psutil.Process(child.pid)


def since_boot(pid: int) -> float:
    """When a process started, in seconds after the machine did: the same however the clock is set meanwhile.

    Raises:
        psutil.NoSuchProcess: there is none of this number.
    """
    boot = psutil.boot_time()
    return psutil.Process(pid).create_time() - boot


def boot_id() -> str:
    """What tells this boot of the machine from every other one; empty where the system has no such name."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def find(pid: int, started: float, boot: str) -> psutil.Process | None:
    """The process with this number, if it is alive and was started then. Numbers are used again.

    Args:
        started: as :func:`since_boot` says it.
        boot: as :func:`boot_id` does.
    """
    if pid in _children:
        _children[pid].poll()
    try:
        process = psutil.Process(pid)
        if boot == boot_id() and abs(since_boot(pid) - started) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except psutil.NoSuchProcess:
        pass
    return None


def find_command(arguments: Sequence[str]) -> psutil.Process | None:
    """A living process of this user whose command line has these arguments, one after the other."""
    mark = list(arguments)
    user = psutil.Process().username()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            places = range(len(command) - len(mark) + 1)
            if any(command[i : i + len(mark)] == mark for i in places) and process.username() == user:
                return process
    return None


def exit_code(pid: int) -> int | None:
    """The exit code of a host that this process started and that has ended (negative: the signal that ended it)."""
    child = _children.get(pid)
    return child.poll() if child else None


def stop(process: psutil.Process) -> None:
    """End a process and its children: asked first, then killed."""
    try:
        family = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        family = [process]
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                end(member)
        _, family = psutil.wait_procs(family, timeout=_TERMINATE)
    if process.pid in _children:
        _children.pop(process.pid).wait()


def free_port(address: str) -> int:
    """A TCP port on which nothing listens at ``address``."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def port_refusal(address: str, port: int) -> str:
    """Why no server can listen on ``port``; empty when one can."""
    with socket.socket() as probe:
        if sys.platform != "win32":  # as servers do there: connections of the past must not count
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.strerror or str(error)
        except OverflowError:
            return "ports are numbers from 0 to 65535"
    return ""


def becomes_free(address: str, port: int) -> bool:
    """Whether a server can listen on ``port``, now or a moment from now.

    The threads of a process that was killed may hold its port a little longer than the process is seen.
    """
    deadline = time.monotonic() + _LINGER
    while port_refusal(address, port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def tail(path: Path, lines: int) -> list[str]:
    """The last ``lines`` lines of a log, without the colours that ComfyUI puts in; none where there is no file."""
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return _COLOUR.sub("", text).splitlines()[-lines:] if lines > 0 else []


def link_folder(link: Path, target: Path, *, replace: bool) -> None:
    """Make ``link`` lead to the folder ``target``: a symbolic link, or on Windows without the right to it, a junction.

    Args:
        replace: whether a link that leads elsewhere may be replaced.

    Raises:
        HostFailed: something else lies there.
    """
    if link.exists() and link.resolve() == target.resolve():
        return
    if link.is_symlink() and replace:
        link.unlink()
    if link.is_symlink() or link.exists():
        raise HostFailed(
            "the node pack cannot be linked here, because something else has its place",
            place=str(link),
            remedy=f"move it away; a link to {target} belongs there",
        )
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(target, target_is_directory=True)
    except OSError:
        if sys.platform == "win32":
            subprocess.run(["cmd", "/c", "mklink", "/J", str(link), str(target)], check=True, capture_output=True)
        else:
            raise
