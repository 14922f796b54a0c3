"""A campaign of kills, and what is true afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
from _catalog import command, several_hosts, sleeping_workflow, url_of, write_table

from packshot.catalog.ledger.audit_check import verify_audit
from packshot.catalog.ledger.ledger import FILE_NAME, Ledger
from packshot.catalog.runner.failures import Limits
from packshot.host.managed import ManagedHost

CLUSTER = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80_000_000})
node = lambda: cluster.add_node(num_cpus=1, resources={"comfy": 2}, object_store_memory=80_000_000)
nodes = [node() for _ in range(3)]
print("address", cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(nodes.pop(0), allow_graceful=False)
    nodes.append(node())
    print("killed", flush=True)
cluster.shutdown()
"""


WRITES = Path(__file__).with_name("_write_kills.py")
# Of ten kills: the coordinator in the middle of a write, the coordinator at any time, a host.
DECK = ("write",) * 4 + ("coordinator",) * 2 + ("host",) * 4
LONG = 2.0  # seconds of a job that is to be killed
BAD = 25  # every so many rows one that cannot be made
ROWS = 400  # of a table of our own


def bench_kills(
    kills: int, tables: list[Path], engine: str, hosts: int = 3, rows: int = ROWS, seconds: float = LONG
) -> None:
    """Kill while jobs are in flight; then check what every row has. Four of ten kills come inside a write.

    Each row must have exactly one accepted picture, or one recorded reason; and no kill may cost more than one job
    executed again, which the hosts themselves count. Tables of our own are made anew until all kills are used up.

    Args:
        kills: in all.
        tables: of somebody's products, each with its share of the kills; without any, tables of our own.
        engine: of the run, ``local`` or ``ray``.
        rows: of a table of our own.
        seconds: that a job sleeps on its host.
    """
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="packshot-bench-")))
        managed = stack.enter_context(several_hosts(hosts, folder))
        urls = [url_of(host) for host in managed]
        workflow = sleeping_workflow(folder / "sleep.app.json", seconds)
        more: list[str] = []
        cluster = None
        if engine == "ray":
            cluster = stack.enter_context(_cluster())
            assert cluster.stdout is not None
            address = next(line.split()[1] for line in cluster.stdout if line.startswith("address"))
            more = ["--engine", "ray", "--ray-address", address]
        print(
            "| table | rows | made | with a reason | kills: inside a write, coordinator, host, node"
            " | attempts again | executed again |"
        )
        left, given = kills, len(tables)
        places = Counter[str]()
        for number in itertools.count():
            if number == given if given else not left:
                break
            out = folder / f"run{number}"
            if given:
                table = _many(tables[number], folder)
                words, most = command(table, workflow, out, urls, *more), kills // given
            else:
                table = _with_bad_rows(write_table(folder / f"table{number}.csv", rows))
                words, most = command(table, workflow, out, urls, *more, "--set", "color={{ row.colour }}"), left
            used = {"write": 0, "coordinator": 0, "host": 0, "node": 0}
            executed = _executed(managed)
            _campaign(words, out, managed, cluster, most, rng, used)
            _check(out, table.stem, used, _executed(managed) - executed)
            left -= sum(used.values())
            places += _places(out)
        print(json.dumps({"seed": seed, "engine": engine, "inside writes": places}))


def _with_bad_rows(table: Path) -> Path:
    lines = table.read_text().splitlines()
    lines[BAD::BAD] = [line.rpartition(",")[0] + ",green" for line in lines[BAD::BAD]]
    table.write_text("\n".join(lines))
    return table


def _many(table: Path, folder: Path) -> Path:
    """A plan of eight pictures for each product of somebody's table, with a colour for each, as far as that goes."""
    colour = "{{ 65521 * (product.title | length) + 11 * (product.body | length) + (angle | int) }}"
    plan = {"table": str(table.resolve()), "angles": list("12345678"), "mapping": {"color": colour}}
    path = folder / f"{table.stem}.yaml"
    path.write_text(json.dumps(plan))  # JSON is YAML
    return path


def _executed(hosts: list[ManagedHost]) -> int:
    """Jobs that hosts began to execute, by their own count."""
    logs = [host.home / "base" / "custom_nodes" / "executed.log" for host in hosts]
    return sum(log.stat().st_size for log in logs if log.exists())


@contextlib.contextmanager
def _cluster() -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-W", "ignore", "-c", CLUSTER]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()


