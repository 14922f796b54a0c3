"""Addresses in the cells of a table, and what lies at them: over HTTP, and over whatever else fsspec reaches."""

from __future__ import annotations

import html
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote, urljoin

import fsspec
import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from urllib3.exceptions import LocationParseError
from urllib3.util import Retry, Url, parse_url

from ...bounded_http import NotAdmitted, body, bounded_session, is_public
from ...budget import Budget, OverBudget, seconds_left
from ...comfy.http import reason_of
from ...compose.file_kind import ENDINGS
from ...version import version

#: Host name -> headers that are sent to it and to the hosts below it.
SiteHeaders = Mapping[str, Mapping[str, str]]

_TIMEOUT = 15.0  # seconds for a connection, and between two parts of an answer; the deadline is one for the whole
_RETRY = Retry(
    total=3, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), respect_retry_after_header=False
)
_PART = 1 << 20
_REDIRECTS = 10
_PORTS = {"http": 80, "https": 443}

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:(?::[a-z0-9+.-]+:)*//|//[^/\s]", re.IGNORECASE)
# Between two addresses; a comma within one, as in a picture service's "w_300,h_300", is none.
# Neither pattern may begin or end with what the next one could take up again: a long cell would take for ever.
_BETWEEN = re.compile(r"(?<!\\)[,;|][^\S\n]*(?=(?:[a-z][a-z0-9+.-]*:)?//)|\n", re.IGNORECASE)
_BETWEEN_PATHS = re.compile(r"(?<!\\)[,;|]")
_NEVER_IN_URLS = re.compile(r"[\x00-\x20\x7f\\]")  # where two parsers of addresses may see two hosts


class Unfetched(Exception):
    """Nothing could be read at an address; ``str()`` says why."""


class TooSlow(Unfetched):
    """The time was up before all was read."""


class NotNamed(Unfetched):
    """An address lies where nobody allowed to read: ``str()`` says where, ``host`` what to allow, if that helps."""

    def __init__(self, message: str, host: str = "") -> None:
        super().__init__(message)
        self.host = host


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses may be asked beside those of the internet, which are reached over HTTP and HTTPS.

    Attributes:
        hosts: names or IP addresses, with or without a port; hosts below them too.
        networks: of IP addresses.
        roots: addresses of other kinds, such as ``s3://bucket/``; what lies below them may be read.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    roots: tuple[str, ...] = ()

    @classmethod
    def of(cls, roots: Iterable[str], allow: Iterable[str] = ()) -> Reach:
        """Make the reach of somebody who names addresses, hosts and networks.

        Args:
            roots: addresses; of an HTTP one its own host and port may be asked.
            allow: hosts, ``host:port`` or networks such as ``10.0.0.0/8``.

        Raises:
            ValueError: an entry of ``allow`` is none of these.
        """
        hosts, networks, others = set[str](), list[ipaddress.IPv4Network | ipaddress.IPv6Network](), list[str]()
        for root in roots:
            if (scheme := scheme_of(root)) in ("http", "https", ""):
                for way in (scheme,) if scheme else ("http", "https"):
                    place = _parse(f"{way}:{root}" if not scheme else root)
                    hosts.add(f"{_host(place)}:{_port(place)}")
            else:
                others.append(root.rstrip("/") + "/")
        for entry in allow:
            network = _network(entry)
            if network is None:
                hosts.add(_host_entry(entry))
            else:
                networks.append(network)
        return cls(frozenset(hosts), tuple(networks), tuple(others))

    def admits(self, host: str, port: int, address: str) -> bool:
        """Whether a connection may be made to the IP address that a host's name stands for."""
        if is_public(address) or self.names(host, port):
            return True
        ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        return any(ip in network for network in self.networks if network.version == ip.version)

    def names(self, host: str, port: int) -> bool:
        """Whether a host, or a name that it is below, is named."""
        host = host.strip("[]").rstrip(".").casefold()
        places = {host, f"{host}:{port}"}
        if not self.hosts.isdisjoint(places):
            return True
        return _network(host) is None and any(place.endswith(f".{entry}") for place in places for entry in self.hosts)

    def holds(self, url: str) -> bool:
        """Whether an address that is not HTTP's is a root that is named, or lies below one."""
        if f"{url.rstrip('/')}/" in self.roots:
            return True
        below = next((url[len(root) :] for root in self.roots if url.startswith(root)), None)
        return below is not None and "::" not in below and ".." not in re.split(r"[/\\]", unquote(below))


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.strip().strip("[]"), strict=False)
    except ValueError:
        return None


