"""How the catalogue commands reach their hosts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import PackshotError
from .common import managed_url, pairs, say

if TYPE_CHECKING:
    from ..catalog.run import CatalogRun
    from ..catalog.runner.station import HostSpec
    from ..comfy.client import HostClient

HostsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--host", help="Address of a ComfyUI host; may be repeated. By default our own, started when it is not up."
    ),
]


class EngineKind(str, Enum):
    """What runs the jobs of a catalogue."""

    local = "local"
    ray = "ray"


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine, and for Ray the cluster's address."""

    kind: EngineKind = EngineKind.local
    ray_address: str | None = None


EngineOption = Annotated[
    EngineKind, typer.Option(help="local: from this process. ray: an actor on a Ray cluster for each host.")
]
RayAddressOption = Annotated[
    str | None, typer.Option("--ray-address", help="Of the cluster's head; by default the one that Ray finds.")
]


class Hosts:
    """The hosts that a command names, or the managed one.

    Args:
        urls: their addresses; None for the managed host, which is started now when it is not up.
        headers: ``Name: value`` sent with every request to any of them.
        catalog: the run.
        engine: what runs their jobs.
    """

    def __init__(
        self,
        urls: list[str] | None,
        headers: list[str] | None,
        catalog: CatalogRun,
        engine: Engine,
    ) -> None:
        self._engine = engine
        self._headers = pairs(headers, ":")
        self._catalog = catalog
        self._managed = not urls
        self._urls = list(dict.fromkeys(urls or [managed_url()]))
        if engine.kind is EngineKind.ray:
            from ..catalog.runner import ray_station

            ray_station.connect(engine.ray_address)
            for url in self._urls:
                ray_station.beside(url)  # an address that cannot be meant is refused before anything is made

    @property
    def specs(self) -> list[HostSpec]:
        """How each is reached."""
        return [self.spec(url) for url in self._urls]

    def spec(self, url: str) -> HostSpec:
        """How one is reached."""
        from ..catalog.runner.scheduler import STAGE
        from ..catalog.runner.station import HostSpec, LocalStation, Station

        def at(address: str) -> Station:
            rest = (self._catalog.branded_workflows(), self._catalog.folder / STAGE, self._catalog.gates())
            if self._engine.kind is EngineKind.ray:
                from ..catalog.runner.ray_station import RayStation

                return RayStation(address, self._headers, *rest)
            return LocalStation(self._client(address), *rest)

        def restart() -> Station:
            say("the host was lost; starting it again")
            return at(managed_url())

        managed = self._managed and url in self._urls
        return HostSpec(self._client(url).url, lambda: at(url), restart if managed else None)

    def answering(self) -> list[HostClient]:
        """A client of each host that answers; those that do not are named.

        Raises:
            HostUnreachable: none does. A host that was never there is a mistake in the command; only one that was there
                is waited for.
        """
        faults: list[PackshotError] = []
        found: list[HostClient] = []
        for url in self._urls:
            client = self._client(url)
            try:
                client.api.system_stats()
            except PackshotError as error:
                faults.append(error)
                client.close()
            else:
                found.append(client)
        if not found:
            raise faults[0]
        for fault in faults:
            say(f"{fault}; the run begins without it, and takes it in when it answers")
        return found

    def _client(self, url: str) -> HostClient:
        from ..comfy.client import HostClient

        return HostClient(url, headers=self._headers)
