"""What all of Packshot's routes have in common: whom they answer, how much they read, and how they say no."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from server import PromptServer

from ...client.errors import InputInvalid, OutputUnwritable, PackshotError
from ...client.paths import resolve_within

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Answers are neither kept by the browser nor taken for anything but what they say they are.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Refusal(Exception):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP.
        error: what is said.
    """

    def __init__(self, status: int, error: PackshotError) -> None:
        super().__init__(str(error))
        self.status = status
        self.error = error


def refuse(status: int, message: str, *, place: str = "", remedy: str = "") -> Refusal:
    """A :class:`Refusal` to raise."""
    return Refusal(status, InputInvalid(message, place=place, remedy=remedy))


def get(path: str) -> Callable[[Handler], Handler]:
    """Serve ``GET path`` to pages of this host, and to programs that are no browser."""
    return lambda handler: PromptServer.instance.routes.get(path)(guarded(handler))


def post(path: str) -> Callable[[Handler], Handler]:
    """Serve ``POST path`` to pages of this host, and to programs that are no browser."""
    return lambda handler: PromptServer.instance.routes.post(path)(guarded(handler))


def guarded(handler: Handler) -> Handler:
    """A handler that answers pages of this host alone, and whose errors are ``{"error": {...}}`` with their slugs."""

    @functools.wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            if not from_here(request):
                raise refuse(403, "another site's page asks", remedy="open the page from this host")
            return await handler(request)
        except Refusal as refusal:
            return _error(refusal.status, refusal.error)
        except OutputUnwritable as error:
            return _error(507, error)
        except PackshotError as error:
            return _error(400, error)

    return answer


def from_here(request: web.Request) -> bool:
    """Whether a request comes from a page of this host, or from no browser at all.

    Browsers say where a request comes from (W3C Fetch Metadata), and a page cannot make them say otherwise. ``none`` is
    an address that somebody typed, which may only look. Those too old to say it send the origin of the page with what
    changes something. Programs send neither.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin" or (site == "none" and request.method in ("GET", "HEAD"))
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.casefold() == request.host.casefold()


def answer(content: Any) -> web.Response:
    """An answer in JSON."""
    # Halves of characters, which JSON can escape and UTF-8 cannot encode, stay escaped.
    return web.Response(text=json.dumps(content), content_type="application/json", headers=_HEADERS)


def _error(status: int, error: PackshotError) -> web.Response:
    if status >= 500:
        logging.warning("Packshot: %s", error)
    response = answer({"error": error.as_dict()})
    response.set_status(status)
    return response


async def read_body(request: web.Request, limit: int) -> bytes:
    """The body of a request, which is not read beyond ``limit`` bytes.

    Raises:
        Refusal: it is larger.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_chunked(1 << 16):
        size += len(part)
        if size > limit:
            raise refuse(413, f"more than {limit:,} bytes", remedy="send less")
        parts.append(part)
    return b"".join(parts)


async def read_object(request: web.Request, limit: int) -> Mapping[str, Any]:
    """The JSON object in a request's body.

    Raises:
        Refusal: it says that it is something else, which a form of another site can send; it is none, or too large.
    """
    if request.content_type != "application/json":
        raise refuse(415, "the body must be application/json")
    body = await read_body(request, limit)
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise refuse(400, f"the body is no JSON that can be read: {error}") from error
    if not isinstance(content, dict):
        raise refuse(400, "the body must be a JSON object")
    return content


def text_of(content: Mapping[str, Any], name: str, most: int = 200) -> str:
    """A text of an object, empty where it is not there.

    Raises:
        Refusal: it is no text, or too long.
    """
    value = content.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise refuse(400, f"it must be a text of at most {most} characters", place=f"'{name}'")
    return value


def inside(root: Path, name: str) -> Path:
    """A regular file below a folder, after every link was followed.

    Args:
        root: the folder, resolved.

    Raises:
        Refusal: there is none, or it is outside.
    """
    path = resolve_within(root, name.lstrip("/"))
    if path is None or not path.is_file():
        raise refuse(404, "there is no such file here")
    return path
