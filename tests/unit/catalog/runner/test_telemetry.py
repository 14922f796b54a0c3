"""Traces and metrics: off unless asked for, and then what a collector gets."""

from __future__ import annotations

import http.server
import socket
import threading
import urllib.request

import pytest

from packshot.catalog.runner.telemetry import Telemetry
from packshot.errors import InputInvalid


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_nothing_is_collected_unless_asked_for() -> None:
    before = threading.active_count()
    telemetry = Telemetry({})
    telemetry.attempt("A", "http://h", "accepted", 1.0)
    telemetry.close()
    assert threading.active_count() == before


def test_prometheus_reads_attempts_and_seconds() -> None:
    port = free_port()
    telemetry = Telemetry({"PACKSHOT_METRICS_PORT": str(port)})
    try:
        telemetry.attempt("A", "http://h", "accepted", 1.5)
        telemetry.attempt("B", "http://h", "lost", None)
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    finally:
        telemetry.close()
    assert 'packshot_attempts_total{host="http://h",outcome="accepted"} 1.0' in text
    assert 'packshot_attempts_total{host="http://h",outcome="lost"} 1.0' in text
    assert 'packshot_picture_seconds_sum{host="http://h"} 1.5' in text


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(InputInvalid, match="cannot be served"):
        Telemetry({"PACKSHOT_METRICS_PORT": "many"})


def test_a_collector_gets_a_span_for_every_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[tuple[str, bytes]] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        telemetry = Telemetry({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
        telemetry.attempt("SKU-7", "http://h", "accepted", 2.0)
        telemetry.close()
        server.shutdown()
    assert [path for path, _ in got] == ["/v1/traces"]
    assert b"SKU-7" in got[0][1]
    assert b"accepted" in got[0][1]
