"""A node that kills its host as the kernel does when memory runs out, a workflow with it, and a table of its rows."""

from __future__ import annotations

import json
from pathlib import Path

from packshot.host.managed import ManagedHost
from support.host.jobs import PLAIN

NODE = """
import os, signal, time

class TestPoison:
    RETURN_TYPES, FUNCTION, CATEGORY = ("IMAGE",), "run", "test"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"image": ("IMAGE",), "deadly": ("INT", {"default": 0})}}

    def run(self, image, deadly):
        if deadly:
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGKILL)
        return (image,)

NODE_CLASS_MAPPINGS = {"TestPoison": TestPoison}
"""


def add_poison(managed: ManagedHost) -> ManagedHost:
    """Give a host that is not up yet the node."""
    nodes = managed.home / "base" / "custom_nodes"
    nodes.mkdir(parents=True)
    (nodes / "poison.py").write_text(NODE)
    return managed


def write_poison(folder: Path, rows: int, deadly: set[int]) -> list[str]:
    """Write the workflow and a table into a folder; the words of the command that makes it, but for hosts.

    Args:
        rows: of the table.
        deadly: numbers, from 0, of those that kill their host.
    """
    data = json.loads(PLAIN.read_text())
    data["nodes"].append(
        {
            "id": 3, "type": "TestPoison", "pos": [200, 80], "size": [200, 80], "flags": {}, "order": 1, "mode": 0,
            "inputs": [{"name": "image", "type": "IMAGE", "link": 1}],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [2]}],
            "title": "Poison", "properties": {"Node name for S&R": "TestPoison"}, "widgets_values": [0],
        }
    )  # fmt: skip
    data["links"] = [[1, 1, 0, 3, 0, "IMAGE"], [2, 3, 0, 2, 0, "IMAGE"]]
    data["nodes"][1]["inputs"][0]["link"] = 2
    data["last_node_id"], data["last_link_id"] = 3, 2
    block = data["extra"]["packshot"]
    block["inputs"]["deadly"] = {"node": 3, "widget": "deadly", "help": "Not 0: kill the host."}
    data["extra"]["linearData"]["inputs"].append([3, "deadly"])
    (folder / "poison.app.json").write_text(json.dumps(data))
    lines = ["sku,title,colour,deadly", *(f"P{n},Thing {n},{n + 1},{int(n in deadly)}" for n in range(rows))]
    (folder / "table.csv").write_text("\n".join(lines))
    words = ["catalog", "run", str(folder / "table.csv"), "--workflow", str(folder / "poison.app.json")]
    return [*words, "--set", "color={{ row.colour }}", "--set", "deadly={{ row.deadly }}", "--out", str(folder / "run")]
