"""Catalogue runs in which it is the host that is wrong, and not the rows."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from packshot.catalog.ledger.ledger import Ledger
from packshot.host.managed import HostStatus, ManagedHost
from support.host.catalogs import (
    BIG,
    PLAIN,
    attempts,
    check_run,
    counts_of,
    ended,
    kill_host,
    made_by,
    packshot,
    start_plan,
    start_run,
    up,
    wait_for,
    write_colours,
)
from support.host.jobs import colour
from support.host.proxy import Proxy


@pytest.fixture
def spoilt(second: ManagedHost) -> Iterator[Path]:
    """What stands in the way of every picture that ``second`` saves, and is to be unlinked."""
    folder = second.home / "base" / "output" / "packshot"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way")
    yield folder
    if folder.is_file():
        folder.unlink()


def fault_of(out: Path, url: str) -> str:
    with Ledger(out) as ledger:
        faults = {known.url: known.faults for known in ledger.hosts()}[url]
    return str(faults[-1]["reason"]) if faults else ""


# -- a host that fails all that it is given ----------------------------------------------------------------------------


def test_a_host_that_fails_every_row_is_given_up_and_no_row_is_blamed(
    host: HostStatus, second: ManagedHost, spoilt: Path, tmp_path: Path
) -> None:
    assert spoilt.is_file()
    bad = up(second)
    colours = write_colours(tmp_path / "table.csv", 60)
    out = tmp_path / "run"
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url), bad], side=1200)) as run:
        assert run.wait(300) == 0, out.with_suffix(".log").read_text()
    check_run(out, colours, extra=0)
    failed = [tried for tries in attempts(out).values() for tried in tries if tried[1] == "failed"]
    assert failed in ([(bad, "failed")] * 10, [(bad, "failed")] * 11), "what waits behind the tenth is brought home too"
    assert max(map(len, attempts(out).values())) == 2
    assert "rows in a row failed here" in fault_of(out, bad)


def test_where_the_only_host_fails_every_row_the_run_ends_and_all_stay_to_be_made(
    second: ManagedHost, spoilt: Path, tmp_path: Path
) -> None:
    colours = write_colours(tmp_path / "table.csv", 14)
    out = tmp_path / "run"
    with ended(start_run(tmp_path / "table.csv", out, [up(second)])) as run:
        assert run.wait(120) == 4, out.with_suffix(".log").read_text()
    counts = counts_of(out)
    assert counts is not None
    assert (counts.pending, counts.failed) == (14, 0)
    assert "rows in a row failed here" in out.with_suffix(".log").read_text()
    spoilt.unlink()
    with ended(start_run(tmp_path / "table.csv", out, [up(second)])) as run:
        assert run.wait(120) == 0, out.with_suffix(".log").read_text()
    check_run(out, colours, extra=0)


# -- a host that lacks what the workflow needs -------------------------------------------------------------------------


def write_new_node(path: Path) -> Path:
    """A workflow that only ``second`` can run."""
    data: dict[str, Any] = json.loads(PLAIN.read_text())
    save = next(node for node in data["nodes"] if node["type"] == "SaveImage")
    # Its word comes over a link: a type that no link touches and that a host lacks is taken for one of the canvas.
    word = {"name": "word", "type": "STRING", "link": 2, "widget": {"name": "word"}}
    new = {**save, "id": 3, "type": "TestNewNode", "widgets_values": [""], "inputs": [word], "outputs": []}
    text = {"name": "STRING", "type": "STRING", "links": [2]}
    source = {**save, "id": 4, "type": "PrimitiveString", "widgets_values": ["drawer"], "inputs": [], "outputs": [text]}
    data["nodes"] += [{**new, "title": "New"}, {**source, "title": "Word"}]
    data["links"].append([2, 4, 0, 3, 0, "STRING"])
    data["last_node_id"], data["last_link_id"] = 4, 2
    path.write_text(json.dumps(data))
    return path


def test_a_host_that_lacks_a_node_ends_no_run_that_another_one_can_make(
    host: HostStatus, second: ManagedHost, tmp_path: Path
) -> None:
    lacks, has = str(host.url), up(second)
    colours = write_colours(tmp_path / "table.csv", 16)
    out = tmp_path / "run"
    own = write_new_node(tmp_path / "own.app.json")
    with ended(start_run(tmp_path / "table.csv", out, [lacks, has], "--workflow", own, side=BIG)) as run:
        wait_for(out, lambda counts: counts.done >= 3)
        kill_host(second)
        wait_for(out, lambda _: "away" in states(out)[has])
        time.sleep(2)  # the only host that is there lacks the node, and the run waits for the other one all the same
        assert run.poll() is None, out.with_suffix(".log").read_text()
        assert second.up(port=int(has.rsplit(":", 1)[1])).url == has
        assert run.wait(300) == 0, out.with_suffix(".log").read_text()
    check_run(out, colours, extra=2)
    assert made_by(out)[lacks] == 0
    assert "TestNewNode" in fault_of(out, lacks)


def test_a_run_of_two_workflows_needs_no_host_that_can_make_both(
    host: HostStatus, second: ManagedHost, tmp_path: Path
) -> None:
    has_weights, has_node = str(host.url), up(second)
    write_colours(tmp_path / "table.csv", 8)
    write_new_node(tmp_path / "own.app.json")
    rule = {"when": "product.handle in ('SKU-002', 'SKU-005')", "workflow": "product-shot", "mapping": {"steps": "1"}}
    mapping = {"color": "{{ row.colour }}", "width": "64", "height": "64"}
    plan = {"table": "table.csv", "workflow": "own.app.json", "mapping": mapping, "rules": [rule]}
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump({**plan, "hosts": [has_weights, has_node]}))
    out = tmp_path / "run"
    with ended(start_plan(tmp_path / "catalog.yaml", out)) as run:
        assert run.wait(300) == 0, out.with_suffix(".log").read_text()
    accepted = {item: [url for url, outcome in tried if outcome == "accepted"] for item, tried in attempts(out).items()}
    starter = {"SKU-002", "SKU-005"}
    assert accepted == {item: [has_weights if item in starter else has_node] for item in accepted}
    with Ledger(out) as ledger:
        facts = ledger.facts()
        assert ledger.counts().done == 8
    assert facts["licences"]["decision"] in ("allow", "duties")


def states(out: Path) -> dict[str, str]:
    with Ledger(out) as ledger:
        return {host.url: host.state for host in ledger.hosts()}


# -- the end of a run --------------------------------------------------------------------------------------------------


def test_a_second_ctrl_c_waits_for_no_host(second: ManagedHost, tmp_path: Path) -> None:
    write_colours(tmp_path / "table.csv", 10)
    out = tmp_path / "run"
    with Proxy(up(second)) as proxy, contextlib.ExitStack() as stack:
        # As a shell starts what is to run in the background: with SIGINT ignored.
        here = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            run = stack.enter_context(ended(start_run(tmp_path / "table.csv", out, [proxy.url], side=BIG)))
        finally:
            signal.signal(signal.SIGINT, here)
        wait_for(out, lambda counts: counts.done >= 2)
        proxy.freeze()
        time.sleep(1)
        run.send_signal(signal.SIGINT)
        while "Ctrl-C again ends at once" not in out.with_suffix(".log").read_text():  # two at once would be one
            assert run.poll() is None, "the first one waits"
            time.sleep(0.1)
        time.sleep(1)
        assert run.poll() is None, "the first one waits"
        run.send_signal(signal.SIGINT)
        assert run.wait(60) != 0
        assert not fault_of(out, proxy.url), "it was not found out first that the host does not answer"
        assert "Traceback" not in out.with_suffix(".log").read_text()


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
