"""What a failure means for the row and for the host that it happened on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ...errors import (
    AddressRefused,
    BrandInvalid,
    CatalogInvalid,
    ChecksFailed,
    HostFailed,
    HostLost,
    HostUnreachable,
    InputInvalid,
    InputUnknown,
    JobCancelled,
    JobFailed,
    JobTimeout,
    KeyRefused,
    LicenceRefused,
    LoraMismatch,
    ModelCorrupt,
    ModelMissing,
    NodeMissing,
    NoProduct,
    OutOfMemory,
    OutputDamaged,
    OutputMissing,
    OutputUnwritable,
    PackshotError,
    PhotographInvalid,
    RunTakenOver,
    WorkflowInvalid,
)
from ..ledger.records import StoredItem
from .gate import RETRIES

Meaning = Literal["row", "again", "elsewhere", "seed", "smaller", "unfit", "lost", "stop"]

MEANINGS: Mapping[type[PackshotError], Meaning] = {
    InputInvalid: "row",
    InputUnknown: "row",
    AddressRefused: "row",
    PhotographInvalid: "row",
    NoProduct: "row",
    LicenceRefused: "row",
    JobTimeout: "again",
    OutputMissing: "again",
    JobCancelled: "again",  # by someone else: what this run gives up it does not wait for
    JobFailed: "elsewhere",
    OutputDamaged: "elsewhere",
    LoraMismatch: "elsewhere",
    ChecksFailed: "seed",
    OutOfMemory: "smaller",
    NodeMissing: "unfit",
    ModelMissing: "unfit",
    ModelCorrupt: "unfit",
    WorkflowInvalid: "unfit",
    HostLost: "lost",
    HostUnreachable: "lost",
    HostFailed: "stop",
    OutputUnwritable: "stop",
    RunTakenOver: "stop",
    CatalogInvalid: "stop",
    BrandInvalid: "stop",
    KeyRefused: "stop",
}
_KINDS = {kind.slug: kind for kind in MEANINGS}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often a row is tried.

    Attributes:
        seconds: that one picture may take once its job runs.
        attempts: at one row, where failures may pass by themselves.
        deaths: of hosts on which a row was alone: then it is the row that kills them.
        smaller: changes of inputs to try one after the other when the host runs out of memory. Before the first, the
            same inputs are tried once with the host's memory freed.
        hours: of the hosts' own time that the whole run may take; None without limit. What is left stays to be made.
        seeds: tried after a row's own where a check in its workflow refuses the picture.
    """

    seconds: float = 1800.0  # a video on a small card takes minutes, nothing sound takes half an hour
    attempts: int = 3
    deaths: int = 4
    smaller: tuple[Mapping[str, str], ...] = ()
    hours: float | None = None
    seeds: int = RETRIES


def meaning(error: PackshotError) -> Meaning:
    """Sort a failure.

    Returns:
        ``row``: it will come again, the row fails. ``again``: another try may help. ``elsewhere``: it may be the host's
        fault; another one tells. ``seed``: another seed may help. ``smaller``: another try that needs less memory may
        help. ``unfit``: this host cannot run the workflow with these weights, another one may. ``lost``: the host is
        gone, the row can be made elsewhere. ``stop``: nothing can go on, such as a full disk of this machine.
    """
    means: Meaning = next((MEANINGS[kind] for kind in type(error).__mro__ if kind in MEANINGS), "stop")
    return _elsewhere(means) if error.reported else means


def _elsewhere(means: Meaning) -> Meaning:
    """What a node says of its own machine, such as that its disk is full, stops nothing here."""
    return "elsewhere" if means in ("lost", "stop") else means


def past(slugs: Sequence[str]) -> list[Meaning]:
    """What the failures of attempts meant, whose slugs the ledger keeps: they were all told by a host."""
    return [_elsewhere(MEANINGS[_KINDS[slug]]) for slug in slugs if slug in _KINDS]


def next_change(
    item: StoredItem, means: Meaning, before: Sequence[Meaning], limits: Limits
) -> Mapping[str, str] | None:
    """What the next attempt at a row does otherwise after a failure; None when there is to be none.

    Each kind of failure is counted by itself: a timeout takes nothing from what may be tried when memory runs out.

    Args:
        means: the failure's meaning.
        before: those of the row's failures before it, since it was last set to be made.
    """
    change = dict(item.change or {})
    times = before.count(means)
    if means == "again":
        return change if times + 1 < limits.attempts else None
    if means == "elsewhere":
        return None if times or "unfit" in before else change
    if means == "smaller":
        if times == 0:
            return change  # once more, with the host's memory freed
        if times <= len(limits.smaller):
            return {**change, **limits.smaller[times - 1]}
    return None


def blames_host(means: Meaning, change: Mapping[str, str] | None) -> bool:
    """Whether a failure speaks against its host as much as against its row, where other rows there fail too.

    Args:
        change: what :func:`next_change` gave. A row that has failed elsewhere too says nothing of this host; that time
            or memory did not suffice says something only after all else was tried.
    """
    return (means == "elsewhere") if change is not None else means in ("again", "smaller")
