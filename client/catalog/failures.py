"""What a failure means for the row and for the host that it happened on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..errors import (
    HostLost,
    HostUnreachable,
    InputInvalid,
    InputUnknown,
    JobCancelled,
    JobFailed,
    JobTimeout,
    LicenceRefused,
    ModelMissing,
    NodeMissing,
    OutOfMemory,
    OutputMissing,
    PackshotError,
    WorkflowInvalid,
)
from .records import StoredItem

Meaning = Literal["row", "again", "smaller", "lost", "unfit", "stop"]

_MEANINGS: tuple[tuple[tuple[type[PackshotError], ...], Meaning], ...] = (
    ((OutOfMemory,), "smaller"),
    ((JobTimeout, OutputMissing), "again"),
    # A node's error comes again with the same inputs, and whoever cancelled a job meant it.
    ((InputInvalid, InputUnknown, JobFailed, JobCancelled, LicenceRefused), "row"),
    ((HostLost, HostUnreachable), "lost"),
    ((NodeMissing, ModelMissing, WorkflowInvalid), "unfit"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often a row is tried.

    Attributes:
        seconds: that one picture may take once it is at the front of its host's queue.
        attempts: at one row; failures that repeat for sure count as the last.
        losses: hosts that a row may be lost with: beyond, it is most likely the row that kills them.
        smaller: changes of inputs to try one after the other when the host runs out of memory. Before the first, the
            same inputs are tried once with the host's memory freed.
        hours: of the hosts' own time that the whole run may take; None without limit. What is left stays to be made.
    """

    seconds: float = 1800.0  # a video on a small card takes minutes, nothing sound takes half an hour
    attempts: int = 3
    losses: int = 8
    smaller: tuple[Mapping[str, str], ...] = ()
    hours: float | None = None


def meaning(error: PackshotError) -> Meaning:
    """Sort a failure.

    Returns:
        ``row``: it will come again, the row fails. ``again``: another try may help. ``smaller``: another try that needs
        less memory may help. ``lost``: the host is gone, the row can be made elsewhere. ``unfit``: this host cannot run
        the workflow, another one may. ``stop``: nothing can go on, such as a full disk.
    """
    return next((means for kinds, means in _MEANINGS if isinstance(error, kinds)), "stop")


def next_change(item: StoredItem, error: PackshotError, limits: Limits) -> Mapping[str, str] | None:
    """What the next attempt at a row does otherwise after this failure; None when there is to be none."""
    if item.tries + 1 >= limits.attempts:
        return None
    change = dict(item.change or {})
    means = meaning(error)
    if means == "again":
        return change
    if means != "smaller":
        return None
    if item.tries == 0:
        return change  # once more, with the host's memory freed
    if item.tries - 1 < len(limits.smaller):
        return {**change, **limits.smaller[item.tries - 1]}
    return None
