"""Catalogue runs: scaling over hosts, overhead a row, 100,000 rows, and a campaign of kills.

python bench/catalog.py scale                   100,000 rows: plan, resume, memory, ledger, report; no host
python bench/catalog.py hosts                   1, 2 and 4 hosts whose jobs sleep, beside a pool of threads and a peer
python bench/catalog.py phases                  loads of the text encoder for 100 rows, with and without phases
python bench/catalog.py phases --card 12        the same on a GPU of so many GiB, and pictures an hour
python bench/catalog.py kills --kills 200       kill -9 of coordinator and hosts, and what is true afterwards
python bench/catalog.py kills --engine ray      the same on a Ray cluster, whose nodes are killed too
python bench/catalog.py kills --table FILE      a product table of your own; may be given twice
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import random
import re
import resource
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import _inside
import psutil
from _common import BENCH, PLAIN, machine, say
from _peers import SEVERAL_HOSTS, environment

from packshot.catalog.ledger import FILE_NAME, Ledger
from packshot.catalog.planfile import Catalog, CatalogFile
from packshot.catalog.rebuild import verify
from packshot.catalog.run import CatalogRun
from packshot.comfy.client import Client
from packshot.comfy.host import ManagedHost
from packshot.comfy.http import HostApi
from packshot.comfy.install import Installation, adopt, install
from packshot.paths import cache_dir

SLEEP = 0.5  # seconds that a job sleeps on its host
ROUNDS = 3
NODE = """
import pathlib, time
from comfy_api.latest import ComfyExtension, io

LOG = pathlib.Path(__file__).with_name("executed.log")

class BenchSleep(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="BenchSleep", inputs=[io.Image.Input("image"), io.Float.Input("seconds", default=0.5)],
                         outputs=[io.Image.Output()])
    @classmethod
    def execute(cls, image, seconds):
        with LOG.open("a") as file:
            file.write("x")
        time.sleep(seconds)
        return io.NodeOutput(image)

class Extension(ComfyExtension):
    async def get_node_list(self):
        return [BenchSleep]

async def comfy_entrypoint():
    return Extension()
"""
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


@contextlib.contextmanager
def several_hosts(
    count: int,
    folder: Path,
    node: str = NODE,
    installation: Installation | None = None,
    models: Path | None = None,
) -> Iterator[list[ManagedHost]]:
    """Hosts with a node of the benchmark's own, by default one that sleeps; each in a home of its own."""
    installation, models = installation or _managed(), models or cache_dir() / "host" / "models"
    hosts = [ManagedHost(folder / f"host{n}", installation, models) for n in range(count)]
    for host in hosts:
        nodes = host.home / "base" / "custom_nodes"
        nodes.mkdir(parents=True)
        (nodes / "bench_node.py").write_text(node)
    try:
        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(folder / "cache")):  # or they would keep conditioning
            for host in hosts:
                host.up(progress=say)
        yield hosts
    finally:
        for host in hosts:
            host.down()


def url_of(host: ManagedHost) -> str:
    url = host.status().url
    assert url is not None
    return url


def write_table(path: Path, rows: int, shift: int = 0) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write("sku,title,colour\n")
        for number in range(rows):
            file.write(
                f"SKU-{number:06},Product {number} of a catalogue,{0x9E3779 * (number + 1 + shift) % (1 << 24)}\n"
            )
    return path


def sleeping_workflow(path: Path, seconds: float = SLEEP) -> Path:
    """The plain workflow with a node between that sleeps."""
    data = json.loads(PLAIN.read_text())
    data["nodes"].append(
        {
            "id": 3, "type": "BenchSleep", "pos": [200, 80], "size": [200, 80], "flags": {}, "order": 1, "mode": 0,
            "inputs": [{"name": "image", "type": "IMAGE", "link": 1}],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [2]}],
            "title": "Sleep", "properties": {"Node name for S&R": "BenchSleep"}, "widgets_values": [seconds],
        }
    )  # fmt: skip
    data["links"] = [[1, 1, 0, 3, 0, "IMAGE"], [2, 3, 0, 2, 0, "IMAGE"]]
    data["nodes"][1]["inputs"][0]["link"] = 2
    data["last_node_id"], data["last_link_id"] = 3, 2
    path.write_text(json.dumps(data))
    return path


