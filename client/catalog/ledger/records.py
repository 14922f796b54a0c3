"""What a ledger's rows are to the rest of a catalogue run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

#: How an attempt was lost: the host ``died`` with it, is ``away`` with it, was asked and has it no more (``gone``: it
#: was taken out of the queue), or the run has left the host (``unused``).
LossCause = Literal["died", "away", "gone", "unused"]


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as the ledger holds it.

    Attributes:
        item_id, sku, variant, title, name: as in :class:`~..planning.items.Item`.
        inputs: texts by workflow input, as records may show them: without the secrets of addresses.
        seed: None for a refused row.
        workflow: key of the workflow that makes it; empty for the run's own.
        model: what tells which weights it needs; items with the same one are best made one after the other.
        axes: angle, locale, channel and so on, where the plan has several pictures of one product.
        change: what the next attempt does otherwise than the first: input -> text, such as another seed.
        tries: attempts that failed since the item was last set to be made.
        losses: attempts that were lost with their host since then; such an item goes alone.
        deaths: those of them with which, alone on it, a host certainly died.
        seeds: pictures of it that failed their checks, which is how many seeds are used up.
        rejections: those of them since it was last set to be made.
        private: inputs with the secrets that :attr:`inputs` leaves out; none once the picture is accepted.
    """

    item_id: str
    sku: str
    variant: str
    title: str
    name: str
    inputs: Mapping[str, str]
    seed: int | None
    workflow: str = ""
    model: str = ""
    axes: Mapping[str, str] | None = None
    change: Mapping[str, str] | None = None
    tries: int = 0
    losses: int = 0
    deaths: int = 0
    seeds: int = 0
    rejections: int = 0
    private: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def texts(self) -> dict[str, str]:
        """What the next attempt is made from, with all secrets: for the job, and never for a record."""
        return {**self.inputs, **self.private, **(self.change or {})}


@dataclass(frozen=True, slots=True)
class Judged:
    """A picture that went through the gate: the seed that it was made with, and what each check said of it."""

    seed: int
    scores: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A job that was started for an item: its id on the host, the host's address, and its boot id where it has one."""

    prompt_id: str
    item_id: str
    host: str
    boot: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who works on a run: ``started`` is in seconds since its machine did, ``beat`` grows while it lives."""

    epoch: int
    owner: str
    machine: str
    pid: int
    started: float
    beat: int


@dataclass(frozen=True, slots=True)
class HostState:
    """A host as a run knows it.

    Attributes:
        wanted: whether the run should use it.
        state: ``up``, ``busy`` (others' jobs wait there), ``away``, ``unfit`` (cannot run a workflow), or ``left``.
        since: when that began, in seconds since the epoch.
        made: pictures accepted from it.
        faults: when it failed and why, the latest last; ten at most.
    """

    url: str
    wanted: bool
    state: str
    since: float
    made: int
    faults: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Counts:
    """Where a run stands.

    Attributes:
        rows: items in all; ``pending`` and ``running`` (an attempt is open) are not done yet.
        extra_runs: attempts that were given up as lost and made again. The host may have run them or not.
        seconds_per_row: mean execution time on the host of the accepted pictures, None before the first.
    """

    rows: int
    done: int
    failed: int
    quarantined: int
    pending: int
    running: int
    extra_runs: int
    seconds_per_row: float | None

    def as_dict(self) -> dict[str, Any]:
        """The object that ``packshot catalog status --json`` prints."""
        return {name: getattr(self, name) for name in self.__slots__}
