"""Against servers of our own on loopback, which answer as bad ones do."""

from __future__ import annotations

import contextlib
import datetime
import gzip
import ipaddress
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from packshot.bounded_http import NotAdmitted, body, bounded_session, is_public, steady
from packshot.budget import Budget, OverBudget, deadline

Answer = Callable[[socket.socket, bytes], None]

_ENDED = 20.0  # seconds in which what has a deadline of one must be over, on any machine


@contextlib.contextmanager
def serving(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that gives each connection, and the head of its request, to ``answer``."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                threading.Thread(target=attend, args=(connection,), daemon=True).start()

    def attend(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection if context is None else secure(connection, context) as line:
            head = b""
            while b"\r\n\r\n" not in head and (part := line.recv(65536)):
                head += part
            answer(line, head)

    def secure(connection: socket.socket, context: ssl.SSLContext) -> socket.socket:
        try:
            return context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            raise

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http{'s' if context else ''}://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        over.set()
        listener.close()


def plain(content: bytes, *headers: str) -> Answer:
    lines = "".join(f"{header}\r\n" for header in headers)

    def answer(connection: socket.socket, _: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n{lines}\r\n"
        connection.sendall(head.encode() + content)

    return answer


def trickle(start: bytes, part: bytes) -> Answer:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(part)
            time.sleep(0.05)

    return answer


TRICKLES = {
    "status line": trickle(b"", b"H"),
    "headers": trickle(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
    "body": trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"a"),
    "chunks": trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "no length": trickle(b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
}


def read(url: str, *, verify: str | bool = True) -> bytes:
    with bounded_session() as session:
        return b"".join(body(session.get(url, stream=True, timeout=30, verify=verify), Budget()))


@pytest.mark.parametrize("kind", TRICKLES)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_who_trickles_is_left_at_the_deadline(kind: str, tls: bool, authority: Authority) -> None:
    begun = time.monotonic()
    ended = pytest.raises((requests.RequestException, OverBudget))
    with serving(TRICKLES[kind], authority.context if tls else None) as url, deadline(1), ended:
        read(url, verify=str(authority.file))
    assert time.monotonic() - begun < _ENDED


def test_a_deadline_that_passes_in_a_body_is_told_from_a_broken_line() -> None:
    with serving(TRICKLES["no length"]) as url, deadline(0.5), pytest.raises(OverBudget) as refusal:
        read(url)
    assert refusal.value.limit == "seconds"


def test_a_host_that_takes_nothing_is_left_at_the_deadline() -> None:
    def deaf(*_: object) -> None:
        time.sleep(_ENDED)

    begun = time.monotonic()
    with serving(deaf) as url, deadline(1), pytest.raises(requests.RequestException), bounded_session() as session:
        session.post(url, data=b"a" * (64 << 20), timeout=30)
    assert time.monotonic() - begun < _ENDED


def test_the_timeout_for_one_part_still_holds_within_a_longer_deadline() -> None:
    def silent(*_: object) -> None:
        time.sleep(_ENDED)

    begun = time.monotonic()
    with serving(silent) as url, deadline(600), pytest.raises(requests.RequestException), bounded_session() as session:
        session.get(url, timeout=0.3)
    assert time.monotonic() - begun < _ENDED


def test_a_body_ends_at_its_budget_of_bytes() -> None:
    with serving(plain(b"a" * 100_000)) as url, bounded_session() as session:
        assert len(b"".join(body(session.get(url, stream=True, timeout=30), Budget(most_bytes=100_000)))) == 100_000
        with pytest.raises(OverBudget) as refusal:
            list(body(session.get(url, stream=True, timeout=30), Budget(most_bytes=99_999)))
    assert refusal.value.limit == "bytes"


def test_a_body_that_unfolds_without_end_is_refused() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    with serving(plain(bomb, "Content-Encoding: gzip")) as url, pytest.raises(OverBudget) as refusal:
        read(url)
    assert refusal.value.limit == "ratio"


def test_a_body_that_is_packed_as_usual_is_read() -> None:
    content = b'{"images": [{"filename": "a.png"}]}' * 1000
    with serving(plain(gzip.compress(content), "Content-Encoding: gzip")) as url, bounded_session() as session:
        assert b"".join(body(session.get(url, stream=True, timeout=30), Budget())) == content


def test_a_body_that_trickles_is_left_and_a_slow_one_is_read() -> None:
    with serving(trickle(b"HTTP/1.1 200 OK\r\n\r\n", b"x")) as url, bounded_session() as session:
        begun = time.monotonic()
        with pytest.raises(OverBudget, match="seconds"):
            list(steady(body(session.get(url, stream=True), Budget()), seconds=0.5, number=1000))
        assert time.monotonic() - begun < _ENDED
    with serving(trickle(b"HTTP/1.1 200 OK\r\n\r\n", bytes(1 << 16))) as url, bounded_session() as session:
        slow = steady(body(session.get(url, stream=True), Budget()), seconds=10, number=1 << 16)
        assert sum(map(len, itertools.islice(slow, 20))) == 20 << 16


def test_a_password_of_netrc_is_not_sent_and_one_in_the_address_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    heads: list[bytes] = []

    def answer(connection: socket.socket, head: bytes) -> None:
        heads.append(head)
        plain(b"")(connection, head)

    with serving(answer) as url, bounded_session() as session:
        session.get(url, timeout=30)
        session.get(url.replace("//", "//user:word@"), timeout=30)
    assert b"Authorization" not in heads[0]
    assert b"Authorization: Basic dXNlcjp3b3Jk" in heads[1]  # user:word


def test_no_connection_is_made_to_an_address_that_is_not_admitted() -> None:
    heads: list[bytes] = []
    asked: list[tuple[str, str]] = []

    def admit(host: str, address: str) -> bool:
        asked.append((host, address))
        return is_public(address)

    with serving(lambda _, head: heads.append(head)) as url, bounded_session(admit=admit, retry=3) as session:
        for address in (url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "2130706433")):
            with pytest.raises(NotAdmitted):
                session.get(address, timeout=30)
    assert heads == []
    assert ("127.0.0.1", "127.0.0.1") in asked
    assert ("localhost", "127.0.0.1") in asked
    assert ("2130706433", "127.0.0.1") in asked


def test_an_admitted_address_is_connected_to() -> None:
    with serving(plain(b"content")) as url, bounded_session(admit=lambda host, _: host == "127.0.0.1") as session:
        assert session.get(url, timeout=30).content == b"content"


def test_behind_a_proxy_the_name_is_judged_before_the_proxy_is_asked() -> None:
    with serving(plain(b"through the proxy")) as proxy:
        proxies = {"http": proxy}
        with bounded_session(admit=lambda _, address: is_public(address)) as session:
            with pytest.raises(NotAdmitted):
                session.get("http://127.0.0.1:1/", proxies=proxies, timeout=30)
            address = "http://192.0.2.1.nowhere.invalid/"  # what only the proxy can look up
            assert session.get(address, proxies=proxies, timeout=30).content == b"through the proxy"


class Authority:
    """A certificate authority of the tests, and a server's certificate for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = folder / "key.pem"
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.file, private)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_certificates_are_verified_as_ever(authority: Authority) -> None:
    with serving(plain(b"secret"), authority.context) as url, bounded_session() as session:
        with pytest.raises(requests.exceptions.SSLError):
            session.get(url, timeout=30)
        assert session.get(url, timeout=30, verify=str(authority.file)).content == b"secret"
        with pytest.raises(requests.exceptions.SSLError):
            session.get(url.replace("127.0.0.1", "localhost"), timeout=30, verify=str(authority.file))


def test_an_authority_of_the_environment_holds(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    with serving(plain(b"secret"), authority.context) as url, bounded_session() as session:
        assert session.get(url, timeout=30).content == b"secret"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.20",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "nonsense",
        "",
    ],
)
def test_addresses_that_are_not_of_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_of_the_internet(address: str) -> None:
    assert is_public(address)
