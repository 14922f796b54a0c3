"""By which names a host goes, and which pages are its own: ``nodes/routes/origin.py``, which needs no ComfyUI."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import pytest

from support.places import ROOT


@pytest.fixture(scope="module")
def origin() -> Any:
    spec = importlib.util.spec_from_file_location("origin", ROOT / "nodes" / "routes" / "origin.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["origin"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("127.0.0.1:8188", ("127.0.0.1", 8188)),
        ("LocalHost.:80", ("localhost", 80)),
        ("[::1]:8188", ("::1", 8188)),
        ("[0:0::1]", ("::1", None)),
        ("[::ffff:192.168.1.20]:1", ("192.168.1.20", 1)),
        ("gpu_1.lan", ("gpu_1.lan", None)),
        *((text, None) for text in ("", ":1", "a b", "a@b", "a/b", "a:b", "a:1:2", "a:99999", "[a]", "a\n", "é")),
    ],
)
def test_an_authority_is_a_host_and_a_port_and_nothing_else(
    origin: Any, text: str, authority: tuple[str, int | None] | None
) -> None:
    read = origin.read_authority(text)
    assert (read and (read.host, read.port)) == authority


def admitted(origin: Any, host: str, local: str, *, allowed: str = "", listen: str = "127.0.0.1") -> bool:
    names = origin.HostNames(["Studio", "studio.local", *listen.split(",")], origin.read_allowed(allowed))
    answer: bool = names.admit(origin.read_authority(host), local)
    return answer


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "[::1]:1", "127.8.9.1", "studio:8188", "STUDIO.local"])
def test_its_own_names_work_without_settings(origin: Any, host: str) -> None:
    assert admitted(origin, host, "127.0.0.1")


def test_an_address_is_its_own_where_the_request_came_in_from_the_network(origin: Any) -> None:
    assert admitted(origin, "192.168.1.20:8188", "192.168.1.20")
    assert admitted(origin, "192.168.1.20:8188", "::ffff:192.168.1.20")
    assert admitted(origin, "[fe80::2]:8188", "fe80::2%eth0")
    assert admitted(origin, "192.168.1.20:8188", "172.17.0.2")  # a container
    assert admitted(origin, "203.0.113.9", "203.0.113.9")
    assert not admitted(origin, "192.168.1.20:8188", "127.0.0.1")
    assert not admitted(origin, "8.8.8.8", "172.17.0.2")
    assert not admitted(origin, "192.168.1.20", "")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "studio.evil.example", "x.localhost", "2130706433", "127.1"]
)
def test_other_names_are_refused(origin: Any, host: str) -> None:
    for local in ("127.0.0.1", "192.168.1.20"):
        assert not admitted(origin, host, local)


def test_what_it_listens_on_is_a_name_of_its_own(origin: Any) -> None:
    assert not admitted(origin, "0.0.0.0:8188", "127.0.0.1")
    assert admitted(origin, "0.0.0.0:8188", "127.0.0.1", listen="0.0.0.0,::")
    assert admitted(origin, "[::]:8188", "127.0.0.1", listen="0.0.0.0,::")
    assert admitted(origin, "render.lan", "127.0.0.1", listen="render.lan")


def test_the_user_allows_names_with_all_below_them_or_without(origin: Any) -> None:
    allowed = "comfy.example, https://*.proxy.example"
    for host in ("comfy.example", "Comfy.Example:8443", "a.proxy.example", "a.b.proxy.example"):
        assert admitted(origin, host, "10.0.0.5", allowed=allowed)
    for host in ("a.comfy.example", "proxy.example", "aproxy.example", "comfy.example.evil"):
        assert not admitted(origin, host, "10.0.0.5", allowed=allowed)
    for text in ("*", "ftp://x", "https://", "a b", "x/y", "*.*.x"):
        with pytest.raises(ValueError, match="PACKSHOT_ALLOWED_HOSTS"):
            list(origin.read_allowed(text))


@pytest.mark.parametrize(
    ("page", "host", "own"),
    [
        ("http://127.0.0.1:8188", "127.0.0.1:8188", True),
        ("http://studio", "studio:80", True),
        ("http://LOCALHOST:8188", "localhost:8188", True),
        ("https://127.0.0.1:8188", "127.0.0.1:8188", False),
        ("http://127.0.0.1:8189", "127.0.0.1:8188", False),
        ("http://127.0.0.1", "127.0.0.1:8188", False),
        ("http://localhost:8188", "127.0.0.1:8188", False),
        ("null", "127.0.0.1:8188", False),
        ("http://x@127.0.0.1:8188", "127.0.0.1:8188", False),
        ("http://127.0.0.1:8188/", "127.0.0.1:8188", False),
        # behind a proxy that speaks https
        ("https://comfy.example", "comfy.example", True),
        ("https://comfy.example:8443", "comfy.example:8443", True),
        ("https://comfy.example:9999", "comfy.example:8443", False),
        ("https://comfy.example:9999", "comfy.example", False),
        ("https://a.proxy.example", "a.proxy.example", True),
        ("https://b.proxy.example", "a.proxy.example", False),
        ("https://port.example:8443", "port.example", True),
        ("http://port.example:8444", "port.example", False),
    ],
)
def test_a_page_is_its_own_by_scheme_name_and_port(origin: Any, page: str, host: str, own: bool) -> None:
    allowed = "comfy.example, https://*.proxy.example, https://port.example:8443"
    names = origin.HostNames(["studio"], origin.read_allowed(allowed))
    assert names.own_page(page, "http", origin.read_authority(host)) is own
