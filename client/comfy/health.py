"""Whether a host can do work: it answers, its worker thread lives, and it is still the same process as before."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..errors import PackshotError
from .http import HostApi

# Seconds between two looks at a queue in which jobs wait and none runs. Between two jobs a sound host may pass through
# that state too, for as long as it takes to write history and to free memory.
_PAUSE = 3.0


@dataclass(frozen=True, slots=True)
class Health:
    """What one look at a host shows.

    Attributes:
        reachable: whether ComfyUI answers at the address.
        pending: jobs that wait.
        running: jobs that run; ComfyUI runs one at a time.
        worker_dead: jobs wait and nothing takes them up. ComfyUI's worker is one thread; once an exception has ended
            it, the host goes on accepting jobs and runs none until it is restarted.
        boot: changes whenever the host starts; None where it cannot be known.
        device: the name of the device that models run on.
        comfyui: ComfyUI's version.
        problem: what is wrong, for people; empty when the host is healthy.
    """

    reachable: bool
    pending: int = 0
    running: int = 0
    worker_dead: bool = False
    boot: str | None = None
    device: str | None = None
    comfyui: str | None = None
    problem: str = ""

    @property
    def healthy(self) -> bool:
        """Whether a job sent now would be run."""
        return self.reachable and not self.worker_dead

    @property
    def idle(self) -> bool:
        """Whether the host has nothing to do."""
        return self.reachable and not self.pending and not self.running


def health(api: HostApi) -> Health:
    """Look at the host behind ``api``; never raises for a host that does not answer.

    Takes a moment longer only where jobs wait and none runs: the worker is called dead when, after a pause, still none
    runs and every job that waited waits still.
    """
    try:
        system = api.system_stats()
        pending, running = _queue(api)
        dead = False
        if pending and not running:
            time.sleep(_PAUSE)
            before = pending
            pending, running = _queue(api)
            dead = not running and before <= pending
        boot = api.boot()
    except PackshotError as error:
        return Health(reachable=False, problem=str(error))
    devices = system.get("devices") or [{}]
    return Health(
        reachable=True,
        pending=len(pending),
        running=len(running),
        worker_dead=dead,
        boot=boot,
        device=devices[0].get("name"),
        comfyui=system["system"].get("comfyui_version"),
        problem=f"its worker thread has died: {len(pending)} jobs wait and none runs; restart it" if dead else "",
    )


def changed(before: Health, after: Health) -> bool:
    """Whether the host was restarted between two looks, and so lost its queue and its history."""
    return before.boot is not None and after.boot is not None and before.boot != after.boot


def _queue(api: HostApi) -> tuple[set[str], set[str]]:
    """The ids of the jobs that wait and of those that run."""
    queue = api.queue()
    return {job[1] for job in queue["queue_pending"]}, {job[1] for job in queue["queue_running"]}