def _host_entry(entry: str) -> str:
    """A host's name as it is compared, with the port that the entry may have."""
    name = entry.strip().casefold()
    if not re.fullmatch(r"(\[[0-9a-f:.]+\]|[^\s/@:?#\[\]\\*]+)(:[0-9]{1,5})?", name):
        raise ValueError(f"'{entry}' is no host, no host:port and no network such as 10.0.0.0/8")
    return name.replace("[", "").replace("]", "")


def is_address(text: str) -> bool:
    """Whether a text is an address, with a scheme in any case or, as in ``//cdn.example/a.jpg``, without one."""
    return _ADDRESS.match(text.strip()) is not None


def scheme_of(url: str) -> str:
    """The scheme of an address, in lower case: ``file``, ``s3``, ``simplecache``; empty for ``//cdn.example``."""
    return url.strip().partition(":")[0].casefold() if not url.strip().startswith("//") else ""


def split_addresses(cell: str) -> tuple[str, ...]:
    """Take apart a cell that names several pictures.

    They are written on lines of their own, or with ``,``, ``;`` or ``|`` between them. A comma in an address, in a
    file's name or after a backslash is left alone. What HTML has escaped, as in ``?a=1&amp;b=2``, is undone.
    """
    parts = _BETWEEN.split(html.unescape(cell.strip()))
    if not any(map(is_address, parts)):
        parts = [path for part in parts for path in _split_paths(part)]
    return tuple(address for part in parts if (address := part.strip().strip(",;|").strip().replace("\\,", ",")))


def _split_paths(text: str) -> list[str]:
    parts = _BETWEEN_PATHS.split(text)
    return parts if len(parts) > 1 and all(part.strip().casefold().endswith(ENDINGS) for part in parts) else [text]


def parts(url: str, reach: Reach, budget: Budget, headers: SiteHeaders | None = None) -> Iterator[bytes]:
    """The content of the file at an address, such as ``https://…``, ``//cdn.example/…`` or ``s3://…``.

    HTTP is asked by requests, which is here in any case and asks a busy shop again; fsspec would need another package.
    An address without a scheme is asked by HTTPS, and by HTTP where nothing answers that.

    Args:
        reach: what may be asked; every redirection is held to it, and every connection where it is made.
        budget: of the bytes; :func:`~...budget.deadline` bounds the time.
        headers: those of each site; sent to that site alone, also after a redirection.

    Raises:
        NotNamed: ``reach`` does not hold it.
        TooSlow: not before the deadline.
        Unfetched: there is none, or it cannot be read, or only at more than ``budget``.
    """
    url = url.strip()
    try:
        if url.startswith("//"):
            yield from _without_scheme(url, reach, budget, headers or {})
        elif scheme_of(url) in _PORTS:
            yield from _over_http(url, reach, budget, headers or {})
        elif reach.holds(url):
            yield from _over_fsspec(url, budget)
        else:
            raise NotNamed(f"addresses of the kind '{scheme_of(url)[:20]}:' are not read unless they are named")
    except Unfetched:
        raise
    except NotAdmitted as error:
        raise NotNamed(f"{error}, which is no address of the internet", error.host) from error
    except OverBudget as error:
        raise (TooSlow if error.limit == "seconds" else Unfetched)(_beyond(error)) from error
    except (InvalidURL, InvalidSchema, MissingSchema, LocationParseError) as error:
        raise Unfetched("it is no valid address") from error  # their texts repeat it, with its password
    except requests.RequestException as error:
        raise (TooSlow if seconds_left() <= 0 else Unfetched)(str(reason_of(error))) from error
    except FileNotFoundError as error:
        raise Unfetched("there is no such file") from error
    except ImportError as error:
        raise Unfetched(f"this kind of address needs another package: {error}") from error
    except Exception as error:  # every file system of fsspec has exceptions of its own
        raise Unfetched(str(error) or type(error).__name__) from error


