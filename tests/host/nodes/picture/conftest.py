"""A client of the session's host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from packshot import Client
from packshot.host.managed import HostStatus


@pytest.fixture(scope="module")
def client(host: HostStatus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client(str(host.url), out=tmp_path_factory.mktemp("out")) as connected:
        yield connected
