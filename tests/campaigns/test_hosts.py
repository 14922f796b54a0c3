"""Catalogue runs over several real hosts, some of which fail."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from packshot.catalog.ledger.ledger import FILE_NAME, Ledger
from packshot.host.managed import HostStatus, ManagedHost
from support.host.catalogs import (
    BIG,
    check_run,
    ended,
    kill_host,
    made_by,
    packshot,
    stand_still,
    start_run,
    up,
    wait_for,
    write_colours,
)
from support.host.proxy import GARBAGE, Proxy, Request


def test_a_host_that_is_killed_loses_no_row_and_others_take_its_work(
    host: HostStatus, second: ManagedHost, tmp_path: Path
) -> None:
    urls = [str(host.url), up(second)]
    colours = write_colours(tmp_path / "table.csv", 60)
    out = tmp_path / "run"
    with ended(start_run(tmp_path / "table.csv", out, urls, side=BIG)) as run:
        wait_for(out, lambda counts: counts.done >= 6 and min(made_by(out).values()) > 0)
        kill_host(second)
        assert run.wait(300) == 0, out.with_suffix(".log").read_text()
    check_run(out, colours, extra=2)
    made = made_by(out)
    assert min(made.values()) > 0, made
    with Ledger(out) as ledger:
        fault = {known.url: known.faults for known in ledger.hosts()}[urls[1]]
    assert fault
    assert fault[-1]["reason"]


def test_a_damaged_ledger_says_so_and_is_made_anew_from_the_audit(host: HostStatus, tmp_path: Path) -> None:
    colours = write_colours(tmp_path / "table.csv", 30)
    out = tmp_path / "run"
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url)], side=BIG)) as run:
        wait_for(out, lambda counts: counts.done >= 10)
        run.kill()
        run.wait()
    with Ledger(out):  # what still lies in the log beside it comes home into the file
        pass
    path = out / FILE_NAME
    page = bytearray(path.read_bytes())
    page[4096:] = os.urandom(len(page) - 4096)
    path.write_bytes(bytes(page))
    done_before = len(list((out / "pictures").glob("*.png")))
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url)], side=BIG)) as run:
        assert run.wait(60) == 2
    assert "--rebuild" in out.with_suffix(".log").read_text()
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url)], "--rebuild", side=BIG)) as run:
        assert run.wait(300) == 0, out.with_suffix(".log").read_text()
    assert done_before >= 10
    check_run(out, colours, extra=1)
    assert list(out.glob(f"{FILE_NAME}.damaged-*"))


@pytest.mark.parametrize("fault", ["lose", "freeze", "refuse"])
def test_a_network_that_fails_costs_no_row(host: HostStatus, second: ManagedHost, tmp_path: Path, fault: str) -> None:
    colours = write_colours(tmp_path / "table.csv", 16)
    out = tmp_path / "run"
    url = up(second)
    with Proxy(url) as proxy:
        seen = 0

        def after_some(request: Request) -> bytes | None:
            nonlocal seen
            seen += request.line == "POST /prompt"
            if seen == 4 and request.line == "POST /prompt":
                {"freeze": proxy.freeze, "refuse": proxy.refuse, "lose": lambda: None}[fault]()
            return None

        proxy.rule = after_some
        if fault == "lose":
            proxy.lose_answer("POST /prompt")
        with ended(start_run(tmp_path / "table.csv", out, [str(host.url), proxy.url], side=BIG)) as run:
            assert run.wait(300) == 0, out.with_suffix(".log").read_text()
        proxy.thaw()
    check_run(out, colours, extra=2)


@pytest.mark.parametrize("body", GARBAGE)
def test_a_host_that_turns_to_garbage_loses_no_row(
    host: HostStatus, second: ManagedHost, tmp_path: Path, body: bytes
) -> None:
    colours = write_colours(tmp_path / "table.csv", 16)
    out = tmp_path / "run"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    with Proxy(up(second)) as proxy:

        def after_some(_request: Request) -> bytes | None:
            turned = proxy.seen.count("POST /prompt") >= 4
            return head.encode() + b"Connection: close\r\n\r\n" + body if turned else None

        proxy.rule = after_some
        with ended(start_run(tmp_path / "table.csv", out, [str(host.url), proxy.url], side=BIG)) as run:
            assert run.wait(300) == 0, out.with_suffix(".log").read_text()
    check_run(out, colours, extra=2)
    with Ledger(out) as ledger:
        faults = {known.url: known.faults for known in ledger.hosts()}[proxy.url]
    assert "not a ComfyUI host" in faults[-1]["reason"]


def test_a_second_coordinator_takes_over_from_one_that_stands_still(host: HostStatus, tmp_path: Path) -> None:
    colours = write_colours(tmp_path / "table.csv", 40)
    out = tmp_path / "run"
    with Proxy(str(host.url)) as proxy:
        fetches, taken_over = threading.Event(), threading.Event()

        def hold_a_picture_back(request: Request) -> bytes | None:
            if request.line.startswith("GET /view") and proxy.seen.count("POST /prompt") >= 4 and not fetches.is_set():
                fetches.set()
                taken_over.wait()
            return None

        proxy.rule = hold_a_picture_back
        with ended(start_run(tmp_path / "table.csv", out, [proxy.url], side=BIG)) as first:
            assert fetches.wait(120), out.with_suffix(".log").read_text()
            stand_still(first, out)
            with ended(start_run(tmp_path / "table.csv", out, [proxy.url], side=BIG)) as second:
                wait_for(out, lambda counts: counts.done >= 12)
                # It wakes up with a picture half fetched, into a folder that the other one has cleared away.
                taken_over.set()
                first.send_signal(signal.SIGCONT)
                assert first.wait(120) == 2, "it may write nothing any more"
                said = out.with_suffix(".log").read_text()
                assert second.wait(300) == 0, out.with_suffix(".log").read_text()
    assert "run-taken-over" in said
    assert "output-unwritable" not in said
    check_run(out, colours, extra=0)


def test_hosts_join_and_leave_while_a_run_goes_on(host: HostStatus, second: ManagedHost, tmp_path: Path) -> None:
    first, other = str(host.url), up(second)
    colours = write_colours(tmp_path / "table.csv", 60)
    out = tmp_path / "run"
    with ended(start_run(tmp_path / "table.csv", out, [first], side=BIG)) as run:
        wait_for(out, lambda counts: counts.done >= 2)
        packshot("catalog", "hosts", out, "--add", other)
        wait_for(out, lambda _: made_by(out).get(other, 0) >= 2)
        answer = json.loads(packshot("catalog", "hosts", out, "--remove", first, "--json").stdout)
        assert {one["url"]: one["wanted"] for one in answer["hosts"]} == {first: False, other: True}
        assert run.wait(300) == 0, out.with_suffix(".log").read_text()
    check_run(out, colours, extra=0)
