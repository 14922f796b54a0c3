"""Whole catalogue runs under faults that do not end: slow and lossy networks, clocks that jump, kills, bad rows."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
from pathlib import Path

import pytest
import yaml
from PIL import Image

from packshot.catalog.ledger.audit_check import verify_audit
from packshot.catalog.ledger.ledger import FILE_NAME, Ledger
from packshot.host.managed import HostStatus, ManagedHost
from support.host.catalogs import (
    BIG,
    check_run,
    ended,
    kill_host,
    packshot,
    start_plan,
    start_run,
    up,
    wait_for,
    write_colours,
)
from support.host.jobs import COPY
from support.host.proxy import Proxy, Request


def test_a_slow_network_that_loses_answers_all_the_time_costs_no_row(host: HostStatus, tmp_path: Path) -> None:
    colours = write_colours(tmp_path / "table.csv", 20)
    out = tmp_path / "run"
    lost: list[str] = []
    with Proxy(str(host.url)) as proxy:
        proxy.delay = 0.15

        def lossy(request: Request) -> bytes | None:
            if len(proxy.seen) % 9 == 0 and not request.line.startswith("GET /ws"):
                lost.append(request.line)
                proxy.lose_answer(request.line)
            if len(proxy.seen) % 40 == 0:
                lost.append("everything")
                proxy.cut()
            return None

        proxy.rule = lossy
        with ended(start_run(tmp_path / "table.csv", out, [proxy.url])) as run:
            assert run.wait(400) == 0, out.with_suffix(".log").read_text()
    assert "POST /prompt" in lost
    check_run(out, colours, extra=len(lost))


CLOCK = """
import pathlib, time
_jump, _time, _time_ns = pathlib.Path({jump!r}), time.time, time.time_ns

def _ahead():
    try:
        return int(_jump.read_text() or 0)
    except OSError:
        return 0

time.time = lambda: _time() + _ahead()
time.time_ns = lambda: _time_ns() + _ahead() * 10**9
"""


def test_a_coordinator_whose_clock_jumps_goes_on(
    host: HostStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jump = tmp_path / "jump"
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(CLOCK.format(jump=str(jump)))
    colours = write_colours(tmp_path / "table.csv", 24)
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path / "clock"))
        run = start_run(tmp_path / "table.csv", out, [str(host.url)], side=BIG)
    with ended(run):
        for done, seconds in ((3, 86400), (8, -86400), (14, 0)):
            wait_for(out, lambda counts, done=done: counts.done >= done)
            jump.write_text(str(seconds))
        assert run.wait(300) == 0, out.with_suffix(".log").read_text()
    check_run(out, colours, extra=0)
    database = sqlite3.connect(out / FILE_NAME)
    ((first, last),) = database.execute("SELECT min(started), max(started) FROM attempts")
    database.close()
    assert last - first > 86400, "it did jump"


def test_a_run_can_be_watched_to_its_end(host: HostStatus, tmp_path: Path) -> None:
    write_colours(tmp_path / "table.csv", 8)
    out = tmp_path / "run"
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url)], side=BIG)) as run:
        wait_for(out, lambda counts: counts.running > 0)
        watched = packshot("catalog", "status", out, "--watch")
        assert run.wait(120) == 0
    assert "8 of 8 done" in watched.stderr
    assert str(host.url) in watched.stderr


def test_every_row_has_one_picture_or_one_reason_whatever_is_killed(
    host: HostStatus, second: ManagedHost, tmp_path: Path
) -> None:
    """Rows that are made, rows whose photograph is none, and rows that name one that is not there."""
    rng = random.Random(5)
    kinds = {f"S{number:02}": ("good", "good", "good", "bad", "absent")[number % 5] for number in range(50)}
    lines = ["sku,title,photo"]
    for sku, kind in kinds.items():
        photo = tmp_path / f"{sku}.png"
        if kind != "absent":
            Image.effect_noise((1500, 1500), rng.uniform(20, 90)).convert("RGB").save(photo)
        if kind == "bad":
            photo.write_text(f"{sku} is no picture")
        lines.append(f"{sku},Product {sku},{photo}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    urls = [str(host.url), up(second)]
    file = {"table": "table.csv", "workflow": str(COPY), "mapping": {"photo": "{{ row.photo }}"}, "hosts": urls}
    plan = tmp_path / "catalog.yaml"
    plan.write_text(yaml.safe_dump(file))
    out = tmp_path / "run"
    kills = 0
    for settled, victims in ((3, "coordinator"), (9, "host"), (16, "coordinator"), (22, "host and coordinator")):
        with ended(start_plan(plan, out)) as run:
            wait_for(out, lambda counts, least=settled: counts.done + counts.failed >= least)
            if "host" in victims:
                kill_host(second)
                kills += 1
            if "coordinator" not in victims:
                wait_for(out, lambda counts, least=settled + 3: counts.done + counts.failed >= least)
            assert run.poll() is None, "it is not done yet"
            run.send_signal(signal.SIGKILL)
            kills += 1
        if "host" in victims:
            assert second.up(port=int(urls[1].rsplit(":", 1)[1])).url == urls[1]
    with ended(start_plan(plan, out)) as run:
        assert run.wait(300) == 3, out.with_suffix(".log").read_text()
    with Ledger(out) as ledger:
        counts = ledger.counts()
        rows = {row["item_id"]: row for row in ledger.rows()}
        tried = {sku: [one["outcome"] for one in ledger.attempts_of(sku)] for sku in kinds}
    assert (counts.pending, counts.running, counts.quarantined) == (0, 0, 0)
    assert counts.extra_runs <= 2 * kills * len(urls)
    for sku, kind in kinds.items():
        state, error = rows[sku]["state"], json.loads(rows[sku]["error"] or "null")
        ends = [outcome for outcome in tried[sku] if outcome != "lost"]
        if kind == "good":
            assert (state, error, ends) == ("done", None, ["accepted"]), sku
            with Image.open(out / rows[sku]["file"]) as made, Image.open(tmp_path / f"{sku}.png") as photo:
                assert made.convert("RGB").tobytes() == photo.tobytes(), "it is its own"
        elif kind == "bad":
            assert (state, error["slug"], ends) == ("failed", "photograph-invalid", []), sku
        else:
            assert (state, error["slug"], ends) == ("failed", "address-refused", []), sku
    assert verify_audit(out)["ok"]