def command(table: Path, workflow: Path, out: Path, urls: list[str], *more: str) -> list[str]:
    words = [sys.executable, "-m", "packshot", "catalog", "run", str(table), "--workflow", str(workflow)]
    words += ["--out", str(out)]
    for url in urls:
        words += ["--host", url]
    return [*words, *more]


# -- hosts -------------------------------------------------------------------------------------------------------------


def bench_hosts(most: int, jobs: int) -> None:
    """Packshot beside the hosts' own time: that of the same number of jobs which they have in their queues beforehand.

    Efficiency is the hosts' own time over the run's, whose start and end are part of it; the overhead of a row is the
    difference, for each row of a host. Own time has in it what a host does between two jobs: ComfyUI collects garbage
    every ten seconds, which takes some tenths of a second, and longer where the hosts share processors as they do here.
    """
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as name, several_hosts(most, Path(name)) as hosts:
        folder = Path(name)
        api = HostApi(url_of(hosts[0]))
        print(json.dumps(machine(api.system_stats()["system"])))
        api.close()
        workflow = sleeping_workflow(folder / "sleep.app.json")
        alone = 0.0
        print(f"medians of {ROUNDS} rounds; seconds")
        print("| hosts | rows | hosts' own | packshot | efficiency | × one host | overhead a row (ms) | pool | peer |")
        for count in (each for each in (1, 2, 4) if each <= most):
            urls = [url_of(host) for host in hosts[:count]]
            rounds = [_round(urls, workflow, jobs * count, folder) for _ in range(ROUNDS)]
            own, took, pool = (statistics.median(each[at] for each in rounds) for at in range(3))
            efficiency = statistics.median(each[0] / each[1] for each in rounds)
            overhead = 1000 * statistics.median(each[1] - each[0] for each in rounds) / jobs
            alone = alone or took
            figures = f"{own:.2f} | {took:.2f} | {efficiency:.3f} | {took / alone:.3f} | {overhead:.1f} | {pool:.2f}"
            print(f"| {count} | {jobs * count} | {figures} | {', '.join(each[3] for each in rounds)} |", flush=True)


def _round(urls: list[str], workflow: Path, rows: int, folder: Path) -> tuple[float, float, float, str]:
    """Seconds of the hosts by themselves, of Packshot, of a pool of threads, and what the peer took."""
    own = _own_time(urls, workflow, rows)
    table = write_table(folder / "table.csv", rows, shift=_shift())
    file = CatalogFile(table=str(table), workflow=str(workflow), mapping={"color": "{{ row.colour }}"})
    with CatalogRun(Path(tempfile.mkdtemp(dir=folder)), create=True) as run:
        run.plan(Catalog(file))
        took = _timed_run(run, urls)
    return own, took, _thread_pool(urls, workflow, rows, folder), _peer(urls, workflow, rows)


def _shift() -> int:
    """Colours that no job had before, so that no host answers from its cache."""
    return next(_SHIFTS) * 1000


_SHIFTS = itertools.count(1)


def _graphs(url: str, workflow: Path, rows: int) -> list[dict[str, Any]]:
    first = _shift() * 16
    with Client(url) as client:
        return [client.draft(workflow, {"color": first + number}).graph for number in range(rows)]


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
    from packshot.catalog.scheduler import STAGE
    from packshot.catalog.station import HostSpec, LocalStation
    from packshot.models.licensing.licences import load_profile

    def spec(url: str) -> HostSpec:
        return HostSpec(url, lambda: LocalStation(Client(url), run.branded_workflows(), run.folder / STAGE, {}))

    with Client(urls[0]) as client:
        scheduler = run.scheduler(
            [spec(url) for url in urls], [client], load_profile(None), join=spec, settled=lambda _id, _error: None
        )
        begun = time.perf_counter()
        scheduler.run()
        return time.perf_counter() - begun


