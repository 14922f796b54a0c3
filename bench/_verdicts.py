"""The verdict campaign: many short jobs of which it is known how each has to end, counting what Packshot says wrongly.

Short jobs are the hard ones: they end while the client is still busy submitting, so that every gap between the host's
queue, its history and its event socket is met thousands of times.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil
from _common import PLAIN, TEXT, picture_fault, say

from packshot import Client, Job
from packshot.errors import JobFailed, JobTimeout

HANG = 30.0  # seconds after which a job counts as hung
BATCH = 100  # jobs in one round of all the ways to submit
_WEIGH = 1000  # jobs between two looks at the memory


@dataclass(frozen=True, slots=True)
class Case:
    """A job and the way it has to end.

    ``picture``: one colour and size that no other job has. ``repeat``: the same once more, which the host need not make
    again. ``text``: a sentence. ``failure``: an error while the job runs.
    """

    number: int
    kind: Literal["picture", "repeat", "text", "failure"]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return 16 + self.number % 48, 16 + self.number // 48 % 48

    def submit(self, client: Client) -> Job:
        if self.kind == "text":
            return client.submit(TEXT, text="job ?", pattern=r"\?", replacement=str(self.number))
        if self.kind == "failure":
            return client.submit(TEXT, text="job ?", pattern=f"({self.number}", replacement="")
        width, height = self.size
        return client.submit(PLAIN, color=self.number, width=width, height=height)

    def fault(self, job: Job) -> str:
        """What is wrong with the client's verdict; empty if nothing. The output is deleted after it was looked at."""
        try:
            result = job.result(HANG)
        except JobTimeout as error:
            return f"hang: {error}"
        except JobFailed as error:
            return "" if self.kind == "failure" and "node 1" in error.place else f"false failure: {error}"
        if self.kind == "failure":
            return "false success: the job had to fail"
        if len(result.outputs) != 1:
            return f"false success: {len(result.outputs)} outputs"
        (output,) = result.outputs
        data = output.read()
        output.file.unlink()
        if hashlib.sha256(data).hexdigest() != output.sha256:
            return "false success: the sha256 is not that of the file"
        if output.reused != (self.kind == "repeat"):
            return f"false success: said to be {'' if output.reused else 'not '}reused"
        if self.kind == "text":
            wrong = "" if data == f"job {self.number}".encode() else f"the text is {data[:50]!r}"
        else:
            wrong = picture_fault(data, self.number, *self.size)
        return f"false success: {wrong}" if wrong else ""


@dataclass(slots=True)
class Campaign:
    """What came of it.

    Attributes:
        jobs: how many there were.
        kinds: how many of each kind.
        wrong: a line for each wrong verdict.
        memory: jobs done -> resident memory of this process in bytes, after a garbage collection.
        seconds: wall time of the whole.
    """

    jobs: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    memory: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0


def campaign(url: str, jobs: int, out: Path) -> Campaign:
    """Run at least ``jobs`` jobs with one client, in whole batches; once on a host, as it has the results then."""
    done = Campaign()
    numbers = itertools.count(1)
    started = time.monotonic()
    with Client(url, out=out) as client:
        while done.jobs < jobs:
            for cases, faults in _batch(client, numbers):
                for case in cases:
                    done.kinds[case.kind] = done.kinds.get(case.kind, 0) + 1
                done.jobs += len(cases)
                done.wrong += [f"job {case.number}, {case.kind}: {fault}" for case, fault in faults]
            if done.jobs % _WEIGH == 0:
                gc.collect()
                done.memory[done.jobs] = psutil.Process().memory_info().rss
                say(f"{done.jobs} verdicts, {len(done.wrong)} wrong, {time.monotonic() - started:.0f} s")
    done.seconds = time.monotonic() - started
    return done


Faults = list[tuple[Case, str]]


def _batch(client: Client, numbers: Iterator[int]) -> Iterator[tuple[list[Case], Faults]]:
    """One hundred jobs: one by one, two and twenty at a time, from two threads, and some of them twice."""
    for depth in (1, 2, 20):
        cases = _mixed(numbers, 20)
        yield cases, _run(client, cases, depth)
    halves = [_mixed(numbers, 10), _mixed(numbers, 10)]
    with ThreadPoolExecutor(2) as pool:
        for cases, faults in zip(halves, pool.map(lambda half: _run(client, half, 2), halves), strict=True):
            yield cases, faults
    for depth in (1, 10):
        cases = [Case(number, kind) for number in itertools.islice(numbers, 5) for kind in ("picture", "repeat")]
        yield cases, _run(client, cases, depth)


def _mixed(numbers: Iterator[int], count: int) -> list[Case]:
    """Pictures, and in their midst a text and a failure."""
    kinds: list[Literal["picture", "text", "failure"]] = ["picture"] * count
    kinds[count // 2], kinds[count // 3] = "text", "failure"
    return [Case(number, kind) for kind, number in zip(kinds, numbers, strict=False)]


def _run(client: Client, cases: Sequence[Case], depth: int) -> Faults:
    """Keep ``depth`` jobs on the host and harvest them in order; returns the wrong verdicts."""
    faults: Faults = []
    flying: deque[tuple[Case, Job]] = deque()

    def harvest() -> None:
        case, job = flying.popleft()
        try:
            fault = case.fault(job)
        except Exception as error:  # Whatever else it says of a job that the host can do is wrong too.
            fault = f"false failure: {type(error).__name__}: {error}"
        if fault:
            faults.append((case, fault))

    for case in cases:
        if len(flying) == depth:
            harvest()
        try:
            flying.append((case, case.submit(client)))
        except Exception as error:
            faults.append((case, f"false failure: {type(error).__name__}: {error}"))
    while flying:
        harvest()
    return faults
