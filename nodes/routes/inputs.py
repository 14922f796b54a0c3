"""What is in the input folder, for clients that have put it there: ``GET /packshot/inputs/{name}/sha256``."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import folder_paths
from aiohttp import web

from ...client.budget import open_regular
from ...client.paths import resolve_within
from .serving import answer, get

_CHUNK = 1 << 20


def register() -> None:
    """Add the route. It answers ``{"sha256": str}``, with None where there is no such file."""

    @get("/packshot/inputs/{name:.+}/sha256")
    async def sha256(request: web.Request) -> web.Response:
        root = Path(folder_paths.get_input_directory()).resolve()
        path = resolve_within(root, request.match_info["name"].lstrip("/"))
        return answer({"sha256": None if path is None else await asyncio.to_thread(_sha256, path)})


def _sha256(path: Path) -> str | None:
    digest = hashlib.sha256()
    try:
        with open_regular(path) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()
