"""The managed host: one ComfyUI per home folder, started in the background, found again by any later process.

``home/host.json`` records which process it is. A process number alone is not trusted: the start has to
fit too, counted from the boot of the machine, so that a clock that is set changes nothing.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from ..comfy.health import Health, health
from ..comfy.http import HostApi
from ..errors import HostFailed, PackshotError
from ..models.starter.files import write_starter
from ..paths import cache_dir, checkout, write_text, writing
from . import process
from .disk import disk_problem
from .install import Installation, adopt, install, locked, remember, remembered

_ADDRESS = "127.0.0.1"
_POLL = 0.25  # seconds between two looks at a host that is starting
_FOLLOW = 0.5  # seconds between two looks at a log that is followed
_TAIL = 20  # lines of the log in an error

# Prints something where torch can use an accelerator. A CPU build says so in its version, which is read without
# importing it: that saves some seconds.
_ACCELERATOR = """
import importlib.metadata
if "+cpu" not in importlib.metadata.version("torch"):
    import torch
    if torch.cuda.is_available() or torch.xpu.is_available() or torch.backends.mps.is_available():
        print("yes")
"""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """What is known of a host.

    Attributes:
        url: its address; None when no host is up.
        pid: its process on this machine; None when no host is up, or it is not ours.
        comfyui: ComfyUI's version.
        device: the name of the device that models run on.
        healthy: whether a job sent now would be run.
        log: its log file, when it is ours.
        reason: why it is not healthy; empty when it is.
    """

    url: str | None
    pid: int | None
    comfyui: str | None
    device: str | None
    healthy: bool
    log: Path | None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The object that ``packshot host up|status --json`` prints."""
        return {**asdict(self), "log": str(self.log) if self.log else None}


@dataclass(frozen=True, slots=True)
class _State:
    """The running host, as recorded in ``home/host.json``."""

    pid: int
    started: float  # seconds after the machine did
    boot: str
    url: str
    command: list[str]
    pack: str | None


