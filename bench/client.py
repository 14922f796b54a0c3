"""Packshot's client against a raw floor and three peers, on the same host in the same run.

    .venv/bin/python bench/client.py [--jobs N] [--verdicts N] [--peers NAME …] [--json FILE] [--host URL] [--smoke]

It starts a ComfyUI of its own and takes some ten minutes. ``docs/benchmarks.md`` says what the columns mean. The exit
code is 1 where a figure misses what is wanted; with ``--smoke``, where a verdict is wrong.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from _common import BenchHost, bench_host, machine, say
from _options import add_host, add_smoke
from _peers import FLOOR, PACKSHOT, PEERS, Driver, Figures, Peer, start
from _verdicts import Campaign, campaign
from rich.console import Console
from rich.table import Table

_WARM_UP = 10
_MEGABYTE = 1e6
_FLAT = 2.0  # megabytes; Python takes memory in pieces of one, so a single one more says nothing


@dataclass(frozen=True, slots=True)
class Row:
    """One client in the table: milliseconds, pictures per second, and ratios to the floor.

    Ratios are medians over the rounds, as the machine changes in between; for a slow client, with one or two jobs in a
    round, they are those of all its jobs.
    """

    client: str
    jobs: int
    p50: float | None
    p95: float | None
    rate: float | None
    p50_ratio: float | None
    p95_ratio: float | None
    rate_ratio: float | None
    wrong: dict[str, int]
    wrong_of: int
    examples: list[str]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done for the figures.

    Attributes:
        rounds: at least so many, in which the clients take turns.
        sequential: jobs of the floor and of packshot in one round.
        depth: jobs submitted before the first one is harvested.
        starts: of Python and of the command, each timed.
        fetch: whether peers that are not there are installed.
    """

    rounds: int
    sequential: int
    depth: int
    starts: int
    fetch: bool


