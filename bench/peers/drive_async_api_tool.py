"""comfyui-async-api-tool, which spreads jobs over several hosts: four at once for each, as the pool of threads has.

Reads ``{"urls": […], "graphs": […]}`` from standard input; prints ``{"seconds", "pictures", "errors"}``: from the first
submission to the last picture's bytes in hand, how many came, and what it said of the others.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp
from comfyui_async_api_tool import ComfyClient


async def main(urls: list[str], graphs: list[dict[str, Any]]) -> dict[str, Any]:
    pictures, errors = 0, []
    gate = asyncio.Semaphore(4 * len(urls))
    async with aiohttp.ClientSession() as session:
        client = ComfyClient(session, urls)

        async def make(graph: dict[str, Any]) -> None:
            nonlocal pictures
            async with gate:
                try:
                    async for event in client.run(graph):
                        pictures += event["type"] == "image"
                        if event["type"] == "error":
                            errors.append(str(event["msg"]))
                except Exception as error:
                    errors.append(f"{type(error).__name__}: {error}")

        begun = time.perf_counter()
        await asyncio.gather(*(make(graph) for graph in graphs))
        return {"seconds": time.perf_counter() - begun, "pictures": pictures, "errors": errors}


if __name__ == "__main__":
    given = json.load(sys.stdin)
    print(json.dumps(asyncio.run(main(given["urls"], given["graphs"]))))
