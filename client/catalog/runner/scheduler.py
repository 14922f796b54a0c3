"""Makes what a ledger still lacks, on any number of hosts; a kill at any moment costs at most what is in flight.

A thread for each host takes items from one backlog. The ledger is the only truth: threads, engines and hosts may all
be lost, and what they were doing is found there.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence

from ...errors import HostLost, HostUnreachable
from .host_runner import PICTURES, HostRunner
from .station import HostSpec
from .work import TICK, CatalogWork

STAGE = ".stage"  # files that are on their way to be accepted
_HOSTS = 1.0  # seconds between two looks for hosts that join or leave


class Scheduler:
    """Works through the pending items of a ledger.

    Args:
        work: the items, and where every step of theirs is written down.
        hosts: where to begin with; others join and leave through the ledger.
        join: how a host that joins is reached, by its address.
    """

    def __init__(self, work: CatalogWork, hosts: Sequence[HostSpec], *, join: Callable[[str], HostSpec]) -> None:
        self.work = work
        self._hosts = hosts
        self._join = join
        self.runners: list[HostRunner] = []
        self._look_at = 0.0

    def run(self) -> None:
        """Make every pending item, or record why it cannot be made; or what is in flight, once told to drain.

        Each host is worked on by a thread of its own.

        Raises:
            HostUnreachable, HostLost: all hosts are gone for good. Run again to go on.
            NodeMissing, ModelMissing, WorkflowInvalid: no host can run this workflow at all.
            OutputUnwritable: the disk refuses; finished pictures wait on the host and are fetched by the next run.
            RunTakenOver: another process has the run now.
        """
        threads: list[threading.Thread] = []
        patience: float | None = 0.0  # a second Ctrl-C waits for nobody
        self.begin()
        try:
            while self.step():
                for runner in self.runners[len(threads) :]:
                    name = f"packshot-host-{runner.url}"
                    threads.append(threading.Thread(target=runner.run, name=name, daemon=True))
                    threads[-1].start()
                with self.work.backlog.changed:
                    if not all(runner.done for runner in self.runners):
                        self.work.backlog.changed.wait(TICK)
            patience = 0.5 if self.work.failure else None
        finally:
            self.work.stopping.set()
            self.work.notify()
            self.work.close()
            for thread in threads:
                thread.join(patience)
        self.end()

    def begin(self) -> None:
        """Take up what earlier runs left, and the first hosts."""
        shutil.rmtree(self.work.folder / STAGE, ignore_errors=True)
        (self.work.folder / PICTURES).mkdir(parents=True, exist_ok=True)
        self._abandon_others()
        urls = {spec.url for spec in self._hosts}
        for host in self.work.ledger.hosts():  # those of an earlier run, which had other hosts
            if host.wanted and host.url not in urls:
                self.work.ledger.want_host(host.url, False)
        for spec in self._hosts:
            self._take_in(spec)

    def step(self) -> bool:
        """Look at the work and its hosts; False when no host works any more, or none can.

        Raises:
            RunTakenOver: another process has the run now.
        """
        self._check()  # an earlier run may have used up the budget
        if self.work.failure is not None or all(runner.done for runner in self.runners):
            return False
        if self.work.now() >= self._look_at:
            self._look_at = self.work.now() + _HOSTS
            self.work.ledger.confirm_held()  # who was taken over, and finds nothing more to write, would wait for ever
            self._join_and_leave()
        return True

    def end(self) -> None:
        """Raise what ended the work, if it was an error."""
        if self.work.failure is not None:
            # Whoever takes a run over clears away what was on its way here: then that is why a file was gone.
            self.work.ledger.confirm_held()
            raise self.work.failure
        if not self.work.over:
            self.work.draining = "no host is left in the run: add one with `packshot catalog hosts --add`, or name one"

    @property
    def draining(self) -> str:
        """Why nothing more is begun; empty while something is."""
        return self.work.draining

    def drain(self, why: str) -> None:
        """Begin nothing more; :meth:`run` returns when what is in flight has landed."""
        self.work.drain(why)

    def _check(self) -> None:
        working = [runner for runner in self.runners if not runner.done]
        # A host that is away for now may be able to make what those that are here cannot.
        refusal = self.work.backlog.stuck({one.url for one in working if not (one.given_up or one.leaving)})
        if refusal is not None and not self.work.draining and len(self.work.backlog) == self.work.outstanding:
            self.work.failure = refusal
        if working and all(runner.given_up for runner in working) and not self.work.over:
            error = next((runner.error for runner in working if runner.error), None)
            self.work.failure = error or HostLost("no host is left that makes pictures")
        hours = self.work.limits.hours
        if hours is not None and self.work.seconds >= hours * 3600 and not self.work.draining:
            self.drain("the run's budget of hours is used up: raise budget.hours")

    def _join_and_leave(self) -> None:
        working = {runner.url for runner in self.runners if not runner.done}
        asked = {host.url: host.wanted for host in self.work.ledger.hosts()}
        for url, use in asked.items():
            if use and url not in working and not self.work.over:
                self._take_in(self._join(url))
        for runner in self.runners:
            if not asked.get(runner.url, True) and not runner.leaving:
                runner.leaving = True
                self.work.notify()

    def _take_in(self, spec: HostSpec) -> None:
        self.work.ledger.want_host(spec.url, True)
        self.runners.append(HostRunner(self.work, spec))

    def _abandon_others(self) -> None:
        """Give up jobs on hosts that this run does not use; what still waits there is left to time out by itself."""
        urls = {spec.url for spec in self._hosts}
        for attempt in self.work.ledger.open_attempts():
            if attempt.host not in urls:
                reason = f"it was started on another host, {attempt.host}"
                try:
                    station = self._join(attempt.host).open()
                    station.cancel(attempt.prompt_id)
                    station.close()
                except (HostUnreachable, HostLost):
                    reason += ", which does not answer"
                self.work.lose(attempt, reason, "unused")
