"""Prompts as the canvas submits them."""

from __future__ import annotations

from typing import Any

SUBMIT = """async workflow => {
    await window.app.loadGraphData(workflow)
    return JSON.parse(JSON.stringify((await window.app.graphToPrompt()).output))
}"""

EXACT = 2**53

# The canvas sends pictures of their scenes.
RENDERED = {"Load3D", "Load3DAnimation", "Preview3D", "Preview3DAnimation"}


def view(graph: dict[str, Any]) -> dict[str, Any]:
    """A graph with its numbers as JavaScript has them, and without titles, which the canvas may translate."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items() if key != "_meta"}
        if isinstance(value, list):
            return [plain(each) for each in value]
        return float(value) if type(value) is int and abs(value) > EXACT else value

    return {
        id_: plain({**node, "inputs": {k: v for k, v in node["inputs"].items() if isinstance(v, list)}})
        if node.get("class_type") in RENDERED
        else plain(node)
        for id_, node in graph.items()
    }
