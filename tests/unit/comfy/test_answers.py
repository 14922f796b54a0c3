"""Hosts whose answers are well-formed JSON and not ComfyUI's: a fault of the host, never of this program."""

from __future__ import annotations

import http.server
import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from packshot import Client
from packshot.comfy.health import health
from packshot.comfy.http import HostApi
from packshot.errors import HostLost, HostUnreachable

ODD: list[Any] = [
    None,
    7,
    [],
    [[]],
    "text",
    {},
    {"system": [], "queue_running": {}, "queue_pending": [], "name": {}},
    {"system": {}, "devices": [3], "queue_running": [[1]], "queue_pending": [], "name": None},
    {"system": {"comfyui_version": [1]}, "queue_running": [], "queue_pending": [["a", "b"]], "subfolder": 7},
]

RECORDS: list[Any] = [
    7,
    [1],
    {"status": "success"},
    {"status": {"messages": [7]}},
    {"status": {"messages": [["execution_start"]]}},
    {"status": {"messages": [["execution_start", 7]]}},
    {"status": {"messages": [["execution_start", {"timestamp": "noon"}]]}},
    {"outputs": [1]},
]

ASKED: list[Callable[[HostApi], Any]] = [
    lambda api: api.system_stats(),
    lambda api: api.queue(),
    lambda api: api.upload(io.BytesIO(b"x"), "x.png", "packshot"),
]


@pytest.fixture(scope="module")
def api() -> Iterator[tuple[HostApi, Callable[[Any], None]]]:
    """Calls to a server that answers everything with one JSON value, and how that one is set."""
    said = b""

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(said)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.do_GET()

        def log_message(self, *_arguments: object) -> None:
            """Write nothing."""

    def say(value: Any) -> None:
        nonlocal said
        said = json.dumps(value).encode()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever).start()
        api = HostApi(f"http://127.0.0.1:{server.server_address[1]}")
        yield api, say
        api.close()
        server.shutdown()


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize("value", ODD)
def test_an_answer_of_another_shape_is_not_comfyuis(
    api: tuple[HostApi, Callable[[Any], None]], ask: Callable[[HostApi], Any], value: Any
) -> None:
    host, say = api
    say(value)
    with pytest.raises((HostUnreachable, HostLost), match="not a ComfyUI"):
        ask(host)
    found = health(host)
    assert not found.reachable
    assert "not a ComfyUI host" in found.problem


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_of_another_shape_is_not_comfyuis(api: tuple[HostApi, Callable[[Any], None]], record: Any) -> None:
    host, say = api
    say({"job": record})
    with pytest.raises(HostUnreachable, match="not a ComfyUI host"):
        host.history("job")


@pytest.mark.parametrize("value", [7, [], {"EmptyImage": 7}, {"EmptyImage": {"input": {"required": [1]}}}])
def test_a_definition_of_another_shape_is_not_comfyuis(api: tuple[HostApi, Callable[[Any], None]], value: Any) -> None:
    host, say = api
    say(value)
    with pytest.raises(HostUnreachable, match="not a ComfyUI host"):
        Client(host.url).object_info["EmptyImage"]


def test_a_cancellation_that_is_not_understood_is_a_fault_of_the_host(
    api: tuple[HostApi, Callable[[Any], None]],
) -> None:
    host, say = api
    say([True])
    with pytest.raises(HostLost, match="not a ComfyUI host"):
        host.cancel("job")
