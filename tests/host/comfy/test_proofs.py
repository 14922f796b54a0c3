"""What a host has is what it was sent, and what it gives is what was asked for."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest

from packshot import Client
from packshot.comfy.http import HostApi
from packshot.errors import OutputDamaged
from packshot.host.managed import HostStatus
from support.host.jobs import COPY, PLAIN, colour, picture, pixel
from support.host.proxy import Proxy, answer
from support.host.routes import ask


@pytest.fixture(params=["with the node pack", "without it"])
def telling(request: pytest.FixtureRequest, proxy: Proxy) -> Proxy:
    """A host that can tell what is in a file, and one that has to send it back."""
    if request.param == "without it":
        proxy.rule = lambda asked: answer("404 Not Found") if asked.line.startswith("GET /packshot/inputs") else None
    return proxy


def stored(host: HostStatus, photograph: bytes) -> Path:
    name = f"{hashlib.sha256(photograph).hexdigest()[:32]}.png"
    return host.log.parent / "base" / "input" / "packshot" / name


@pytest.mark.parametrize("part", ["half", "other"])
def test_what_lies_under_the_name_of_a_photograph_makes_no_picture(
    telling: Proxy, host: HostStatus, tmp_path: Path, part: str
) -> None:
    value = colour()
    photograph = picture(value)
    planted = photograph[: len(photograph) // 2] if part == "half" else picture(value ^ 0xFFFFFF)
    file = stored(host, photograph)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(planted)
    with Client(telling.url, out=tmp_path) as client:
        result = client.submit(COPY, photo=photograph).result(60)
        assert pixel(result.outputs[0].read()) == value
    assert file.read_bytes() == photograph


def test_a_photograph_that_is_there_is_not_sent_again(telling: Proxy, tmp_path: Path) -> None:
    photograph = picture(colour())
    for _ in range(2):
        with Client(telling.url, out=tmp_path) as client:
            client.upload_photograph(photograph)
    assert telling.seen.count("POST /upload/image") == 1


def test_the_route_tells_what_is_in_the_input_folder_and_nowhere_else(host: HostStatus) -> None:
    content = picture(colour())
    api = HostApi(str(host.url))
    api.upload(io.BytesIO(content), "a b#1.png", "packshot-proofs", overwrite=True)
    assert api.input_sha256("packshot-proofs/a b#1.png") == (True, hashlib.sha256(content).hexdigest())
    for name in ("packshot-proofs", "packshot-proofs/none.png"):
        assert api.input_sha256(name) == (True, None)
    api.close()
    (host.log.parent / "base" / "secret").write_text("secret")
    for name in ("..%2Fsecret", "packshot-proofs%2F..%2F..%2Fsecret", "%2Fetc%2Fpasswd"):
        assert ask(host, f"inputs/{name}/sha256").json() == {"sha256": None}
    assert ask(host, "inputs/packshot-proofs/none.png/sha256", Origin="http://evil.example").status_code == 403


def test_a_record_of_other_work_is_refused(proxy: Proxy, host: HostStatus, tmp_path: Path) -> None:
    with Client(proxy.url, out=tmp_path) as client, Client(str(host.url), out=tmp_path) as other:
        draft = client.draft(PLAIN, {"color": colour()})
        graph = json.loads(json.dumps(draft.graph))
        next(node for node in graph.values() if node["class_type"] == "EmptyImage")["inputs"]["color"] = colour()
        assert other.api.submit({"prompt": graph, "prompt_id": draft.id, "client_id": "x"}).ok
        other.attach(draft.id).wait(60)
        # The host takes the submission, and has run something else under its id.
        proxy.rule = lambda asked: (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
            if asked.line == "POST /prompt"
            else None
        )
        with pytest.raises(OutputDamaged, match="other work"):
            client.send(draft).result(60)
    assert list(tmp_path.iterdir()) == []
