"""What is left of a run, and what became of the rest: shared by the coordinator and the threads of its hosts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from ...errors import HostLost, PackshotError
from ..ledger.ledger import Ledger
from ..ledger.records import Attempt, LossCause, StoredItem
from ..table.photos import PhotoPlaces
from .backlog import Backlog
from .failures import Limits
from .telemetry import Telemetry

TICK = 0.25  # seconds between two looks of the coordinator, or of a host with nothing to do
_SHARE = 100  # items that a host takes at once, to encode their prompts ahead


class Work(Protocol):
    """What the work on one host needs of a run: items, where their steps are written down, and whether to go on."""

    @property
    def ledger(self) -> Ledger:
        """Where every step is written down first."""

    @property
    def backlog(self) -> Backlog:
        """What waits to be made."""

    @property
    def folder(self) -> Path:
        """Of the run."""

    @property
    def limits(self) -> Limits:
        """How often and how long a row is tried."""

    @property
    def locks(self) -> Mapping[str, str | None]:
        """SHA-256 of the workflows' locks, by workflow key."""

    @property
    def phases(self) -> bool:
        """Whether prompts are encoded ahead."""

    @property
    def places(self) -> PhotoPlaces:
        """Where the files are that rows name."""

    @property
    def draining(self) -> str:
        """Why nothing more is begun; empty while something is."""

    @property
    def stopped(self) -> bool:
        """Whether everything is to be let go now."""

    @property
    def over(self) -> bool:
        """Whether nothing is left to begin."""

    @property
    def wanting(self) -> bool:
        """Whether a host waits for something to do that others have taken as their shares."""

    def now(self) -> float:
        """The time in seconds, by a clock that is never set."""

    def pause(self, seconds: float, over: Callable[[], bool]) -> None:
        """Wait so long, or until ``over`` says that there is nothing to wait for."""

    def wait(self) -> None:
        """Wait a moment for something to do."""

    def notify(self) -> None:
        """Wake whoever waits."""

    def fail(self, error: BaseException) -> None:
        """End the run with an error."""

    def take(self, url: str, *, risky: bool = False) -> StoredItem | None:
        """The next item for a host, if it is to begin one."""

    def take_share(self, url: str) -> list[StoredItem]:
        """More items for a host that encodes the prompts of several ahead."""

    def lose(self, attempt: Attempt, reason: str, cause: LossCause, *, alone: bool = False) -> None:
        """An attempt is lost."""

    def settle(
        self,
        item: StoredItem,
        error: PackshotError,
        prompt_id: str | None = None,
        host: str = "",
        seconds: float | None = None,
    ) -> None:
        """An item cannot be made."""

    def made(self, item: StoredItem, host: str, seconds: float | None) -> None:
        """An item's picture was accepted."""

    def kept_out(self, item: StoredItem, host: str, seconds: float | None, reason: PackshotError) -> None:
        """An item's picture was put into quarantine."""

    def spent(self, item: StoredItem, host: str, outcome: str, seconds: float | None) -> None:
        """An attempt ended, and took so long."""

    def facts_of(self, workflow: str) -> Mapping[str, Any]:
        """What the files beside the pictures say of the run."""


