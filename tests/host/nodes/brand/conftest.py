"""A client of the host with brands."""

from __future__ import annotations

import pytest

from packshot import Client


@pytest.fixture(scope="module")
def client(brand_client: Client) -> Client:
    return brand_client
