"""One job on one host: its events, its verdict, its outputs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..budget import deadline, seconds_left
from ..errors import DeliveryUnknown, HostLost, HostUnreachable, JobCancelled, JobTimeout, OutputDamaged
from . import protocol
from .events import Event, Finished, NodeProgress, OutputReady, Preview, Queued, Started
from .http import HostApi
from .outputs import Output, fetch, select
from .protocol import Frame, Presence, Record

# Seconds between looks at the host's records. While frames arrive they say when to look, and looks without one are only
# a safeguard; without a socket the looks are all there is.
_SAFEGUARD = 5.0
_POLL_FIRST, _POLL_LAST, _POLL_GROWTH = 0.05, 1.0, 1.5
_LAST_LOOK = 0.5  # seconds beyond a timeout that the last look may take
_SECOND_LOOK = 0.5  # before an absent job is called lost
_WORKER_GRACE = 10.0  # a live worker takes the next job within milliseconds, or once it has unloaded the models
# Frames, and bytes of them, kept for a job whose events nobody reads; a hint lost is made good by the next look.
_MAX_FRAMES, _MAX_FRAME_BYTES = 1000, 16 << 20


@dataclass(frozen=True, slots=True)
class Result:
    """What a job gave.

    Attributes:
        job, host: where it ran.
        outputs: the files, in the workflow's order.
        seconds: execution time by the host's own clock, None where it gives none.
        timings: node id -> seconds, as far as the event socket told.
        look: what Packshot's nodes say of the brand and the LoRAs that they applied: kit and file hashes, strengths,
            how much of each fitted. Empty where none were.
        memory: what each phase took, where the workflow has one of Packshot's memory nodes; see ``docs/vram.md``.
        graph: SHA-256 of the graph that the host executed, see :func:`~.protocol.graph_sha256`; empty where it does not
            tell.
        photographs: what each photograph was and what was done with it, see ``docs/photographs.md``; ``input`` is the
            workflow's name for it, or the id of the node that loaded it from the host's own folder.
        warnings: what was done otherwise than one may expect, each ``{"slug", "node", "message"}``.
        waived: stops that would have refused the run, each ``{"stop", "slug", "message"}``.
        drift: how the host differs from the lock of the workflow's release, each ``{"what", "locked", "found"}``.
        checks: what the channel's checks say of each picture, as ``packshot check --json`` has it.
        mattes: what was found of each product that was cut out, ``{"node", "findings"}``.
    """

    job: str
    host: str
    outputs: list[Output]
    seconds: float | None
    timings: Mapping[str, float]
    look: tuple[Mapping[str, Any], ...] = ()
    memory: Sequence[Mapping[str, Any]] = ()
    graph: str = ""
    photographs: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[Mapping[str, Any], ...] = ()
    waived: tuple[Mapping[str, Any], ...] = ()
    drift: tuple[Mapping[str, Any], ...] = ()
    checks: tuple[Mapping[str, Any], ...] = ()
    mattes: tuple[Mapping[str, Any], ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The result as ``packshot run --json`` prints it."""
        return {
            "job": self.job,
            "host": self.host,
            "outputs": [output.as_dict() for output in self.outputs],
            "seconds": self.seconds,
            "timings": dict(self.timings),
            "look": [dict(one) for one in self.look],
            "memory": [dict(phase) for phase in self.memory],
            "graph": self.graph,
            "photographs": [dict(photograph) for photograph in self.photographs],
            "warnings": [dict(warning) for warning in self.warnings],
            "waived": [dict(waiver) for waiver in self.waived],
            "drift": [dict(difference) for difference in self.drift],
            "checks": [dict(report) for report in self.checks],
            "mattes": [dict(matte) for matte in self.mattes],
        }


@dataclass(slots=True)
class _Doubts:
    """What speaks against the job so far, and since when (monotonic seconds)."""

    silent_since: float | None = None
    absent_since: float | None = None
    stalled_since: float | None = None
    stalled_at: int | None = None  # the job's position in the queue while no job runs


@dataclass(slots=True)
class _Clock:
    """When a node began, to tell how long each took."""

    node: str = ""
    since: float = 0.0
    timings: dict[str, float] = field(default_factory=dict)

    def switch(self, node: str) -> None:
        now = time.monotonic()
        if self.node:
            self.timings[self.node] = round(self.timings.get(self.node, 0.0) + now - self.since, 4)
        self.node, self.since = node, now