def _peer(urls: list[str], workflow: Path, rows: int) -> str:
    """The same number of jobs by a client that knows several hosts; what it took, or why there is no figure."""
    python = environment(SEVERAL_HOSTS)
    if python is None:
        return "cannot be installed"
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


# -- phases ------------------------------------------------------------------------------------------------------------


def bench_phases(rows: int, card: float, comfyui: Path | None) -> None:
    """Loads of the text encoder, and pictures an hour, row by row and with phases.

    Without a card: the starter, one step, on a host that holds one model at a time; which makes loads and no speed.
    With one, of so many GiB: FLUX.2 [klein] 4B with random weights, whole pictures on a GPU of which the rest is held.
    """
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        installation = replace(adopt(comfyui, Path(sys.executable)), adopted=False) if comfyui else _managed()
        models = cache_dir() / "host" / "models"
        settings, node = ["--set", "steps=1"], (BENCH / "small_card.py").read_text()
        if card:
            models = folder / "models"
            _write_weights(installation, models)
            settings, node = ["--set", "model=flux2-klein-4b"], NODE
            stack.enter_context(_inside.card(str(installation.python), card))
        (host,) = stack.enter_context(several_hosts(1, folder, node, installation, models))
        url = url_of(host)
        api = HostApi(url)
        print(json.dumps(machine(api.system_stats()["system"])))
        table = folder / "table.csv"
        table.write_text("sku,title\n" + "".join(f"S{n},mug number {n}\n" for n in range(rows)))
        log = Path(str(host.status().log))
        print("| phases | rows | loads of the text encoder | s | pictures an hour | the same pictures |")
        seen: dict[str, str] = {}
        hourly = []
        for switch in ("--no-phases", "--phases"):
            api.free_memory()  # nothing is known from the run before
            before = len(log.read_text())
            out = folder / switch
            begun = time.perf_counter()
            words = command(table, Path("product-shot"), out, [url], *settings, switch)
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            took = time.perf_counter() - begun
            loads = len(_TEXT_ENCODER.findall(log.read_text()[before:]))
            made = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in out.glob("pictures/*.png")}
            assert len(made) == rows
            seen = seen or made
            hourly.append(3600 * rows / took)
            figures = f"{loads} | {took:.1f} | {hourly[-1]:.0f} | {made == seen}"
            print(f"| {switch == '--phases'} | {rows} | {figures} |", flush=True)
        if card:
            print(f"{hourly[1] / hourly[0]:.2f} times as many pictures an hour with phases; wanted 2 or more")
        api.close()


_TEXT_ENCODER = re.compile(r"Requested to load (?:SD1ClipModel|Flux2TEModel_)")


def _managed() -> Installation:
    return install(cache_dir() / "host", say)


def _write_weights(installation: Installation, models: Path) -> None:
    """The files of FLUX.2 [klein] 4B's card, with random weights of the real shapes."""
    shapes = models.with_name("shapes.json")
    python, folder = str(installation.python), installation.comfyui
    line = [python, str(BENCH.parent / "tests" / "host" / "core_shapes.py"), "--complete"]
    shapes.write_bytes(subprocess.run(line, cwd=folder, capture_output=True, check=True).stdout)
    environment = {**os.environ, "COMFYUI": str(folder), "SHAPES": str(shapes)}
    subprocess.run([python, str(BENCH / "_weights.py"), str(models)], check=True, env=environment)


# -- 100,000 rows ------------------------------------------------------------------------------------------------------


