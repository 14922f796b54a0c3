"""Twelve bugs of a sample client that an article prints, each of which ours must not have."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from packshot import Client
from packshot.errors import InputInvalid, InputUnknown, JobCancelled, ModelMissing
from packshot.host.managed import HostStatus
from support.host.catalogs import counts_of, digests, ended, packshot, run_plain, start_run, write_colours, write_table
from support.host.jobs import COPY, PLAIN, SEVERAL, SLOW, colour, edited, picture, pixel, slow, until_started
from support.host.proxy import Proxy


@pytest.fixture
def client(host: HostStatus, tmp_path: Path) -> Iterator[Client]:
    with Client(str(host.url), out=tmp_path / "out") as client:
        yield client


def test_bug_01_an_input_is_found_by_its_name_and_an_unknown_one_is_refused(client: Client) -> None:
    value = colour()
    assert pixel(client.submit(PLAIN, color=value).result(60).outputs[0].read()) == value
    with pytest.raises(InputUnknown, match="no input 'prompt_node'"):
        client.submit(PLAIN, prompt_node="x")


def test_bug_02_a_picture_is_uploaded_and_not_named_by_a_path_of_this_machine(client: Client, tmp_path: Path) -> None:
    value = colour()
    (tmp_path / "photo.png").write_bytes(picture(value))
    assert pixel(client.submit(COPY, photo=tmp_path / "photo.png").result(60).outputs[0].read()) == value


def test_bug_03_a_refusal_names_the_node_and_the_input(client: Client) -> None:
    def too_small(nodes: dict, data: dict) -> None:
        nodes[1].update(widgets_values=[0, 64, 1, 0])
        data["extra"] = {}

    with pytest.raises(InputInvalid) as caught:
        client.submit(edited(PLAIN, too_small))
    assert "\"Plain colour\" (EmptyImage, node 1), input 'width'" in caught.value.place


def test_bug_04_waiting_ends_when_the_job_does(client: Client) -> None:
    job = slow(client, 1024)
    until_started(job)
    threading.Timer(0.2, job.cancel).start()
    with pytest.raises(JobCancelled):
        job.result(120)


def test_bug_05_outputs_are_those_that_the_workflow_names_and_no_preview(client: Client) -> None:
    result = client.submit(SEVERAL, color=colour(), count=1, words="a mug").result(60)
    assert [(output.name, output.kind) for output in result.outputs] == [
        ("caption", "text"), ("image", "image"), ("negative", "image"),
    ]  # fmt: skip


def test_bug_06_a_file_is_fetched_from_its_own_folder(host: HostStatus, tmp_path: Path) -> None:
    value = colour()
    with Proxy(str(host.url)) as proxy, Client(proxy.url, out=tmp_path) as client:
        assert pixel(client.submit(PLAIN, color=value).result(60).outputs[0].read()) == value
        (view,) = [line for line in proxy.seen if line.startswith("GET /view")]
    assert "subfolder=packshot" in view
    assert "type=output" in view


def test_bug_07_weights_that_are_not_there_are_missed_before_anything_runs(client: Client) -> None:
    def weights(nodes: dict, data: dict) -> None:
        nodes[1].update(type="VAELoader", widgets_values=["brand_lora.safetensors"])
        data["extra"] = {}

    with pytest.raises(ModelMissing, match="brand_lora"):
        client.submit(edited(PLAIN, weights))
    assert client.api.queue() == {"queue_running": [], "queue_pending": []}


def test_bug_08_a_row_that_fails_stops_no_other(host: HostStatus, tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", {"A": colour(), "B": "no number", "C": colour()})
    answer = run_plain(table, tmp_path / "run", host, code=3)
    assert (answer["done"], answer["failed"]) == (2, 1)


def test_bug_09_a_sku_is_no_path(host: HostStatus, tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", {"../../etc/passwd": colour(), "CON": colour(), "a/b": colour()})
    out = tmp_path / "deep" / "run"
    assert run_plain(table, out, host)["done"] == 3
    assert len(digests(out)) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"table.csv", "deep"}


def test_bug_10_a_host_has_two_jobs_at_most(host: HostStatus, client: Client, tmp_path: Path) -> None:
    write_colours(tmp_path / "table.csv", 12)
    out = tmp_path / "run"
    most = 0
    with ended(start_run(tmp_path / "table.csv", out, [str(host.url)], side=1500)) as run:
        while run.poll() is None:
            queue = client.api.queue()
            most = max(most, len(queue["queue_running"]) + len(queue["queue_pending"]))
            time.sleep(0.02)
        assert run.returncode == 0
    assert 1 <= most <= 2
    counts = counts_of(out)
    assert counts is not None
    assert counts.done == 12


def test_bug_11_every_row_has_its_own_seed_and_a_reused_picture_says_so(client: Client, tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", {f"S{number}": 1 for number in range(20)})
    done = packshot("catalog", "run", table, "--out", tmp_path / "run", "--dry-run", "--json")
    items = json.loads(done.stdout)["items"]
    assert len({item["seed"] for item in items}) == 20
    value = colour()
    first, second = (client.submit(PLAIN, color=value).result(60).outputs[0] for _ in range(2))
    assert (first.reused, second.reused) == (False, True)
    assert first.sha256 == second.sha256


def test_bug_12_a_job_is_followed_by_its_events_and_not_by_asking(host: HostStatus, tmp_path: Path) -> None:
    with Proxy(str(host.url)) as proxy, Client(proxy.url, out=tmp_path) as client:
        job = client.submit(SLOW, color=colour(), width=512, height=512)
        before = len(proxy.seen)
        begun = time.monotonic()
        job.result(120)
        asked = [line for line in proxy.seen[before:] if not line.startswith("GET /view")]
    # The job's record at its end, and a look every few seconds as a safeguard.
    assert len(asked) <= 3 + 3 * (time.monotonic() - begun) / 5
