"""Rows that kill their host, as a model that is too large does: they fail by themselves, and no neighbour with them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from packshot.catalog.ledger.audit_check import verify_audit
from packshot.catalog.ledger.ledger import Ledger
from packshot.host.install import Installation, remember
from packshot.host.managed import ManagedHost
from support.host.jobs import NewHost
from support.host.poison import add_poison, write_poison

pytestmark = pytest.mark.timeout(900)


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


def make(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "packshot", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)


def failed(out: Path) -> dict[str, str]:
    """Slugs of the rows that failed."""
    with Ledger(out) as ledger:
        counts = ledger.counts()
        assert (counts.pending, counts.running) == (0, 0), counts
        slugs = {row["item_id"]: json.loads(row["error"])["slug"] for row in ledger.rows() if row["state"] == "failed"}
    assert verify_audit(out)["ok"]
    return slugs


def test_on_one_managed_host_they_fail_alone(installation: Installation, tmp_path: Path) -> None:
    words = write_poison(tmp_path, 8, {2, 7})
    with managed_host(tmp_path / "cache", installation) as environment:
        ended = make(words, environment)
    assert ended.returncode == 3, ended.stderr
    assert failed(tmp_path / "run") == {"P2": "host-lost", "P7": "host-lost"}


def test_a_managed_host_that_every_row_kills_ends_the_run_and_blames_none(
    installation: Installation, tmp_path: Path
) -> None:
    words = write_poison(tmp_path, 30, set(range(30)))
    with managed_host(tmp_path / "cache", installation) as environment:
        ended = make(words, environment)
    assert ended.returncode == 4, ended.stderr
    assert "made no picture in between" in ended.stderr
    with Ledger(tmp_path / "run") as ledger:
        assert ledger.counts().failed == 0


def test_on_several_hosts_that_others_start_again_they_fail_alone(new_host: NewHost, tmp_path: Path) -> None:
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
        ended = make(words, dict(os.environ))
    finally:
        over.set()
        supervisor.join()
    assert ended.returncode == 3, ended.stderr
    assert failed(tmp_path / "run") == {"P1": "host-lost", "P6": "host-lost"}
