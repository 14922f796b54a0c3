"""HTTP with bounds: sessions whose sockets obey :func:`~.budget.deadline`, and connect only where they may.

The timeout of requests is one for each part of an answer: who sends a byte now and then is never done. Here every
read and every write of a socket gets what is left of the deadline. And an address is judged where the connection is
made, by the address that it is really made to: a name can mean another one the next time it is looked up.
"""

from __future__ import annotations

import ipaddress
import math
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_auth_from_url, select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from .budget import Budget, OverBudget, check_deadline, deadline, seconds_left

#: Whether a connection may be made: by the name of a host, and one of its addresses.
Admission = Callable[[str, str], bool]

_PART = 1 << 16
_MOST_RATIO = 200  # bytes for each compressed byte; JSON of real hosts has up to 30
_RATIO_FROM = 16 << 20  # bytes below which no ratio is a danger

_admission: ContextVar[Admission | None] = ContextVar("packshot_admission", default=None)


class NotAdmitted(Exception):
    """A connection would lead to an address that is not allowed.

    Attributes:
        host: the name that was asked for.
        address: what it means.
    """

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"{host} is {address}" if host != address else address)
        self.host = host
        self.address = address


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet: not loopback, link-local, private, multicast or reserved.

    Addresses of IPv4 within IPv6 (mapped, 6to4, Teredo, and NAT64 of RFC 6052) count as what they lead to.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and (inner := _inner(ip)) is not None:
        return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