def _campaign(
    words: list[str],
    out: Path,
    hosts: list[ManagedHost],
    cluster: subprocess.Popen[str] | None,
    kills: int,
    rng: random.Random,
    used: dict[str, int],
) -> None:
    words = [sys.executable, str(WRITES), str(_write_log(out)), *words[words.index("packshot") + 1 :]]
    run = _start(words, out)
    deck = [*DECK, *(["node"] * 4 if cluster else [])]
    for number in range(kills):
        if number % len(deck) == 0:
            rng.shuffle(deck)
        victim = deck[number % len(deck)]
        time.sleep(rng.uniform(0.2, 3.0))
        while victim != "coordinator" and run.poll() is None and not _in_flight(out, run.pid):
            time.sleep(0.05)
        if run.poll() is not None:
            break
        if victim == "host" and _nearly_blamed(out):
            victim = "coordinator"
        if victim == "write":
            run.send_signal(signal.SIGUSR1)
            if run.wait() != -signal.SIGKILL:
                break  # it had come to its end before
            run = _start(words, out)
        used[victim] += 1
        if victim == "coordinator":
            run.kill()
            run.wait()
            run = _start(words, out)
        elif victim == "host":
            host = rng.choice(hosts)
            status = host.status()
            assert status.pid is not None
            assert status.url is not None
            os.kill(status.pid, signal.SIGKILL)
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(status.pid).wait(10)
            host.up(port=int(status.url.rsplit(":", 1)[1]))
        elif victim == "node":
            assert cluster is not None
            assert cluster.stdin is not None
            assert cluster.stdout is not None
            cluster.stdin.write("kill\n")
            cluster.stdin.flush()
            cluster.stdout.readline()
    code = run.wait()
    assert code in (0, 3), out.with_suffix(".log").read_text()[-4000:]


def _start(words: list[str], out: Path) -> subprocess.Popen[bytes]:
    with out.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=log)


def _write_log(out: Path) -> Path:
    return out.with_suffix(".writes")


def _places(out: Path) -> Counter[str]:
    """Inside which writes coordinators of a run were killed."""
    log = _write_log(out)
    return Counter(log.read_text().splitlines() if log.exists() else ())


def _nearly_blamed(out: Path) -> bool:
    """Whether one more host that dies could make the run take a row for what kills them, which no row here does."""
    with Ledger(out) as ledger:
        deaths = [ledger.item(attempt.item_id).deaths for attempt in ledger.open_attempts()]
    return max(deaths, default=0) >= Limits().deaths - 1


def _in_flight(out: Path, coordinator: int) -> bool:
    """Whether this coordinator has a job on a host, as far as the ledger can be read at this moment."""
    query = "SELECT count(*) FROM attempts, lease WHERE outcome = 'open' AND owner != '' AND pid = ?"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{out / FILE_NAME}?mode=ro", uri=True)) as database:
            return bool(database.execute(query, (coordinator,)).fetchone()[0])
    except sqlite3.Error:
        return False


def _check(out: Path, name: str, used: dict[str, int], executed: int) -> None:
    """Every row has one accepted picture, whose bytes the ledger names, or a reason; nothing else lies beside them."""
    with Ledger(out) as ledger:
        counts = ledger.counts()
    assert (counts.done + counts.failed, counts.pending, counts.running) == (counts.rows, 0, 0), counts
    with contextlib.closing(sqlite3.connect(out / FILE_NAME)) as database:
        accepted = database.execute(
            "SELECT count(*) FROM attempts WHERE outcome = 'accepted' GROUP BY item_id"
        ).fetchall()
        assert accepted == [(1,)] * counts.done
        for file, sha256 in database.execute("SELECT file, sha256 FROM items WHERE state = 'done'"):
            assert hashlib.sha256((out / file).read_bytes()).hexdigest() == sha256, file
        failed = database.execute("SELECT inputs, error FROM items WHERE state = 'failed'").fetchall()
        assert all("green" in inputs and "a whole number" in error for inputs, error in failed), failed
    assert len(list((out / "pictures").glob("*.png"))) == counts.done
    assert verify_audit(out)["ok"]
    again, kills = executed - counts.done, sum(used.values())
    shown = ", ".join(map(str, used.values()))
    figures = f"{counts.rows} | {counts.done} | {counts.failed} | {shown} | {counts.extra_runs} | {max(0, again)}"
    print(f"| {name} | {figures} |", flush=True)
    assert again <= kills, "more jobs were executed again than there were kills"
    # A host that is killed takes the job that runs with it, and the one that waits, which was never executed.
    assert counts.extra_runs <= 2 * kills, (counts, used)
