"""comfykit with its websocket executor, the faster of its two. It returns addresses; the picture is fetched here."""

from __future__ import annotations

import asyncio
import sys

import aiohttp
from _serve import HANG, Harvest, plain, serve
from comfykit import ComfyKit


def main(url: str) -> None:
    loop = asyncio.new_event_loop()
    kit = ComfyKit(comfyui_url=url, executor_type="websocket")
    session = loop.run_until_complete(_session())

    async def run(color: int) -> bytes:
        result = await kit.execute_json(plain(color))
        if result.status != "completed":
            raise RuntimeError(f"the job ended {result.status}: {result.msg}")
        async with session.get(result.images[0]) as response:
            return bytes(await response.read())

    def submit(color: int) -> Harvest:
        task = loop.create_task(asyncio.wait_for(run(color), HANG))
        return lambda: loop.run_until_complete(task)

    serve(submit)
    loop.run_until_complete(session.close())


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()  # wants a running loop


if __name__ == "__main__":
    main(sys.argv[1])