def bench_scale(rows: int) -> None:
    """Each step in a process of its own, so that its memory is its own."""
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as name:
        folder = Path(name)
        table = write_table(folder / "table.csv", rows)
        print(f"| {rows:,} rows | seconds | peak MB |")
        for step in ("plan", "plan again", "decide", "fill", "report"):
            words = [sys.executable, __file__, "step", step, str(table), str(folder / "run")]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            print(f"| {step} | {done.stdout.strip()} |", flush=True)
        size = (folder / "run" / FILE_NAME).stat().st_size
        print(f"| ledger, all rows done | {size / 1e6:.1f} MB |")
        print(f"| audit | {(folder / 'run' / 'audit.jsonl').stat().st_size / 1e6:.1f} MB |")
        print(f"| report opens in Chromium | {_opens(folder / 'run' / 'index.html')} |")


def step(which: str, table: Path, out: Path) -> None:
    """One step of :func:`bench_scale`; prints its seconds and its peak memory."""
    begun = time.perf_counter()
    with CatalogRun(out, create=True) as run:
        if which in ("plan", "plan again"):
            file = CatalogFile(table=str(table), workflow=str(PLAIN), mapping={"color": "{{ row.colour }}"})
            run.plan(Catalog(file))
        elif which == "decide":
            assert len(run.ledger.backlog()) > 0
        elif which == "fill":
            _fill(run)
        else:
            run.report()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.perf_counter() - begun:.1f} | {peak:.0f}")


def _fill(run: CatalogRun) -> None:
    """What a whole run leaves in a ledger, without a sync for every row."""
    with contextlib.closing(sqlite3.connect(run.folder / FILE_NAME)) as database:
        database.execute("PRAGMA synchronous = OFF")
        hashed = hashlib.sha256(b"x").hexdigest()
        for (item_id,) in database.execute("SELECT item_id FROM items").fetchall():
            file = f"pictures/{item_id}.png"
            database.execute(
                "INSERT INTO attempts (prompt_id, item_id, host, outcome, started, ended, seconds, boot, file, sha256,"
                " detail) VALUES (?, ?, 'http://127.0.0.1:8188', 'accepted', 1.5, 2.5, 1.0, ?, ?, ?, ?)",
                (
                    hashlib.md5(item_id.encode()).hexdigest(),
                    item_id,
                    hashed[:32],
                    file,
                    hashed,
                    '{"timings": {"1": 0.5}}',
                ),
            )
        database.execute(
            "UPDATE items SET state = 'done', sha256 = ?, file = 'pictures/' || item_id || '.png'", (hashed,)
        )
        database.commit()


