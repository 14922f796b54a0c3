"""Timings, the run list and caches are there for comfort: a catalogue run ends as it should without them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from packshot.host.managed import HostStatus
from support.host.catalogs import PLAIN, packshot, run_plain, write_table

HOLDER = """
import pathlib, sys, time
from filelock import FileLock
locks = [FileLock(pathlib.Path(sys.argv[1]) / name) for name in ("runs.lock", "timings.lock", "hashes.lock")]
for lock in locks:
    lock.acquire()
print("held", flush=True)
time.sleep(600)
"""


def in_the_way(cache: Path) -> None:
    """A file where the folder should be: nothing can be written, not even by root."""
    cache.write_text("")


def damaged(cache: Path) -> None:
    (cache / "packshot").mkdir(parents=True)
    for name in ("runs.json", "timings.json", "hashes.json", "lora-index.sqlite"):
        (cache / "packshot" / name).write_bytes(b"\xff{")


def of_folders(cache: Path) -> None:
    for name in ("runs.json", "timings.json", "hashes.json", "lora-index.sqlite", "runs.lock", "timings.lock"):
        (cache / "packshot" / name).mkdir(parents=True)


@pytest.mark.parametrize("spoil", [in_the_way, damaged, of_folders])
def test_a_cache_of_no_use_costs_a_run_nothing(
    host: HostStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
) -> None:
    spoil(tmp_path / "cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    table = write_table(tmp_path / "table.csv", {"A": 1, "B": 2})
    answer = run_plain(table, tmp_path / "run", host)
    assert (answer["done"], answer["failed"]) == (2, 0)
    for command in ("status", "audit", "verify", "report"):
        packshot("catalog", command, tmp_path / "run", "--json")


def test_locks_of_a_stopped_process_are_not_waited_for(
    host: HostStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache" / "packshot"
    cache.mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(cache)], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            holder.send_signal(signal.SIGSTOP)
            table = write_table(tmp_path / "table.csv", {"A": 1})
            command = ["catalog", "run", table, "--out", tmp_path / "run", "--host", host.url, "--json"]
            done = packshot(*command, "--workflow", PLAIN, "--set", "color={{ row.colour }}")
        finally:
            holder.kill()
    assert json.loads(done.stdout)["done"] == 1
    lines = [line for line in done.stderr.splitlines() if "is not kept up to date" in line]
    assert len(lines) == len({line.split()[1] for line in lines}) == 2, "each is said once"