class ManagedHost:
    """The ComfyUI that Packshot starts and stops.

    Args:
        home: its folder; by default ``host`` in the user's cache folder. One host runs per home.
        installation: which ComfyUI to start; by default the one that was installed or adopted in ``home``.
        models: folder of the model files; by default ``home/models``. An adopted ComfyUI keeps its own.
    """

    def __init__(
        self, home: Path | None = None, installation: Installation | None = None, models: Path | None = None
    ) -> None:
        self.home = (home or cache_dir() / "host").expanduser().absolute()
        self.log = self.home / "host.log"
        self._installation = installation
        self._models = models
        self._file = self.home / "host.json"

    @classmethod
    def adopt(cls, comfyui: Path, python: Path | None = None) -> ManagedHost:
        """Take a ComfyUI that the user installed; the host starts it from now on, in later processes too.

        Args:
            comfyui: the folder that holds its ``main.py``.
            python: its interpreter; where None, one is looked for beside it.

        Raises:
            HostFailed: the folder is not ComfyUI's, or no interpreter was named or found.
        """
        host = cls(installation=adopt(comfyui, python))
        remember(host.home, host.installation)
        return host

    @property
    def installation(self) -> Installation:
        """The ComfyUI that this host starts.

        Raises:
            HostFailed: none was given, and none is installed in the home folder.
        """
        found = self._installation or remembered(self.home)
        if found is None:
            raise HostFailed(
                "ComfyUI is not installed yet",
                place=str(self.home),
                remedy="run `packshot host install`, or give it the folder of your own with --comfyui",
            )
        return found

    @property
    def models(self) -> Path:
        """The folder that holds ``diffusion_models``, ``text_encoders``, ``vae`` and the like."""
        if self._models is not None:
            return self._models.expanduser().absolute()
        return self.installation.comfyui / "models" if self.installation.adopted else self.home / "models"

    @property
    def _base(self) -> Path:
        """The folder that holds ``output``, ``user`` and ``custom_nodes``."""
        installation = self._installation or remembered(self.home)  # a host may outlive the one that it began with
        return installation.comfyui if installation is not None and installation.adopted else self.home / "base"

    def install(self, progress: Callable[[str], None] | None = None) -> Installation:
        """Install ComfyUI and the starter model, or finish an install that was interrupted.

        A ComfyUI that was adopted or given stays as it is and gets the model alone.

        Args:
            progress: called with one line per step.

        Raises:
            HostFailed: a step failed, or what was fetched is not what was pinned; finished steps are kept.
            OutputUnwritable: the folder or the disk refuses.
        """
        say = progress or _silent
        if self._installation is None:
            install(self.home, say)
        write_starter(self.models, say)
        return self.installation

    def up(
        self,
        *,
        port: int | None = None,
        cpu: bool | None = None,
        timeout: float = 300.0,
        progress: Callable[[str], None] | None = None,
    ) -> HostStatus:
        """Start the host and wait until it answers; one that is up as asked for is left as it is.

        A host that is up otherwise (another port, ComfyUI, node pack or device), or whose worker has died, is
        restarted; but not while it has jobs that it could still run.

        Args:
            port: TCP port on 127.0.0.1; by default the one in use, or a free one.
            cpu: run models on the CPU; by default where torch finds no accelerator.
            timeout: seconds that ComfyUI may take to answer.
            progress: called with one line per step.

        Raises:
            HostFailed: not installed, the port is taken, something lies in the node pack's place, the host is busy and
                was asked for in another way, or it did not come up (with the end of its log).
        """
        say = progress or _silent
        with writing(self.home):
            self.home.mkdir(parents=True, exist_ok=True)
            with locked(self.home / "host.lock", lambda: say("another process is starting or stopping it; waiting")):
                return self._up(port, cpu, timeout, say)

    def down(self) -> bool:
        """Stop the host and its children; False when none was up."""
        if not self._file.exists() and self._recorded() is None:
            return False
        with locked(self.home / "host.lock", lambda: None):
            state = self._recorded()
            running = state and process.find(state.pid, state.started, state.boot)
            if running:
                process.stop(running)
            self._file.unlink(missing_ok=True)
        return running is not None

    def status(self) -> HostStatus:
        """Look for the host, at its health, and at the disk that it writes to."""
        state = self._up_state()
        if state is None:
            return HostStatus(None, None, None, None, healthy=False, log=self.log, reason="it is not up")
        status = self._status(state, self._health(state))
        problem = disk_problem(self._base / "output") if status.healthy else ""
        return replace(status, healthy=False, reason=problem) if problem else status

    def health(self) -> Health:
        """The host's health; its ``boot`` is always known while it is up."""
        state = self._up_state()
        return self._health(state) if state else Health(reachable=False, problem="it is not up")

    def logs(self, lines: int = 50, *, follow: bool = False) -> Iterator[str]:
        """Give the end of the host's log, in pieces of text as they are written.

        Args:
            lines: how many of the end.
            follow: go on with what is added, without an end of its own.
        """
        seen = self._log_size()
        yield from (f"{line}\n" for line in process.tail(self.log, lines))
        while follow:
            time.sleep(_FOLLOW)
            size = self._log_size()
            start = seen if size >= seen else 0  # a host that starts anew begins a new log
            if size > start:
                with self.log.open("rb") as file:
                    file.seek(start)
                    yield file.read(size - start).decode("utf-8", errors="replace")
            seen = size

    # -- starting ------------------------------------------------------------------------------------------------

    def _up(self, port: int | None, cpu: bool | None, timeout: float, say: Callable[[str], None]) -> HostStatus:
        installation = self.installation
        pack = checkout()
        before = self._recorded()
        running = before and process.find(before.pid, before.started, before.boot)
        if before and running:
            wanted = self._command(port or _port(before.url), "--cpu" in before.command if cpu is None else cpu)
            if before.command == wanted and before.pack == _text(pack):
                status = self._wait(before, timeout)
                if status.healthy:
                    return status
            elif (seen := self._health(before)).healthy and not seen.idle:
                raise HostFailed(
                    "the host is up in another way than asked for, and busy",
                    place=before.url,
                    remedy="wait for its jobs, or stop it with `packshot host down`",
                )
            say(f"restarting the host at {before.url}")
            process.stop(running)
        if port is None:  # after a crash, at the same address as before
            again = before is not None and process.becomes_free(_ADDRESS, _port(before.url))
            port = _port(before.url) if before and again else process.free_port(_ADDRESS)
        elif not process.becomes_free(_ADDRESS, port):
            raise HostFailed(
                f"port {port} cannot be used: {process.port_refusal(_ADDRESS, port)}",
                place=f"{_ADDRESS}:{port}",
                remedy="name another with --port, or leave it out and a free one is taken",
            )
        if cpu is None:
            cpu = not _has_accelerator(installation.python)
        self._prepare(pack)
        command = self._command(port, cpu)
        say(f"starting ComfyUI {installation.version} at http://{_ADDRESS}:{port}{' on the CPU' if cpu else ''}")
        started = process.spawn(command, installation.comfyui, self.log)
        try:
            state = _state(started, f"http://{_ADDRESS}:{port}", command, _text(pack))
            write_text(self._file, json.dumps(asdict(state), indent=2))
            return self._wait(state, timeout)
        except BaseException:
            process.stop(started)
            self._file.unlink(missing_ok=True)
            raise

    def _command(self, port: int, cpu: bool) -> list[str]:
        installation = self.installation
        command = [str(installation.python), str(installation.comfyui / "main.py")]
        command += ["--listen", _ADDRESS, "--port", str(port), "--disable-api-nodes"]
        if not installation.adopted:
            base = self.home / "base"
            command += ["--base-directory", str(base), "--models-directory", str(self.models)]
            # Its default lies in ComfyUI's own folder, which hosts with other homes may share.
            command += ["--database-url", f"sqlite:///{(base / 'user' / 'comfyui.db').as_posix()}"]
        return [*command, "--cpu"] if cpu else command

    def _mark(self) -> list[str]:
        """What only the command line of this home's host has; a ComfyUI that its user starts has other words there."""
        installation = self._installation or remembered(self.home)
        if installation is not None and installation.adopted:
            return [str(installation.comfyui / "main.py"), "--listen", _ADDRESS, "--port"]
        return ["--base-directory", str(self.home / "base")]

    def _prepare(self, pack: Path | None) -> None:
        """Make the folders that ComfyUI wants to find, and link the checkout that this code runs from."""
        base = self._base
        self.models.mkdir(parents=True, exist_ok=True)
        for folder in ("user", "custom_nodes"):
            (base / folder).mkdir(parents=True, exist_ok=True)
        if pack is not None:
            process.link_folder(base / "custom_nodes" / "packshot", pack, replace=not self.installation.adopted)

    def _wait(self, state: _State, timeout: float) -> HostStatus:
        """Wait until the host answers, and make sure that it is this one and no other at the same address."""
        deadline = time.monotonic() + timeout
        api = HostApi(state.url, timeout=5.0)
        try:
            while process.find(state.pid, state.started, state.boot):
                try:
                    if api.system_stats()["system"]["argv"] == state.command[1:]:
                        return self._status(state, self._health(state))
                except (PackshotError, KeyError):
                    pass  # not yet, or not ComfyUI
                if time.monotonic() > deadline:
                    raise self._failed(f"ComfyUI did not answer within {timeout:g} s")
                time.sleep(_POLL)
        finally:
            api.close()
        code = process.exit_code(state.pid)
        raise self._failed(f"ComfyUI stopped while it started{'' if code is None else f' (exit code {code})'}")

    def _failed(self, message: str) -> HostFailed:
        lines = "\n".join(process.tail(self.log, _TAIL)) or "(it wrote nothing)"
        return HostFailed(f"{message}; the end of its log:\n{lines}", place=str(self.log), remedy="see the log")

    # -- looking -------------------------------------------------------------------------------------------------

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _recorded(self) -> _State | None:
        """What ``host.json`` says; where it is gone or damaged, what the command line of a living host does."""
        try:
            return _State(**json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            living = process.find_command(self._mark())
        if living is None:
            return None
        try:
            command = living.cmdline()
            return _state(living, f"http://{_ADDRESS}:{command[command.index('--port') + 1]}", command, None)
        except (psutil.Error, ValueError, IndexError):
            return None

    def _up_state(self) -> _State | None:
        """The recorded host, if its process is alive and is the one that was recorded."""
        state = self._recorded()
        return state if state and process.find(state.pid, state.started, state.boot) else None

    def _health(self, state: _State) -> Health:
        api = HostApi(state.url, timeout=5.0)
        try:
            seen = health(api)
        finally:
            api.close()
        return seen if seen.boot else replace(seen, boot=f"{state.pid}-{state.started}")

    def _status(self, state: _State, seen: Health) -> HostStatus:
        return HostStatus(state.url, state.pid, seen.comfyui, seen.device, seen.healthy, self.log, seen.problem)


def managed_url(progress: Callable[[str], None] | None = None) -> str:
    """The address of the managed host of this user, which is started when it is not up.

    Args:
        progress: called with one line per step, where it has to be started.

    Raises:
        HostFailed: it is not installed, or does not start.
    """
    host = ManagedHost()
    status = host.status()
    if not status.healthy:
        status = host.up(progress=progress)
    assert status.url is not None
    return status.url


def remote_status(url: str) -> HostStatus:
    """What can be seen of a host that is not ours, at ``url``."""
    api = HostApi(url)
    try:
        seen = health(api)
    finally:
        api.close()
    return HostStatus(api.url, None, seen.comfyui, seen.device, seen.healthy, None, seen.problem)


def _has_accelerator(python: Path) -> bool:
    result = subprocess.run([python, "-I", "-c", _ACCELERATOR], capture_output=True, text=True, check=False)
    return bool(result.stdout.strip())


def _state(running: psutil.Process, url: str, command: list[str], pack: str | None) -> _State:
    return _State(running.pid, process.since_boot(running.pid), process.boot_id(), url, command, pack)


def _silent(_line: str) -> None:
    """Progress for a caller who wants none."""


def _port(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def _text(path: Path | None) -> str | None:
    return str(path) if path else None
