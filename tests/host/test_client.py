"""The client against a real host, where nothing is wrong but what the user gives."""

from __future__ import annotations

import gc
import io
import json
import secrets
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from packshot import Client
from packshot.comfy.events import Event, Finished, NodeProgress, OutputReady, Preview, Queued, Started
from packshot.comfy.job import Job
from packshot.errors import (
    HostLost,
    InputInvalid,
    InputUnknown,
    JobCancelled,
    JobFailed,
    JobTimeout,
    ModelMissing,
    NodeMissing,
    OutOfMemory,
    OutputMissing,
    OutputUnwritable,
    PackshotError,
    WorkflowInvalid,
)
from packshot.host.managed import HostStatus
from packshot.workflow import Workflow
from support.host.proxy import Proxy
from support.places import DATA, ROOT

PLAIN = ROOT / "bench" / "plain.app.json"
SLOW, SEVERAL, COPY = DATA / "slow.app.json", DATA / "several.app.json", DATA / "copy.app.json"


@pytest.fixture
def client(host: HostStatus, tmp_path: Path) -> Iterator[Client]:
    assert host.url
    with Client(host.url, out=tmp_path / "out") as client:
        yield client


def colour() -> int:
    """A colour that no earlier job had, so that the host has no result to reuse."""
    return secrets.randbelow(1 << 24)


def slow(client: Client, side: int = 512) -> Job:
    """A job of a second or more."""
    return client.submit(SLOW, color=colour(), width=side, height=side)


def until_started(job: Job) -> None:
    assert any(isinstance(event, Started | NodeProgress) for event in job.events(60))


