"""The client against a real host, where nothing is wrong but what the user gives."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from packshot import Client
from packshot.errors import (
    HostLost,
    InputInvalid,
    InputUnknown,
    JobCancelled,
    ModelMissing,
    NodeMissing,
    OutOfMemory,
    OutputMissing,
    OutputUnwritable,
    PackshotError,
    PhotographInvalid,
    WorkflowInvalid,
)
from packshot.host.managed import HostStatus
from support.host.jobs import COPY, PLAIN, SEVERAL, SLOW, colour, edited, picture, pixel
from support.host.proxy import Proxy


def test_text_that_is_no_valid_unicode_does_no_harm(client: Client) -> None:
    words = f"half a character \ud83d {colour()}"
    result = client.submit(SEVERAL, color=colour(), words=words).result(60)
    assert result.outputs[0].read().decode().startswith("half a character ?")


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
    with pytest.raises(PhotographInvalid, match="no such file") as caught:
        client.submit(COPY, photo=Path("not", "there.png"))
    assert "there.png" in caught.value.place


def test_a_file_that_the_host_does_not_take_is_the_inputs_fault(client: Client) -> None:
    padded = picture(colour())[:-12] + b"\x06\x40\x00\x00eXIf" + bytes(101 << 20)  # more than ComfyUI takes
    with pytest.raises(InputInvalid, match="the host takes no file of") as caught:
        client.upload(padded)
    assert "--max-upload-size" in caught.value.remedy


def test_a_file_that_is_no_picture_is_refused_before_it_is_sent(client: Client) -> None:
    with pytest.raises(PhotographInvalid, match="no picture"):
        client.submit(COPY, photo=bytes(64))


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
