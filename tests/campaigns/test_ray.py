"""Catalogue runs on a real Ray cluster of several nodes, each with a host beside it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from packshot.catalog.ledger.ledger import FILE_NAME
from packshot.catalog.runner.ray_station import beside, connect
from packshot.host.managed import HostStatus, ManagedHost
from support.host.catalogs import (
    BIG,
    check_run,
    ended,
    kill_host,
    start_run,
    up,
    wait_for,
    write_colours,
    write_copier,
    write_photos,
)
from support.host.proxy import Proxy

CLUSTER = """
import sys, time
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80_000_000})
nodes = [cluster.add_node(num_cpus=1, resources={"comfy": 1}, object_store_memory=80_000_000) for _ in range(3)]
print(cluster.address, flush=True)
for line in sys.stdin:
    if line.strip() == "kill":
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        print("killed", flush=True)
    elif line.strip() == "add":
        nodes.append(cluster.add_node(num_cpus=1, resources={"comfy": 1}, object_store_memory=80_000_000))
        print("added", flush=True)
cluster.shutdown()
"""

# Nodes with addresses of their own, as machines have them.
MACHINES = """
import sys
import tempfile
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80_000_000})
for address in ("127.0.0.2", "127.0.0.3"):
    more = {"resources": {"comfy": 1}, "object_store_memory": 80_000_000, "node_ip_address": address}
    cluster.add_node(num_cpus=1, **more)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture
def cluster() -> Iterator[subprocess.Popen[str]]:
    """A head and three nodes, in a process of their own; its first line is the cluster's address."""
    with _cluster(CLUSTER) as process:
        yield process


@pytest.fixture
def machines() -> Iterator[str]:
    """The address of a cluster of a head and two nodes at 127.0.0.2 and 127.0.0.3."""
    with _cluster(MACHINES) as process:
        yield said(process)


@contextlib.contextmanager
def _cluster(script: str) -> Iterator[subprocess.Popen[str]]:
    pytest.importorskip("ray")
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def said(cluster: subprocess.Popen[str], word: str = "") -> str:
    assert cluster.stdout is not None
    while line := cluster.stdout.readline():
        if (word in line) if word else line.count(":") == 1 and line.strip().rpartition(":")[2].isdigit():
            return line.strip()
    raise AssertionError("the cluster ended")


def test_a_run_on_ray_survives_the_loss_of_a_node_a_host_and_the_coordinator(
    cluster: subprocess.Popen[str], host: HostStatus, second: ManagedHost, tmp_path: Path
) -> None:
    address = said(cluster)
    urls = [str(host.url), up(second)]
    colours = write_colours(tmp_path / "table.csv", 60)
    out = tmp_path / "run"
    engine = ("--engine", "ray", "--ray-address", address)
    assert cluster.stdin is not None
    with ended(start_run(tmp_path / "table.csv", out, urls, *engine, side=BIG)) as run:
        wait_for(out, lambda counts: counts.done >= 4)
        cluster.stdin.write("kill\n")
        cluster.stdin.flush()
        said(cluster, "killed")
        wait_for(out, lambda counts: counts.done >= 10)
        run.kill()
    with ended(start_run(tmp_path / "table.csv", out, urls, *engine, side=BIG)) as run:
        wait_for(out, lambda counts: counts.done >= 16)
        kill_host(second)
        assert run.wait(400) == 0, out.with_suffix(".log").read_text()
    # Two jobs on the host that was killed; a node's loss and the coordinator's leave the hosts' jobs to be found again,
    # unless the other host was quicker to take them over.
    check_run(out, colours, extra=2 + 2 + 2)
    # Pictures of one colour fail every channel: tasks on the cluster judge each of them.
    few, judged = tmp_path / "few.csv", tmp_path / "judged"
    write_colours(few, 4)
    with ended(start_run(few, judged, urls[:1], *engine, "--channel", "plain", "--retries", "0")) as run:
        assert run.wait(300) == 3, judged.with_suffix(".log").read_text()
    with contextlib.closing(sqlite3.connect(judged / FILE_NAME)) as database:
        scores = [json.loads(each) for (each,) in database.execute("SELECT scores FROM judgements")]
    assert [{score["id"] for score in each} >= {"technical.contrast"} for each in scores] == [True] * 4


def test_an_actor_lives_on_its_host_s_machine_and_gets_the_photographs_of_this_one(
    machines: str, host: HostStatus, tmp_path: Path
) -> None:
    ray = pytest.importorskip("ray")
    engine = ("--engine", "ray", "--ray-address", machines)
    colours = {f"SKU-{number}": 0x101010 * (number + 1) for number in range(4)}
    table, workflow, out = (
        write_photos(tmp_path / "shop", colours),
        write_copier(tmp_path / "copy.json"),
        tmp_path / "run",
    )
    with ended(start_run(table, out, [str(host.url)], *engine, workflow=workflow)) as run:
        assert run.wait(120) == 2  # "this machine" is another one for each node
    said_why = out.with_suffix(".log").read_text()
    assert "127.0.0.2" in said_why, said_why
    before = _folders()
    with Proxy(str(host.url), "127.0.0.2") as near, Proxy(str(host.url), "127.0.0.3") as far:
        with ended(start_run(table, out, [near.url, far.url], *engine, workflow=workflow)) as run:
            assert run.wait(300) == 0, out.with_suffix(".log").read_text()
        connect(machines)
        try:
            where = ray.remote(ray.util.get_node_ip_address)
            for proxy, address in ((near, "127.0.0.2"), (far, "127.0.0.3")):
                assert ray.get(where.options(num_cpus=0, resources=beside(proxy.url)).remote(), timeout=60) == address
            assert beside("http://192.0.2.77:8188") == {}  # no node's: any will do
        finally:
            ray.shutdown()
    check_run(out, colours, extra=0)
    assert _folders() == before, "a run leaves nothing on its nodes' disks"


def _folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("packshot-*"))