def _beyond(error: OverBudget) -> str:
    if error.limit == "bytes":
        return f"it is larger than {int(error.most) >> 20:,} MiB"
    return "it takes too long" if error.limit == "seconds" else "it is packed more densely than any picture or table"


def _without_scheme(url: str, reach: Reach, budget: Budget, headers: SiteHeaders) -> Iterator[bytes]:
    secure = _over_http(f"https:{url}", reach, budget, headers)
    try:
        first = next(secure, b"")
    except requests.ConnectionError:  # nothing answers there, or it does not speak TLS
        yield from _over_http(f"http:{url}", reach, budget, headers)
    else:
        yield first
        yield from secure


def _over_http(url: str, reach: Reach, budget: Budget, headers: SiteHeaders) -> Iterator[bytes]:
    place = _parse(url)
    # The session asks for each connection of the request that is under way, so of the place where it stands now.
    with bounded_session(admit=lambda host, ip: reach.admits(host, _port(place), ip), retry=_RETRY) as session:
        session.headers["User-Agent"] = f"Packshot/{version()}"
        for _ in range(_REDIRECTS):
            answer = session.get(
                url,
                stream=True,
                timeout=_TIMEOUT,
                allow_redirects=False,
                headers=_of_site(_host(place), headers),
            )
            with answer:
                if not answer.is_redirect:
                    _refuse_failure(answer.status_code)
                    yield from body(answer, budget)
                    return
                url = urljoin(url, answer.headers["Location"])
            place = _redirected(place, _parse(url), reach)
    raise Unfetched(f"it redirects more than {_REDIRECTS} times")


def _refuse_failure(status: int) -> None:
    if status >= 400:
        phrase = next((entry.phrase for entry in HTTPStatus if entry == status), "")
        raise Unfetched(f"it answers HTTP {status} {phrase}".rstrip())


def _redirected(before: Url, after: Url, reach: Reach) -> Url:
    """Refuse a redirection out of HTTP, or out of TLS to a place that nobody named."""
    downgraded = before.scheme == "https" and after.scheme == "http"
    if downgraded and not reach.names(_host(after), _port(after)):
        raise NotNamed(f"it redirects from HTTPS to plain HTTP at {_host(after)}")
    return after


def _parse(url: str) -> Url:
    """An address, as the library that connects to it reads it.

    Raises:
        NotNamed: it is none of HTTP's.
        Unfetched: it is not valid.
    """
    if _NEVER_IN_URLS.search(url):
        raise Unfetched("it is no valid address")
    try:
        place = parse_url(url)
    except (LocationParseError, ValueError) as error:
        raise Unfetched("it is no valid address") from error
    if place.scheme not in _PORTS:
        raise NotNamed(f"it leads to an address of the kind '{(place.scheme or '')[:20]}:'")
    if not place.host:
        raise Unfetched("it is no valid address")
    return place


def _host(place: Url) -> str:
    return (place.host or "").strip("[]").casefold()


def _port(place: Url) -> int:
    return place.port or _PORTS[place.scheme or "http"]


def _of_site(host: str, headers: SiteHeaders) -> Mapping[str, str]:
    """The headers of a host's site; a site's own go before those of a domain above it."""
    sites = sorted((site for site in headers if f".{host}".endswith(f".{site.casefold()}")), key=len)
    return {name: value for site in sites for name, value in headers[site].items()}


def _over_fsspec(url: str, budget: Budget) -> Iterator[bytes]:
    with fsspec.open(url, "rb") as file:
        while part := file.read(_PART):
            budget.take_bytes(len(part))
            yield part
