"""A client of the host with tiny models."""

from __future__ import annotations

import pytest

from packshot import Client


@pytest.fixture(scope="module")
def client(tiny_client: Client) -> Client:
    return tiny_client
