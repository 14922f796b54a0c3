"""Addresses and credentials, which need no host; tests/host/comfy has the rest."""

from __future__ import annotations

import base64
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.comfy.http import HostAddress, HostApi
from packshot.errors import HostUnreachable


@pytest.mark.parametrize(
    ("given_as", "url", "websocket", "loopback"),
    [
        ("127.0.0.1:8188", "http://127.0.0.1:8188", "ws://127.0.0.1:8188", True),
        ("localhost:8188/", "http://localhost:8188", "ws://localhost:8188", True),
        ("http://[::1]:8188", "http://[::1]:8188", "ws://[::1]:8188", True),
        ("gpu-7", "http://gpu-7", "ws://gpu-7", False),
        ("10.0.0.7:8188", "http://10.0.0.7:8188", "ws://10.0.0.7:8188", False),
        ("https://gpu.example/comfy/", "https://gpu.example/comfy", "wss://gpu.example/comfy", False),
        ("HTTP://GPU.example:80", "http://gpu.example:80", "ws://gpu.example:80", False),
        ("http://gpu.example/?token=1#top", "http://gpu.example", "ws://gpu.example", False),
    ],
)
def test_forms_of_an_address(given_as: str, url: str, websocket: str, loopback: bool) -> None:
    address = HostAddress(given_as)
    assert (address.url, address.websocket, address.loopback) == (url, websocket, loopback)
    assert address.headers == {}


@pytest.mark.parametrize(
    "given_as",
    [
        "",
        "http://",
        "ftp://me:s3cr3t@gpu",
        "http://me:s3cr3t@gpu:port",
        "http://me:s3cr3t@gpu:99999",
        "http://s3cr3t@[::1",
    ],
)
def test_what_is_no_address_is_refused_and_its_secret_not_shown(given_as: str) -> None:
    with pytest.raises(HostUnreachable, match="not a host's address") as caught:
        HostAddress(given_as)
    assert "http://127.0.0.1:8188" in caught.value.remedy
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = HostAddress(text)
    except HostUnreachable:
        return
    assert address.url.startswith(("http://", "https://"))


def test_credentials_of_an_address_become_a_header() -> None:
    address = HostAddress("https://me%40home:p%3Ass%20w%C3%B6rd@gpu.example:8443/x")
    assert address.url == "https://gpu.example:8443/x"
    pair = base64.b64encode("me@home:p:ss wörd".encode()).decode()
    assert address.headers == {"Authorization": f"Basic {pair}"}
    own = HostAddress("http://me:secret@gpu", {"Authorization": "Bearer abc", "X-Team": "shop"})
    assert own.headers == {"Authorization": "Bearer abc", "X-Team": "shop"}


@pytest.mark.parametrize("value", ["Bearer s3cr3t\r\nX-Admin: 1", "Bearer s3cr3t\n", "Bearer s3cr3t…", "s3cr3t\x00"])
def test_a_header_that_cannot_be_sent_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(HostUnreachable, match="Authorization") as caught:
        HostApi("gpu", {"Authorization": value})
    assert "s3cr3t" not in str(caught.value)


def test_a_refused_connection_has_the_address_and_no_credentials() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    api = HostApi(f"http://me:s3cr3t@127.0.0.1:{port}")
    with pytest.raises(HostUnreachable) as caught:
        api.system_stats()
    assert caught.value.place == f"http://127.0.0.1:{port}"
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "s3cr3t" not in f"{chain!s} {chain!r}"
        chain = chain.__cause__ or chain.__context__
    assert "s3cr3t" not in f"{api!r} {api.address!r}"
    api.close()