_FULL = Effort(rounds=5, sequential=50, depth=100, starts=10, fetch=True)
_SMOKE = Effort(rounds=1, sequential=2, depth=2, starts=1, fetch=False)


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that Packshot wants to reach, and whether it did."""

    figure: str
    wanted: str
    measured: str
    reached: bool


def main() -> None:
    options = _options()
    effort = _SMOKE if options.smoke else _FULL
    if options.smoke:
        options.jobs, options.verdicts = 2, 1
    console = Console(width=None if sys.stdout.isatty() else 140)
    answer: dict[str, Any] = {}
    goals: list[Goal] = []
    with bench_host(options.host) as host:
        answer["machine"] = machine(host.system)
        console.print("  ".join(f"{name} {value}" for name, value in answer["machine"].items()))
        if options.jobs:
            before = host.recorded_failures()
            rows = _compare(host, options.jobs, effort, [PEERS[name] for name in options.peers])
            failures = host.recorded_failures() - before
            answer["clients"] = [asdict(row) for row in rows]
            answer["failures_on_the_host"] = failures
            console.print(_table(rows), f"The host's own records name {failures} failed jobs.")
            goals += _speed_goals(rows)
        if options.verdicts:
            say(f"{options.verdicts} verdicts")
            done = campaign(host.url, options.verdicts, host.scratch / "verdicts")
            answer["verdicts"] = asdict(done)
            console.print(f"verdicts: {done.jobs} in {done.seconds:.0f} s, {dict(done.kinds)}", *done.wrong, sep="\n")
            goals += _verdict_goals(done)
    goals += _start_goals(effort.starts)
    answer["goals"] = [asdict(goal) for goal in goals]
    answer["load_at_the_end"] = machine(host.system)["load"]
    console.print(_goal_table(goals))
    if options.json:
        options.json.write_text(json.dumps(answer, indent=2) + "\n", encoding="utf-8")
    wrong = answer.get("verdicts", {}).get("wrong")
    sys.exit(1 if wrong or (not options.smoke and not all(goal.reached for goal in goals)) else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Packshot's client against a raw floor and its peers.")
    parser.add_argument("--jobs", type=int, default=1000, help="sequential jobs of the floor; 0 leaves this part out")
    parser.add_argument("--verdicts", type=int, default=10_000, help="jobs of the verdict campaign; 0 leaves it out")
    parser.add_argument(
        "--peers", nargs="*", choices=list(PEERS), default=list(PEERS), metavar="NAME", help=", ".join(PEERS)
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there as well")
    add_host(parser)
    add_smoke(parser)
    return parser.parse_args()


# -- speed -----------------------------------------------------------------------------------------------------------


def _compare(host: BenchHost, jobs: int, effort: Effort, peers: Sequence[Peer]) -> list[Row]:
    """All clients by turns, in rounds: the machine's other load comes and goes, and has to meet them all alike."""
    colors = itertools.count(1)
    drivers: list[Driver] = []
    try:
        for peer in (FLOOR, PACKSHOT, *peers):
            driver = start(peer, host.url, host.scratch, effort.fetch)
            if driver is not None:
                drivers.append(driver)
        for driver in drivers:
            driver.warm_up(_take(colors, _WARM_UP if driver.peer.share == 1 else 1))
        rounds = max(effort.rounds, jobs // effort.sequential)
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            # The first two change places from round to round, as the one that goes first may have it easier.
            turn = [*drivers[:2][:: -1 if number % 2 else 1], *drivers[2:]]
            for driver in turn:
                driver.warm_up(_take(colors, 1))
                driver.sequential(_take(colors, max(1, jobs // rounds // driver.peer.share)))
            for driver in turn:
                if driver.peer.overlaps and number % driver.peer.overlaps == 0:
                    driver.warm_up(_take(colors, 1))
                    driver.overlapping(_take(colors, effort.depth))
            host.clear_outputs()
        floor = drivers[0].figures
        return [_row(driver, floor) for driver in drivers]
    finally:
        for driver in drivers:
            driver.close()


def _take(colors: Iterator[int], count: int) -> list[int]:
    return list(itertools.islice(colors, count))


def _row(driver: Driver, floor: Figures) -> Row:
    figures = driver.figures
    pooled = list(itertools.chain.from_iterable(figures.seconds))
    rounds = list(zip(figures.seconds, floor.seconds, strict=False))
    if driver.peer.share > 1:  # too few jobs in a round for figures of its own
        rounds = [(pooled, list(itertools.chain.from_iterable(floor.seconds)))]
    rounds = [(mine, least) for mine, least in rounds if mine and least]
    rates = list(zip(figures.rates, floor.rates[:: driver.peer.overlaps or 1], strict=False))
    return Row(
        client=driver.peer.name,
        jobs=len(pooled),
        p50=statistics.median(pooled) * 1e3 if pooled else None,
        p95=_p95(pooled) * 1e3 if pooled else None,
        rate=_median(figures.rates),
        p50_ratio=_median(statistics.median(mine) / statistics.median(least) for mine, least in rounds),
        p95_ratio=_median(_p95(mine) / _p95(least) for mine, least in rounds),
        rate_ratio=_median(mine / least for mine, least in rates),
        wrong=dict(Counter(kind for kind, _ in figures.wrong)),
        wrong_of=figures.jobs,
        examples=sorted({said for _, said in figures.wrong})[:5],
    )


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return statistics.median(found) if found else None


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def _table(rows: Sequence[Row]) -> Table:
    columns = ("client", "jobs", "p50 ms", "× floor", "p95 ms", "× floor", "pictures/s", "× floor", "wrong verdicts")
    table = Table(*columns, title="one host, one run: from submit to the picture's bytes")
    for row in rows:
        table.add_row(
            row.client,
            str(row.jobs),
            _number(row.p50, 1),
            _number(row.p50_ratio, 2),
            _number(row.p95, 1),
            _number(row.p95_ratio, 2),
            _number(row.rate, 1),
            _number(row.rate_ratio, 2),
            f"{sum(row.wrong.values())} of {row.wrong_of} {', '.join(f'{n} {kind}' for kind, n in row.wrong.items())}",
        )
    return table


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _speed_goals(rows: Sequence[Row]) -> list[Goal]:
    row = next(row for row in rows if row.client == PACKSHOT.name)
    wanted = (
        ("p50 against the floor", row.p50_ratio, "at most", 1.15),
        ("p95 against the floor", row.p95_ratio, "at most", 1.5),
        ("pipelined rate against the floor", row.rate_ratio, "at least", 0.95),
    )
    return [
        Goal(
            figure,
            f"{side} {limit}",
            _number(value, 2),
            value is not None and (value <= limit if side == "at most" else value >= limit),
        )
        for figure, value, side, limit in wanted
    ]


# -- the rest ----------------------------------------------------------------------------------------------------------


def _verdict_goals(done: Campaign) -> list[Goal]:
    goals = [Goal("wrong verdicts", "0", f"{len(done.wrong)} of {done.jobs}", not done.wrong)]
    if len(done.memory) > 1:
        (first, before), (last, after) = min(done.memory.items()), max(done.memory.items())
        growth = (after - before) / _MEGABYTE
        measured = f"{growth:+.2f} MB from job {first} ({before / _MEGABYTE:.1f} MB) to job {last}"
        goals.append(Goal("client memory", f"flat (at most {_FLAT:g} MB more)", measured, growth <= _FLAT))
    return goals


def _start_goals(starts: int) -> list[Goal]:
    """How long Python takes to import Packshot, and the command to print its help: medians of warm starts."""
    program = shutil.which("packshot", path=str(Path(sys.executable).parent)) or "packshot"
    return [
        _start_goal("import packshot", 150, starts, partial(_import_time, "import packshot")),
        _start_goal("from packshot import Client", 150, starts, partial(_import_time, "from packshot import Client")),
        _start_goal("packshot --help", 400, starts, partial(_wall_time, [program, "--help"])),
    ]


def _start_goal(figure: str, limit: int, starts: int, timed: Callable[[], float]) -> Goal:
    timed()
    milliseconds = statistics.median(timed() for _ in range(starts)) * 1e3
    return Goal(figure, f"under {limit} ms", f"{milliseconds:.0f} ms", milliseconds < limit)


def _import_time(statement: str) -> float:
    """Seconds that a statement takes in a new Python; the start of Python itself is left out."""
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def _wall_time(command: list[str]) -> float:
    """Seconds from the start of a command to its end."""
    started = perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return perf_counter() - started


def _goal_table(goals: Sequence[Goal]) -> Table:
    table = Table("figure", "wanted", "measured", "reached", title="what Packshot wants to reach")
    for goal in goals:
        table.add_row(goal.figure, goal.wanted, goal.measured, "yes" if goal.reached else "NO")
    return table


if __name__ == "__main__":
    main()
