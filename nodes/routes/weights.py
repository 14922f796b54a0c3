"""What the headers of this host's model files say, for clients that judge licences.

``GET /packshot/weights?name=NAME``: a name is no proof of what a file is, and only the host can look into it.
"""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import Any

import folder_paths
from aiohttp import web

from ...client.errors import PackshotError
from ...client.models.licensing.parts import Origin, origin_of_file
from .serving import answer, get, refuse

_NO_MODELS = ("configs", "custom_nodes", "datasets")  # among core's folders
_LONGEST_NAME = 1000


def register() -> None:
    """Add the route.

    It answers ``{"files": [{"folder", "name", "size", "cards", "addition", "licence"}]}``, an entry for each folder
    that has a file of that name: ids of the cards of the models that it may be made from, whether it adds to one, and
    what its metadata call its licence. ``cards`` is null where it cannot be looked into.
    """

    @get("/packshot/weights")
    async def weights(request: web.Request) -> web.Response:
        name = request.query.get("name", "")
        if not 0 < len(name) <= _LONGEST_NAME:
            raise refuse(400, f"it must have 1 to {_LONGEST_NAME} characters", place="'name'")
        return answer({"files": await asyncio.to_thread(_files, name)})


def _files(name: str) -> list[dict[str, Any]]:
    """Look for a name in core's own lists alone, so that no name leads out of its folders."""
    plain = name.replace("\\", "/")
    files = []
    for folder in sorted(set(folder_paths.folder_names_and_paths) - {*_NO_MODELS}):
        for listed in folder_paths.get_filename_list(folder):
            path = folder_paths.get_full_path(folder, listed) if listed.replace("\\", "/") == plain else None
            if path is not None:
                stat = Path(path).stat()
                origin = _origin(path, stat.st_size, stat.st_mtime_ns)
                files.append({"folder": folder, "name": listed, "size": stat.st_size, **_said(origin)})
    return files


@functools.lru_cache(maxsize=1024)
def _origin(path: str, _size: int, _changed: int) -> Origin | None:
    try:
        return origin_of_file(Path(path))
    except PackshotError:
        return None


def _said(origin: Origin | None) -> dict[str, Any]:
    if origin is None:
        return {"cards": None, "addition": False, "licence": ""}
    return {"cards": list(origin.cards), "addition": origin.addition, "licence": origin.licence}