class CatalogWork:
    """The items of a run that are still to be made, and every step of each, written into the ledger first.

    Args:
        ledger: what to make, and where every step is written down first.
        folder: pictures go to ``folder/pictures``, each with a JSON file beside it that says how it was made.
        facts: what all those files say of the run, by workflow key.
        limits: how often and how long a row is tried.
        locks: SHA-256 of the workflows' locks, by workflow key; for the audit.
        phases: whether prompts are encoded ahead, for a host's next hundred items at once.
        settled: called with an item's id and None, or the error that it failed with; from any thread.
        places: where the files are that rows name.

    Attributes:
        backlog: what waits to be made.
        stopping: set when everything is to be let go now.
        draining: why nothing more is begun; empty while something is.
        failure: the error that ends the run.
        seconds: how long hosts have worked, in this run and those before it into the same folder.
        outstanding: items that are neither made nor given up.
    """

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        *,
        facts: Mapping[str, Mapping[str, Any]],
        limits: Limits,
        locks: Mapping[str, str | None],
        phases: bool,
        settled: Callable[[str, PackshotError | None], None],
        places: PhotoPlaces,
    ) -> None:
        self.ledger = ledger
        self.folder = folder
        self.limits = limits
        self.locks = locks
        self.phases = phases
        self.places = places
        self.backlog = Backlog(ledger.backlog(), ledger.suspects())
        self.stopping = threading.Event()
        self.draining = ""
        self.failure: BaseException | None = None
        self.outstanding = len(self.backlog) + len(ledger.open_attempts())
        self.seconds = _spent(ledger)
        self._facts = facts
        self._settled = settled
        self._lock = threading.Lock()
        self._waiting = 0  # hosts with nothing to do
        self._telemetry = Telemetry()

    def close(self) -> None:
        """Send what traces and metrics are left."""
        self._telemetry.close()

    def drain(self, why: str) -> None:
        """Begin nothing more."""
        self.draining = why
        self.notify()

    @property
    def stopped(self) -> bool:
        """Whether everything is to be let go now."""
        return self.stopping.is_set()

    @property
    def over(self) -> bool:
        """Whether nothing is left to begin."""
        return bool(self.draining) or self.outstanding <= 0

    def now(self) -> float:
        """The time in seconds, by a clock that is never set."""
        return time.monotonic()

    def take(self, url: str, *, risky: bool = False) -> StoredItem | None:
        """The next item for a host, if it is to begin one; what has killed too many hosts is settled here.

        Args:
            risky: whether items with which hosts were lost go before all others, and not after them.
        """
        while not self.draining and (item_id := self.backlog.take(url, risky=risky)) is not None:
            item = self.ledger.item(item_id)
            if not self._kills(item):
                return item
        return None

    def take_share(self, url: str) -> list[StoredItem]:
        """More items for a host that encodes the prompts of several ahead.

        Fewer the less is left, so that all hosts are done at about the same time; at most a hundred, so that what they
        encode ahead does not push itself out of what the host keeps.
        """
        left, hosts = len(self.backlog), max(1, len(self.backlog.live))
        items: list[StoredItem] = []
        while len(items) < min(_SHARE - 1, left // (2 * hosts - 1)) and (item := self.take(url)) is not None:
            items.append(item)
        return items

    @property
    def wanting(self) -> bool:
        """Whether a host waits for something to do, and nothing is left but what others have taken as their shares."""
        return self._waiting > 0 and not len(self.backlog)

    def pause(self, seconds: float, over: Callable[[], bool]) -> None:
        """Wait so long, or until ``over`` says that there is nothing to wait for."""
        with self.backlog.changed:
            self.backlog.changed.wait_for(over, seconds)

    def wait(self) -> None:
        """Wait a moment for something to do."""
        with self.backlog.changed:
            if not self.over:
                self._waiting += 1
                self.backlog.changed.wait(TICK)
                self._waiting -= 1

    def notify(self) -> None:
        """Wake whoever waits for something to do, or for a host to end."""
        with self.backlog.changed:
            self.backlog.changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """End the run with an error."""
        with self.backlog.changed:
            if not self.stopped:
                self.failure = self.failure or error
            self.backlog.changed.notify_all()

    def lose(self, attempt: Attempt, reason: str, cause: LossCause, *, alone: bool = False) -> None:
        """An attempt is lost: its item is made again, if it has not killed too many hosts.

        Args:
            alone: whether no other job was open on the host.
        """
        self.ledger.lost(attempt.prompt_id, reason, cause, alone=alone)
        self._telemetry.attempt(attempt.item_id, attempt.host, "lost", None)
        item = self.ledger.item(attempt.item_id)
        if not self._kills(item):
            self.backlog.put_back(item.item_id, item.workflow, item.model, avoid=attempt.host, suspect=item.losses > 0)

    def _kills(self, item: StoredItem) -> bool:
        """Settle an item that hosts died with, one after the other, while each had nothing else to do."""
        if item.deaths < self.limits.deaths:
            return False
        error = HostLost(
            f"{item.deaths} hosts in a row died while they had this row alone: it kills them",
            place=f"item {item.item_id}",
            remedy="see the hosts' logs; most often it needs more memory than there is."
            " `packshot catalog retry` tries it again",
        )
        self.settle(item, error)
        return True

    def settle(
        self,
        item: StoredItem,
        error: PackshotError,
        prompt_id: str | None = None,
        host: str = "",
        seconds: float | None = None,
    ) -> None:
        """An item cannot be made."""
        self.ledger.fail(item.item_id, error, prompt_id, seconds)
        self.spent(item, host, "failed", seconds)
        self._one_less(item, error)

    def made(self, item: StoredItem, host: str, seconds: float | None) -> None:
        """An item's picture was accepted."""
        self.spent(item, host, "accepted", seconds)
        self._one_less(item, None)

    def kept_out(self, item: StoredItem, host: str, seconds: float | None, reason: PackshotError) -> None:
        """An item's picture failed its checks, and was put into quarantine."""
        self.spent(item, host, "quarantined", seconds)
        self._one_less(item, reason)

    def spent(self, item: StoredItem, host: str, outcome: str, seconds: float | None) -> None:
        """An attempt ended, and took so long; for the budget, and for whoever collects traces or metrics."""
        with self._lock:
            self.seconds += seconds or 0.0
        self._telemetry.attempt(item.item_id, host, outcome, seconds)

    def facts_of(self, workflow: str) -> Mapping[str, Any]:
        """What the files beside the pictures say of the run."""
        return self._facts[workflow]

    def _one_less(self, item: StoredItem, error: PackshotError | None) -> None:
        with self._lock:
            self.outstanding -= 1
        if self.outstanding <= 0:
            self.notify()
        self._settled(item.item_id, error)


def _spent(ledger: Ledger) -> float:
    """Seconds that hosts have worked for earlier runs into the same folder."""
    row = ledger.one("SELECT total(seconds) FROM attempts")
    assert row is not None
    return float(row[0])
