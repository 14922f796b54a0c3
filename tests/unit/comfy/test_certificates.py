"""Certificate authorities of the environment: for the host's answers and for its event socket alike."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from hostile.hosts import HostileHost

from packshot.comfy.http import HostApi
from packshot.comfy.socket import EventSocket
from packshot.errors import HostUnreachable


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that signs itself, for 127.0.0.1, with its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    line += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run(line, cwd=folder, check=True, capture_output=True)
    return folder / "certificate.pem"


@pytest.fixture
def url(authority: Path) -> Iterator[str]:
    """A host that speaks TLS; its event socket greets and goes."""

    class Host(HostileHost):
        def do_GET(self) -> None:
            if self.path.startswith("/ws"):
                self.frames([])
            else:
                self.honest()

    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority, authority.with_name("key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_authority_of_the_environment_is_trusted_on_this_machine_too(
    url: str, authority: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    api = HostApi(url)
    with pytest.raises(HostUnreachable, match="not trusted"):
        api.system_stats()
    with pytest.raises(ssl.SSLError):
        EventSocket(api.address, 5, lambda _: None, lambda: None)

    monkeypatch.setenv(variable, str(authority))
    trusting = HostApi(url)
    assert trusting.system_stats()["system"]
    EventSocket(trusting.address, 5, lambda _: None, lambda: None).close()


def test_an_authority_that_is_not_there_is_named(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with pytest.raises(HostUnreachable, match="gone") as caught:
        HostApi(url).system_stats()
    assert "REQUESTS_CA_BUNDLE" in caught.value.remedy
