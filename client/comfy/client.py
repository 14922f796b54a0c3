"""Drives one ComfyUI host over its wire: convert, fill in, upload, send, follow. It holds a run to no policy."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import requests
import websocket

from ..compose.photograph import PhotographRecord, read_bytes, read_photograph
from ..errors import DeliveryUnknown, HostUnreachable, InputInvalid, PackshotError, WorkflowInvalid
from ..workflow import PreparedWorkflow, Workflow
from ..workflow.versions import resolve
from . import answers, protocol
from .http import HostApi
from .job import Job, Result
from .outputs import safe_suffix
from .protocol import Frame
from .socket import EventSocket
from .uploads import put_file

_log = logging.getLogger(__name__)
_C = TypeVar("_C", bound="HostClient")

_SENDS = 3  # times that a submission is sent when each time the host turns out not to have received it
_LOOKS, _LOOK_PAUSE = 3, 0.25  # looks in a row, and seconds between them, that must all miss a lost submission
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}  # of photographs that go as they are
_SOCKET_PAUSE = 5.0  # seconds before another try to open a socket that a proxy refuses


@dataclass(frozen=True, slots=True)
class Draft:
    """A job that has its id and its graph but was not sent yet, so that the id can be written down first.

    Attributes:
        photographs: what was done with each photograph, by the input that takes it.
    """

    id: str
    graph: Mapping[str, Any]
    canvas: Mapping[str, Any]
    prepared: PreparedWorkflow
    photographs: Mapping[str, PhotographRecord]


class HostClient:
    """Drives one ComfyUI host; :class:`~packshot.Client` is the one for users, which holds runs to the policy.

    Args:
        url: the host's address, with credentials if it needs some (``https://user:secret@gpu.example``).
        headers: sent with every request and with the event socket, for instance ``{"Authorization": "Bearer …"}``.
        timeout: seconds to wait for a connection, and for each part of an answer.
        patience: seconds that a host may be silent before a job on it is given up as lost.
        out: folder that results are written to.
        previews: ask the host for pictures of unfinished work (:class:`~.events.Preview`); costs it a little time.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8188",
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        patience: float = 10.0,
        out: Path | str = "out",
        previews: bool = False,
    ) -> None:
        self.api = HostApi(url, headers, timeout)
        self.object_info = HostObjectInfo(self.api)
        self._timeout = timeout
        self._patience = patience
        self._out = Path(out)
        self._previews = previews
        self._socket: EventSocket | None = None
        self._socket_lock = threading.Lock()
        self._socket_retry_at = 0.0
        self._boot: str | None = None
        self._jobs: weakref.WeakValueDictionary[str, Job] = weakref.WeakValueDictionary()
        self._prepared: dict[str, PreparedWorkflow] = {}
        self._loaded: dict[str, tuple[tuple[int, int], Workflow]] = {}
        self._uploads: dict[str, str] = {}
        self._photographs: dict[str, tuple[str, PhotographRecord]] = {}

    @property
    def url(self) -> str:
        """The host's address, without credentials."""
        return self.api.url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __enter__(self: _C) -> _C:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Jobs go on running on the host."""
        with self._socket_lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
        self.api.close()

    # -- submitting --------------------------------------------------------------------------------------------------

    def draft(self, workflow: str | Path | Workflow, inputs: Mapping[str, Any]) -> Draft:
        """Check inputs, upload files, fill the graph in and choose the job's id; :meth:`send` does the rest.

        Args:
            workflow: a name of the library, with or without ``@version``; the path of a file saved from the canvas; or
                a loaded :class:`Workflow`.
            inputs: values by the names of the workflow's contract; the artist's own values stand for the rest. For an
                input that takes a file give a ``Path`` or ``bytes`` to upload it, or a ``str`` that names one on the
                host.

        Raises:
            WorkflowInvalid, NodeMissing, ModelMissing: the host cannot run this workflow.
            InputUnknown, InputInvalid: a value that the workflow does not take.
            PhotographInvalid: a photograph cannot be used; nothing was sent.
            OutputDamaged: the host has not what it was sent.
            HostUnreachable: the host does not answer.
        """
        prepared, values = self.check(workflow, inputs)
        files = {
            name: value
            for name, value in values.items()
            if prepared.contract.inputs[name].uploads and isinstance(value, os.PathLike | bytes)
        }
        photographs = {}
        for name, value in files.items():
            if prepared.contract.inputs[name].media == "image":
                values[name], photographs[name] = self.upload_photograph(value)
            else:
                values[name] = self.upload(value)
        graph, canvas = prepared.fill(values)
        return Draft(str(uuid.uuid4()), graph, canvas, prepared, photographs)

    def check(
        self, workflow: str | Path | Workflow, inputs: Mapping[str, Any]
    ) -> tuple[PreparedWorkflow, dict[str, Any]]:
        """Convert a workflow for this host and check values for its inputs.

        Raises:
            As :meth:`draft`.
        """
        self._open_socket()  # notices a restarted host, before what is known of its nodes and files is trusted
        prepared = self.prepare(workflow)
        try:
            return prepared, prepared.contract.check(inputs)
        except InputInvalid:
            self.forget()  # choices are often lists of files, and files are added
            prepared = self.prepare(workflow)
            return prepared, prepared.contract.check(inputs)

    def send(self, draft: Draft, inspect: Callable[[Result], Result] | None = None) -> Job:
        """Submit a draft. The same draft sent twice runs once, as far as the host's records can tell.

        An answer that got lost is no reason to send again: the host runs a repeated id twice. The job is looked up
        first, in the queue and then in the history, and sent again only when the host says that it has it in neither.

        Args:
            inspect: looks at the job's result before anyone gets it, see :class:`Job`.

        Raises:
            WorkflowInvalid, NodeMissing, ModelMissing, InputInvalid: the host refuses it.
            HostUnreachable: it was certainly not submitted.
            DeliveryUnknown: the host fell silent before anyone could tell. Look for ``draft.id`` with :meth:`attach`
                when it answers again.
        """
        socket = self._open_socket()
        job = self._job(draft.id, draft.graph, draft.prepared, socket, self._boot, inspect, draft.photographs, True)
        body = protocol.submission(
            draft.graph, draft.id, socket.client_id if socket else uuid.uuid4().hex, draft.canvas, self._previews
        )
        for left in reversed(range(_SENDS)):
            try:
                response = self.api.submit(body)
            except DeliveryUnknown as error:
                if self._arrived(job):
                    return job
                if not left:
                    raise HostUnreachable(
                        f"the connection broke {_SENDS} times while the job was sent, and the host does not have it",
                        place=self.url,
                        remedy="see whether the host still runs; `packshot host status` tells",
                    ) from error
                continue
            self._accept(response, draft)
            return job
        raise AssertionError("unreachable")

    def attach(self, job_id: str, workflow: str | Path | Workflow | None = None) -> Job:
        """A job that was submitted earlier, here or by another process, by its id.

        Args:
            job_id: the id; whether the host knows it shows when the job is asked for.
            workflow: what it was made from, to have its outputs under their names.
        """
        prepared = self.prepare(workflow) if workflow is not None else None
        return self._job(job_id, prepared.api.nodes if prepared else {}, prepared, None, None, None, {}, False)

    def prepare(self, workflow: str | Path | Workflow) -> PreparedWorkflow:
        """The workflow converted for this host, with its contract; converted once."""
        loaded = workflow if isinstance(workflow, Workflow) else self._load(workflow)
        prepared = self._prepared.get(loaded.sha256)
        if prepared is None:
            try:
                prepared = self._prepared[loaded.sha256] = loaded.prepare(self.object_info)
            except PackshotError:
                self.forget()  # what is missing may be there the next time
                raise
        return prepared

    def upload(self, content: os.PathLike[str] | bytes) -> str:
        """Put a file into the host's input folder; returns its name there. The same content is sent only once.

        Raises:
            InputInvalid: it is no regular file, or cannot be read.
            OutputDamaged: the host has something else under its name, even after it was sent.
        """
        if not isinstance(content, bytes) and Path(content).exists() and not Path(content).is_file():
            raise InputInvalid("this is no regular file", place=str(content), remedy="name a file")
        suffix = "" if isinstance(content, bytes) else safe_suffix(os.fspath(content))
        try:
            data = content if isinstance(content, bytes) else Path(content).read_bytes()
        except OSError as error:
            raise InputInvalid(f"cannot be read: {error.strerror}", place=str(content)) from error
        return self._put(data, suffix)

    def upload_photograph(self, content: os.PathLike[str] | bytes) -> tuple[str, PhotographRecord]:
        """Put a photograph into the host's input folder as every node there shows it: whole, upright, in sRGB.

        A file that is so already goes as it is; any other one as a PNG that holds its record.

        Returns:
            its name there, and what was done with it.

        Raises:
            PhotographInvalid: it cannot be used; nothing was sent.
        """
        data = content if isinstance(content, bytes) else read_bytes(Path(content))
        digest = hashlib.sha256(data).hexdigest()
        name = "" if isinstance(content, bytes) else Path(content).name
        sent = self._photographs.get(digest)
        if sent is None:
            photograph = read_photograph(data, name, place=name if isinstance(content, bytes) else str(content))
            body = data if photograph.plain else photograph.as_png()
            suffix = _SUFFIXES[photograph.record.format] if photograph.plain else ".png"
            sent = self._photographs[digest] = self._put(body, suffix), photograph.origin
        place, record = sent
        # The same photograph under another name; a record that came with the file keeps its owner's name.
        return place, replace(record, file=name) if record.sha256 == digest else record

    def _put(self, data: bytes, suffix: str) -> str:
        """Send a file once in the life of the host; its name there is its content's hash."""
        digest = hashlib.sha256(data).hexdigest()
        place = self._uploads.get(digest)
        if place is None:
            name = f"{digest[:32]}{suffix}"
            place = self._uploads[digest] = put_file(self.api, io.BytesIO(data), digest, name, "packshot")
        return place

    def forget(self) -> None:
        """Ask the host anew for all that it was asked for before: its nodes, and the files that it has."""
        self._prepared.clear()
        self._uploads.clear()
        self._photographs.clear()
        self.object_info.forget()

    # -- helpers -----------------------------------------------------------------------------------------------------

    def _load(self, reference: str | Path) -> Workflow:
        """A workflow file, read again only when it has changed."""
        path = resolve(reference)
        try:
            stat = path.stat()
        except OSError:
            return Workflow.load(path)  # says what is wrong with it
        key, stamp = str(path), (stat.st_mtime_ns, stat.st_size)
        if self._loaded.get(key, (None,))[0] != stamp:
            self._loaded[key] = (stamp, Workflow.load(path))
        return self._loaded[key][1]

    def _job(
        self,
        job_id: str,
        graph: protocol.Graph,
        prepared: PreparedWorkflow | None,
        socket: EventSocket | None,
        boot: str | None,
        inspect: Callable[[Result], Result] | None,
        photographs: Mapping[str, PhotographRecord],
        submitted: bool,
    ) -> Job:
        job = Job(
            self.api,
            job_id,
            graph,
            prepared.contract.outputs if prepared else {},
            out=self._out,
            stem=f"{prepared.workflow.name if prepared else 'job'}-{job_id[:8]}",
            patience=self._patience,
            listening=lambda: socket is not None and socket.alive,
            boot=boot,
            submitted=submitted,
            changes=self._host_changes,
            inspect=inspect,
            photographs=[{"input": name, **record.as_dict()} for name, record in photographs.items()],
        )
        self._jobs[job_id] = job
        return job

    def _host_changes(self, node: str) -> bool:
        """Whether a host may put another node in a node's place, or its pack may change the values that it is sent."""
        pack = str((self.object_info.get(node) or {}).get("python_module", ""))
        foreign = pack.startswith("custom_nodes.") and not node.startswith("Packshot")
        with contextlib.suppress(HostUnreachable):  # a host that is too old to replace any
            return foreign or node in self.api.node_replacements()
        return False

    def _accept(self, response: requests.Response, draft: Draft) -> None:
        """Raise the error in an answer to a submission, if there is one."""
        if response.status_code not in (200, 400):
            raise WorkflowInvalid(
                f"the host answers HTTP {response.status_code} to the workflow: {response.text[:200]}",
                place=draft.prepared.workflow.place,
                remedy="the host's log says more",
            )
        answer = self.api.parse(response, answers.REFUSAL)
        if response.status_code == 400 or answer.get("node_errors"):
            if response.ok:  # Some outputs are refused and the rest would run: a picture that nobody asked for.
                self.api.cancel(draft.id)
            self.forget()  # it passed all checks here: what they know of the host is out of date
            raise protocol.refusal(answer, draft.graph)

    def _arrived(self, job: Job) -> bool:
        """Whether a submission whose answer was lost is on the host all the same.

        Raises:
            DeliveryUnknown: the host does not say. It may still act on what it was sent, once it answers again.
        """
        give_up_at = time.monotonic() + self._patience
        absences = 0
        while absences < _LOOKS:
            try:
                if job.presence().state != "absent":
                    return True
                absences += 1
            except (HostUnreachable, DeliveryUnknown) as error:
                absences = 0
                if time.monotonic() >= give_up_at:
                    raise DeliveryUnknown(
                        f"the host fell silent while the job was sent, and may have it or not ({error.message})",
                        place=f"job {job.id} on {self.url}",
                        remedy="when the host answers again, look for the job by its id before it is sent once more",
                    ) from error
            time.sleep(_LOOK_PAUSE)
        return False

    def _open_socket(self) -> EventSocket | None:
        """The live event socket, opened if there is none; None where the host gives none, and polling has to do."""
        with self._socket_lock:
            if self._socket is not None and self._socket.alive:
                return self._socket
            if time.monotonic() < self._socket_retry_at:
                return None
            before, self._boot = self._boot, self.api.boot()
            broken, self._socket = self._socket, None
            if broken is not None:
                broken.close()
            if self._boot != before or (broken is not None and self._boot is None):
                self.forget()  # as far as one can tell it is another process, with other nodes and other files
            try:
                self._socket = EventSocket(self.api.address, self._timeout, self._deliver, self._wake)
            except (OSError, websocket.WebSocketException) as error:
                _log.warning("the host gives no event socket (%s); its jobs are polled", error)
                self._socket_retry_at = time.monotonic() + _SOCKET_PAUSE
            return self._socket

    def _deliver(self, frame: Frame) -> None:
        job = self._jobs.get(frame.prompt_id)
        if job is not None:
            job.deliver(frame)

    def _wake(self) -> None:
        for job in list(self._jobs.values()):
            job.deliver(None)


class HostObjectInfo(Mapping[str, Any]):
    """A host's node definitions, each asked for when it is first needed: all 800 of them are megabytes."""

    def __init__(self, api: HostApi) -> None:
        self._api = api
        self._known: dict[str, Any] = {}

    def forget(self) -> None:
        """Ask again from now on."""
        self._known.clear()

    def __getitem__(self, node: str) -> Any:
        try:
            definition = self._known[node]
        except KeyError:
            definition = self._known[node] = self._api.object_info(node)
        if definition is None:
            raise KeyError(node)
        return definition

    def __iter__(self) -> Iterator[str]:
        return iter(self._api.json("GET", "/object_info", {}))

    def __len__(self) -> int:
        return len(self._api.json("GET", "/object_info"))
