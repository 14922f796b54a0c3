"""The work on one host: keeps two jobs on it, brings home what it made, and deals with its failures."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ...errors import DeliveryUnknown, HostLost, HostUnreachable, JobTimeout, PackshotError
from ...paths import sync_folder, write_text, writing
from ...version import version
from ..ledger.places import ATTEMPTS
from ..ledger.records import Attempt, Judged, LossCause, StoredItem
from ..table.photos import photos
from .backlog import Key
from .failures import Meaning, blames_host, meaning, next_change, past
from .gate import QUARANTINE
from .host_health import HostHealth
from .station import HostSpec, Landed, Station, seed_of
from .work import Work

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

PICTURES = "pictures"

_SLICE = 5.0  # seconds of waiting for a job after which it is looked whether the run was stopped


class HostRunner:
    """Works on one host until the run is over or the host leaves it.

    Attributes:
        url: the host's address.
        error: why it is away.
        leaving: set to have it take nothing more.
        done: whether it has ended its work.
    """

    def __init__(self, work: Work, spec: HostSpec) -> None:
        self.url = spec.url
        self.error: PackshotError | None = None
        self.leaving = False
        self.done = False
        self._work = work
        self._spec = spec
        self._health = HostHealth(restartable=spec.restart is not None)
        self._ledger = work.ledger
        self._backlog = work.backlog
        self._station: Station | None = None
        self._reached = False
        self._resting = False
        self._flying: deque[tuple[StoredItem, str]] = deque()
        self._share: deque[StoredItem] = deque()  # taken from the backlog, and not begun yet
        self._handed_over: list[tuple[Attempt, bool]] = []  # and whether each was alone here
        self._proven: set[Key] = set()  # what it has made pictures with
        self._reason = ""
        self._busy = False
        self._boot = ""
        self._look_again = 0.0
        self._awaited = ""  # the job that is waited for
        self._since = 0.0  # when it began to run
        self._waits = True  # whether it still waited in the queue when it was last looked at

    @property
    def given_up(self) -> bool:
        """Whether nothing is expected of the host any more."""
        return self._health.given_up

    def run(self) -> None:
        """Work, in a thread of its own, until there is nothing more to do here; what ends the run is told to it."""
        try:
            while not self.over:
                if pause := self.step():
                    self._work.pause(pause, lambda: self.over)
            self._ledger.host_is(self.url, "left")
        except BaseException as error:  # a full disk, a run taken over, a bug: the run ends, and says so
            self._work.fail(error)
        finally:
            self.end()

    def end(self) -> None:
        """Leave what was not begun to others, and let the host go."""
        self._give_back()
        self._backlog.host_is_live(self.url, False)
        if self._station is not None:
            self._station.close()
        self.done = True
        self._work.notify()

    @property
    def over(self) -> bool:
        """Whether nothing is left to do here."""
        return self._work.stopped or (not self._flying and (self.leaving or self._work.over))

    def step(self) -> float:
        """Do the next thing: look at the host, or begin what can be begun and wait a moment for a job.

        Returns:
            Seconds to wait before the next step.
        """
        try:
            return self._keep_busy() if self._reached else self._reach()
        except (HostLost, HostUnreachable) as error:
            self._lose(error)
            return 0.0

    # -- reaching the host -------------------------------------------------------------------------------------------

    def _reach(self) -> float:
        """Look at a host that is away; it may be used once this returns 0 and has set ``_reached``."""
        if pause := self._health.pause(self._work.now()):
            return pause
        try:
            self._look()
        except PackshotError as error:
            if not self._health.exhausted:
                self.error = error
            self._health.silent(self._work.now())
            if self._backlog.live:
                self._hand_over(str(error))
            if not self._health.pause(self._work.now()) and self._health.may_start:
                self._restart()
            return self._health.pause(self._work.now())
        self._health.answered()
        if not self.given_up:
            self.error = None
        self._ledger.host_is(self.url, "busy" if self._busy else "up")
        self._resting = self._health.resting(self._work.now())
        self._backlog.host_is_live(self.url, not self._resting)
        self._pick_up()
        self._reached = True
        return 0.0

    def _look(self) -> None:
        if self._station is None:
            self._station = self._spec.open()
        found = self._station.look()
        if not found.reachable:
            raise HostUnreachable(found.problem, place=self.url, remedy="start it; the run goes on by itself")
        if found.worker_dead:
            raise HostLost(found.problem, place=self.url, remedy="restart the host; the run goes on by itself")
        self._boot = found.boot or ""
        self._look_again = self._work.now() + _SLICE
        self._busy = found.pending + found.running > len(self._ledger.open_attempts(self.url))

    def _restart(self) -> None:
        assert self._spec.restart is not None
        if self._station is not None:
            self._station.close()
            self._station = None
        self._health.starting()
        try:
            self._station = self._spec.restart()
        except PackshotError as error:
            self._health.silent(self._work.now())
            self.error = self._verdict(error)
            self._ledger.host_is(self.url, "away", str(error))
            return
        self._move(self._station.url)

    def _move(self, url: str) -> None:
        """A host that was started again may have another address; what was under way on the old one is lost."""
        if url == self.url:
            return
        self._lose_all("died", "the host was started anew at another address")
        self._ledger.host_is(self.url, "left")
        self._ledger.want_host(self.url, False)
        self._ledger.want_host(url, True)
        self.url = url

    def _lose(self, error: PackshotError) -> None:
        _log.warning("%s", error)
        self._reached = False
        self._flying.clear()  # the ledger knows them
        self._give_back()
        self._health.lost(self._work.now())
        self.error = self._verdict(error)
        self._backlog.host_is_live(self.url, False)
        self._ledger.host_is(self.url, "away", str(self.error))

    def _verdict(self, error: PackshotError) -> PackshotError:
        """The error that a run ends with that has no other host: the last loss, and that there were too many."""
        if not self._health.exhausted:
            return error
        return HostLost(
            f"the host was lost {self._health.falls} times and made no picture in between; the last time: "
            f"{error.message}",
            place=self.url,
            remedy="see its log; most often a model needs more memory than there is. Then run the same command again",
        )

    def _lose_all(self, cause: LossCause, reason: str) -> list[Attempt]:
        """Give up all that was under way here."""
        attempts = self._ledger.open_attempts(self.url)
        for attempt in attempts:
            self._work.lose(attempt, reason, cause, alone=len(attempts) == 1)
        return attempts

    def _hand_over(self, reason: str) -> None:
        """Have other hosts make what was under way here."""
        attempts = self._lose_all("away", f"its host is away: {reason}")
        self._handed_over += [(attempt, len(attempts) == 1) for attempt in attempts]

    def _pick_up(self) -> None:
        """Find out what became of jobs that an earlier run, or an earlier life of the host, left behind."""
        for attempt, alone in self._handed_over:
            if self._has(attempt):
                assert self._station is not None
                self._station.cancel(attempt.prompt_id)  # if it waits there still, it need not run
            elif self._died_with(attempt):
                self._ledger.found_dead(attempt.prompt_id, alone=alone)
        self._handed_over.clear()
        attempts = self._ledger.open_attempts(self.url)
        for attempt in attempts:
            if self._has(attempt):
                self._flying.append((self._ledger.item(attempt.item_id), attempt.prompt_id))
            else:
                cause: LossCause = "died" if self._died_with(attempt) else "gone"
                self._work.lose(attempt, "the host has no record of it", cause, alone=len(attempts) == 1)

    def _has(self, attempt: Attempt) -> bool:
        assert self._station is not None
        return self._station.find(attempt.prompt_id, self._ledger.item(attempt.item_id).workflow)

    def _died_with(self, attempt: Attempt) -> bool:
        """Whether a host that has no record of a job was started anew since it was sent."""
        return not (attempt.boot and attempt.boot == self._boot)

    # -- work --------------------------------------------------------------------------------------------------------

    def _keep_busy(self) -> float:
        if self._busy and self._work.now() >= self._look_again:
            self._look()
        if self._resting and not self._health.resting(self._work.now()):
            self._resting = False
            self._backlog.host_is_live(self.url, True)
        while self._may_begin() and (item := self._next()) is not None:
            if item.losses and self._flying:
                self._share.appendleft(item)  # hosts were lost with it: it goes alone, once what is under way has ended
                break
            self._launch(item)
        if self._flying:
            self._land(*self._flying[0])
        elif self._health.struck:
            self._give_up()
        else:
            self._work.wait()
        return 0.0

    def _may_begin(self) -> bool:
        """Whether the host takes one more job now."""
        if self._resting or self._health.struck or any(item.losses for item, _ in self._flying):
            return False
        return len(self._flying) < (1 if self._busy else self._health.depth)

    def _give_up(self) -> None:
        """The host answers, and fails every row. Were it the rows' fault, one in between would have been made."""
        failed = self._health.strikes
        self._health.strike_out(self._work.now())
        raise HostLost(
            f"{failed} rows in a row failed here and none was made; the last one: {self._reason}",
            place=self.url,
            remedy="see the host's log and disk, restart it, and run the same command again",
        )

    def _next(self) -> StoredItem | None:
        """The item to begin now. Where prompts are encoded ahead, those of the host's whole share are, first."""
        if self.leaving or self._work.draining:
            self._give_back()
            return None
        if self._work.wanting:
            self._give_back(keep=(len(self._share) + 1) // 2)
        if not self._share and (item := self._work.take(self.url, risky=self._health.takes_risks)) is not None:
            self._share.append(item)
            if self._work.phases:
                self._encode_ahead()
        return self._share.popleft() if self._share else None

    def _encode_ahead(self) -> None:
        """Take the host's share, and have it encode the prompts. What goes wrong here costs time, and no picture."""
        assert self._station is not None
        try:
            if not self._station.encodes(self._share[0].workflow):
                return
            self._share += self._work.take_share(self.url)
            if len(self._share) > 1 and (prompt_id := self._station.encode_ahead(self._share)):
                self._await_encoded(prompt_id)
        except PackshotError as error:
            if meaning(error) in ("lost", "stop"):
                raise
            _log.warning("prompts were not encoded ahead: %s", error)

    def _await_encoded(self, prompt_id: str) -> None:
        station, work = self._station, self._work
        assert station is not None

        def encoded(seconds: float) -> bool:
            station.encoded(prompt_id, seconds)
            return True

        while not self._await(prompt_id, encoded):
            if work.stopped or work.draining or self.leaving:
                station.cancel(prompt_id)
                return

    def _give_back(self, keep: int = 0) -> None:
        """Leave what was not begun to others, but for the first few."""
        given = [self._share.pop() for _ in range(len(self._share) - keep)]
        for item in reversed(given):
            self._put_back(item)

    def _launch(self, item: StoredItem) -> None:
        assert self._station is not None
        try:
            uploads = self._station.uploads(item.workflow)
            named = [text for name, text in item.texts.items() if name in uploads]
            with photos(named, self._work.places) as files:
                drafted = self._station.draft(item, files)
        except PackshotError as error:
            self._unsent(item, error)
            return
        audit = {**drafted.audit, "lock": self._work.locks.get(item.workflow)}
        self._ledger.begin(item.item_id, drafted.prompt_id, self.url, boot=self._boot, change=item.change, audit=audit)
        try:
            self._station.send(drafted.prompt_id)
        except DeliveryUnknown:
            raise  # the host may have it: the attempt stays open, and is looked for when the host answers again
        except PackshotError as error:
            if self._means(item, error) in ("unfit", "lost", "stop"):
                self._ledger.unsent(drafted.prompt_id)
                self._unsent(item, error)
            else:
                self._since = self._work.now()
                self._missed(item, drafted.prompt_id, error)
        else:
            self._flying.append((item, drafted.prompt_id))

    def _unsent(self, item: StoredItem, error: PackshotError) -> None:
        """An item certainly did not reach the host."""
        means = self._means(item, error)
        if means == "unfit":
            self._refuse(item, error)
        elif means in ("lost", "stop"):
            self._put_back(item)
            raise error
        else:
            self._work.settle(item, error, host=self.url)

    def _means(self, item: StoredItem, error: PackshotError) -> Meaning:
        """What a failure means on this host: where it has made pictures with the same weights, it is not unfit."""
        means = meaning(error)
        proven = error.reported and (item.workflow, item.model) in self._proven
        return "elsewhere" if means == "unfit" and proven else means

    def _refuse(self, item: StoredItem, error: PackshotError) -> None:
        """Leave an item, and all of its kind, to hosts that can make them."""
        self._backlog.refuse(self.url, item.workflow, item.model, error)
        self._put_back(item)
        self._give_back()
        self._ledger.host_is(self.url, "unfit", str(error))

    def _put_back(self, item: StoredItem, avoid: str = "") -> None:
        self._backlog.put_back(item.item_id, item.workflow, item.model, avoid, suspect=item.losses > 0)

    def _land(self, item: StoredItem, prompt_id: str) -> None:
        """Wait a moment for a job; bring home what it made, or see what it missed, once it has ended."""
        station = self._station
        assert station is not None
        try:
            landed = self._await(prompt_id, lambda seconds: station.land(prompt_id, item, seconds))
        except PackshotError as error:
            if meaning(error) in ("lost", "stop"):
                raise
            self._missed(item, prompt_id, error)
            self._flying.popleft()
            return
        if landed is not None:
            self._health.landed()
            self._proven.add((item.workflow, item.model))
            self._bring_home(item, prompt_id, landed)
            self._flying.popleft()

    def _await(self, prompt_id: str, wait: Callable[[float], _T]) -> _T | None:
        """What ``wait`` gives where the job ends within a few seconds; None when it goes on.

        Raises:
            JobTimeout: it ran for longer than a row may take, and was cancelled.
        """
        assert self._station is not None
        if self._awaited != prompt_id:
            self._awaited, self._since, self._waits = prompt_id, self._work.now(), True
        limit = self._work.limits.seconds
        left = self._since + limit - self._work.now()
        try:
            return wait(max(0.0, min(_SLICE, left)))
        except JobTimeout as error:
            # Others' jobs may run before it: its time counts from the first look that finds it running.
            before, self._waits = self._waits, self._station.waits(prompt_id)
            if before:
                self._since = self._work.now()
            elif left <= _SLICE:
                self._station.cancel(prompt_id)
                raise JobTimeout(
                    f"the job took longer than {limit:g} s",
                    place=error.place,
                    remedy="allow it more time, or see on the host what takes so long",
                ) from error
        return None

    def _missed(self, item: StoredItem, prompt_id: str, error: PackshotError) -> None:
        """The host has ended an attempt with an error."""
        assert self._station is not None
        seconds = self._work.now() - self._since
        means = self._means(item, error)
        if means == "seed":
            self._try_another_seed(item, prompt_id, error)
            return
        change = next_change(item, means, past(self._ledger.failures_of(item)), self._work.limits)
        if means == "unfit":
            self._ledger.again(prompt_id, error, item.change or {}, seconds)
            self._refuse(item, error)
            self._work.spent(item, self.url, "again", seconds)
            return
        if blames_host(means, change):
            self._health.failed()
            self._reason = str(error)
        if change is None:
            self._work.settle(item, error, prompt_id, self.url, seconds)
            return
        if means == "smaller":
            self._station.free_memory()
        self._ledger.again(prompt_id, error, change, seconds)
        # Another host may have more memory; where there is none, this one is asked at once, while its memory is free.
        leave = means == "elsewhere" or (means == "smaller" and len(self._backlog.live) > 1)
        self._put_back(item, avoid=self.url if leave else "")
        self._work.spent(item, self.url, "again", seconds)

    def _try_another_seed(self, item: StoredItem, prompt_id: str, error: PackshotError) -> None:
        """A check in the workflow refused the picture, and left none to keep."""
        assert self._station is not None
        seconds = self._work.now() - self._since
        self._health.judged()
        judged = Judged(seed_of(item), ())
        if item.rejections < self._work.limits.seeds and self._station.draws_seeds(item):
            self._ledger.reject(prompt_id, "", "", seconds, judged, error)
            self._put_back(item)
            self._work.spent(item, self.url, "rejected", seconds)
        else:
            self._ledger.quarantine(prompt_id, "", "", seconds, judged, error, lambda: None)
            self._work.kept_out(item, self.url, seconds, error)

    def _bring_home(self, item: StoredItem, prompt_id: str, landed: Landed) -> None:
        """Put what landed where it belongs: among the pictures, to be made again, or into quarantine."""
        judgement = landed.judgement
        decision = judgement.decision if judgement else "accept"
        target = self._work.folder / {"accept": PICTURES, "retry": ATTEMPTS, "quarantine": QUARANTINE}[decision]
        names = [str(output["file"]) for output in landed.record["outputs"]]
        # A picture that another seed replaces is kept beside the others of its item, for comparison.
        places = [f"{prompt_id[:8]}-{name}" if decision == "retry" else name for name in names]
        outputs = [
            {**output, "file": f"{target.name}/{place}"}
            for output, place in zip(landed.record["outputs"], places, strict=True)
        ]
        record = {**landed.record, "outputs": outputs}
        sidecar = self._write_sidecar(item, landed, record)
        pairs = [*zip(names, places, strict=True), (f"{item.name}.json", str(Path(places[0]).with_suffix(".json")))]

        def publish() -> None:
            with writing(target):
                target.mkdir(exist_ok=True)
                for name, place in pairs:
                    (landed.folder / name).replace(target / place)
                sync_folder(target)
                for _, place in pairs if decision == "accept" else []:
                    (self._work.folder / QUARANTINE / place).unlink(missing_ok=True)

        file, sha256 = str(outputs[0]["file"]), str(outputs[0]["sha256"])
        judged = Judged(landed.seed, judgement.scores) if judgement else None
        if judgement is None or judged is None or decision == "accept":
            detail = {key: value for key, value in record.items() if key not in ("job", "host", "outputs", "seconds")}
            told = {name: record.get(name) for name in ("graph", "timings")}
            audit = {"outputs": [output["sha256"] for output in outputs], "record": sidecar, **told}
            self._ledger.accept(
                prompt_id, file, sha256, landed.seconds, detail=detail, audit=audit, judged=judged, publish=publish
            )
            self._work.made(item, self.url, landed.seconds)
        elif decision == "retry":
            publish()
            self._ledger.reject(prompt_id, file, sha256, landed.seconds, judged, judgement.error(file))
            self._put_back(item)
            self._work.spent(item, self.url, "rejected", landed.seconds)
        else:
            reason = judgement.error(file)
            self._ledger.quarantine(
                prompt_id, file, sha256, landed.seconds, judged, reason, publish, audit={"record": sidecar}
            )
            self._work.kept_out(item, self.url, landed.seconds, reason)
        shutil.rmtree(landed.folder, ignore_errors=True)

    def _write_sidecar(self, item: StoredItem, landed: Landed, record: dict[str, object]) -> str:
        """Write how a picture was made beside it; returns the SHA-256 of the file."""
        facts = self._work.facts_of(item.workflow)
        whole = {
            "item_id": item.item_id,
            "sku": item.sku,
            "variant": item.variant,
            "title": item.title,
            **({"axes": dict(item.axes)} if item.axes else {}),
            "inputs": {**item.inputs, **(item.change or {})},
            "seed": landed.seed,
            **facts,
            **record,
            "warnings": [*facts["warnings"], *landed.record["warnings"]],
            "packshot": version(),
            "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
        write_text(landed.folder / f"{item.name}.json", text)
        return hashlib.sha256(text.encode()).hexdigest()