class Job:
    """A job that was submitted; made by :meth:`Client.submit` or :meth:`Client.attach`.

    Its verdict comes from the host's records alone. One thread at a time may follow it.

    Args:
        submitted: whether ``graph`` is what was submitted, with every value, and not only the workflow of the job.
        changes: whether a host may change nodes of a type before it runs them.
        inspect: looks at what the job gave before anyone gets it; may add to it, or refuse it.
        photographs: records of those that were sent for it.
    """

    def __init__(
        self,
        api: HostApi,
        prompt_id: str,
        graph: protocol.Graph,
        wanted: Mapping[str, str],
        *,
        out: Path,
        stem: str,
        patience: float,
        listening: Callable[[], bool],
        boot: str | None,
        submitted: bool,
        changes: Callable[[str], bool],
        inspect: Callable[[Result], Result] | None = None,
        photographs: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.id = prompt_id
        self._api = api
        self._graph = graph
        self._wanted = wanted
        self._out = out
        self._stem = stem
        self._patience = patience
        self._listening = listening
        self._boot = boot
        self._submitted = submitted
        self._changes = changes
        self._inspect = inspect
        self._photographs = photographs
        self._frames: deque[Frame] = deque()
        self._frame_bytes = 0
        self._news = threading.Condition()
        self._record: Record | None = None
        self._cancelled = False
        self._doubts = _Doubts()
        self._clock = _Clock()

    @property
    def host(self) -> str:
        """The host's address."""
        return self._api.url

    # -- called by the client's reading thread ---------------------------------------------------------------------

    def deliver(self, frame: Frame | None) -> None:
        """Take a frame, or wake whoever waits so that he looks for himself (None: the socket is gone)."""
        with self._news:
            if frame is not None:
                self._frames.append(frame)
                self._frame_bytes += frame.size
            while len(self._frames) > _MAX_FRAMES or self._frame_bytes > _MAX_FRAME_BYTES:
                self._frame_bytes -= self._frames.popleft().size
            self._news.notify_all()

    # -- for the user ----------------------------------------------------------------------------------------------

    def events(self, timeout: float | None = None) -> Iterator[Event]:
        """The job's life until it is over. Events missed while the socket was down are not repeated.

        Raises:
            JobTimeout: not over within ``timeout`` seconds.
            HostLost: the host has no record of the job any more, its worker died, or it stopped answering.
        """
        if self._record is None and not self._frames:
            with contextlib.suppress(HostUnreachable, DeliveryUnknown):  # how long it may be silent is decided below
                with deadline(timeout):
                    queue = self._api.queue()
                where = protocol.find_in_queue(queue, self.id)
                if where.state == "pending" and where.position is not None:
                    yield Queued(where.position)
        yield from self._follow(timeout)

    def result(
        self,
        timeout: float | None = None,
        *,
        out: Path | str | None = None,
        stem: str | None = None,
        durable: bool = False,
    ) -> Result:
        """Wait for the job and bring its outputs to disk.

        Args:
            timeout: seconds for the job and for bringing its files here, None without limit. After it the job still
                runs, or its files are still on the host; ask again, or cancel it.
            out: folder for the files; the client's own by default.
            stem: their file name without extension; the workflow's name and the job's id by default.
            durable: sync the files to disk, so that they survive a power cut.

        Raises:
            JobTimeout: not over in time.
            JobFailed, OutOfMemory, JobCancelled: the host's verdict.
            HostLost: see :meth:`events`.
            OutputMissing, OutputUnwritable: it succeeded, but its outputs cannot be had or written.
            OutputDamaged: the host's record is that of other work, or its files are not what the workflow saves.
            ChecksFailed: a picture fails the checks of the client's channel; its file is kept, where the error says.
        """
        folder = Path(out) if out is not None else self._out
        with deadline(None if timeout is None else timeout + _LAST_LOOK):
            record = self.wait(timeout)
            items = select(record.outputs, self._wanted)
            try:
                outputs = fetch(self._api, items, folder, stem or self._stem, record.cached, durable, self._graph)
            except HostUnreachable as error:
                if timeout is None or seconds_left() > 0:
                    raise
                raise JobTimeout(
                    f"the job is done, and its files did not come within {timeout:g} s",
                    place=f"job {self.id} on {self.host}",
                    remedy="allow more time: they are still on the host",
                ) from error
        result = Result(
            self.id,
            self.host,
            outputs,
            record.seconds,
            dict(self._clock.timings),
            record.look,
            record.memory,
            protocol.graph_sha256(record.graph) if record.graph else "",
            self._with_loaded(record.photographs),
            mattes=record.mattes,
        )
        return self._inspect(result) if self._inspect is not None else result

    def _with_loaded(self, loaded: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
        """The photographs that were sent for the job, and those that its nodes loaded beside them."""
        sent = {photograph["sha256"] for photograph in self._photographs}
        return (*self._photographs, *(photograph for photograph in loaded if photograph.get("sha256") not in sent))

    def wait(self, timeout: float | None = None) -> Record:
        """Wait until the job has succeeded; its record on the host. Raises what :meth:`result` does but for outputs."""
        for _ in self._follow(timeout):
            pass
        assert self._record is not None
        self._prove(self._record)
        if not self._record.succeeded:
            raise protocol.failure(self._record, self._graph)
        return self._record

    def _prove(self, record: Record) -> None:
        """Refuse a record of other work than was submitted."""
        other = record.prompt_id not in ("", self.id)
        if self._submitted and record.graph is not None and not other:
            changed = protocol.differences(self._graph, record.graph)
            other = not all(node in self._graph and node in record.graph and self._may_change(node) for node in changed)
        if other:
            raise OutputDamaged(
                "the host's record is of other work than was submitted",
                place=f"job {self.id} on {self.host}",
                remedy="see what runs on the host, and submit it again",
            )

    def _may_change(self, node: str) -> bool:
        return self._changes(str(self._graph[node].get("class_type")))

    def cancel(self) -> bool:
        """Take the job out of the host's queue or interrupt it; False when it was already over."""
        if not self._api.cancel(self.id):
            return False
        self._cancelled = True
        self.deliver(None)
        return True

    def presence(self) -> Presence:
        """Where the host has the job, by its records: queue first, history second."""
        response = self._api.job(self.id)
        # A host without the route answers 404 with no JSON in it.
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        presence = protocol.read_job(response.status_code, self._api.parse(response) if is_json else None)
        if presence is not None:
            return presence
        presence = protocol.find_in_queue(self._api.queue(), self.id)
        if presence.state == "absent" and self._read_record() is not None:
            return Presence("finished")
        return presence

    # -- how a job is followed -------------------------------------------------------------------------------------

    def _follow(self, timeout: float | None) -> Iterator[Event]:
        deadline_at = None if timeout is None else time.monotonic() + timeout
        interval = _POLL_FIRST
        look_at = time.monotonic() + (_SAFEGUARD if self._listening() and not self._cancelled else 0.0)
        while self._record is None:
            frames = self._wait(look_at if deadline_at is None else min(look_at, deadline_at))
            over = False
            for frame in frames:
                over = over or frame.final
                yield from self._translate(frame)
            now = time.monotonic()
            listening = self._listening()
            # A host says nothing of a waiting job that is cancelled, and the last frame of any job may be lost.
            late = deadline_at is not None and now >= deadline_at
            if over or late or self._cancelled or now >= look_at or not listening:
                left = None if deadline_at is None else max(0.0, deadline_at - now) + _LAST_LOOK
                with deadline(left):
                    seen = list(self._look(over))
                yield from seen
                interval = _SAFEGUARD if listening else min(interval * _POLL_GROWTH, _POLL_LAST)
                urgent = over or self._cancelled or self._doubts != _Doubts()
                look_at = now + (min(interval, _SECOND_LOOK) if urgent else interval)
            if self._record is None and late:
                raise JobTimeout(
                    f"the job did not end within {timeout:g} s; it goes on running",
                    place=f"job {self.id} on {self.host}",
                    remedy="wait longer, or cancel it",
                )

    def _wait(self, until: float) -> list[Frame]:
        """The frames that have come; waits for the first one, for the loss of the socket, or for the time given."""
        with self._news:
            if not self._frames:
                self._news.wait(max(0.0, until - time.monotonic()))
            frames = list(self._frames)
            self._frames.clear()
            self._frame_bytes = 0
        return frames

    def _look(self, over: bool) -> Iterator[Event]:
        """Look at the host's records once; sets the record when there is one, raises when the job is lost."""
        doubts = self._doubts
        now = time.monotonic()
        try:
            self._record = self._read_record() if over else None
            presence = Presence("finished") if self._record is not None else self.presence()
            if presence.state == "finished" and self._record is None:
                self._record = self._read_record()
            queue = self._api.queue() if presence.state == "pending" else {}
        except (HostUnreachable, DeliveryUnknown) as error:
            doubts.silent_since = doubts.silent_since or now
            if time.monotonic() - doubts.silent_since >= self._patience:
                raise self._lost(f"the host has not answered for {self._patience:g} s ({error.message})") from error
            return
        doubts.silent_since = None
        if self._record is not None:
            self._clock.switch("")
            yield Finished(self._record.succeeded)
            return
        where = protocol.find_in_queue(queue, self.id)
        if where.state == "pending" and where.position is not None:
            yield Queued(where.position)
        # Between two jobs a sound host shows the same picture for a moment, but its queue grows shorter.
        stalled_at = where.position if protocol.worker_is_dead(queue) else None
        if stalled_at is None or stalled_at != doubts.stalled_at:
            doubts.stalled_at, doubts.stalled_since = stalled_at, None if stalled_at is None else now
        if doubts.stalled_since is not None and now - doubts.stalled_since >= _WORKER_GRACE:
            raise self._lost("jobs wait on the host and none runs: its worker thread has died")
        # "finished" without a record: the history was cleared between two requests.
        gone = presence.state in ("absent", "finished")
        doubts.absent_since = (doubts.absent_since or now) if gone else None
        if doubts.absent_since is not None and (self._cancelled or now - doubts.absent_since >= _SECOND_LOOK):
            self._explain_absence()

    def _explain_absence(self) -> None:
        if self._cancelled:
            raise JobCancelled("the job was cancelled before it started", place=f"job {self.id}")
        boot = None
        with contextlib.suppress(HostUnreachable, DeliveryUnknown):
            boot = self._api.boot()
        if boot is not None and boot == self._boot:
            raise JobCancelled(
                "someone took the job out of the host's queue, or cleared its history",
                place=f"job {self.id} on {self.host}",
                remedy="submit it again",
            )
        if boot is not None and self._boot is not None:
            raise self._lost("the host was restarted, and the job is gone")
        raise self._lost(
            "the host has no record of the job: it was restarted, its history was cleared, or it never had the job"
        )

    def _read_record(self) -> Record | None:
        record = protocol.read_record(self._api.history(self.id), self.id)
        if record is not None and not record.memory and protocol.notes_memory(self._graph):
            return replace(record, memory=protocol.read_entries(self._api.phases(self.id)))
        return record

    def _lost(self, message: str) -> HostLost:
        return HostLost(
            message,
            place=f"job {self.id} on {self.host}",
            remedy="see `packshot host status`; restart the host and submit again",
        )

    def _translate(self, frame: Frame) -> Iterator[Event]:
        data = frame.data
        if frame.kind == "execution_start":
            yield Started()
        elif frame.kind == "executing":
            self._clock.switch(str(data.get("node") or ""))
        elif frame.kind == "progress_state":
            for node, state in (data.get("nodes") or {}).items():
                if state.get("state") == "running":
                    yield NodeProgress(str(node), self._title(node), float(state["value"]), float(state["max"]))
        elif frame.kind == "preview":
            node = str(data.get("display_node_id") or data.get("node_id") or "")
            yield Preview(node, frame.image, str(data.get("image_type", "image/jpeg")))
        elif frame.kind == "executed":
            items = [item for kind in (data.get("output") or {}).values() if isinstance(kind, list) for item in kind]
            names = tuple(str(item["filename"]) for item in items if isinstance(item, Mapping) and "filename" in item)
            yield OutputReady(str(data.get("node")), names)

    def _title(self, node: object) -> str:
        entry = self._graph.get(str(node), {})
        return str(entry.get("_meta", {}).get("title") or entry.get("class_type") or node)
