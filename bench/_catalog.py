"""What the benchmarks of catalogue runs share: hosts with a node that sleeps, tables, and the command."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from _common import PLAIN, say

from packshot.host.install import Installation, install
from packshot.host.managed import ManagedHost
from packshot.paths import cache_dir

SLEEP = 0.5  # seconds that a job sleeps on its host
NODE = """
import pathlib, time
from comfy_api.latest import ComfyExtension, io

LOG = pathlib.Path(__file__).with_name("executed.log")

class BenchSleep(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="BenchSleep", inputs=[io.Image.Input("image"), io.Float.Input("seconds", default=0.5)],
                         outputs=[io.Image.Output()])
    @classmethod
    def execute(cls, image, seconds):
        with LOG.open("a") as file:
            file.write("x")
        time.sleep(seconds)
        return io.NodeOutput(image)

class Extension(ComfyExtension):
    async def get_node_list(self):
        return [BenchSleep]

async def comfy_entrypoint():
    return Extension()
"""


@contextlib.contextmanager
def several_hosts(
    count: int,
    folder: Path,
    node: str = NODE,
    installation: Installation | None = None,
    models: Path | None = None,
) -> Iterator[list[ManagedHost]]:
    """Hosts with a node of the benchmark's own, by default one that sleeps; each in a home of its own."""
    installation, models = installation or managed(), models or cache_dir() / "host" / "models"
    hosts = [ManagedHost(folder / f"host{n}", installation, models) for n in range(count)]
    for host in hosts:
        nodes = host.home / "base" / "custom_nodes"
        nodes.mkdir(parents=True)
        (nodes / "bench_node.py").write_text(node)
    try:
        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(folder / "cache")):  # or they would keep conditioning
            for host in hosts:
                host.up(progress=say)
        yield hosts
    finally:
        for host in hosts:
            host.down()


def url_of(host: ManagedHost) -> str:
    url = host.status().url
    assert url is not None
    return url


def write_table(path: Path, rows: int, shift: int = 0) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write("sku,title,colour\n")
        for number in range(rows):
            file.write(
                f"SKU-{number:06},Product {number} of a catalogue,{0x9E3779 * (number + 1 + shift) % (1 << 24)}\n"
            )
    return path


def sleeping_workflow(path: Path, seconds: float = SLEEP) -> Path:
    """The plain workflow with a node between that sleeps."""
    data = json.loads(PLAIN.read_text())
    data["nodes"].append(
        {
            "id": 3, "type": "BenchSleep", "pos": [200, 80], "size": [200, 80], "flags": {}, "order": 1, "mode": 0,
            "inputs": [{"name": "image", "type": "IMAGE", "link": 1}],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [2]}],
            "title": "Sleep", "properties": {"Node name for S&R": "BenchSleep"}, "widgets_values": [seconds],
        }
    )  # fmt: skip
    data["links"] = [[1, 1, 0, 3, 0, "IMAGE"], [2, 3, 0, 2, 0, "IMAGE"]]
    data["nodes"][1]["inputs"][0]["link"] = 2
    data["last_node_id"], data["last_link_id"] = 3, 2
    path.write_text(json.dumps(data))
    return path


def command(table: Path, workflow: Path, out: Path, urls: list[str], *more: str) -> list[str]:
    words = [sys.executable, "-m", "packshot", "catalog", "run", str(table), "--workflow", str(workflow)]
    words += ["--out", str(out)]
    for url in urls:
        words += ["--host", url]
    return [*words, *more]


def managed() -> Installation:
    return install(cache_dir() / "host", say)
