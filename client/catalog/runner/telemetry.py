"""Traces and metrics of a run, where the user has set up where they go; without that, nothing is collected or sent.

OpenTelemetry: with ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or its ``…_TRACES_ENDPOINT``) in the environment there is a span
for every picture. Prometheus: with ``PACKSHOT_METRICS_PORT`` there is a page of metrics on that port of this machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from ...errors import InputInvalid

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PORT = "PACKSHOT_METRICS_PORT"


class Telemetry:
    """Where the ends of attempts are told; does nothing unless the environment asks for it.

    Args:
        environment: the process's environment variables.

    Raises:
        InputInvalid: it asks for something whose package is not installed, or the port is none.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._provider = _provider() if any(environment.get(name) for name in _ENDPOINTS) else None
        self._metrics = _Metrics(environment[_PORT]) if environment.get(_PORT) else None

    def attempt(self, item_id: str, host: str, outcome: str, seconds: float | None) -> None:
        """An attempt at an item ended.

        Args:
            outcome: ``accepted``, ``quarantined`` or ``failed``, which are the item's end; ``rejected`` (another seed
                is tried), ``again`` (it failed, and is made once more) or ``lost``.
            seconds: that it took on the host, None where nobody knows.
        """
        if self._metrics is not None:
            self._metrics.count(host, outcome, seconds)
        if self._provider is not None:
            end = time.time_ns()
            tracer = self._provider.get_tracer("packshot.catalog")
            span = tracer.start_span("picture", start_time=end - int((seconds or 0.0) * 1e9))
            for name, value in (("item", item_id), ("host", host), ("outcome", outcome)):
                span.set_attribute(f"packshot.{name}", value)
            span.end(end)

    def close(self) -> None:
        """Send what was not sent yet."""
        if self._provider is not None:
            self._provider.shutdown()
        if self._metrics is not None:
            self._metrics.close()


def _provider() -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise _missing(_ENDPOINTS[0]) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "packshot"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class _Metrics:
    def __init__(self, port: str) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
        except ImportError as error:
            raise _missing(_PORT) from error
        registry = CollectorRegistry()
        self._ended = Counter(
            "packshot_attempts", "Attempts at pictures that ended", ["host", "outcome"], registry=registry
        )
        self._seconds = Histogram(
            "packshot_picture_seconds", "Execution time on the host", ["host"], registry=registry,
            buckets=(0.5, 1, 2, 5, 10, 20, 60, 120, 300, 900),
        )  # fmt: skip
        try:
            self._server, self._thread = start_http_server(int(port), addr="127.0.0.1", registry=registry)
        except (ValueError, OSError, OverflowError) as error:
            raise InputInvalid(
                f"metrics cannot be served: {error}", place=f"{_PORT}={port}", remedy="name a free port, or unset it"
            ) from error

    def count(self, host: str, outcome: str, seconds: float | None) -> None:
        self._ended.labels(host, outcome).inc()
        if seconds is not None:
            self._seconds.labels(host).observe(seconds)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _missing(name: str) -> InputInvalid:
    return InputInvalid(
        "traces and metrics need more packages", place=name, remedy="pip install 'packshot[telemetry]', or unset it"
    )
