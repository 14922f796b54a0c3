"""A client of the session's host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from packshot import Client
from packshot.host.managed import HostStatus
from support.host.proxy import Proxy


@pytest.fixture
def client(host: HostStatus, tmp_path: Path) -> Iterator[Client]:
    assert host.url
    with Client(host.url, out=tmp_path / "out") as client:
        yield client


@pytest.fixture
def proxy(host: HostStatus) -> Iterator[Proxy]:
    with Proxy(host.url or "") as proxy:
        yield proxy
