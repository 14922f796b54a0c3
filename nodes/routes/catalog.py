"""Catalogue runs for the catalogue page, also while they run.

``GET /packshot/runs`` · ``GET /packshot/runs/{run}/items`` · ``GET /packshot/runs/{run}/files/{path}`` ·
``POST /packshot/runs/{run}/verdict``
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import folder_paths
from aiohttp import web

from ...client.catalog.ledger import reading, verdicts
from ...client.errors import PackshotError
from .serving import answer, get, inside, post, read_object, refuse, text_of

_MOST = 200  # items in one answer
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".mp4", ".webm"}
_PAGES = {".html", ".csv", ".jsonl", ".parquet"}  # of the report, beside the ledger


def register() -> None:
    """Add the routes."""

    @get("/packshot/runs")
    async def runs(_: web.Request) -> web.Response:
        return answer({"runs": await asyncio.to_thread(_summaries)})

    @get("/packshot/runs/{run}/items")
    async def items(request: web.Request) -> web.Response:
        folder, query = _folder(request), request.query
        total, found = await asyncio.to_thread(
            reading.items,
            folder,
            state=_one_of(query.get("state", ""), reading.STATES),
            verdict=_one_of(query.get("verdict", ""), (*verdicts.VERDICTS, "open")),
            words=query.get("words", "")[:200],
            offset=_whole(query.get("offset", "0")),
            limit=min(_whole(query.get("limit", "60")), _MOST),
        )
        summary = await asyncio.to_thread(reading.summary, folder)
        return answer({**summary, "total": total, "items": found})

    @get("/packshot/runs/{run}/files/{path:.+}")
    async def files(request: web.Request) -> web.StreamResponse:
        folder = _folder(request).resolve()
        name = request.match_info["path"]
        path = inside(folder, name)
        shown = path.relative_to(folder)
        page = path.suffix.casefold() in _PAGES and len(shown.parts) == 1
        if any(part.startswith(".") for part in shown.parts) or not (page or path.suffix.casefold() in _PICTURES):
            raise refuse(404, "there is no such file here")
        return web.FileResponse(path, headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"})

    @post("/packshot/runs/{run}/verdict")
    async def verdict(request: web.Request) -> web.Response:
        folder = _folder(request)
        content = await read_object(request, 65536)
        said = _one_of(text_of(content, "verdict"), verdicts.VERDICTS)
        reason = text_of(content, "reason", 1000).strip()
        if said == "rejected" and not reason:
            raise refuse(400, "a picture is rejected for a reason", place="'reason'", remedy="say what is wrong")
        item, sha256 = text_of(content, "item", 1000), text_of(content, "sha256", 64)
        if not await asyncio.to_thread(verdicts.say, folder, item, sha256, said, reason):
            raise refuse(409, "the picture was made again in the meantime", remedy="look at the new one first")
        return answer({"item": item, "verdict": said, "reason": reason})


def _runs() -> dict[str, Path]:
    return reading.runs(Path(folder_paths.get_output_directory()))


def _folder(request: web.Request) -> Path:
    """The folder of a run that an address names by its id."""
    folder = _runs().get(request.match_info["run"])
    if folder is None:
        raise refuse(404, "there is no such catalogue run on this machine")
    return folder


def _summaries() -> list[dict[str, object]]:
    """The runs, the latest first; one that cannot be read says so and hides no other."""
    found = []
    for run, folder in _runs().items():
        try:
            found.append({"id": run, **reading.summary(folder)})
        except (PackshotError, OSError) as error:
            found.append({"id": run, "title": folder.name, "folder": folder.name, "error": str(error), "changed": 0})
    return sorted(found, key=lambda each: -float(str(each["changed"])))


def _one_of(value: str, known: tuple[str, ...]) -> str:
    if value and value not in known:
        raise refuse(400, f"'{value[:80]}' is none of {', '.join(known)}")
    return value


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise refuse(400, f"'{text[:80]}' is no whole number")
    return int(text)
