"""What all of Packshot's routes have in common: whom they answer, how much they read, and how they say no."""

from __future__ import annotations

import functools
import json
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from comfy.cli_args import args
from server import PromptServer

from ...client.errors import InputInvalid, OutputUnwritable, PackshotError
from ...client.paths import leads_down, resolve_within
from .origin import ALLOWED_VARIABLE, Authority, HostNames, machine_names, read_allowed, read_authority

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Whoever changes something proves with it that he could read an answer of ours, which no other site's page can.
TOKEN = secrets.token_urlsafe(32)
TOKEN_HEADER = "X-Packshot-Token"
# A program says by it that it is none of a browser's pages: no page may set a header that begins with Sec- (Fetch).
PROGRAM_HEADER = "Sec-Packshot-Program"

# What is served is taken for nothing but what it says it is, and no other site's page gets hold of it.
HEADERS = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}


def _names() -> HostNames:
    try:
        allowed = list(read_allowed(os.environ.get(ALLOWED_VARIABLE, "")))
    except ValueError as error:
        logging.warning("Packshot: %s; none of its names is allowed", error)
        allowed = []
    names = HostNames([*machine_names(), *str(args.listen).split(",")], allowed)
    names.learn()
    return names


_NAMES = _names()


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


def unknown_user() -> Refusal:
    """A :class:`Refusal` of somebody who is none of core's users, where it has several."""
    return refuse(403, "ComfyUI does not know this user", place="'Comfy-User'", remedy="choose one on the canvas first")


def get(path: str) -> Callable[[Handler], Handler]:
    """Serve ``GET path`` to pages of this host, and to programs that are no browser."""
    return lambda handler: PromptServer.instance.routes.get(path)(_guarded(handler, _refuse_strangers))


def post(path: str) -> Callable[[Handler], Handler]:
    """Serve ``POST path`` to pages of this host, and to programs, that have the :data:`TOKEN`."""
    return lambda handler: PromptServer.instance.routes.post(path)(_guarded(handler, _refuse_without_token))


def get_shipped(path: str) -> Callable[[Handler], Handler]:
    """Serve ``GET path`` to everybody, by whatever name: what ships with the pack, which core serves as well."""
    return lambda handler: PromptServer.instance.routes.get(path)(_guarded(handler, lambda _: None))


def _guarded(handler: Handler, check: Callable[[web.Request], None]) -> Handler:
    """A handler whose errors are ``{"error": {...}}`` with their slugs; ``check`` raises what it refuses."""

    @functools.wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            check(request)
            return await handler(request)
        except Refusal as refusal:
            return _error(refusal.status, refusal.error)
        except OutputUnwritable as error:
            return _error(507, error)
        except PackshotError as error:
            return _error(400, error)

    return answer


def _refuse_strangers(request: web.Request) -> None:
    """Refuse a request that comes neither from a page of this host nor from a program.

    Browsers say where a request comes from (W3C Fetch Metadata) where they trust the connection, and a page cannot make
    them say otherwise. ``none`` is an address that somebody typed, which may only look. Those that do not say it send
    the page's origin with what changes something. Programs send neither.
    """
    sites, origins = request.headers.getall("Sec-Fetch-Site", []), request.headers.getall("Origin", [])
    host = asked_host(request)
    program = PROGRAM_HEADER in request.headers and not sites and not origins
    if not program and (host is None or not _NAMES.admit(host, _local_address(request))):
        name = host.host[:80] if host else ""
        allow = f"{ALLOWED_VARIABLE}={name or 'NAME'}"
        raise refuse(
            403,
            f"this host does not know '{name}' as a name of its own",
            place="'Host'",
            remedy=f"open it by its address; if the name is yours, start ComfyUI with {allow} in its environment",
        )
    looks = request.method in ("GET", "HEAD")
    known_site = sites in ([], ["same-origin"]) or (sites == ["none"] and looks)
    own_page = not origins or (
        len(origins) == 1 and host is not None and _NAMES.own_page(origins[0], request.scheme, host)
    )
    if not known_site or not own_page:
        raise refuse(
            403,
            "another site's page asks",
            remedy=f"open the page from this host; a proxy that speaks https is allowed by {ALLOWED_VARIABLE}",
        )


def _refuse_without_token(request: web.Request) -> None:
    _refuse_strangers(request)
    tokens = request.headers.getall(TOKEN_HEADER, [])
    if len(tokens) != 1 or not secrets.compare_digest(tokens[0].encode(errors="replace"), TOKEN.encode()):
        raise refuse(
            401,
            "what changes something needs the token of this start of the host",
            place=f"'{TOKEN_HEADER}'",
            remedy="read it from /packshot/boot; a page that is open since before is loaded anew",
        )


def asked_host(request: web.Request) -> Authority | None:
    """The host that a request names; None where it names none, or several."""
    hosts = request.headers.getall("Host", [])
    return read_authority(hosts[0]) if len(hosts) == 1 else None


def _local_address(request: web.Request) -> str:
    socket = request.transport.get_extra_info("sockname") if request.transport else None
    return str(socket[0]) if isinstance(socket, tuple) else ""


class PolicedFile(web.FileResponse):
    """A file with a content security policy of its own, beside the one that core gives to every answer.

    With ``--disable-api-nodes`` core sets its own in the place of any that is there, after the route. A browser that is
    given two obeys both.
    """

    def __init__(self, path: Path, policy: str, headers: Mapping[str, str]) -> None:
        super().__init__(path, headers={**HEADERS, "Cache-Control": "no-cache", **headers})
        self._policy = policy

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Add the policy last of all, when the answer is about to be sent."""
        self.headers.add("Content-Security-Policy", self._policy)
        return await super().prepare(request)


def answer(content: Any) -> web.Response:
    """An answer in JSON."""
    # Halves of characters, which JSON can escape and UTF-8 cannot encode, stay escaped.
    return web.Response(
        text=json.dumps(content), content_type="application/json", headers={**HEADERS, "Cache-Control": "no-store"}
    )


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
    path = resolve_within(root, name) if leads_down(name) else None
    if path is None or not path.is_file():
        raise refuse(404, "there is no such file here")
    return path
