"""Ray as the engine past one machine: an actor for each host, on a node that has the resource ``comfy``.

The actor talks to its host, and lives on its machine where the host's address is that of a node. What lands lies in its
node's object store, and a task judges it: Ray runs a task where its arguments lie if there is a free processor, and the
actor serves its host meanwhile. Matting, compositing and signing are nodes of the workflow: the host itself does them,
where the picture is. Ray may start an actor or repeat a call or a task at any time: what was sent stands in the ledger
first, and the host is asked for it.
"""

from __future__ import annotations

import logging
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...comfy.client import HostClient
from ...comfy.health import Health
from ...comfy.http import HostAddress
from ...errors import HostLost, HostUnreachable, InputInvalid, PackshotError
from ...paths import atomic_write
from ...run.lock import HeldLock
from ...workflow import Workflow
from ..ledger.records import StoredItem
from .gate import Gate, Judgement, judge
from .station import Drafted, Landed, LocalStation

RESOURCE = "comfy"  # what a node offers once for each ComfyUI host that it serves
_PLACING = 30.0  # seconds that a node for an actor may take to be found
_CALL = 120.0  # seconds that a call may take beyond the time that it waits for a job


def connect(address: str | None) -> None:
    """Join the cluster at ``address``, or the one that Ray finds by itself.

    Raises:
        InputInvalid: Ray is not installed, or there is no such cluster.
    """
    try:
        import ray
    except ImportError as error:
        raise InputInvalid(
            "the engine ray needs Ray", place="option '--engine'", remedy="pip install 'packshot[ray]'"
        ) from error
    if ray.is_initialized():
        return
    try:
        ray.init(address=address or "auto", log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise InputInvalid(
            f"there is no Ray cluster: {error}",
            place="option '--ray-address'",
            remedy="start one with `ray start --head`",
        ) from error


def beside(url: str) -> dict[str, float]:
    """What an actor asks for to live on its host's machine: the resource that Ray gives each node by its address.

    Nothing where the address is no node's: then any node will do that can reach it.

    Raises:
        InputInvalid: "this machine", of which there are several.
    """
    import ray

    nodes = {str(node["NodeManagerAddress"]) for node in ray.nodes() if node["Alive"]}  # type: ignore[no-untyped-call]
    try:
        address = socket.gethostbyname(urlsplit(url).hostname or "")
    except OSError:
        return {}
    if address in nodes:
        return {f"node:{address}": 0.001}
    if HostAddress(url).loopback and len(nodes) > 1:
        raise InputInvalid(
            "each machine of the cluster takes this address for its own",
            place=f"host {url}",
            remedy=f"give the host's address in the network; the nodes have {', '.join(sorted(nodes))}",
        )
    return {}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an actor answers: Ray would wrap an error that is raised, and lose its fields."""

    value: Any = None
    error: PackshotError | None = None


class _Remote:
    """Lives on the node: a local station. Its files last no longer than a call, since Ray ends an actor unannounced."""

    def __init__(
        self, url: str, headers: Mapping[str, str], workflows: Mapping[str, Workflow], held: Mapping[str, HeldLock]
    ) -> None:
        self._station = LocalStation(HostClient(url, headers=headers), workflows, Path(), {}, held)

    def draft(self, item: StoredItem, files: Mapping[str, tuple[str, bytes]]) -> _Answer:
        with tempfile.TemporaryDirectory(prefix="packshot-") as folder:
            here: dict[str, Path] = {}
            for number, (text, (suffix, data)) in enumerate(files.items()):
                here[text] = Path(folder) / f"{number}{suffix}"
                here[text].write_bytes(data)
            return self.call("draft", item, here)

    def call(self, method: str, *arguments: Any) -> _Answer:
        try:
            return _Answer(getattr(self._station, method)(*arguments))
        except PackshotError as error:
            return _Answer(error=error)

    def land(self, prompt_id: str, item: StoredItem, seconds: float) -> _Answer:
        with tempfile.TemporaryDirectory(prefix="packshot-") as folder:
            self._station.stage = Path(folder)
            answer = self.call("land", prompt_id, item, seconds)
            if answer.error is not None:
                return answer
            landed: Landed = answer.value
            return _Answer((landed, {path.name: path.read_bytes() for path in landed.folder.iterdir()}))


def _judge(answer: _Answer, gates: Mapping[str, Gate], item: StoredItem) -> _Answer:
    """The task that judges what an actor has landed."""
    if answer.error is not None:
        return _Answer()
    landed, files = answer.value
    name = str(landed.record["outputs"][0]["file"])
    with tempfile.TemporaryDirectory(prefix="packshot-") as folder:
        picture = Path(folder) / name
        picture.write_bytes(files[name])
        try:
            return _Answer(judge(gates, item, picture, landed.record, other_seed=landed.other_seed))
        except PackshotError as error:
            return _Answer(error=error)


class RayStation:
    """A host that an actor talks to.

    Args:
        url: the host's address, as its node sees it.
        headers: sent with every request.
        workflows, stage, gates, held: as for :class:`~.station.LocalStation`.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        workflows: Mapping[str, Workflow],
        stage: Path,
        gates: Mapping[str, Gate],
        held: Mapping[str, HeldLock],
    ) -> None:
        self._url = HostAddress(url).url
        self._arguments = (url, dict(headers), dict(workflows), dict(held))
        self._gates = dict(gates)
        self._stage = stage
        self._uploads: dict[str, frozenset[str]] = {}
        self._actor: Any = None

    @property
    def url(self) -> str:
        return self._url

    def look(self) -> Health:
        try:
            found: Health = self._call("look", seconds=_PLACING)
        except PackshotError as error:
            return Health(reachable=False, problem=str(error))
        return found

    def uploads(self, workflow: str) -> frozenset[str]:
        if workflow not in self._uploads:
            self._uploads[workflow] = self._call("uploads", workflow)
        return self._uploads[workflow]

    def draft(self, item: StoredItem, files: Mapping[str, Path]) -> Drafted:
        try:
            sent = {text: (path.suffix, path.read_bytes()) for text, path in files.items()}
        except OSError as error:
            raise InputInvalid(f"cannot be read: {error.strerror}", place=str(error.filename)) from error
        drafted: Drafted = self._ask(lambda actor: actor.draft.remote(item, sent), _CALL)
        return drafted

    def send(self, prompt_id: str) -> None:
        self._call("send", prompt_id)

    def encodes(self, workflow: str) -> bool:
        return bool(self._call("encodes", workflow))

    def encode_ahead(self, items: Sequence[StoredItem]) -> str:
        return str(self._call("encode_ahead", items))

    def encoded(self, prompt_id: str, seconds: float) -> None:
        self._call("encoded", prompt_id, seconds, seconds=seconds + _CALL)

    def find(self, prompt_id: str, workflow: str) -> bool:
        return bool(self._call("find", prompt_id, workflow))

    def waits(self, prompt_id: str) -> bool:
        return bool(self._call("waits", prompt_id))

    def draws_seeds(self, item: StoredItem) -> bool:
        return bool(self._call("draws_seeds", item))

    def land(self, prompt_id: str, item: StoredItem, seconds: float) -> Landed:
        import ray

        task = ray.remote(_judge)
        judged: list[Any] = []

        def send(actor: Any) -> Any:
            landing = actor.land.remote(prompt_id, item, seconds)
            judged.extend([task.remote(landing, self._gates, item)] if self._gates else [])
            return landing

        landed: Landed
        landed, files = self._ask(send, seconds + _CALL)
        judgement: Judgement | None = self._answer(judged[0], _CALL) if judged else None
        folder = self._stage / prompt_id
        for name, data in files.items():
            with atomic_write(folder / name) as file:
                file.write(data)
        return replace(landed, folder=folder, judgement=judgement)

    def cancel(self, prompt_id: str) -> None:
        self._call("cancel", prompt_id)

    def free_memory(self) -> None:
        self._call("free_memory")

    def close(self) -> None:
        import ray

        if self._actor is not None and ray.is_initialized():
            ray.kill(self._actor)
        self._actor = None

    def _call(self, method: str, *arguments: Any, seconds: float = _CALL) -> Any:
        return self._ask(lambda actor: actor.call.remote(method, *arguments), seconds)

    def _ask(self, send: Any, seconds: float) -> Any:
        """The actor's answer; a new actor is made where the last one is lost.

        Raises:
            HostUnreachable: no node can take the actor.
            HostLost: the actor's node is gone, and with it what the actor knew.
        """
        import ray

        if self._actor is None:
            options = {"resources": {RESOURCE: 1, **beside(self._url)}, "num_cpus": 0, "max_restarts": 0}
            self._actor = ray.remote(_Remote).options(**options).remote(*self._arguments)
        return self._answer(send(self._actor), seconds)

    def _answer(self, ref: Any, seconds: float) -> Any:
        """What a call or a task answers; raises as :meth:`_ask` does."""
        import ray

        of_node = (ray.exceptions.RayError, OSError)
        try:
            answer: _Answer = ray.get(ref, timeout=seconds)
        except ray.exceptions.GetTimeoutError as error:
            self.close()
            raise HostUnreachable(
                f"no node of the cluster answered within {seconds:g} s",
                place=self._url,
                remedy=f"see that a node is up that has the resource '{RESOURCE}'",
            ) from error
        except ray.exceptions.RayError as error:
            if isinstance(error, ray.exceptions.RayTaskError) and not isinstance(error.cause, of_node):
                raise error  # a bug: no node is lost, and none would do better
            self._actor = None
            said = str(error).strip().splitlines()
            raise HostLost(
                f"the host's actor is lost: {said[0] if said else type(error).__name__}",
                place=self._url,
                remedy="see the nodes with `ray status`; the run goes on by itself",
            ) from error
        if answer.error is not None:
            raise answer.error
        return answer.value
