"""What lies at an address: over HTTP, and over whatever else fsspec reaches."""

from __future__ import annotations

from collections.abc import Iterator

import fsspec
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from ...comfy.http import reason_of

_TIMEOUT = 30.0  # seconds for a connection, and between two parts of an answer
_RETRY = Retry(
    total=3, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), respect_retry_after_header=False
)
_PART = 1 << 20


class Unfetched(Exception):
    """Nothing could be read at an address; ``str()`` says why."""


def parts(url: str) -> Iterator[bytes]:
    """The content of the file at an address with a scheme, such as ``https://…`` or ``s3://…``.

    HTTP is asked by requests, which is here in any case and asks a busy shop again; fsspec would need another package.

    Raises:
        Unfetched: there is none, or it cannot be read.
    """
    try:
        yield from _over_http(url) if url.startswith(("http://", "https://")) else _over_fsspec(url)
    except requests.RequestException as error:
        raise Unfetched(str(reason_of(error))) from error
    except FileNotFoundError as error:
        raise Unfetched("there is no such file") from error
    except ImportError as error:
        raise Unfetched(f"this kind of address needs another package: {error}") from error
    except Exception as error:  # every file system of fsspec has exceptions of its own
        raise Unfetched(str(error) or type(error).__name__) from error


def _over_http(url: str) -> Iterator[bytes]:
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=_RETRY))
        with session.get(url, stream=True, timeout=_TIMEOUT) as answer:
            answer.raise_for_status()
            yield from answer.iter_content(_PART)


def _over_fsspec(url: str) -> Iterator[bytes]:
    with fsspec.open(url, "rb") as file:
        while part := file.read(_PART):
            yield part
