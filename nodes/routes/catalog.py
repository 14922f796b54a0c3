"""Catalogue runs for the catalogue page, also while they run.

``GET /packshot/runs`` · ``GET /packshot/runs/{run}/items`` · ``GET /packshot/runs/{run}/files/{path}`` ·
``POST /packshot/runs/{run}/verdict``
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import folder_paths
from aiohttp import web
from comfy.cli_args import args
from server import PromptServer

from ...client.budget import OverBudget, check_deadline, deadline
from ...client.catalog.ledger import reading, verdicts
from ...client.errors import PackshotError
from ...client.paths import cache_dir
from .serving import PolicedFile, answer, get, inside, post, read_object, refuse, text_of, unknown_user

_MOST = 200  # items in one answer
_LIST_SECONDS = 12.0  # for the summaries of all runs

_PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
_PAGE = re.compile(r"index(-[0-9]+)?\.html")
_HTML = "text/html; charset=utf-8"
_DOWNLOAD = {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
_DOWNLOADS = {".html", ".csv", ".jsonl", ".parquet"}  # of the report, beside the ledger

# A folder may hold what somebody else has put there. No page of it runs a script, or asks this host for anything but
# the pictures of its own run; it keeps its origin, without which the browser would not let it have those.
_PAGE_POLICY = (
    "sandbox allow-same-origin allow-downloads; default-src 'none'; style-src 'unsafe-inline'; img-src {folder};"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PICTURE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'"

# Ledgers are read by threads of their own, so that one that takes long keeps nothing but other ledgers waiting.
_READERS = ThreadPoolExecutor(2, thread_name_prefix="packshot-ledger")
_MOST_WAITING = 24
_waiting = 0

_A = ParamSpec("_A")
_R = TypeVar("_R")


def register() -> None:
    """Add the routes."""

    @get("/packshot/runs")
    async def runs(_: web.Request) -> web.Response:
        return answer({"runs": await _read(_summaries)})

    @get("/packshot/runs/{run}/items")
    async def items(request: web.Request) -> web.Response:
        query = request.query
        look = partial(
            reading.items,
            state=_one_of(query.get("state", ""), reading.STATES),
            verdict=_one_of(query.get("verdict", ""), (*verdicts.VERDICTS, "open")),
            words=query.get("words", "")[:200],
            offset=_whole(query.get("offset", "0")),
            limit=min(_whole(query.get("limit", "60")), _MOST),
        )
        return answer(await _read(_items, request.match_info["run"], look))

    @get("/packshot/runs/{run}/files/{path:.+}")
    async def files(request: web.Request) -> web.StreamResponse:
        run, name = request.match_info["run"], request.match_info["path"]
        return await asyncio.to_thread(_file, run, name, f"{request.scheme}://{request.host}")

    @post("/packshot/runs/{run}/verdict")
    async def verdict(request: web.Request) -> web.Response:
        content = await read_object(request, 65536)
        said = _one_of(text_of(content, "verdict"), verdicts.VERDICTS)
        reason = text_of(content, "reason", 1000).strip()
        if said == "rejected" and not reason:
            raise refuse(400, "a picture is rejected for a reason", place="'reason'", remedy="say what is wrong")
        item, sha256 = text_of(content, "item", 1000), text_of(content, "sha256", 64)
        by = _judge(request, text_of(content, "by", 100))
        folder = await asyncio.to_thread(_folder, request.match_info["run"])
        if not await _read(verdicts.say, folder, item, sha256, said, reason, by):
            raise refuse(409, "the picture was made again in the meantime", remedy="look at the new one first")
        return answer({"item": item, "verdict": said, "reason": reason, "by": by})


async def _read(function: Callable[_A, _R], *values: _A.args, **options: _A.kwargs) -> _R:
    """Call a function that reads ledgers in a thread for that.

    Raises:
        Refusal: too many wait for one.
    """
    global _waiting
    if _waiting >= _MOST_WAITING:
        raise refuse(503, "too many ask for catalogue runs at once", remedy="ask again in a moment")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_READERS, partial(function, *values, **options))
    finally:
        _waiting -= 1


def _runs() -> dict[str, Path]:
    """The runs that are known; none where an upload could write the list of them."""
    cache = cache_dir().resolve()
    uploads = (folder_paths.get_directory_by_type(kind) for kind in ("input", "output", "temp"))
    if any(cache.is_relative_to(Path(folder).resolve()) for folder in uploads if folder):
        return {}
    return reading.runs()


def _folder(run: str) -> Path:
    """The folder of a run, by its id."""
    folder = _runs().get(run)
    if folder is None:
        raise refuse(404, "there is no such catalogue run on this machine")
    return folder


def _summaries() -> list[dict[str, Any]]:
    """The runs, the latest first; one that cannot be read says so and hides no other."""
    rows = []
    with deadline(_LIST_SECONDS):
        for run, folder in _runs().items():
            try:
                check_deadline()
                rows.append({"id": run, **reading.summary(folder)})
            except (PackshotError, OSError, OverBudget) as error:
                rows.append({"id": run, "title": folder.name, "folder": folder.name, "error": str(error), "changed": 0})
    return sorted(rows, key=lambda row: -float(row["changed"]))


def _items(run: str, look: Callable[[Path], tuple[int, list[dict[str, Any]]]]) -> dict[str, Any]:
    folder = _folder(run)
    total, items = look(folder)
    return {**reading.summary(folder), "total": total, "items": items}


def _file(run: str, name: str, site: str) -> PolicedFile:
    """A file of a run's folder, as a browser may have it.

    Args:
        site: scheme, name and port of this host, as the request has them.

    Raises:
        Refusal: there is none, or it is neither a picture nor a part of the report.
    """
    folder = _folder(run).resolve()
    path = inside(folder, name)
    parts, suffix = path.relative_to(folder).parts, path.suffix.casefold()
    if not any(part.startswith(".") for part in parts):
        if suffix in _PICTURES:
            return PolicedFile(path, _PICTURE_POLICY, {"Content-Type": _PICTURES[suffix]})
        if len(parts) == 1 and _PAGE.fullmatch(path.name):
            places = (f"{site}{prefix}/packshot/runs/{run}/files/" for prefix in ("", "/api"))
            return PolicedFile(path, _PAGE_POLICY.format(folder=" ".join(places)), {"Content-Type": _HTML})
        if len(parts) == 1 and suffix in _DOWNLOADS:
            return PolicedFile(path, "sandbox", _DOWNLOAD)
    raise refuse(404, "there is no such file here")


def _judge(request: web.Request, name: str) -> str:
    """Who gives a verdict: core's user where it has several, else the name that somebody gave on the page."""
    if not args.multi_user:
        return "".join(character for character in name if character.isprintable()).strip() or "canvas"
    manager = PromptServer.instance.user_manager
    try:
        return str(manager.users[manager.get_request_user_id(request)])
    except KeyError as error:
        raise unknown_user() from error


def _one_of(value: str, known: tuple[str, ...]) -> str:
    if value and value not in known:
        raise refuse(400, f"'{value[:80]}' is none of {', '.join(known)}")
    return value


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise refuse(400, f"'{text[:80]}' is no whole number")
    return int(text)
