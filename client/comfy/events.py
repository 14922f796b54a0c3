"""What ``job.events()`` yields: a job's life as the host tells it, in order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Queued:
    """The job waits; ``position`` counts the jobs that run before it."""

    position: int


@dataclass(frozen=True, slots=True)
class Started:
    """The host has begun to execute the job."""


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """A node works: ``value`` of ``maximum`` steps are done. ``title`` is the node's name on the canvas."""

    node: str
    title: str
    value: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Preview:
    """An unfinished picture: encoded bytes and their media type (``image/jpeg`` or ``image/png``)."""

    node: str
    image: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class OutputReady:
    """An output node has written its files; ``filenames`` are the host's own names for them."""

    node: str
    filenames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The host's record says that the job is over. ``job.result()`` gives its outputs or raises its error."""

    succeeded: bool


Event = Queued | Started | NodeProgress | Preview | OutputReady | Finished