def _inner(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if any(ip in network for network in _NAT64):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def bounded_session(
    *, admit: Admission | None = None, retry: urllib3.Retry | int = 0, pool: int = 10
) -> requests.Session:
    """Make a session that obeys :func:`~.budget.deadline`, and whose redirections are left to the caller.

    Proxies and certificate authorities of the environment hold. Passwords of ``.netrc`` are never sent: whoever wrote
    an address need not be who owns them.

    Args:
        admit: asked for each address that a name stands for, before a connection is made to it. None: all are fine.
        retry: of what fails, as for urllib3.
        pool: connections to one host that are kept open.

    Returns:
        a session; its requests raise what those of requests raise, and :class:`NotAdmitted`.
    """
    session = requests.Session()
    session.auth = _own_credentials
    for scheme in ("http://", "https://"):
        session.mount(scheme, _BoundedAdapter(admit, retry, pool))
    return session


def body(response: requests.Response, budget: Budget) -> Iterator[bytes]:
    """Read the body of an answer that was asked for with ``stream=True``, unpacked, in parts.

    Raises:
        OverBudget: it is too large, packed too densely, or the time is up.
        requests.RequestException: the connection broke.
    """
    try:
        for part in response.iter_content(_PART):
            budget.take_bytes(len(part))
            if budget.bytes > max(_RATIO_FROM, _MOST_RATIO * response.raw.tell()):
                raise OverBudget("ratio", _MOST_RATIO)
            yield part
    except requests.RequestException:
        check_deadline()  # a socket that ran out of time says only that it timed out
        raise
    finally:
        response.close()


def authorities() -> str:
    """Find the certificates that TLS trusts: a file or a folder that the environment names, or those of certifi."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    return next((path for name in names if (path := os.environ.get(name))), "") or DEFAULT_CA_BUNDLE_PATH


def steady(parts: Iterator[bytes], seconds: float = 15.0, number: int = 1 << 17) -> Iterator[bytes]:
    """Pass the parts of a body on while they come fast enough.

    So a slow line has all the time that a large file takes, and who sends a byte now and then is soon done.

    Args:
        seconds: within which ``number`` bytes must come each time, or the rest of the body.

    Raises:
        OverBudget: they come slower.
    """
    received, begun = 0, time.monotonic()
    while True:
        with deadline(begun + seconds - time.monotonic()):
            part = next(parts, None)
            check_deadline()
        if part is None:
            return
        received += len(part)
        if received >= number:
            received, begun = 0, time.monotonic()
        yield part


def _own_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send those in the address itself. Where a session has an ``auth``, requests does not look into .netrc."""
    user, password = get_auth_from_url(request.url or "")
    return HTTPBasicAuth(user, password)(request) if user or password else request


class _Deadline:
    """The part of a socket that gives each call what is left of the deadline, and no more."""

    def recv_into(self, *args: Any) -> int:
        return int(self._within("recv_into", *args))

    def recv(self, *args: Any) -> bytes:
        return bytes(self._within("recv", *args))

    def send(self, *args: Any) -> int:
        return int(self._within("send", *args))

    def sendall(self, *args: Any) -> None:
        self._within("sendall", *args)

    def _within(self, call: str, *args: Any) -> Any:
        method = getattr(super(), call)
        left = seconds_left()
        if left == math.inf:
            return method(*args)
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        patience = self.gettimeout()  # type: ignore[attr-defined]
        if patience is not None and patience <= left:
            return method(*args)
        self.settimeout(left)  # type: ignore[attr-defined]
        try:
            return method(*args)
        finally:
            self.settimeout(patience)  # type: ignore[attr-defined]


class _DeadlineSocket(_Deadline, socket.socket):
    pass


class _DeadlineTlsSocket(_Deadline, ssl.SSLSocket):
    pass


class _Connecting(HTTPConnection):
    """Makes connections to admitted addresses alone."""

    def _new_conn(self) -> socket.socket:
        try:
            places = socket.getaddrinfo(self._dns_host, self.port, 0, socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(self.host, self, reason) from error
        admit = None if self.proxy else _admission.get()  # through a proxy, the adapter has asked
        refused, failure = "", OSError("the name has no address")
        for family, kind, protocol, _, address in places:
            ip = str(address[0])
            if admit is not None and not admit(self.host, ip):
                refused = refused or ip
                continue
            try:
                return self._connected(_DeadlineSocket(family, kind, protocol), address)
            except OSError as error:
                failure = error
        if refused:
            raise NotAdmitted(self.host, refused)
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"connecting to {self.host} timed out") from failure
        raise NewConnectionError(self, f"no connection: {failure}") from failure

    def _connected(self, connection: socket.socket, address: Any) -> socket.socket:
        try:
            for option in self.socket_options or ():
                connection.setsockopt(*option)
            patience = self.timeout if isinstance(self.timeout, int | float) else None
            left = seconds_left()
            if left <= 0:
                raise TimeoutError("the deadline has passed")
            shorter = min(left, math.inf if patience is None else patience)
            connection.settimeout(None if shorter == math.inf else shorter)
            connection.connect(address)  # urllib3 sets the patience for an answer before it reads one
        except BaseException:
            connection.close()
            raise
        return connection


class _PlainConnection(_Connecting):
    pass


class _TlsConnection(_Connecting, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _PlainPool, "https": _TlsPool}


class _BoundedAdapter(HTTPAdapter):
    def __init__(self, admit: Admission | None, retry: urllib3.Retry | int, pool: int) -> None:
        self._admit = admit
        self._tls = create_urllib3_context()
        self._tls.sslsocket_class = _DeadlineTlsSocket
        super().__init__(max_retries=retry, pool_maxsize=pool)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._tls)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options, ssl_context=self._tls)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if self._admit is not None and select_proxy(request.url or "", options.get("proxies")):
            _admit_behind_proxy(urlsplit(request.url or "").hostname or "", self._admit)
        token = _admission.set(self._admit)
        try:
            return super().send(request, *args, **options)
        finally:
            _admission.reset(token)


def _admit_behind_proxy(host: str, admit: Admission) -> None:
    """Ask for the addresses that a name has here; the proxy may know it by others, or alone."""
    try:
        places = socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return
    for place in places:
        if not admit(host, str(place[4][0])):
            raise NotAdmitted(host, str(place[4][0]))
