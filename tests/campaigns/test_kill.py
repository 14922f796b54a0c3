"""Kill the runner and the host with SIGKILL, again and again, also inside writes: every SKU ends with one picture."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image

from packshot.catalog.ledger.ledger import Ledger
from packshot.errors import PackshotError
from packshot.host.managed import ManagedHost
from support.places import ROOT

ROWS = 420

KILLS = 22

WRITE_KILLS = 8  # more, in the middle of a write of the runner

RUNNER = ROOT / "bench" / "_write_kills.py"  # the command, which ends itself at a write after a signal

SIDE = 2000  # pixels: a job takes long enough to be killed in the middle

WORKFLOW = ROOT / "bench" / "plain.app.json"


def _table(folder: Path) -> dict[str, int]:
    """A plain table; SKU -> the colour that its picture must have."""
    # An odd factor makes them all different.
    colours = {f"SKU-{number:03}": 0x9E3779 * (number + 1) % (1 << 24) for number in range(ROWS)}
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "title", "colour"])
        writer.writerows([sku, f"Product {sku}", colour] for sku, colour in colours.items())
    return colours


def _run(folder: Path, url: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(RUNNER), str(folder / "writes.log")]
    command += ["catalog", "run", str(folder / "table.csv"), "--host", url]
    command += ["--workflow", str(WORKFLOW), "--out", str(folder / "run")]
    for setting in ("color={{ row.colour }}", f"width={SIDE}", f"height={SIDE}"):
        command += ["--set", setting]
    with (folder / "run.log").open("ab") as log:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)


def _kill_host(managed: ManagedHost) -> None:
    pid = managed.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(10)


def _kill_inside_a_write(folder: Path, runner: subprocess.Popen[bytes]) -> bool:
    """Arm a runner, once it works on the run, to end itself; False where it had ended, such as for want of a host."""
    while runner.poll() is None and not _holds(folder, runner.pid):
        time.sleep(0.05)
    runner.send_signal(signal.SIGUSR1)
    return runner.wait() == -signal.SIGKILL


def _holds(folder: Path, pid: int) -> bool:
    try:
        with Ledger(folder / "run") as ledger:
            holder = ledger.lease()
    except PackshotError:  # there is none yet
        return False
    return holder is not None and holder.pid == pid


def _done(folder: Path) -> int:
    try:
        with Ledger(folder / "run") as ledger:
            return ledger.counts().done
    except Exception:  # the first runner may have been killed before there was a ledger
        return 0


@pytest.mark.timeout(900)
def test_every_sku_has_one_picture_after_kills_of_runner_and_host(
    new_host: Callable[..., ManagedHost], tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    colours = _table(tmp_path)
    managed = new_host()
    url = managed.up().url
    assert url is not None
    victims = ["runner"] * (KILLS - 8) + ["host"] * 6 + ["both"] * 2 + ["write"] * WRITE_KILLS
    rng.shuffle(victims)
    runner = _run(tmp_path, url)
    host_kills = runner_kills = 0
    for victim in victims:
        # From the first steps of the runner to somewhere in the middle of its work.
        time.sleep(rng.uniform(0.2, 1.6))
        if _done(tmp_path) == ROWS:  # on a machine so quick that all is done before all kills
            break
        if victim in ("runner", "both"):
            runner.kill()
            runner.wait()
            runner_kills += 1
        if victim == "write":
            runner_kills += _kill_inside_a_write(tmp_path, runner)
        if victim in ("host", "both"):
            _kill_host(managed)
            host_kills += 1
            # At the same address: a runner that lives waits for it and goes on.
            assert managed.up(port=int(url.rsplit(":", 1)[1])).url == url
        if victim in ("runner", "both", "write"):
            runner = _run(tmp_path, url)
    assert host_kills + runner_kills >= 20
    places = (tmp_path / "writes.log").read_text().splitlines()
    assert len(places) >= WRITE_KILLS // 2
    code = runner.wait(600)
    if code == 4:  # it found no host when it began, because that had just been killed: it says so, and is run again
        code = _run(tmp_path, url).wait(600)
    assert code == 0, (tmp_path / "run.log").read_text()

    run = tmp_path / "run"
    with Ledger(run) as ledger:
        counts = ledger.counts()
    assert (counts.rows, counts.done, counts.failed, counts.running, counts.pending) == (ROWS, ROWS, 0, 0, 0)
    database = sqlite3.connect(run / "ledger.sqlite")
    accepted = dict(database.execute("SELECT item_id, count(*) FROM attempts WHERE outcome = 'accepted' GROUP BY 1"))
    assert accepted == dict.fromkeys(colours, 1)
    for sku, file, sha256 in database.execute("SELECT sku, file, sha256 FROM items"):
        data = (run / file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == sha256
        with Image.open(run / file) as image:
            assert image.size == (SIDE, SIDE)
            red, green, blue = image.convert("RGB").getpixel((7, 7))
            assert red << 16 | green << 8 | blue == colours[sku]
    pictures = sorted(path.name for path in (run / "pictures").glob("*.png"))
    assert pictures == sorted(f"{sku}.png" for sku in colours)
    # What the host made beyond one picture for each SKU is in the ledger as an extra run, and there is no more of it
    # than was on the host, or about to be sent to it, when something was killed.
    made = len(list((managed.home / "base" / "output").rglob("*.png")))
    assert made <= ROWS + counts.extra_runs
    assert counts.extra_runs <= 2 * host_kills + runner_kills
    print(f"inside writes: {places}")
    print(f"{host_kills} host kills, {runner_kills} runner kills, {counts.extra_runs} extra runs, {made} files")
