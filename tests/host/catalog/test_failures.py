"""What a row may cost: memory, attempts, time; and a host that others use too."""

from __future__ import annotations

import json
import time
from pathlib import Path

import yaml

from packshot import Client
from packshot.catalog.ledger.ledger import Ledger
from packshot.host.managed import HostStatus
from support.host.catalogs import PLAIN, check_run, packshot, write_colours
from support.host.jobs import SLOW, colour


def run(folder: Path, host: HostStatus, code: int, **file: object) -> Path:
    """Run a plan file over two rows; the run's folder."""
    (folder / "table.csv").write_text("sku,title,width\nA,Mug,16384\nB,Cup,64\n")
    out = folder / "run"
    plan = folder / "catalog.yaml"
    plan.write_text(yaml.safe_dump({"table": "table.csv", "hosts": [str(host.url)], **file}))
    packshot("catalog", "run", plan, "--out", out, code=code)
    return out


def outcomes(out: Path, item: str) -> list[tuple[str, dict[str, str]]]:
    with Ledger(out) as ledger:
        return [(one["outcome"], json.loads(one["change"])) for one in ledger.attempts_of(item)]


def test_out_of_memory_is_tried_with_memory_freed_and_then_smaller(host: HostStatus, tmp_path: Path) -> None:
    batch = json.loads(PLAIN.read_text())
    batch["extra"]["packshot"]["inputs"]["batch"] = {"node": 1, "widget": "batch_size"}
    workflow = tmp_path / "batch.app.json"
    workflow.write_text(json.dumps(batch))
    small = {"width": "64", "batch": "1"}
    mapping = {"color": str(colour()), "width": "{{ row.width }}", "height": "{{ row.width }}"}
    mapping["batch"] = "{{ 4096 if row.sku == 'A' else 1 }}"
    retries = {"smaller": [small | {"height": "96"}]}
    out = run(tmp_path, host, 0, workflow=str(workflow), mapping=mapping, retries=retries)
    changed = retries["smaller"][0]
    assert outcomes(out, "A") == [("failed", {}), ("failed", {}), ("accepted", changed)]
    assert outcomes(out, "B") == [("accepted", {})]
    record = json.loads((out / "pictures" / "A.json").read_text())
    assert (record["inputs"]["width"], record["inputs"]["height"]) == ("64", "96"), "the record says what was made"


def test_a_picture_that_takes_too_long_is_tried_so_often_and_no_more(host: HostStatus, tmp_path: Path) -> None:
    mapping = {"color": str(colour()), "width": "{{ 2048 if row.sku == 'A' else 2040 }}", "height": "2048"}
    retries = {"attempts": 2, "seconds": 0.3}
    out = run(tmp_path, host, 3, workflow=str(SLOW), mapping=mapping, retries=retries)
    for item in ("A", "B"):
        assert outcomes(out, item) == [("failed", {})] * 2
    with Ledger(out) as ledger:
        errors = [json.loads(row["error"])["slug"] for row in ledger.rows()]
        took = [one["seconds"] for item in "AB" for one in ledger.attempts_of(item)]
    assert errors == ["timeout", "timeout"]
    assert min(took) > 0, "what failed counts in the budget of hours"
    nothing, until = {"queue_running": [], "queue_pending": []}, time.monotonic() + 60
    with Client(str(host.url)) as client:
        while (queue := client.api.queue()) != nothing and time.monotonic() < until:
            time.sleep(0.2)  # a host ends a job between two nodes
    assert queue == nothing, "what was given up was cancelled"
    packshot("catalog", "retry", out, "A", code=3)  # with the hosts and the limits of the run
    assert outcomes(out, "A") == [("failed", {})] * 4


def test_a_host_that_others_use_is_shared_and_not_blamed(host: HostStatus, tmp_path: Path) -> None:
    with Client(str(host.url), out=tmp_path / "theirs") as others:
        theirs = [others.submit(SLOW, color=colour(), width=512, height=512) for _ in range(4)]
        mapping = {"color": str(colour()), "width": "{{ 64 if row.sku == 'A' else 96 }}"}
        out = run(tmp_path, host, 0, workflow=str(PLAIN), mapping=mapping)
        assert all(job.result(120).outputs for job in theirs)
    assert outcomes(out, "A") == outcomes(out, "B") == [("accepted", {})]
    with Ledger(out) as ledger:
        (known,) = ledger.hosts()
        assert (known.made, known.faults) == (2, [])


def test_a_picture_may_take_its_time_from_when_its_job_begins(host: HostStatus, tmp_path: Path) -> None:
    with Client(str(host.url), out=tmp_path / "theirs") as others:
        theirs = [others.submit(SLOW, color=colour(), width=1024, height=1024) for _ in range(6)]
        mapping = {"color": str(colour()), "width": "{{ 64 if row.sku == 'A' else 96 }}"}
        retries = {"attempts": 1, "seconds": 1}
        out = run(tmp_path, host, 0, workflow=str(PLAIN), mapping=mapping, retries=retries)
        assert all(job.result(120).outputs for job in theirs)
    assert outcomes(out, "A") == outcomes(out, "B") == [("accepted", {})]


def test_the_budget_of_hours_is_that_of_all_runs_together(host: HostStatus, tmp_path: Path) -> None:
    # Pictures that take a while: the budget is looked at four times a second.
    mapping = {"color": "{{ row.colour }}", "width": "2000", "height": "2000"}
    file: dict[str, object] = {"table": "colours.csv", "workflow": str(PLAIN), "mapping": mapping}
    colours = write_colours(tmp_path / "colours.csv", 30)
    counts = []
    for code, budget in ((130, {"hours": 1e-9}), (130, {"hours": 1e-9}), (0, {})):
        out = run(tmp_path, host, code, **file, budget=budget)
        with Ledger(out) as ledger:
            counts.append(ledger.counts())
    assert 1 <= counts[0].done < 30
    assert counts[1] == counts[0], "it is used up"
    check_run(out, colours, extra=0)
