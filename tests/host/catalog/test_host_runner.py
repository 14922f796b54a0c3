"""Hosts of a run: they join and leave, and one that answers garbage is left out."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import pytest
import yaml

from packshot import Client
from packshot.catalog.ledger.ledger import Ledger
from packshot.host.managed import HostStatus, ManagedHost
from support.host.catalogs import (
    BIG,
    PLAIN,
    attempts,
    check_run,
    counts_of,
    ended,
    made_by,
    packshot,
    start_plan,
    start_run,
    up,
    wait_for,
    write_colours,
)
from support.host.jobs import COPY, SLOW, colour, picture
from support.host.proxy import GARBAGE, garbage_server


def test_hosts_join_and_leave_while_a_run_goes_on(host: HostStatus, second: ManagedHost, tmp_path: Path) -> None:
    first, other = str(host.url), up(second)
    colours = write_colours(tmp_path / "table.csv", 30)
    out = tmp_path / "run"
    with ended(start_run(tmp_path / "table.csv", out, [first], side=BIG)) as run:
        wait_for(out, lambda counts: counts.done >= 2)
        packshot("catalog", "hosts", out, "--add", other)
        wait_for(out, lambda _: made_by(out).get(other, 0) >= 2)
        answer = json.loads(packshot("catalog", "hosts", out, "--remove", first, "--json").stdout)
        assert {one["url"]: one["wanted"] for one in answer["hosts"]} == {first: False, other: True}
        assert run.wait(300) == 0, out.with_suffix(".log").read_text()
    check_run(out, colours, extra=0)


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
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "table.csv").write_text("sku,title,photo\nA,Mug,bad.png\nB,Cup,good.png\n")
    mapping = {"photo": str(tmp_path) + "/{{ row.photo }}"}
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


def test_a_row_that_is_too_large_for_one_host_is_tried_on_another(
    host: HostStatus, second: ManagedHost, tmp_path: Path
) -> None:
    """Both are too small for it here; a smaller plan is for after that."""
    batch = json.loads(PLAIN.read_text())
    batch["extra"]["packshot"]["inputs"]["batch"] = {"node": 1, "widget": "batch_size"}
    (tmp_path / "batch.app.json").write_text(json.dumps(batch))
    (tmp_path / "table.csv").write_text("sku,title\nA,Mug\n")
    large = {"color": str(colour()), "width": "16384", "height": "16384", "batch": "4096"}
    small = {"width": "64", "height": "64", "batch": "1"}
    hosts = [str(host.url), up(second)]
    file = {"table": "table.csv", "workflow": str(tmp_path / "batch.app.json"), "mapping": large, "hosts": hosts}
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump({**file, "retries": {"smaller": [small]}}))
    out = tmp_path / "run"
    packshot("catalog", "run", tmp_path / "catalog.yaml", "--out", out)
    tried = attempts(out)["A"]
    assert [outcome for _, outcome in tried] == ["failed", "failed", "accepted"]
    assert {at for at, _ in tried[:2]} == set(hosts)
    shown = json.loads((out / "manifest.jsonl").read_text())
    assert (shown["inputs"]["width"], shown["inputs"]["batch"]) == ("64", "1"), "the manifest says what was made"


def test_a_run_whose_hosts_are_all_removed_says_so(host: HostStatus, tmp_path: Path) -> None:
    colours = write_colours(tmp_path / "table.csv", 20)
    out = tmp_path / "run"
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url)], side=BIG)) as run:
        wait_for(out, lambda counts: counts.done >= 2)
        packshot("catalog", "hosts", out, "--remove", str(host.url))
        assert run.wait(60) == 130
    assert "no host is left in the run" in out.with_suffix(".log").read_text()
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url)], side=BIG)) as run:
        assert run.wait(300) == 0
    check_run(out, colours, extra=0)
