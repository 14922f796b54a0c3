"""Makes what a ledger still lacks, on any number of hosts; a kill at any moment costs at most what is in flight.

A thread for each host takes items from one backlog. The ledger is the only truth: threads, engines and hosts may all
be lost, and what they were doing is found there.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import HostLost, HostUnreachable, PackshotError
from ..ledger.ledger import Ledger
from ..ledger.records import Attempt, StoredItem
from .backlog import Backlog
from .failures import Limits
from .host_runner import PICTURES, HostRunner
from .station import HostSpec
from .telemetry import Telemetry

STAGE = ".stage"  # files that are on their way to be accepted
_TICK = 0.25  # seconds between two looks of the coordinator
_SHARE = 100  # items that a host takes at once, to encode their prompts ahead
_HOSTS = 1.0  # seconds between two looks for hosts that join or leave


class Scheduler:
    """Works through the pending items of a ledger.

    Args:
        ledger: what to make, and where every step is written down first.
        folder: pictures go to ``folder/pictures``, each with a JSON file beside it that says how it was made.
        hosts: where to begin with; others join and leave through the ledger.
        join: how a host that joins is reached, by its address.
        facts: what all those files say of the run, by workflow key.
        limits: how often and how long a row is tried.
        locks: SHA-256 of the workflows' locks, by workflow key; for the audit.
        phases: whether prompts are encoded ahead, for a host's next hundred items at once.
        settled: called with an item's id and None, or the error that it failed with; from any thread.
        beside: the product table's folder, in which paths of its rows are looked for; None where it has none.
    """

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        hosts: Sequence[HostSpec],
        *,
        join: Callable[[str], HostSpec],
        facts: Mapping[str, Mapping[str, Any]],
        limits: Limits,
        locks: Mapping[str, str | None],
        phases: bool,
        settled: Callable[[str, PackshotError | None], None],
        beside: Path | None = None,
    ) -> None:
        self.ledger = ledger
        self.folder = folder
        self.limits = limits
        self.locks = locks
        self.phases = phases
        self.beside = beside
        self.backlog = Backlog(ledger.backlog())
        self.stopping = threading.Event()
        self.draining = ""  # why nothing more is begun
        self._hosts = hosts
        self._join = join
        self._facts = facts
        self._settled = settled
        self._runners: list[HostRunner] = []
        self._failure: BaseException | None = None
        self._lock = threading.Lock()
        self._outstanding = len(self.backlog) + len(ledger.open_attempts())
        self._seconds = _spent(ledger)
        self._waiting = 0  # hosts with nothing to do
        self._telemetry = Telemetry()

    # -- the coordinator -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Make every pending item, or record why it cannot be made; or what is in flight, once told to drain.

        Raises:
            HostUnreachable, HostLost: all hosts are gone for good. Run again to go on.
            NodeMissing, ModelMissing, WorkflowInvalid: no host can run this workflow at all.
            OutputUnwritable: the disk refuses; finished pictures wait on the host and are fetched by the next run.
            RunTakenOver: another process has the run now.
        """
        shutil.rmtree(self.folder / STAGE, ignore_errors=True)
        (self.folder / PICTURES).mkdir(parents=True, exist_ok=True)
        self._abandon_others()
        urls = {spec.url for spec in self._hosts}
        for host in self.ledger.hosts():  # those of an earlier run, which had other hosts
            if host.wanted and host.url not in urls:
                self.ledger.want_host(host.url, False)
        self._check()  # an earlier run may have used up the budget
        for spec in self._hosts:
            self._start(spec)
        patience: float | None = 0.0  # a second Ctrl-C waits for nobody
        try:
            self._watch()
            patience = 0.5 if self._failure else None
        finally:
            self.stopping.set()
            self.notify()
            self._telemetry.close()
            for runner in self._runners:
                runner.join(patience)
        if self._failure is not None:
            # Whoever takes a run over clears away what was on its way here: then that is why a file was gone.
            self.ledger.confirm_held()
            raise self._failure
        if not self.over:
            self.draining = "no host is left in the run: add one with `packshot catalog hosts --add`, or name one"

    def drain(self, why: str) -> None:
        """Begin nothing more; :meth:`run` returns when what is in flight has landed."""
        self.draining = why
        self.notify()

    def _watch(self) -> None:
        look_at = 0.0
        while self._failure is None and not all(runner.done for runner in self._runners):
            self._check()
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + _HOSTS
                self._join_and_leave()
            with self.backlog.changed:
                if not all(runner.done for runner in self._runners):
                    self.backlog.changed.wait(_TICK)

    def _check(self) -> None:
        working = [runner for runner in self._runners if runner.is_alive()]
        # A host that is away for now may be able to make what those that are here cannot.
        refusal = self.backlog.stuck({one.url for one in working if not (one.given_up or one.leaving)})
        if refusal is not None and not self.draining and len(self.backlog) == self._outstanding:
            self._failure = refusal
        if working and all(runner.given_up for runner in working) and not self.over:
            error = next((runner.error for runner in working if runner.error), None)
            self._failure = error or HostLost("no host is left that makes pictures")
        if self.limits.hours is not None and self._seconds >= self.limits.hours * 3600 and not self.draining:
            self.drain("the run's budget of hours is used up: raise budget.hours")

    def _join_and_leave(self) -> None:
        known = {runner.url for runner in self._runners if runner.is_alive()}
        for host in self.ledger.hosts():
            if host.wanted and host.url not in known and not self.over:
                self._start(self._join(host.url))
        unwanted = {host.url for host in self.ledger.hosts() if not host.wanted}
        for runner in self._runners:
            if runner.url in unwanted and not runner.leaving:
                runner.leaving = True
                self.notify()

    def _start(self, spec: HostSpec) -> None:
        self.ledger.want_host(spec.url, True)
        runner = HostRunner(self, spec)
        self._runners.append(runner)
        runner.start()

    def _abandon_others(self) -> None:
        """Give up jobs on hosts that this run does not use; what still waits there is left to time out by itself."""
        urls = {spec.url for spec in self._hosts}
        for attempt in self.ledger.open_attempts():
            if attempt.host not in urls:
                reason = f"it was started on another host, {attempt.host}"
                try:
                    station = self._join(attempt.host).open()
                    station.cancel(attempt.prompt_id)
                    station.close()
                except (HostUnreachable, HostLost):
                    reason += ", which does not answer"
                self.lose(attempt, reason)

    # -- called by the hosts' threads ------------------------------------------------------------------------------

    @property
    def stopped(self) -> bool:
        """Whether everything is to be let go now."""
        return self.stopping.is_set()

    @property
    def over(self) -> bool:
        """Whether nothing is left to begin."""
        return bool(self.draining) or self._outstanding <= 0

    def take(self, url: str) -> str | None:
        """The next item for a host, if it is to begin one."""
        return None if self.draining else self.backlog.take(url)

    def take_share(self, url: str) -> list[str]:
        """More items for a host that encodes the prompts of several ahead.

        Fewer the less is left, so that all hosts are done at about the same time; at most a hundred, so that what they
        encode ahead does not push itself out of what the host keeps.
        """
        left, hosts = len(self.backlog), max(1, len(self.backlog.live))
        items: list[str] = []
        while len(items) < min(_SHARE - 1, left // (2 * hosts - 1)) and (item_id := self.take(url)) is not None:
            items.append(item_id)
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
                self.backlog.changed.wait(_TICK)
                self._waiting -= 1

    def notify(self) -> None:
        """Wake whoever waits for something to do, or for a host to end."""
        with self.backlog.changed:
            self.backlog.changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """End the run with an error."""
        with self.backlog.changed:
            if not self.stopped:
                self._failure = self._failure or error
            self.backlog.changed.notify_all()

    def lose(self, attempt: Attempt, reason: str) -> None:
        """An attempt is lost: its item is made again, if it was not lost too often."""
        self.ledger.lost(attempt.prompt_id, reason)
        self._telemetry.attempt(attempt.item_id, attempt.host, "lost", None)
        item = self.ledger.item(attempt.item_id)
        if item.losses >= self.limits.losses:
            error = HostLost(
                f"{item.losses} attempts were lost with their hosts; most likely this row is what kills them",
                place=f"item {item.item_id}",
                remedy="see the hosts' logs; `packshot catalog retry` tries it again",
            )
            self.settle(item, error)
        else:
            self.backlog.put_back(item.item_id, item.workflow, item.model, avoid=attempt.host)

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
            self._seconds += seconds or 0.0
        self._telemetry.attempt(item.item_id, host, outcome, seconds)

    def facts_of(self, workflow: str) -> Mapping[str, Any]:
        """What the files beside the pictures say of the run."""
        return self._facts[workflow]

    def _one_less(self, item: StoredItem, error: PackshotError | None) -> None:
        with self._lock:
            self._outstanding -= 1
        if self._outstanding <= 0:
            self.notify()
        self._settled(item.item_id, error)


def _spent(ledger: Ledger) -> float:
    """Seconds that hosts have worked for earlier runs into the same folder."""
    row = ledger.one("SELECT total(seconds) FROM attempts")
    assert row is not None
    return float(row[0])
