"""The HTTP routes that Packshot adds to the host."""

from __future__ import annotations

import uuid
from pathlib import Path

from aiohttp import web
from server import PromptServer

from ..info import pack_version
from . import brand, catalog, inputs, memory, weights, workflow
from .serving import Handler, get, inside, refuse

_WEB = Path(__file__).resolve().parents[2] / "web"
_SERVED = {".mjs", ".css", ".html"}


def register() -> None:
    """Add ``GET /packshot/boot``, which answers ``{"boot": str, "version": str}``, and what the canvas asks for.

    ``boot`` is a new UUID each time the host starts. A client that sees it change knows that the queue and the history
    it saw before are gone, because ComfyUI keeps both in memory.
    """
    answer = {"boot": str(uuid.uuid4()), "version": pack_version()}

    @PromptServer.instance.routes.get("/packshot/boot")
    async def boot(_: web.Request) -> web.Response:
        return web.json_response(answer)

    # Core lets browsers keep modules as long as they like: after an update, a page would run old ones beside new ones.
    @get("/packshot/web/{path:.+}")
    async def modules(request: web.Request) -> web.StreamResponse:
        path = inside(_WEB, request.match_info["path"])
        if path.suffix not in _SERVED:
            raise refuse(404, "there is no such file here")
        return web.FileResponse(path, headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})

    # Core serves one folder of a pack as templates, and takes `examples` before `workflows`. It lists those of both.
    pack = Path(__file__).parents[2]  # not resolved: its name is that of the link in custom_nodes
    for template in sorted(file for file in (pack / "workflows").glob("*.app.*") if file.suffix in (".json", ".jpg")):
        get(f"/workflow_templates/{pack.name}/{template.name}")(_serving(template))

    for part in (memory, brand, inputs, weights, workflow, catalog):
        part.register()


def _serving(file: Path) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(file, headers={"Cache-Control": "no-cache"})

    return answer
