"""Jobs of the tests: small workflow files, and colours that no earlier job had."""

from __future__ import annotations

import io
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from packshot import Client
from packshot.comfy.events import NodeProgress, Started
from packshot.comfy.job import Job
from packshot.host.managed import ManagedHost
from packshot.workflow import Workflow
from support.places import DATA, ROOT

PLAIN = ROOT / "bench" / "plain.app.json"

SLOW, SEVERAL, COPY = DATA / "slow.app.json", DATA / "several.app.json", DATA / "copy.app.json"


def colour() -> int:
    """A colour that no earlier job had, so that the host has no result to reuse."""
    return secrets.randbelow(1 << 24)


def slow(client: Client, side: int = 512) -> Job:
    """A job of a second or more."""
    return client.submit(SLOW, color=colour(), width=side, height=side)


def until_started(job: Job) -> None:
    assert any(isinstance(event, Started | NodeProgress) for event in job.events(60))


def pixel(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as image:
        red, green, blue = image.convert("RGB").getpixel((3, 3))
        return int(red) << 16 | int(green) << 8 | int(blue)


def picture(value: int) -> bytes:
    """A PNG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (value >> 16, value >> 8 & 255, value & 255)).save(file, "PNG")
    return file.getvalue()


def edited(path: Path, change: Callable[[dict[int, dict[str, Any]], dict[str, Any]], None]) -> Workflow:
    """A workflow file with something changed: ``change`` gets its nodes by id, and all of it."""
    data = json.loads(path.read_text())
    change({node["id"]: node for node in data["nodes"]}, data)
    return Workflow(data, path.name)


def started(client: Client, side: int = 512) -> Job:
    """A job of a second or more, which runs."""
    job = client.submit(SLOW, color=colour(), width=side, height=side)
    until_started(job)
    return job


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# -- the host itself ---------------------------------------------------------------------------------------------------

NODE = """
class NewNode:
    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "run", (), True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"word": ("STRING", {"default": ""})}}

    def run(self, word):
        return {"ui": {"text": [word[::-1]]}}


NODE_CLASS_MAPPINGS = {"TestNewNode": NewNode}
"""

NewHost = Callable[..., ManagedHost]


def slow_graph(seed: int) -> dict[str, Any]:
    """A graph that keeps the worker busy for some seconds: large pictures, compressed to PNG."""
    size = {"width": 4096, "height": 4096, "batch_size": 2, "color": seed}
    return {
        "1": {"class_type": "EmptyImage", "inputs": size, "_meta": {"title": "Empty"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "slow"}, "_meta": {}},
    }
