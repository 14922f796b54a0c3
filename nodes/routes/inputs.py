"""What is in the input folder, for clients that have put it there: ``GET /packshot/inputs/{name}/sha256``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import folder_paths
from aiohttp import web

from ...client.hashes import file_sha256
from ...client.paths import resolve_within
from .serving import answer, get


def register() -> None:
    """Add the route. It answers ``{"sha256": str}``, with None where there is no such file."""

    @get("/packshot/inputs/{name:.+}/sha256")
    async def sha256(request: web.Request) -> web.Response:
        root = Path(folder_paths.get_input_directory()).resolve()
        path = resolve_within(root, request.match_info["name"].lstrip("/"))
        return answer({"sha256": None if path is None else await asyncio.to_thread(_sha256, path)})


def _sha256(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:
        return None