def _opens(page: Path) -> str:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return "playwright is not installed"
    executable = next(
        (path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        shown = browser.new_page()
        begun = time.perf_counter()
        shown.goto(page.as_uri(), wait_until="load")
        opened = time.perf_counter() - begun
        begun = time.perf_counter()
        shown.fill("#search", "SKU-099999")
        shown.wait_for_selector("#elsewhere li", state="visible")
        found = time.perf_counter() - begun
        browser.close()
    return f"{opened:.2f} s; the last SKU is found in {found:.2f} s"


# -- kills -------------------------------------------------------------------------------------------------------------


LONG = 2.0  # seconds of a job that is to be killed
BAD = 25  # every so many rows one that cannot be made
ROWS = 400  # of a table of our own


def bench_kills(kills: int, tables: list[Path], engine: str) -> None:
    """Kill at random while jobs are in flight; then check what every row has.

    Each row must have exactly one accepted picture, or one recorded reason; and no kill may cost more than one job
    executed again, which the hosts themselves count. Tables of our own are made anew until all kills are used up.
    """
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="packshot-bench-")))
        hosts = stack.enter_context(several_hosts(3, folder))
        urls = [url_of(host) for host in hosts]
        workflow = sleeping_workflow(folder / "sleep.app.json", LONG)
        more: list[str] = []
        cluster = None
        if engine == "ray":
            cluster = stack.enter_context(_cluster())
            assert cluster.stdout is not None
            address = next(line.split()[1] for line in cluster.stdout if line.startswith("address"))
            more = ["--engine", "ray", "--ray-address", address]
        print(
            "| table | rows | made | with a reason | kills: coordinator, host, node | attempts again | executed again |"
        )
        left, given = kills, len(tables)
        for number in itertools.count():
            if number == given if given else not left:
                break
            out = folder / f"run{number}"
            if given:
                table = _many(tables[number], folder)
                words, most = command(table, workflow, out, urls, *more), kills // given
            else:
                table = _with_bad_rows(write_table(folder / f"table{number}.csv", ROWS))
                words, most = command(table, workflow, out, urls, *more, "--set", "color={{ row.colour }}"), left
            used = {"coordinator": 0, "host": 0, "node": 0}
            executed = _executed(hosts)
            _campaign(words, out, hosts, cluster, most, rng, used)
            _check(out, table.stem, used, _executed(hosts) - executed)
            left -= sum(used.values())
        print(json.dumps({"seed": seed, "engine": engine}))


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
    log = out.with_suffix(".log").open("ab")
    run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=log)
    for _ in range(kills):
        time.sleep(rng.uniform(0.2, 3.0))
        while run.poll() is None and not _in_flight(out):
            time.sleep(0.05)
        if run.poll() is not None:
            break
        victim = rng.choice(["coordinator", "host", *(["node"] if cluster else [])])
        used[victim] += 1
        if victim == "coordinator":
            run.kill()
            run.wait()
            run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=log)
        elif victim == "host":
            host = rng.choice(hosts)
            status = host.status()
            assert status.pid is not None
            assert status.url is not None
            os.kill(status.pid, signal.SIGKILL)
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(status.pid).wait(10)
            host.up(port=int(status.url.rsplit(":", 1)[1]))
        elif cluster is not None:
            assert cluster.stdin is not None
            assert cluster.stdout is not None
            cluster.stdin.write("kill\n")
            cluster.stdin.flush()
            cluster.stdout.readline()
    code = run.wait()
    assert code in (0, 3), out.with_suffix(".log").read_text()[-4000:]


def _in_flight(out: Path) -> bool:
    """Whether a job of the run is on a host, as far as its ledger can be read at this moment."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{out / FILE_NAME}?mode=ro", uri=True)) as database:
            (found,) = database.execute("SELECT count(*) FROM attempts WHERE outcome = 'open'").fetchone()
            return bool(found)
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
    assert verify(out)["ok"]
    again, kills = executed - counts.done, sum(used.values())
    shown = ", ".join(map(str, used.values()))
    figures = f"{counts.rows} | {counts.done} | {counts.failed} | {shown} | {counts.extra_runs} | {max(0, again)}"
    print(f"| {name} | {figures} |", flush=True)
    assert again <= kills, "more jobs were executed again than there were kills"
    # A host that is killed takes the job that runs with it, and the one that waits, which was never executed.
    assert counts.extra_runs <= 2 * kills, (counts, used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["scale", "hosts", "phases", "kills", "step"])
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--rows", type=int, help="by default 100,000 for scale, 100 for phases, 40 a host")
    parser.add_argument("--hosts", type=int, default=4, help="how many hosts at most; 1, 2 or 4")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--table", type=Path, action="append", default=[])
    parser.add_argument("--card", type=float, default=0.0, help="GiB of the GPU that phases may use")
    parser.add_argument("--comfyui", type=Path, help="folder of a ComfyUI that this Python can run, for phases")
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    given = parser.parse_args()
    if given.what == "scale":
        bench_scale(given.rows or 100_000)
    elif given.what == "hosts":
        bench_hosts(given.hosts, given.rows or 40)
    elif given.what == "phases":
        bench_phases(given.rows or 100, given.card, given.comfyui)
    elif given.what == "kills":
        bench_kills(given.kills, given.table, given.engine)
    else:
        step(given.rest[0], Path(given.rest[1]), Path(given.rest[2]))


if __name__ == "__main__":
    main()
