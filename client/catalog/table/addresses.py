"""Addresses in the cells of a table, and what lies at them: over HTTP, and over whatever else fsspec reaches."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin, urlsplit

import fsspec
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from ...comfy.http import reason_of
from ...compose.file_kind import ENDINGS
from ...version import version

#: Host name -> headers that are sent to it and to the hosts below it.
SiteHeaders = Mapping[str, Mapping[str, str]]

_TIMEOUT = 30.0  # seconds for a connection, and between two parts of an answer
_RETRY = Retry(
    total=3, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), respect_retry_after_header=False
)
_PART = 1 << 20
_REDIRECTS = 10

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://|//[^/\s]", re.IGNORECASE)
# Between two addresses; a comma within one, as in a picture service's "w_300,h_300", is none.
_BETWEEN = re.compile(r"\s*(?<!\\)[,;|\n]\s*(?=(?:[a-z][a-z0-9+.-]*:)?//)|\s*\n\s*", re.IGNORECASE)
_BETWEEN_PATHS = re.compile(r"\s*(?<!\\)[,;|]\s*")


class Unfetched(Exception):
    """Nothing could be read at an address; ``str()`` says why."""


def is_address(text: str) -> bool:
    """Whether a text is an address, with a scheme in any case or, as in ``//cdn.example/a.jpg``, without one."""
    return _ADDRESS.match(text.strip()) is not None


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
    return parts if len(parts) > 1 and all(part.casefold().endswith(ENDINGS) for part in parts) else [text]


def parts(url: str, headers: SiteHeaders | None = None) -> Iterator[bytes]:
    """The content of the file at an address, such as ``https://…``, ``//cdn.example/…`` or ``s3://…``.

    HTTP is asked by requests, which is here in any case and asks a busy shop again; fsspec would need another package.
    An address without a scheme is asked by HTTPS, and by HTTP where nothing answers that.

    Args:
        headers: those of each site; sent to that site alone, also after a redirection.

    Raises:
        Unfetched: there is none, or it cannot be read.
    """
    url = url.strip()
    try:
        if url.startswith("//"):
            yield from _without_scheme(url, headers or {})
        elif urlsplit(url).scheme in ("http", "https"):  # in lower case, whatever the table has
            yield from _over_http(url, headers or {})
        else:
            yield from _over_fsspec(url)
    except Unfetched:
        raise
    except requests.RequestException as error:
        raise Unfetched(str(reason_of(error))) from error
    except FileNotFoundError as error:
        raise Unfetched("there is no such file") from error
    except ImportError as error:
        raise Unfetched(f"this kind of address needs another package: {error}") from error
    except Exception as error:  # every file system of fsspec has exceptions of its own
        raise Unfetched(str(error) or type(error).__name__) from error


def _without_scheme(url: str, headers: SiteHeaders) -> Iterator[bytes]:
    secure = _over_http(f"https:{url}", headers)
    try:
        first = next(secure, b"")
    except requests.ConnectionError:  # nothing answers there, or it does not speak TLS
        yield from _over_http(f"http:{url}", headers)
    else:
        yield first
        yield from secure


def _over_http(url: str, headers: SiteHeaders) -> Iterator[bytes]:
    with requests.Session() as session:
        session.headers["User-Agent"] = f"Packshot/{version()}"
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=_RETRY))
        for _ in range(_REDIRECTS):
            options = {"stream": True, "timeout": _TIMEOUT, "allow_redirects": False, "headers": _of_site(url, headers)}
            with session.get(url, **options) as answer:  # type: ignore[arg-type]
                if not answer.is_redirect:
                    answer.raise_for_status()
                    yield from answer.iter_content(_PART)
                    return
                url = urljoin(url, answer.headers["Location"])
    raise Unfetched(f"it redirects more than {_REDIRECTS} times")


def _of_site(url: str, headers: SiteHeaders) -> Mapping[str, str]:
    """The headers of an address's site; a site's own go before those of a domain above it."""
    host = (urlsplit(url).hostname or "").casefold()
    sites = sorted((site for site in headers if f".{host}".endswith(f".{site.casefold()}")), key=len)
    return {name: value for site in sites for name, value in headers[site].items()}


def _over_fsspec(url: str) -> Iterator[bytes]:
    with fsspec.open(url, "rb") as file:
        while part := file.read(_PART):
            yield part
