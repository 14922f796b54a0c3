"""Hosts of a run: one that answers garbage is left out, a row is blamed once, and a run ends when it is told to."""

from __future__ import annotations

import io
import json
import signal
import threading
import time
from pathlib import Path

import pytest
import yaml

from packshot import Client
from packshot.catalog.ledger.ledger import Ledger
from packshot.host.managed import HostStatus
from support.host.catalogs import (
    BIG,
    attempts,
    check_run,
    counts_of,
    ended,
    packshot,
    start_plan,
    start_run,
    wait_for,
    write_colours,
)
from support.host.jobs import COPY, SLOW, colour, picture
from support.host.proxy import GARBAGE, garbage_server


def test_ctrl_c_brings_home_what_is_under_way_and_the_next_run_goes_on(host: HostStatus, tmp_path: Path) -> None:
    colours = write_colours(tmp_path / "table.csv", 20)
    out = tmp_path / "run"
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url)], side=BIG)) as run:
        wait_for(out, lambda counts: counts.done >= 2)
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 130, out.with_suffix(".log").read_text()
    counts = counts_of(out)
    assert counts is not None
    assert counts.running == 0, "nothing is left on the host"
    assert 2 <= counts.done < 20
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url)], side=BIG)) as run:
        assert run.wait(300) == 0
    check_run(out, colours, extra=0)


@pytest.mark.parametrize("body", GARBAGE)
def test_a_host_that_answers_garbage_is_left_out_with_its_reason(host: HostStatus, tmp_path: Path, body: bytes) -> None:
    colours = write_colours(tmp_path / "table.csv", 6)
    out = tmp_path / "run"
    with garbage_server(body) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wrong = f"http://127.0.0.1:{server.server_address[1]}"
        with ended(start_run(tmp_path / "table.csv", out, [str(host.url), wrong])) as run:
            assert run.wait(120) == 0, out.with_suffix(".log").read_text()
        server.shutdown()
    check_run(out, colours, extra=0)
    assert "not a ComfyUI host" in out.with_suffix(".log").read_text()


def test_a_row_that_fails_everywhere_is_blamed_after_its_second_try(host: HostStatus, tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(picture(colour()))
    with Client(str(host.url)) as client:  # a file of the host's own, which core's node opens and nobody else
        bad = client.api.upload(io.BytesIO(b"no picture"), f"bad-{colour()}.png", "")
    (tmp_path / "table.csv").write_text(f"sku,title,photo\nA,Mug,{bad}\nB,Cup,good.png\n")
    mapping = {"photo": "{{ row.photo }}"}
    file = {"table": "table.csv", "workflow": str(COPY), "mapping": mapping, "hosts": [str(host.url)]}
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump(file))
    out = tmp_path / "run"
    packshot("catalog", "run", tmp_path / "catalog.yaml", "--out", out, code=3)
    assert [outcome for _, outcome in attempts(out)["A"]] == ["failed"] * 2
    assert [outcome for _, outcome in attempts(out)["B"]] == ["accepted"]
    with Ledger(out) as ledger:
        errors = {row["item_id"]: row["error"] for row in ledger.rows()}
    assert json.loads(errors["A"])["slug"] == "job-failed"


def test_a_job_that_someone_else_cancels_is_made_again(host: HostStatus, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("sku,title\nA,Mug\n")
    side = {"width": "1500", "height": "1500"}
    file = {"table": "table.csv", "workflow": str(SLOW), "mapping": {"color": str(colour()), **side}}
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump(file))
    out = tmp_path / "run"
    with Client(str(host.url)) as others, ended(start_plan(tmp_path / "catalog.yaml", out, "--host", host.url)) as run:
        wait_for(out, lambda counts: counts.running == 1)
        with Ledger(out) as ledger:
            (attempt,) = ledger.open_attempts()
        while not others.api.cancel(attempt.prompt_id):
            time.sleep(0.1)
        assert run.wait(120) == 0, out.with_suffix(".log").read_text()
    assert [outcome for _, outcome in attempts(out)["A"]] == ["failed", "accepted"]


def test_a_run_whose_hosts_are_all_removed_says_so(host: HostStatus, tmp_path: Path) -> None:
    colours = write_colours(tmp_path / "table.csv", 40)
    out = tmp_path / "run"
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url)], side=BIG)) as run:
        wait_for(out, lambda counts: counts.done >= 2)
        packshot("catalog", "hosts", out, "--remove", str(host.url))
        assert run.wait(60) == 130
    assert "no host is left in the run" in out.with_suffix(".log").read_text()
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url)], side=BIG)) as run:
        assert run.wait(300) == 0
    check_run(out, colours, extra=0)
