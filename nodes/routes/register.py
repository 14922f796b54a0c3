"""The HTTP routes that Packshot adds to the host."""

from __future__ import annotations

import uuid
from pathlib import Path

from aiohttp import web

from ..info import pack_version
from . import brand, catalog, inputs, memory, weights, workflow
from .serving import TOKEN, Handler, PolicedFile, answer, get, get_shipped, inside, refuse

_WEB = Path(__file__).resolve().parents[2] / "web"
_SERVED = {".mjs", ".css", ".html"}
# No other site shows a page of ours inside its own, where a click would be one on ours.
_POLICY = "frame-ancestors 'none'"


def register() -> None:
    """Add ``GET /packshot/boot``, which answers ``{"boot": str, "version": str, "token": str}``, and all others.

    ``boot`` is a new UUID each time the host starts. A client that sees it change knows that the queue and the history
    it saw before are gone, because ComfyUI keeps both in memory. ``token``, new each time too, goes with what changes
    something, see :func:`~.serving.post`.
    """
    content = {"boot": str(uuid.uuid4()), "version": pack_version(), "token": TOKEN}

    @get("/packshot/boot")
    async def boot(_: web.Request) -> web.Response:
        return answer(content)

    # Core lets browsers keep modules as long as they like: after an update, a page would run old ones beside new ones.
    @get_shipped("/packshot/web/{path:.+}")
    async def modules(request: web.Request) -> web.StreamResponse:
        path = inside(_WEB, request.match_info["path"])
        if path.suffix not in _SERVED:
            raise refuse(404, "there is no such file here")
        return PolicedFile(path, _POLICY, {})

    # Core serves one folder of a pack as templates, and takes `examples` before `workflows`. It lists those of both.
    pack = Path(__file__).parents[2]  # not resolved: its name is that of the link in custom_nodes
    for template in sorted(file for file in (pack / "workflows").glob("*.app.*") if file.suffix in (".json", ".jpg")):
        get_shipped(f"/workflow_templates/{pack.name}/{template.name}")(_serving(template))

    for part in (memory, brand, inputs, weights, workflow, catalog):
        part.register()


def _serving(file: Path) -> Handler:
    async def serve(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(file, headers={"Cache-Control": "no-cache"})

    return serve
