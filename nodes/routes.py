"""The HTTP routes that Packshot adds to the host."""

from __future__ import annotations

import uuid

from aiohttp import web
from server import PromptServer

from . import routes_brand, routes_catalog, routes_memory, routes_workflow
from .info import pack_version


def register() -> None:
    """Add ``GET /packshot/boot``, which answers ``{"boot": str, "version": str}``, and what the canvas asks for.

    ``boot`` is a new UUID each time the host starts. A client that sees it change knows that the queue and the history
    it saw before are gone, because ComfyUI keeps both in memory.
    """
    answer = {"boot": str(uuid.uuid4()), "version": pack_version()}

    @PromptServer.instance.routes.get("/packshot/boot")
    async def boot(_: web.Request) -> web.Response:
        return web.json_response(answer)

    for part in (routes_memory, routes_brand, routes_workflow, routes_catalog):
        part.register()
