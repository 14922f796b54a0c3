"""The clients that are compared: their environments, their processes, their answers.

Each runs in a process of its own through a driver in ``peers/``. The peers come from the package registry into
environments in the user's cache, one each, so that none is held to another's dependencies, nor the project to theirs.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
import venv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from _common import BENCH, picture_fault, say

from packshot.host import process
from packshot.paths import cache_dir, write_text

_LIMIT = 120.0  # seconds for an answer, and as many more per job as a driver allows a job
_HANG = 30.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A client under test.

    Attributes:
        name: as the table shows it.
        driver: file in ``peers/``.
        requirements: what pip installs; empty for those that run in the project's own environment.
        share: a slow client does one job where the floor does this many.
        overlaps: it runs jobs that overlap in every so many rounds; 0 for one that cannot in one process.
    """

    name: str
    driver: str
    requirements: tuple[str, ...] = ()
    share: int = 1
    overlaps: int = 1


SEVERAL_HOSTS = Peer("comfyui-async-api-tool", "drive_async_api_tool.py", ("comfyui-async-api-tool==0.1.0",))
FLOOR = Peer("floor", "drive_floor.py")
PACKSHOT = Peer("packshot", "drive_packshot.py")
PEERS = {
    peer.name: peer
    for peer in (
        Peer("comfykit", "drive_comfykit.py", ("comfykit==0.1.12",), overlaps=4),
        Peer("comfy-sdk", "drive_comfy_sdk.py", ("comfy-sdk==0.5.0", "comfy-api-proxy==0.1.6"), share=5, overlaps=4),
        Peer("comfy-cli", "drive_comfy_cli.py", ("comfy-cli==1.23.0",), share=25, overlaps=0),
    )
}


def start(peer: Peer, url: str, scratch: Path, fetch: bool = True) -> Driver | None:
    """A client's driver, ready for work; None for a peer that cannot be installed or does not start."""
    python = environment(peer, fetch)
    if python is None:
        return None
    try:
        return Driver(peer, python, url, scratch)
    except RuntimeError as error:
        if not peer.requirements:
            raise
        say(f"{error}; it is left out")
        return None


def environment(peer: Peer, fetch: bool = True) -> Path | None:
    """The Python that runs a peer's driver; None, and a line that says so, where there is none.

    Args:
        fetch: install a peer that is not there.
    """
    if not peer.requirements:
        return Path(sys.executable)
    folder = cache_dir() / "bench-peers" / peer.name
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp = folder / "installed"
    pins = hashlib.sha256("\n".join(peer.requirements).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == pins:
        return python
    if not fetch:
        say(f"{peer.name} is not installed here and is left out")
        return None
    say(f"installing {', '.join(peer.requirements)}")
    venv.create(folder, clear=True, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        say(f"{peer.name} cannot be installed and is left out: {done.stderr.strip()[-300:]}")
        return None
    write_text(stamp, pins)
    return python


@dataclass(slots=True)
class Figures:
    """What was measured of one client so far.

    Attributes:
        seconds: per sequential job, from submit to the picture's bytes, failed ones left out; one list a round.
        rates: pictures per second where jobs overlapped, one a round.
        jobs: verdicts given, of both kinds.
        wrong: each wrong verdict: what kind it was, and what the client said.
    """

    seconds: list[list[float]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    jobs: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)


class Driver:
    """A client in its process, from construction until :meth:`close`.

    Raises:
        RuntimeError: it does not get ready; with the end of what it printed.
    """

    def __init__(self, peer: Peer, python: Path, url: str, scratch: Path) -> None:
        self.peer = peer
        self.figures = Figures()
        folder = scratch / peer.name
        folder.mkdir()
        self.log = folder / "driver.log"
        # A home of its own: what a peer writes there (settings, state files) is deleted with the scratch folder.
        home = {"HOME": str(folder), "USERPROFILE": str(folder), "XDG_CONFIG_HOME": str(folder)}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(python), str(BENCH / "peers" / peer.driver), url, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **home} if peer.requirements else None,
                text=True,
            )
        if self._answer(_LIMIT) is None:
            self.close()
            raise RuntimeError(f"{peer.name} does not start: {self.log.read_text(errors='replace')[-300:]}")

    def warm_up(self, colors: Sequence[int]) -> None:
        """Jobs whose time does not count: a client that was idle has the host's broadcasts to catch up with."""
        self._ask("sequential", colors)

    def sequential(self, colors: Sequence[int]) -> None:
        """One job after the other."""
        answer = self._ask("sequential", colors)
        if answer is not None:
            self.figures.seconds.append([job["seconds"] for job in answer["jobs"] if job["picture"] is not None])

    def overlapping(self, colors: Sequence[int]) -> None:
        """All submitted, then all harvested."""
        answer = self._ask("pipelined", colors)
        if answer is not None:
            pictures = sum(job["picture"] is not None for job in answer["jobs"])
            self.figures.rates.append(pictures / answer["wall"])

    def close(self) -> None:
        """End the process and its children."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._stop()
            self._process.wait()
        self._process.stdout.close()

    def _stop(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.stop(psutil.Process(self._process.pid))

    def _ask(self, mode: str, colors: Sequence[int]) -> dict[str, Any] | None:
        assert self._process.stdin is not None
        if self._process.poll() is not None:
            return None
        self._process.stdin.write(json.dumps({"mode": mode, "colors": list(colors)}) + "\n")
        self._process.stdin.flush()
        answer = self._answer(_LIMIT + _HANG * len(colors))
        self.figures.jobs += len(colors)
        if answer is None:
            say(f"{self.peer.name} gives no answer any more and is left out from here on")
            self._stop()
            self.figures.wrong += [("hang", "no answer")] * len(colors)
            return None
        for job in answer["jobs"]:
            fault = _fault(job)
            if fault:
                self.figures.wrong.append(fault)
        return answer

    def _answer(self, limit: float) -> dict[str, Any] | None:
        """The next line of the driver, or None when none comes within ``limit`` seconds: then it is ended."""
        assert self._process.stdout is not None
        watchdog = threading.Timer(limit, self._stop)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        answer: dict[str, Any] | None = json.loads(line) if line else None
        return answer


def _fault(job: dict[str, Any]) -> tuple[str, str] | None:
    """What was wrong with a verdict. Every job of this benchmark is one that the host can do."""
    if (job["seconds"] or 0.0) > _HANG or "Timeout" in job["error"]:
        return "hang", job["error"]
    if job["picture"] is None:
        return "false failure", job["error"]
    fault = picture_fault(base64.b64decode(job["picture"]), job["color"])
    return ("false success", fault) if fault else None
