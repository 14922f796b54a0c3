"""A job on a real host: its events, its end, and its cancellation."""

from __future__ import annotations

import gc
import json
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from packshot import Client
from packshot.comfy.events import Event, Finished, NodeProgress, OutputReady, Preview, Queued, Started
from packshot.errors import (
    JobCancelled,
    JobTimeout,
)
from packshot.host.managed import HostStatus
from support.host.jobs import PLAIN, SEVERAL, colour, pixel, slow, until_started

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


def test_a_job_cancelled_in_the_moment_it_starts_does_not_run_to_its_end(client: Client) -> None:
    """The host forgets an interrupt that comes between taking a job from its queue and starting it."""
    for _ in range(5):
        job = slow(client, 1024)
        assert job.cancel()
        with pytest.raises(JobCancelled):
            job.result(60)


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