def pixel(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as image:
        red, green, blue = image.convert("RGB").getpixel((3, 3))
        return int(red) << 16 | int(green) << 8 | int(blue)


def picture(value: int) -> bytes:
    """A PNG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (value >> 16, value >> 8 & 255, value & 255)).save(file, "PNG")
    return file.getvalue()


def edited(path: Path, change: Callable[[dict[int, dict[str, Any]], dict[str, Any]], None]) -> Workflow:
    """A workflow file with something changed: ``change`` gets its nodes by id, and all of it."""
    data = json.loads(path.read_text())
    change({node["id"]: node for node in data["nodes"]}, data)
    return Workflow(data, path.name)


# -- events and results ---------------------------------------------------------------------------------


def test_events_come_in_the_order_in_which_things_happen(client: Client) -> None:
    first, second = slow(client, 256), slow(client, 256)
    events: list[Event] = list(second.events(60))
    assert events[0] == Queued(1)
    assert all(isinstance(event, Queued) for event in events[: events.index(Started())])
    after = events[events.index(Started()) + 1 :]
    titles = [event.title for event in after if isinstance(event, NodeProgress)]
    assert list(dict.fromkeys(titles)) == ["Plain colour", *(f"Blur {number}" for number in range(1, 7)), "Save"]
    assert isinstance(after[-2], OutputReady)
    assert after[-2].node == "8"
    assert after[-1] == Finished(True)
    assert not any(isinstance(event, Preview) for event in events)
    assert list(second.events()) == []
    assert set(second.result().timings) == set("12345678")
    assert first.result(60).outputs[0].sha256 != second.result().outputs[0].sha256


def test_a_repeated_job_has_the_same_bytes_and_says_that_they_are_reused(client: Client, tmp_path: Path) -> None:
    value = colour()
    first = client.submit(PLAIN, color=value).result(60)
    again = client.submit(PLAIN, color=value).result(60, out=tmp_path / "again", stem="red", durable=True)
    assert [output.reused for output in first.outputs] == [False]
    assert [output.reused for output in again.outputs] == [True]
    assert again.outputs[0].file == tmp_path / "again" / "red.png"
    assert first.outputs[0].read() == again.outputs[0].read()
    assert first.outputs[0].sha256 == again.outputs[0].sha256
    assert pixel(first.outputs[0].read()) == value


def test_outputs_have_the_names_and_the_order_of_the_contract(client: Client) -> None:
    words = "a red mug\n赤いマグ"
    result = client.submit(SEVERAL, color=colour(), count=2, words=words).result(60, stem="mug")
    assert [(o.name, o.kind, o.file.name) for o in result.outputs] == [
        ("caption", "text", "mug.txt"),
        ("image", "image", "mug-2.png"),
        ("image", "image", "mug-3.png"),
        ("negative", "image", "mug-4.png"),
        ("negative", "image", "mug-5.png"),
    ]
    assert result.outputs[0].read().decode() == words
    assert len({output.file for output in result.outputs}) == 5
    # A picture opens the workflow that made it, with the values that it was made with.
    with Image.open(result.outputs[1].file) as image:
        embedded = json.loads(image.info["workflow"])
    assert next(node for node in embedded["nodes"] if node["id"] == 5)["widgets_values"] == [words]


def test_text_that_is_no_valid_unicode_does_no_harm(client: Client) -> None:
    words = f"half a character \ud83d {colour()}"
    result = client.submit(SEVERAL, color=colour(), words=words).result(60)
    assert result.outputs[0].read().decode().startswith("half a character ?")


def test_another_client_attaches_to_a_job_by_its_id(client: Client, host: HostStatus, tmp_path: Path) -> None:
    job = client.submit(SEVERAL, color=colour(), count=1)
    with Client(host.url or "", out=tmp_path / "other") as other:
        named = other.attach(job.id, SEVERAL).result(60)
        assert [output.name for output in named.outputs] == ["caption", "image", "negative"]
        # Without the workflow: under the nodes' ids, and without the pictures that the canvas alone shows.
        bare = other.attach(job.id).result(60)
        assert sorted(output.name for output in bare.outputs) == ["2", "6"]
        assert list(other.attach(job.id).events(60)) == [Finished(True)]
    assert [o.sha256 for o in named.outputs] == [o.sha256 for o in job.result(60).outputs]


def test_a_timeout_leaves_the_job_to_be_waited_for(client: Client) -> None:
    job = slow(client)
    with pytest.raises(JobTimeout) as caught:
        job.result(0.1)
    assert job.id in caught.value.place
    with pytest.raises(JobTimeout):
        job.result(0)
    assert job.result(60).outputs[0].kind == "image"
    assert job.result(0).outputs[0].kind == "image"


def test_a_job_that_is_over_is_seen_with_no_time_to_wait(client: Client) -> None:
    job = client.submit(PLAIN, color=colour())
    assert client.attach(job.id).result(60).outputs
    assert job.result(0).outputs


# -- cancelling -----------------------------------------------------------------------------------------


def test_cancel_takes_a_waiting_job_out_and_interrupts_a_running_one(client: Client) -> None:
    running, waiting, last = slow(client, 1024), slow(client, 1024), client.submit(PLAIN, color=colour())
    until_started(running)
    assert waiting.cancel() is True
    with pytest.raises(JobCancelled, match="before it started"):
        waiting.result(60)
    assert running.cancel() is True
    with pytest.raises(JobCancelled, match="interrupted"):
        running.result(60)
    result = last.result(60)
    assert last.cancel() is False
    assert last.result().outputs[0].sha256 == result.outputs[0].sha256


def test_cancel_from_another_thread_ends_the_wait(client: Client) -> None:
    running, waiting = slow(client, 1024), slow(client, 1024)
    with ThreadPoolExecutor() as pool:
        waits = [pool.submit(job.result, 60) for job in (running, waiting)]
        while running.presence().state == "pending":
            time.sleep(0.02)
        assert waiting.cancel()
        assert running.cancel()
        for wait in waits:
            with pytest.raises(JobCancelled):
                wait.result(60)


# -- what the user gives --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["photo.png", 'we"ird; ü.PNG', "no suffix", "photo.jp%g [output]", ".hidden"])
def test_a_file_is_uploaded_once_whatever_its_name(host: HostStatus, tmp_path: Path, name: str) -> None:
    value = colour()
    (tmp_path / name).write_bytes(picture(value))
    with Proxy(host.url or "") as proxy:
        for _ in range(2):
            with Client(proxy.url, out=tmp_path / "out") as client:
                for _ in range(2):
                    result = client.submit(COPY, photo=tmp_path / name).result(60)
                    assert pixel(result.outputs[0].read()) == value
        assert proxy.seen.count("POST /upload/image") == 1


def test_bytes_are_uploaded_too(client: Client) -> None:
    value = colour()
    result = client.submit(COPY, photo=picture(value)).result(60)
    assert pixel(result.outputs[0].read()) == value
    with pytest.raises(InputInvalid, match="cannot be read") as caught:
        client.submit(COPY, photo=Path("not", "there.png"))
    assert "there.png" in caught.value.place


def test_a_file_that_the_host_does_not_take_is_the_inputs_fault(client: Client) -> None:
    with pytest.raises(InputInvalid, match="too large"):
        client.submit(COPY, photo=bytes(101 << 20))


def test_a_file_that_is_no_picture_fails_at_its_node(client: Client) -> None:
    with pytest.raises(JobFailed) as caught:
        client.submit(COPY, photo=secrets.token_bytes(64)).result(60)
    assert caught.value.place == '"Photo" (LoadImage, node 1)'


def test_memory_that_runs_out_is_named_so(client: Client) -> None:
    huge = edited(PLAIN, lambda nodes, _: nodes[1].update(widgets_values=[16384, 16384, 4096, colour()]))
    with pytest.raises(OutOfMemory) as caught:
        client.submit(huge, width=16384, height=16384).result(60)
    assert caught.value.place == '"Plain colour" (EmptyImage, node 1)'


@pytest.mark.parametrize(
    ("inputs", "kind", "place", "remedy"),
    [
        ({"colour": 1}, InputUnknown, "input 'colour'", "did you mean 'color'?"),
        ({"width": 0}, InputInvalid, "input 'width' ('width' of \"Plain colour\" (EmptyImage, node 1))", "64"),
        ({"width": 99999}, InputInvalid, "node 1", "64"),
        ({"width": "64"}, InputInvalid, "node 1", "64"),
        ({"width": True}, InputInvalid, "node 1", "64"),
        ({"width": None}, InputInvalid, "node 1", "64"),
    ],
)
def test_a_value_that_is_wrong_is_refused_before_anything_is_sent(
    host: HostStatus, inputs: dict[str, Any], kind: type[PackshotError], place: str, remedy: str
) -> None:
    with Proxy(host.url or "") as proxy, Client(proxy.url) as client:
        with pytest.raises(kind) as caught:
            client.submit(PLAIN, **inputs)
        assert place in caught.value.place
        assert remedy in caught.value.remedy
        assert not any(line.startswith("POST") for line in proxy.seen)


def _without_link(nodes: dict[int, dict[str, Any]], data: dict[str, Any]) -> None:
    nodes[2]["inputs"][0]["link"] = None
    data["links"] = []


@pytest.mark.parametrize(
    ("change", "kind", "place"),
    [
        (lambda nodes, _: nodes[1].update(type="NoSuchNode"), NodeMissing, '"Plain colour" (NoSuchNode, node 1)'),
        (_without_link, InputInvalid, "\"Save\" (SaveImage, node 2), input 'images'"),
        (
            lambda nodes, _: nodes[1].update(widgets_values=[0, 64, 1, 0]),
            InputInvalid,
            "\"Plain colour\" (EmptyImage, node 1), input 'width'",
        ),
        (
            lambda nodes, _: nodes[1].update(type="VAELoader", widgets_values=["nowhere.safetensors"]),
            ModelMissing,
            "\"Plain colour\" (VAELoader, node 1), input 'vae_name'",
        ),
        (lambda nodes, _: nodes[2].update(mode=2), WorkflowInvalid, ""),
    ],
)
def test_a_file_that_the_host_cannot_run_is_refused_with_the_place(
    client: Client,
    change: Callable[[dict[int, dict[str, Any]], dict[str, Any]], None],
    kind: type[PackshotError],
    place: str,
) -> None:
    def without_contract(nodes: dict[int, dict[str, Any]], data: dict[str, Any]) -> None:
        change(nodes, data)
        data["extra"] = {}

    with pytest.raises(kind) as caught:
        client.submit(edited(PLAIN, without_contract))
    assert place in caught.value.place
    assert caught.value.remedy
    assert client.api.queue() == {"queue_running": [], "queue_pending": []}


def test_a_graph_that_the_host_takes_in_part_does_not_run_at_all(client: Client) -> None:
    def broken_branch(nodes: dict[int, dict[str, Any]], data: dict[str, Any]) -> None:
        link = {"name": "images", "type": "IMAGE", "link": 90}
        data["nodes"] += [
            {**nodes[1], "id": 21, "title": "Nothing", "widgets_values": [0, 64, 1, 0], "outputs": []},
            {**nodes[8], "id": 22, "title": "Second", "inputs": [link]},
        ]
        data["links"].append([90, 21, 0, 22, 0, "IMAGE"])

    draft = client.draft(edited(SLOW, broken_branch), {"color": colour(), "width": 1024, "height": 1024})
    with pytest.raises(InputInvalid) as caught:
        client.send(draft)
    assert caught.value.place == "\"Nothing\" (EmptyImage, node 21), input 'width'"
    # Interrupted, or taken out of the queue before it started: then the host has no record of it.
    with pytest.raises((JobCancelled, HostLost)):
        client.attach(draft.id).result(60)


def test_a_job_cancelled_in_the_moment_it_starts_does_not_run_to_its_end(client: Client) -> None:
    """The host forgets an interrupt that comes between taking a job from its queue and starting it."""
    for _ in range(5):
        job = slow(client, 1024)
        assert job.cancel()
        with pytest.raises(JobCancelled):
            job.result(60)


def test_a_new_file_on_the_host_is_found_by_the_same_client(client: Client, host: HostStatus) -> None:
    assert host.log
    name = f"{secrets.token_hex(8)}.png"
    with pytest.raises(InputInvalid):
        client.submit(COPY, photo=name)
    value = colour()
    target = host.log.parent / "base" / "input" / name
    target.write_bytes(picture(value))
    assert pixel(client.submit(COPY, photo=name).result(60).outputs[0].read()) == value

    # An upload that someone removed from the host is sent again, at the latest after the host has complained.
    data = picture(colour())
    client.submit(COPY, photo=data).result(60)
    (host.log.parent / "base" / "input" / client.upload(data)).unlink()
    with pytest.raises(InputInvalid):
        client.submit(COPY, photo=data)
    assert client.submit(COPY, photo=data).result(60).outputs


def test_a_new_choice_is_found_by_the_same_client(client: Client, host: HostStatus) -> None:
    def load_latent(nodes: dict[int, dict[str, Any]], data: dict[str, Any]) -> None:
        data["nodes"] = [{**nodes[1], "type": "LoadLatent", "widgets_values": ["none.latent"], "outputs": []}]
        data["links"] = []
        data["extra"] = {"packshot": {"inputs": {"latent": {"node": 1, "widget": "latent"}}}}

    assert host.log
    (host.log.parent / "base" / "input" / "another.latent").touch()  # a host that lists none is asked while it runs
    workflow = edited(PLAIN, load_latent)
    name = f"{secrets.token_hex(8)}.latent"
    with pytest.raises(InputInvalid, match="one of its choices"):
        client.draft(workflow, {"latent": name})
    (host.log.parent / "base" / "input" / name).touch()
    assert client.draft(workflow, {"latent": name}).graph["1"]["inputs"] == {"latent": name}


# -- outputs that cannot be had -------------------------------------------------------------------------


def test_a_result_that_cannot_be_written_is_still_on_the_host(client: Client, tmp_path: Path) -> None:
    job = client.submit(PLAIN, color=colour())
    blocked = tmp_path / "a file"
    blocked.touch()
    with pytest.raises(OutputUnwritable) as caught:
        job.result(60, out=blocked)
    assert str(blocked) in caught.value.place
    with pytest.raises(OutputUnwritable):
        job.result(60, stem="n" * 300)
    assert not list((tmp_path / "out").iterdir())
    assert job.result(60).outputs[0].file.is_file()


def test_a_file_that_vanished_from_the_host_is_missing(client: Client, host: HostStatus) -> None:
    assert host.log
    job = client.submit(PLAIN, color=colour())
    [output] = job.result(60).outputs
    [made] = [
        path for path in (host.log.parent / "base" / "output").rglob("*.png") if path.read_bytes() == output.read()
    ]
    made.unlink()
    with pytest.raises(OutputMissing, match=made.name):
        job.result(60)


def test_a_promised_output_that_does_not_come_is_missing(client: Client) -> None:
    promise = edited(PLAIN, lambda _, data: data["extra"]["packshot"]["outputs"].update(depth={"node": 1}))
    with pytest.raises(OutputMissing, match="depth"):
        client.submit(promise, color=colour()).result(60)


# -- many jobs ------------------------------------------------------------------------------------------


def test_two_threads_use_one_client(client: Client) -> None:
    def work(count: int) -> list[tuple[int, int]]:
        pairs = []
        for _ in range(count):
            value = colour()
            pairs.append((value, pixel(client.submit(PLAIN, color=value).result(60).outputs[0].read())))
        return pairs

    with ThreadPoolExecutor(2) as pool:
        for wait in [pool.submit(work, 25) for _ in range(2)]:
            pairs = wait.result()
            assert [made for _, made in pairs] == [wanted for wanted, _ in pairs]


def test_two_hundred_jobs_at_once_give_each_its_own_picture_and_leave_nothing(client: Client) -> None:
    values = [colour() for _ in range(200)]
    jobs = [client.submit(PLAIN, color=value) for value in values]
    assert len({job.id for job in jobs}) == 200
    results = [job.result(120) for job in jobs]
    assert [pixel(result.outputs[0].read()) for result in results] == values
    alive = [weakref.ref(job) for job in jobs]
    jobs.clear()
    gc.collect()
    assert not any(reference() for reference in alive)
