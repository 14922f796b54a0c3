"""The coordinator of a catalogue over a simulated disk, clock and network, and simulated hosts, all from one seed.

Scheduler, runners, ledger, audit and SQLite are the real ones. What surrounds them is not: hosts die, hang, return and
are started again; requests are lost, doubled and late; the coordinator is killed, or loses its power, at any write; it
is stopped, taken over and woken; the disk fills up or forgets; the clock is set. Whatever happens, in the end every row
has its picture or its own fault, once.

python tests/campaigns/simulate.py --seed N       one seed, with what happened
python tests/campaigns/simulate.py --steps N      seeds from --seed on until so many steps were made
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import logging
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from packshot.catalog import rebuild
from packshot.catalog.ledger import audit
from packshot.catalog.ledger import ledger as ledgers
from packshot.catalog.ledger.audit import AuditLog, Head, read_audit
from packshot.catalog.ledger.audit_check import verify_audit
from packshot.catalog.ledger.ledger import FILE_NAME, Ledger
from packshot.catalog.ledger.records import StoredItem
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan
from packshot.catalog.runner import host_runner
from packshot.catalog.runner.failures import Limits
from packshot.catalog.runner.gate import Judgement
from packshot.catalog.runner.host_runner import PICTURES, HostRunner
from packshot.catalog.runner.scheduler import Scheduler
from packshot.catalog.runner.station import Drafted, HostSpec, Landed, row_hash, seed_of
from packshot.catalog.runner.work import TICK, CatalogWork
from packshot.catalog.table.photos import PhotoPlaces
from packshot.comfy.health import Health
from packshot.errors import (
    DeliveryUnknown,
    HostFailed,
    HostLost,
    HostUnreachable,
    InputInvalid,
    JobFailed,
    JobTimeout,
    OutOfMemory,
    PackshotError,
)

MOST_ROWS = 7
CALM = 250  # turns after which nothing more goes wrong
MOST_TURNS = 6000  # turns after which a run that has not ended is one that never ends
DEATHS = Limits().deaths - 1  # of hosts by chance: with one more a row could be blamed that kills none
WORKFLOW = "0" * 64

#: How a row behaves on hosts, and how it must end.
ENDS = {"good": "done", "flaky": "done", "large": "done", "dull": "done"}
ENDS |= {"bad": "failed", "poison": "failed", "ugly": "quarantined"}


class Crash(BaseException):
    """The coordinator is gone in the middle of what it did.

    Args:
        power: whether the machine lost its power, and with it what was not synced.
    """

    def __init__(self, power: bool) -> None:
        super().__init__(f"power={power}")
        self.power = power


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass
class SimulatedJob:
    """A job on a host; ``ends`` is when it does, once it runs."""

    prompt_id: str
    item: StoredItem
    ends: float = 0.0


@dataclass
class SimulatedHost:
    """A ComfyUI: a queue, a history, and a life."""

    url: str
    restartable: bool
    alive: bool = True
    boot: int = 1
    back_at: float = 0.0
    cut_until: float = 0.0  # the network to it is cut
    queue: list[SimulatedJob] = field(default_factory=list)
    history: dict[str, StoredItem] = field(default_factory=dict)


class Simulation:
    """One seed: a run from its plan to its end.

    Args:
        seed: from which all else follows.
        folder: of the run, empty, or as a killed process left it.
        templates: where ledgers are kept that were planned once.
        kinds: how the rows behave, see :data:`ENDS`; drawn where there are none.

    Attributes:
        now: the steady clock; ``wall`` is what the clock on the wall differs by.
        turns: steps of runners and schedulers so far.
        told: what happened, for whoever replays it.
    """

    def __init__(self, seed: int, folder: Path, templates: Path, kinds: Sequence[str] = ()) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.folder = folder
        self.now, self.wall = 1000.0, 1.7e9
        self.turns = self.points = 0
        self.calm_after = CALM
        self.told: list[str] = []
        self.faults: Counter[str] = Counter()
        kinds = kinds or self.rng.choices(list(ENDS), [10, 2, 2, 2, 1, 2, 1], k=self.rng.randint(1, MOST_ROWS))
        if not (folder / FILE_NAME).exists():
            shutil.copyfile(_template(templates, len(kinds)), folder / FILE_NAME)
            shutil.copyfile(templates / f"{len(kinds)}.audit", folder / audit.FILE_NAME)
        self.kinds = {f"S{number}": kind for number, kind in enumerate(kinds)}
        self.tried: Counter[str] = Counter()
        self.pace = self.rng.choice([0.3, 2.0, 12.0])  # seconds of a job
        self.trouble = self.rng.choice([0.0, 0.02, 0.1])  # of a call to a host
        self.danger = self.rng.choice([0.0, 0.01, 0.05])  # of a write
        self.chance_deaths = DEATHS
        managed = self.rng.random() < 0.5
        self.hosts = {
            url: SimulatedHost(url, managed and url == "h0") for url in ("h0", "h1", "h2")[: self.rng.randint(1, 3)]
        }
        self.late: list[tuple[float, SimulatedHost, SimulatedJob]] = []
        self.successor: Coordinator | None = None
        self.stalled = False
        self.in_transaction = False
        self.synced = (folder / audit.FILE_NAME).stat().st_size  # of the audit
        self.renames: list[tuple[Path, Path, bytes | None]] = []  # those not synced: source, target, what was there
        self.memory: dict[str, bytes] | None = None  # the disk as it was at some time, which it may fall back to

    def say(self, what: str) -> None:
        self.told.append(f"{self.turns:5} {self.now:9.2f} {what}")

    # -- the run -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run coordinators, one after the other, until every row has ended; then look at what they left.

        Raises:
            Broken: an invariant does not hold.
        """
        with self.in_place():
            while True:
                coordinator, self.successor = self.successor or Coordinator(self), None
                try:
                    coordinator.work_through()
                except Crash as crash:
                    self.say(f"crash: {crash}")
                    coordinator.leave()
                    self.crash(crash)
                except PackshotError as error:
                    self.say(f"the run ends: {error}")
                    coordinator.close()
                    self.now += 60.0
                else:
                    coordinator.close()
                    if self.successor is None and not self.unfinished():
                        break
                self.check_files()
        self.check_end()

    def unfinished(self) -> bool:
        """Whether a row has not ended."""
        with Ledger(self.folder) as ledger:
            counts = ledger.counts()
        return bool(counts.pending or counts.running)

    @property
    def calm(self) -> bool:
        """Whether nothing more goes wrong."""
        return self.turns >= self.calm_after

    def turn(self) -> None:
        """Count a step, and let the world go on."""
        self.turns += 1
        if self.turns > MOST_TURNS:
            raise Broken(f"the run has not ended after {MOST_TURNS} steps")
        if not self.calm:
            self._disturb()
        self.live()

    def _disturb(self) -> None:
        fate = self.rng.random()
        if fate < 0.004:
            self.wall += self.rng.choice([-86400.0, -5.0, 3600.0])
            self.happen("clock")
        elif fate < 0.012:
            host = self.rng.choice(list(self.hosts.values()))
            host.cut_until = self.now + self.rng.choice([1.0, 10.0, 200.0])
            self.happen("cut", host.url)
        elif fate < 0.020 and self.chance_deaths:
            host = self.rng.choice(list(self.hosts.values()))
            if host.alive:
                self.chance_deaths -= 1
                self.kill(host)
                self.happen("host killed", host.url)
        elif fate < 0.024:
            self.remember()

    def happen(self, fault: str, where: str = "") -> None:
        """Note a fault."""
        self.faults[fault] += 1
        self.say(f"{fault} {where}")

    # -- hosts -------------------------------------------------------------------------------------------------------

    def kill(self, host: SimulatedHost) -> None:
        """A host dies: its queue and its history go with it; somebody starts it again unless this process may."""
        host.alive = False
        host.queue.clear()
        host.history.clear()
        host.back_at = self.now + self.rng.choice([2.0, 20.0, 300.0])

    def start(self, host: SimulatedHost) -> None:
        """A host comes up."""
        host.alive, host.boot = True, host.boot + 1

    def live(self) -> None:
        """Let requests arrive that were late, jobs end, and hosts come back, until now."""
        for arrival in [arrival for arrival in self.late if arrival[0] <= self.now]:
            self.late.remove(arrival)
            if arrival[1].alive:
                arrival[1].queue.append(arrival[2])
        for host in self.hosts.values():
            if not host.alive and not host.restartable and self.now >= host.back_at:
                self.start(host)
            while host.alive and host.queue:
                job = host.queue[0]
                if not job.ends:
                    job.ends = self.now + self.pace * self.rng.uniform(0.5, 1.5)
                if job.ends > self.now:
                    break
                if self.kinds[job.item.item_id] == "poison":
                    self.say(f"{job.item.item_id} kills {host.url}")
                    self.kill(host)
                else:
                    host.history[job.prompt_id] = host.queue.pop(0).item

    # -- the disk ----------------------------------------------------------------------------------------------------

    def point(self, name: str) -> None:
        """A write is about to happen, or has happened: the moment for a crash."""
        self.points += 1
        if self.calm or self.rng.random() >= self.danger:
            return
        fate = self.rng.random()
        if fate < 0.35:
            self.happen("killed", name)
            raise Crash(power=False)
        if fate < 0.6:
            self.happen("power lost", name)
            raise Crash(power=True)
        if fate < 0.75 and name == "commit":
            self.happen("disk full", name)
            raise sqlite3.OperationalError("database or disk is full")
        if fate > 0.8 and not self.in_transaction and not self.stalled:
            self._stall(name)

    def _stall(self, name: str) -> None:
        """Stop this coordinator here; another one takes the run over, and after a while this one wakes up."""
        self.happen("taken over", name)
        self.stalled = True
        other = Coordinator(self)
        try:
            if other.work_through(self.rng.randint(1, 60)):
                other.close()
            else:
                self.successor = other
        except Crash as crash:
            other.leave()
            if crash.power:
                raise  # it was one machine
        except PackshotError as error:
            self.say(f"the other run ends: {error}")
            other.close()
        finally:
            self.stalled = False
        self.say("the first one wakes up")

    def crash(self, crash: Crash) -> None:
        """What is left of the disk after a crash: all that was written, or what was synced, or what it remembers."""
        self.successor, self.in_transaction = None, False
        path = self.folder / audit.FILE_NAME
        if crash.power:
            if self.memory is not None and self.rng.random() < 0.3:
                self._forget()
            else:
                size = path.stat().st_size
                os.truncate(path, self.rng.randint(min(self.synced, size), size))
                for source, target, before in reversed(self.renames):
                    if target.exists():
                        source.parent.mkdir(parents=True, exist_ok=True)
                        source.write_bytes(target.read_bytes())
                        target.unlink()
                    if before is not None:
                        target.parent.mkdir(parents=True, exist_ok=True)
                        target.write_bytes(before)
        self.renames.clear()
        self.synced = path.stat().st_size
        self.now += self.rng.choice([1.0, 30.0])

    def remember(self) -> None:
        """Note the whole disk: from here on it may lie about what it synced."""
        if self.in_transaction or self.stalled:
            return
        with contextlib.closing(sqlite3.connect(self.folder / FILE_NAME, timeout=0)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        files = [path for path in self.folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm"))]
        self.memory = {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    def _forget(self) -> None:
        assert self.memory is not None
        self.happen("disk forgot")
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, data in self.memory.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the simulated clock and disk under the real coordinator."""
        append, replace, fsync = AuditLog.append, Path.replace, os.fsync

        def synced(descriptor: int) -> None:
            fsync(descriptor)
            self.synced = os.fstat(descriptor).st_size

        def appended(log: AuditLog, event: str, facts: Mapping[str, Any], **options: Any) -> Head:
            self.point("audit")
            path = self.folder / audit.FILE_NAME
            before = path.stat().st_size
            head = append(log, event, facts, **options)
            try:
                self.point("audit line")
            except Crash:
                size = path.stat().st_size
                self.synced = max(before, size - self.rng.randint(0, 200))  # the line is torn, before it was synced
                os.truncate(path, self.synced)
                raise
            return head

        def replaced(source: Path, target: Path) -> Path:
            self.point("rename")
            before = target.read_bytes() if target.exists() else None
            self.renames.append((source, target, before))
            renamed = replace(source, target)
            self.point("renamed")
            return renamed

        def names_synced(_folder: Path) -> None:
            self.renames.clear()  # a file system with one journal

        clock = SimpleNamespace(time=lambda: self.wall + self.now, gmtime=lambda: None, strftime=self._stamp)
        with contextlib.ExitStack() as patches:
            for module in (ledgers, audit, host_runner):
                patches.enter_context(mock.patch.object(module, "time", clock))
            patches.enter_context(mock.patch.object(AuditLog, "append", appended))
            patches.enter_context(
                mock.patch.object(audit, "os", SimpleNamespace(fstat=os.fstat, fsync=synced, truncate=os.truncate))
            )
            patches.enter_context(mock.patch.object(Path, "replace", replaced))
            patches.enter_context(mock.patch.object(host_runner, "sync_folder", names_synced))
            patches.enter_context(
                mock.patch.object(host_runner, "version", return_value="0")
            )  # it reads files each time
            yield

    def _stamp(self, form: str, _moment: object) -> str:
        return time.strftime(form, time.gmtime(self.wall + self.now))

    # -- what must be true -------------------------------------------------------------------------------------------

    def check_files(self) -> None:
        """Whatever has happened: each row that is done has its picture on disk, as it was accepted."""
        with Ledger(self.folder) as ledger:
            done = ledger.all("SELECT item_id, file, sha256 FROM items WHERE state = 'done'")
        for item_id, file, sha256 in done:
            path = self.folder / file
            _must(path.is_file(), f"{item_id} is done, and {file} is not there")
            _must(hashlib.sha256(path.read_bytes()).hexdigest() == sha256, f"{file} is not what was accepted")

    def check_end(self) -> None:
        """At the end: every row as it should be, no picture twice or beside, and an audit that says the same."""
        self.check_files()
        with Ledger(self.folder) as ledger:
            rows = {row["item_id"]: row for row in ledger.rows()}
            accepted = ledger.all("SELECT item_id, count(*) FROM attempts WHERE outcome = 'accepted' GROUP BY item_id")
            _must(not ledger.open_attempts(), "an attempt is open though all has ended")
        _must(rows.keys() == self.kinds.keys(), "rows are missing")
        for item_id, kind in self.kinds.items():
            row = rows[item_id]
            _must(row["state"] == ENDS[kind], f"{item_id} is {kind}, and ends {row['state']}: {row['error']}")
            if kind == "poison":
                _must(json.loads(row["error"])["slug"] == HostLost.slug, f"{item_id} is blamed for {row['error']}")
            if row["state"] == "done":
                said = json.loads((self.folder / row["file"]).read_bytes())
                _must(said["item"] == item_id, f"{item_id} has the picture of {said['item']}")
        done = [item_id for item_id, kind in self.kinds.items() if ENDS[kind] == "done"]
        _must(sorted(accepted) == [(item_id, 1) for item_id in sorted(done)], f"accepted: {accepted}")
        pictures = sorted(path.name for path in (self.folder / PICTURES).iterdir())
        _must(pictures == sorted(f"{name}.{end}" for name in done for end in ("json", "png")), f"there are {pictures}")
        verdict = verify_audit(self.folder)
        _must(verdict["ok"], f"the audit is broken: {verdict['faults']}")
        ends = {
            (record["prompt_id"], record["sha256"])
            for _, record, _ in read_audit(self.folder)
            if record is not None and record["event"] == "accepted"
        }
        for item_id in done:
            picture = (rows[item_id]["prompt_id"], rows[item_id]["sha256"])
            _must(picture in ends, f"the audit does not know the picture of {item_id}")
        if self.seed % 4 == 0:
            self._check_rebuilt(rows)

    def _check_rebuilt(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """A ledger that is made anew from the audit knows the same."""
        (self.folder / FILE_NAME).unlink()
        with Ledger(self.folder, create=True) as ledger:
            write_plan(ledger, _plan(len(self.kinds)))
            rebuild.replay(ledger, {"": WORKFLOW})
            for row in ledger.rows():
                before = rows[row["item_id"]]
                for name in ("state", "sha256", "file", "prompt_id"):
                    _must(row[name] == before[name], f"rebuilt, {row['item_id']}'s {name} is {row[name]}, not {before}")


class Coordinator:
    """A process that works on the run, in turns of one thread."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        simulation.say("a coordinator begins")
        self._ledger = SimulatedLedger(simulation)
        self._scheduler: Scheduler | None = None
        self._wake: dict[HostRunner, float] = {}
        self._look_at = 0.0

    def _begin(self) -> Scheduler:
        simulation, ledger = self._simulation, self._ledger
        name = f"{simulation.rng.getrandbits(64):x}"
        if ledger.take_lease(name, "machine", 1, 0.0, after=ledger.lease()) is not None:
            raise InputInvalid("another process works on this run")
        self._work = SimulatedWork(simulation, ledger)
        specs = [self._spec(url) for url in simulation.hosts]
        scheduler = Scheduler(self._work, specs, join=self._spec)
        scheduler.begin()
        return scheduler

    def work_through(self, turns: int = MOST_TURNS) -> bool:
        """Work for so many turns; whether it has ended by then.

        Raises:
            PackshotError: the run ends with it.
        """
        simulation = self._simulation
        scheduler = self._scheduler = self._scheduler or self._begin()
        for _ in range(turns):
            simulation.turn()
            if simulation.now >= self._look_at:
                self._look_at = simulation.now + simulation.rng.choice([TICK, 1.0, 5.0])
                if not scheduler.step():
                    break
            self._let_one_work(scheduler.runners)
        else:
            return False
        self._work.stopping.set()
        for runner in scheduler.runners:
            if not runner.done:
                runner.end()
        scheduler.end()
        return True

    def _let_one_work(self, runners: Sequence[HostRunner]) -> None:
        simulation = self._simulation
        runners = [runner for runner in runners if not runner.done]
        ready = [runner for runner in runners if self._wake.get(runner, 0.0) <= simulation.now]
        if not ready:
            simulation.now = min([self._look_at, *(self._wake[runner] for runner in runners)])
            return
        runner = simulation.rng.choice(ready)
        try:
            if runner.over:
                self._ledger.host_is(runner.url, "left")
                runner.end()
                return
            self._work.idle = False
            pause = runner.step()
            self._wake[runner] = simulation.now + (4 * TICK if self._work.idle else pause)
        except Exception as error:
            self._work.fail(error)
            runner.end()

    def close(self) -> None:
        """End as a process does that ends by itself."""
        self._ledger.give_lease_back()
        self._ledger.close()

    def leave(self) -> None:
        """End as a process that is killed: what was not committed is undone."""
        self._ledger.db.close()

    def _spec(self, url: str) -> HostSpec:
        host = self._simulation.hosts[url]

        def restart() -> SimulatedStation:
            self._simulation.now += self._simulation.rng.uniform(1.0, 10.0)
            if self._simulation.rng.random() < self._simulation.trouble:
                raise HostFailed("it does not come up", place=url)
            if not host.alive:
                self._simulation.start(host)
            return SimulatedStation(self._simulation, host)

        station = SimulatedStation(self._simulation, host)
        return HostSpec(url, lambda: station, restart if host.restartable else None)


class SimulatedLedger(Ledger):
    """The real ledger, which can crash where it writes."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation.folder)
        self._simulation = simulation

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that can be killed before and after its end."""
        simulation = getattr(self, "_simulation", None)
        if simulation is None or self.db.in_transaction:
            with super().transaction() as db:
                yield db
            return
        simulation.point("begin")
        try:
            with super().transaction() as db:
                simulation.in_transaction = True
                yield db
                simulation.point("commit")
        finally:
            simulation.in_transaction = False
        simulation.point("committed")


class SimulatedWork(CatalogWork):
    """The real work, which waits for nothing."""

    def __init__(self, simulation: Simulation, ledger: Ledger) -> None:
        self._simulation = simulation
        self.idle = False
        super().__init__(
            ledger,
            simulation.folder,
            facts={"": {"warnings": []}},
            limits=Limits(smaller=({"size": "64"},)),
            locks={},
            phases=False,
            settled=lambda item_id, error: simulation.say(f"{item_id} has ended: {error}"),
            places=PhotoPlaces(),
        )

    def now(self) -> float:
        """The simulated steady clock."""
        return self._simulation.now

    def wait(self) -> None:
        """Note that there was nothing to do."""
        self.idle = True


class SimulatedStation:
    """A host as the runner sees it, over a network that loses, doubles and delays."""

    def __init__(self, simulation: Simulation, host: SimulatedHost) -> None:
        self._simulation = simulation
        self._host = host
        self._drafts: dict[str, StoredItem] = {}
        self.url = host.url

    def _call(self) -> None:
        """Take the time of a request.

        Raises:
            HostUnreachable: there is no way to the host.
        """
        simulation, host = self._simulation, self._host
        simulation.now += simulation.rng.uniform(0.001, 0.05)
        simulation.live()
        if not host.alive or host.cut_until > simulation.now:
            raise HostUnreachable("it does not answer", place=host.url)
        if not simulation.calm and simulation.rng.random() < simulation.trouble:
            raise HostUnreachable("the connection was reset", place=host.url)

    def look(self) -> Health:
        try:
            self._call()
        except HostUnreachable as error:
            return Health(reachable=False, problem=str(error))
        waiting = len(self._host.queue)
        return Health(True, max(0, waiting - 1), min(1, waiting), boot=f"{self._host.url}-{self._host.boot}")

    def uploads(self, _workflow: str) -> frozenset[str]:
        return frozenset()

    def draft(self, item: StoredItem, _files: Mapping[str, Path]) -> Drafted:
        self._call()
        prompt_id = f"{self._simulation.rng.getrandbits(128):032x}"
        self._drafts[prompt_id] = item
        return Drafted(prompt_id, {"row": row_hash(item, WORKFLOW), "workflow": WORKFLOW})

    def send(self, prompt_id: str) -> None:
        simulation, host = self._simulation, self._host
        item = self._drafts.pop(prompt_id)
        fate = simulation.rng.random() / max(simulation.trouble, 1e-9) if not simulation.calm else 9.0
        if fate < 0.5:  # it arrives late, or never; nobody knows
            if fate < 0.3:
                arrives = simulation.now + simulation.rng.choice([0.1, 5.0, 100.0])
                simulation.late.append((arrives, host, SimulatedJob(prompt_id, item)))
            simulation.happen("answer lost", host.url)
            raise DeliveryUnknown("the connection broke", place=host.url)
        self._call()
        host.queue.append(SimulatedJob(prompt_id, item))
        if fate < 1.0:
            simulation.happen("doubled", host.url)
            simulation.late.append((simulation.now + 1.0, host, SimulatedJob(prompt_id, item)))

    def encodes(self, _workflow: str) -> bool:
        return False

    def encode_ahead(self, _items: Sequence[StoredItem]) -> str:
        return ""

    def encoded(self, _prompt_id: str, _seconds: float) -> None:
        """Nothing is encoded ahead here."""

    def find(self, prompt_id: str, _workflow: str) -> bool:
        self._call()
        return prompt_id in self._host.history or any(job.prompt_id == prompt_id for job in self._host.queue)

    def waits(self, prompt_id: str) -> bool:
        self._call()
        return any(job.prompt_id == prompt_id for job in self._host.queue[1:])

    def draws_seeds(self, _item: StoredItem) -> bool:
        return True

    def land(self, prompt_id: str, item: StoredItem, seconds: float) -> Landed:
        simulation, host = self._simulation, self._host
        try:
            if not self.find(prompt_id, ""):
                raise HostLost("the host has no record of the job", place=host.url)
        except HostUnreachable as error:
            simulation.now += min(seconds, 2.0)
            raise HostLost(f"the host has not answered: {error.message}", place=host.url) from error
        if prompt_id not in host.history:
            simulation.now += max(0.01, min(host.queue[0].ends - simulation.now, seconds))
            raise JobTimeout("it runs", place=host.url)
        return self._outcome(prompt_id, item)

    def _outcome(self, prompt_id: str, item: StoredItem) -> Landed:
        simulation, kind = self._simulation, self._simulation.kinds[item.item_id]
        if kind == "bad":
            raise JobFailed("it always fails", place="node 1")
        if kind == "flaky" and simulation.tried[item.item_id] == 0:
            simulation.tried[item.item_id] = 1
            raise JobFailed("it fails once", place="node 1")
        if kind == "large" and not item.change:
            raise OutOfMemory("too large", place="node 1")
        data = json.dumps({"item": item.item_id, "seed": seed_of(item), "job": prompt_id}).encode()
        folder = simulation.folder / ".stage" / prompt_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{item.name}.png").write_bytes(data)
        output = {"file": f"{item.name}.png", "sha256": hashlib.sha256(data).hexdigest()}
        record = {"job": prompt_id, "host": self.url, "outputs": [output], "warnings": [], "graph": prompt_id}
        return Landed(record, folder, 1.0, seed_of(item), True, self._judgement(kind, item))

    def _judgement(self, kind: str, item: StoredItem) -> Judgement | None:
        if kind not in ("ugly", "dull"):
            return None
        if kind == "dull" and item.seeds:
            return Judgement("accept", (), (), ())
        return Judgement("retry" if item.rejections < 2 else "quarantine", ("dull",), (), ("dull",))

    def cancel(self, prompt_id: str) -> None:
        self._call()
        self._host.queue = [job for job in self._host.queue if job.prompt_id != prompt_id]

    def free_memory(self) -> None:
        self._call()

    def close(self) -> None:
        """There is nothing to close."""


def simulate(seed: int, scratch: Path) -> Simulation:
    """Run one seed in a folder of its own below ``scratch``.

    Raises:
        Broken: an invariant does not hold, or something was raised that nobody dealt with.
    """
    logging.getLogger("packshot").setLevel(logging.CRITICAL)  # what the runners say of each loss is in ``told``
    folder = scratch / str(seed)
    folder.mkdir()
    simulation = Simulation(seed, folder, scratch)
    try:
        with mock.patch.object(tempfile, "tempdir", str(scratch)):  # copies that readers make, too
            simulation.run()
    except (Exception, Crash) as error:
        raise Broken("\n".join((*simulation.told[-40:], f"seed {seed}: {type(error).__name__}: {error}"))) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return simulation


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder in memory, where the system has such a place."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="simulate-", dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def simulate_many(first: int, steps: int, tell: Callable[[Simulation], None] = lambda _: None) -> Counter[str]:
    """Run seeds one after the other until so many steps were made; what was done and what happened.

    Raises:
        As :func:`simulate`.
    """
    total: Counter[str] = Counter()
    with scratch_folder() as scratch:
        seed = first
        while total["steps"] < steps:
            simulation = simulate(seed, scratch)
            total.update(simulation.faults)
            total.update(seeds=1, steps=simulation.turns, writes=simulation.points, rows=len(simulation.kinds))
            tell(simulation)
            seed += 1
    return total


def _plan(rows: int) -> Plan:
    items = [
        Item(
            sku=f"S{number}", variant="", item_id=f"S{number}", title="", name=f"S{number}", inputs={}, seed=number,
            place=f"row {number}", source={},
        )
        for number in range(rows)
    ]  # fmt: skip
    return Plan(tuple(items), ())


def _template(templates: Path, rows: int) -> Path:
    """A ledger with so many planned rows, made once."""
    path = templates / f"{rows}.sqlite"
    if not path.exists():
        folder = templates / f"plan-{rows}"
        with Ledger(folder, create=True) as ledger:
            write_plan(ledger, _plan(rows))
        shutil.copyfile(folder / FILE_NAME, path)
        shutil.copyfile(folder / audit.FILE_NAME, templates / f"{rows}.audit")
    return path


def _must(held: bool, what: str) -> None:
    if not held:
        raise Broken(what)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=0)
    options = parser.parse_args()
    begun = time.perf_counter()
    if options.steps:
        total = simulate_many(options.seed, options.steps)
        seconds = time.perf_counter() - begun
        print(
            json.dumps({**total, "seconds": round(seconds, 1), "seeds a minute": round(total["seeds"] / seconds * 60)})
        )
        return
    with scratch_folder() as scratch:
        try:
            simulation = simulate(options.seed, scratch)
        except Broken as error:
            traceback.print_exception(error.__cause__)
            sys.exit(str(error))
        print("\n".join(simulation.told))


if __name__ == "__main__":
    main()
