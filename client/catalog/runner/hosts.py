"""The hosts of a run, those that its user names or the managed one; reached from here, or by actors on Ray."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from ...comfy.client import HostClient
from ...errors import PackshotError
from ...host.managed import managed_url
from ...run.lock import HeldLock
from ...workflow import Workflow
from .gate import Gate
from .station import HostSpec, LocalStation, Station

#: What runs the jobs of a catalogue: this process, or an actor on a Ray cluster for each host.
Engine = Literal["local", "ray"]


class Hosts:
    """How a run reaches its hosts.

    Args:
        urls: their addresses; none for the managed host, which is started now when it is not up.
        headers: sent with every request to any of them.
        engine, ray_address: what runs their jobs; for Ray the address of the cluster's head.
        workflows, stage, gates, held: as for :class:`~.station.LocalStation`.
        notice: told what a person should know.

    Raises:
        HostFailed: the managed host is not installed, or does not start.
        InputInvalid: Ray is not installed, there is no such cluster, or an address means another machine on each node.
    """

    def __init__(
        self,
        urls: Sequence[str],
        headers: Mapping[str, str],
        *,
        engine: Engine,
        ray_address: str | None,
        workflows: Mapping[str, Workflow],
        stage: Path,
        gates: Mapping[str, Gate],
        held: Mapping[str, HeldLock],
        notice: Callable[[str], None],
    ) -> None:
        self._headers = dict(headers)
        self._engine = engine
        self._station = (workflows, stage, gates, held)
        self._notice = notice
        self._managed = not urls
        self._urls = list(dict.fromkeys(urls or [managed_url(notice)]))
        if engine == "ray":
            from . import ray_station  # Ray is an extra

            ray_station.connect(ray_address)
            for url in self._urls:
                ray_station.beside(url)  # an address that cannot be meant is refused before anything is made

    @property
    def specs(self) -> list[HostSpec]:
        """How each is reached."""
        return [self.spec(url) for url in self._urls]

    def spec(self, url: str) -> HostSpec:
        """How one is reached."""

        def restart() -> Station:
            self._notice("the host was lost; starting it again")
            return self._open(managed_url(self._notice))

        managed = self._managed and url in self._urls
        return HostSpec(self._client(url).url, lambda: self._open(url), restart if managed else None)

    def answering(self) -> list[HostClient]:
        """A client of each host that answers; those that do not are named.

        Raises:
            HostUnreachable: none does. A host that was never there is a mistake in the command; only one that was there
                is waited for.
        """
        faults: list[PackshotError] = []
        clients: list[HostClient] = []
        for url in self._urls:
            client = self._client(url)
            try:
                client.api.system_stats()
            except PackshotError as error:
                faults.append(error)
                client.close()
            else:
                clients.append(client)
        if not clients:
            raise faults[0]
        for fault in faults:
            self._notice(f"{fault}; the run begins without it, and takes it in when it answers")
        return clients

    def _open(self, url: str) -> Station:
        if self._engine == "ray":
            from .ray_station import RayStation

            return RayStation(url, self._headers, *self._station)
        return LocalStation(self._client(url), *self._station)

    def _client(self, url: str) -> HostClient:
        return HostClient(url, headers=self._headers)
