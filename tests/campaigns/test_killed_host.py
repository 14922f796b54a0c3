"""A host that is killed, or whose worker has died, as its client sees it; and rows of a catalogue that kill theirs.

Such a row stands for a model that is too large for memory: it fails by itself, and no neighbour with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from packshot import Client
from packshot.catalog.ledger.audit_check import verify_audit
from packshot.catalog.ledger.ledger import Ledger
from packshot.comfy.events import NodeProgress
from packshot.comfy.health import changed, health
from packshot.comfy.http import HostApi
from packshot.errors import HostLost, HostUnreachable, NodeMissing
from packshot.host.install import Installation, remember
from packshot.host.managed import ManagedHost
from support.host.jobs import (
    COPY,
    NODE,
    PLAIN,
    NewHost,
    colour,
    edited,
    picture,
    slow_graph,
    started,
    wait_until,
)
from support.host.poison import add_poison, write_poison


def _new_node(nodes: dict[int, dict[str, Any]], data: dict[str, Any]) -> None:
    data["nodes"] = [{**nodes[1], "type": "TestNewNode", "widgets_values": ["drawer"], "outputs": []}]
    data["links"], data["extra"] = [], {}


def test_a_killed_host_loses_its_jobs_and_its_successor_is_known_anew(
    new_host: Callable[..., ManagedHost], tmp_path: Path
) -> None:
    managed = new_host()
    status = managed.up()
    assert status.url
    assert status.pid
    base = managed.home / "base"
    with Client(status.url, patience=2, out=tmp_path / "out") as client:
        photo = picture(colour())
        client.submit(COPY, photo=photo).result(60)
        added = edited(PLAIN, _new_node)
        with pytest.raises(NodeMissing):
            client.submit(added)
        running = started(client, 1024)
        waiting = client.submit(PLAIN, color=colour())
        os.kill(status.pid, signal.SIGKILL)
        psutil.Process(status.pid).wait(60)
        for job in (running, waiting):
            with pytest.raises(HostLost, match="not answered"):
                job.result(120)
        with pytest.raises(HostUnreachable):
            client.submit(PLAIN, color=colour())

        (base / "custom_nodes" / "new_node.py").write_text(NODE)
        for upload in (base / "input" / "packshot").iterdir():
            upload.unlink()
        assert managed.up().url == status.url
        for job in (running, waiting):
            with pytest.raises(HostLost, match="restarted"):
                job.result(120)
        assert client.submit(COPY, photo=photo).result(60).outputs
        assert client.submit(added).result(60).outputs[0].read() == b"reward"
        assert any(isinstance(event, NodeProgress) for event in client.submit(PLAIN, color=colour()).events(60))


def test_a_host_whose_worker_has_died_says_so(new_host: Callable[..., ManagedHost], tmp_path: Path) -> None:
    url = new_host().up().url
    assert url
    with Client(url, out=tmp_path) as client:
        running = started(client)
        # Two entries of the same number and id, which the host's heap cannot tell apart.
        graph = client.draft(PLAIN, {"color": colour()}).graph
        body = {"prompt": graph, "prompt_id": str(uuid.uuid4()), "client_id": "other", "number": 5}
        assert [client.api.submit(body).status_code for _ in range(3)] == [200, 500, 500]
        assert running.result(60).outputs
        job = client.submit(PLAIN, color=colour())
        with pytest.raises(HostLost, match="worker thread has died"):
            job.result(120)


def test_a_dead_worker_is_seen_and_up_starts_anew_and_so_after_a_kill(new_host: NewHost) -> None:
    managed = new_host()
    first = managed.up()
    before = managed.health()
    assert before.healthy
    assert before.idle

    # The host's queue is a heap of (number, id, graph, …). Where number and id are equal it compares two graphs, which
    # Python refuses, after the entry was added: the next entry that the worker takes out ends the worker.
    api = HostApi(first.url or "")
    assert api.submit({"prompt": slow_graph(1), "client_id": "test"}).ok
    wait_until(lambda: health(api).running == 1)
    same = {"prompt": slow_graph(2), "client_id": "test", "number": 5, "prompt_id": str(uuid.uuid4())}
    assert [api.submit(same).status_code for _ in range(3)] == [200, 500, 500]
    wait_until(lambda: not api.queue()["queue_running"])
    api.close()

    seen = managed.health()
    assert seen.reachable
    assert seen.worker_dead
    assert seen.pending > 0
    assert not seen.healthy
    assert not changed(before, seen)
    status = managed.status()
    assert not status.healthy
    assert "worker" in status.reason

    second = managed.up()
    assert second.healthy
    assert second.pid != first.pid
    assert second.url == first.url
    after = managed.health()
    assert changed(before, after)

    os.kill(second.pid or 0, signal.SIGKILL)
    wait_until(lambda: managed.status().pid is None)
    third = managed.up()
    assert third.url == first.url, "clients find it where it was"
    assert changed(after, managed.health())


@contextlib.contextmanager
def managed_host(folder: Path, installation: Installation) -> Iterator[dict[str, str]]:
    """The environment of a user whose managed host has the node; it is stopped at the end."""
    home = folder / "packshot" / "host"
    managed = add_poison(ManagedHost(home, installation))
    remember(home, installation)
    try:
        yield {**os.environ, "XDG_CACHE_HOME": str(folder)}
    finally:
        managed.down()


def run_poison(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "packshot", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)


def failed_rows(out: Path) -> dict[str, str]:
    """Slugs of the rows that failed."""
    with Ledger(out) as ledger:
        counts = ledger.counts()
        assert (counts.pending, counts.running) == (0, 0), counts
        slugs = {row["item_id"]: json.loads(row["error"])["slug"] for row in ledger.rows() if row["state"] == "failed"}
    assert verify_audit(out)["ok"]
    return slugs


@pytest.mark.timeout(900)
def test_rows_that_kill_one_managed_host_fail_alone(installation: Installation, tmp_path: Path) -> None:
    words = write_poison(tmp_path, 8, {2, 7})
    with managed_host(tmp_path / "cache", installation) as environment:
        ended = run_poison(words, environment)
    assert ended.returncode == 3, ended.stderr
    assert failed_rows(tmp_path / "run") == {"P2": "host-lost", "P7": "host-lost"}


@pytest.mark.timeout(900)
def test_a_managed_host_that_every_row_kills_ends_the_run_and_blames_none(
    installation: Installation, tmp_path: Path
) -> None:
    words = write_poison(tmp_path, 30, set(range(30)))
    with managed_host(tmp_path / "cache", installation) as environment:
        ended = run_poison(words, environment)
    assert ended.returncode == 4, ended.stderr
    assert "made no picture in between" in ended.stderr
    with Ledger(tmp_path / "run") as ledger:
        assert ledger.counts().failed == 0


@pytest.mark.timeout(900)
def test_rows_that_kill_hosts_which_others_start_again_fail_alone(new_host: NewHost, tmp_path: Path) -> None:
    words = write_poison(tmp_path, 12, {1, 6})
    hosts = [add_poison(new_host()) for _ in range(2)]
    ports = {}
    for managed in hosts:
        url = str(managed.up().url)
        ports[managed] = int(url.rsplit(":", 1)[1])
        words += ["--host", url]
    over = threading.Event()

    def supervise() -> None:  # as systemd or a container's restart policy does
        while not over.wait(0.5):
            for managed, port in ports.items():
                if managed.status().pid is None:
                    managed.up(port=port)

    supervisor = threading.Thread(target=supervise)
    supervisor.start()
    try:
        ended = run_poison(words, dict(os.environ))
    finally:
        over.set()
        supervisor.join()
    assert ended.returncode == 3, ended.stderr
    assert failed_rows(tmp_path / "run") == {"P1": "host-lost", "P6": "host-lost"}
