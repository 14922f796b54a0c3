"""Several hosts whose jobs sleep: Packshot beside the hosts by themselves, a pool of threads, and a peer."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _catalog import SLEEP, several_hosts, sleeping_workflow, url_of, write_table
from _common import BENCH, machine
from _peers import SEVERAL_HOSTS, environment

from packshot import Client
from packshot.catalog.planning.catalog_file import Catalog, CatalogFile
from packshot.catalog.run import CatalogRun
from packshot.comfy.http import HostApi


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of the hosts by themselves, of Packshot and of a pool of threads; and what the peer took, in words."""

    hosts: float
    packshot: float
    pool: float
    peer: str


def bench_hosts(most: int, jobs: int, rounds: int = 3, fetch: bool = True) -> None:
    """Run Packshot beside the hosts' own time: that of as many jobs which they have in their queues beforehand.

    Efficiency is the hosts' own time over the run's, whose start and end are part of it; the overhead of a row is the
    difference, for each row of a host. Own time has in it what a host does between two jobs: ComfyUI collects garbage
    every ten seconds, which takes some tenths of a second, and longer where the hosts share processors as they do here.

    Args:
        most: hosts at most; 1, 2 and 4 of them are measured.
        jobs: for each host.
        fetch: install the peer where it is not.
    """
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as name, several_hosts(most, Path(name)) as hosts:
        folder = Path(name)
        api = HostApi(url_of(hosts[0]))
        print(json.dumps(machine(api.system_stats()["system"])))
        api.close()
        workflow = sleeping_workflow(folder / "sleep.app.json")
        alone = 0.0
        print(f"medians of {rounds} rounds; seconds")
        print("| hosts | rows | hosts' own | packshot | efficiency | × one host | overhead a row (ms) | pool | peer |")
        for count in (number for number in (1, 2, 4) if number <= most):
            urls = [url_of(host) for host in hosts[:count]]
            times = [_round(urls, workflow, jobs * count, folder, fetch) for _ in range(rounds)]
            took = statistics.median(time.packshot for time in times)
            alone = alone or took
            figures = (
                f"{statistics.median(time.hosts for time in times):.2f}", f"{took:.2f}",
                f"{statistics.median(time.hosts / time.packshot for time in times):.3f}", f"{took / alone:.3f}",
                f"{1000 * statistics.median(time.packshot - time.hosts for time in times) / jobs:.1f}",
                f"{statistics.median(time.pool for time in times):.2f}", ", ".join(time.peer for time in times),
            )  # fmt: skip
            print(f"| {count} | {jobs * count} | {' | '.join(figures)} |", flush=True)


def _round(urls: list[str], workflow: Path, rows: int, folder: Path, fetch: bool) -> Round:
    hosts = _own_time(urls, workflow, rows)
    table = write_table(folder / "table.csv", rows, shift=_shift())
    file = CatalogFile(table=str(table), workflow=str(workflow), mapping={"color": "{{ row.colour }}"})
    with CatalogRun(Path(tempfile.mkdtemp(dir=folder)), create=True) as run:
        run.plan(Catalog(file))
        packshot = _timed_run(run, urls)
    return Round(hosts, packshot, _thread_pool(urls, workflow, rows, folder), _peer(urls, workflow, rows, fetch))


def _shift() -> int:
    """Colours that no job had before, so that no host answers from its cache."""
    return next(_SHIFTS) * 1000


_SHIFTS = itertools.count(1)


def _graphs(url: str, workflow: Path, rows: int) -> list[dict[str, Any]]:
    first = _shift() * 16
    with Client(url) as client:
        return [dict(client.draft(workflow, {"color": first + number}).graph) for number in range(rows)]


def _own_time(urls: list[str], workflow: Path, rows: int) -> float:
    """Seconds that hosts need for as many jobs as there are rows, all of them in their queues at once."""
    graphs = _graphs(urls[0], workflow, rows)
    apis = [HostApi(url) for url in urls]
    begun = time.perf_counter()
    last = [
        [api.submit({"prompt": graph}).json()["prompt_id"] for graph in graphs[at :: len(apis)]][-1]
        for at, api in enumerate(apis)
    ]
    for api, prompt_id in zip(apis, last, strict=True):
        while not api.history(prompt_id):
            time.sleep(0.02)
        api.close()
    return time.perf_counter() - begun


def _timed_run(run: CatalogRun, urls: list[str]) -> float:
    begun = time.perf_counter()
    run.run(urls)
    return time.perf_counter() - begun


def _peer(urls: list[str], workflow: Path, rows: int, fetch: bool) -> str:
    """Do the same number of jobs by a client that knows several hosts; what it took, or why there is no figure."""
    python = environment(SEVERAL_HOSTS, fetch)
    if python is None:
        return "not installed"
    graphs = _graphs(urls[0], workflow, rows)
    command = [str(python), str(BENCH / "peers" / SEVERAL_HOSTS.driver)]
    given = json.dumps({"urls": urls, "graphs": graphs})
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60 + 4 * SLEEP * rows)
    except subprocess.TimeoutExpired:
        return "did not end"
    if done.returncode:
        return f"failed: {done.stderr.strip()[-200:]}"
    answer = json.loads(done.stdout)
    missing = f", {rows - answer['pictures']} of {rows} without a picture" if answer["pictures"] != rows else ""
    return f"{answer['seconds']:.2f} s{missing}"


def _thread_pool(urls: list[str], workflow: Path, rows: int, folder: Path) -> float:
    """What the sample client of an article does: a pool of four threads for each host, no ledger, no checks."""
    clients = [Client(url, out=folder / "pool") for url in urls]
    first = _shift() * 16

    def make(number: int) -> None:
        clients[number % len(clients)].submit(workflow, color=first + number).result(120)

    begun = time.perf_counter()
    with ThreadPoolExecutor(4 * len(urls)) as pool:
        list(pool.map(make, range(rows)))
    took = time.perf_counter() - begun
    for client in clients:
        client.close()
    return took
