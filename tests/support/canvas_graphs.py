"""Small files of the canvas, and what they become."""

from __future__ import annotations

import json
from typing import Any

from packshot.workflow import Workflow
from support.places import DATA

INFO: dict[str, Any] = json.loads((DATA / "canvas_object_info.json").read_text(encoding="utf-8"))

IMAGE = "IMAGE"


def node(number: int, kind: str, links: dict[str, int | None], outputs: int = 0, *widgets: Any, **more: Any) -> Any:
    inputs = [{"name": name, "type": IMAGE, "link": link} for name, link in links.items()]
    slots = [{"name": IMAGE, "type": IMAGE} for _ in range(outputs)]
    return {"id": number, "type": kind, "inputs": inputs, "outputs": slots, "widgets_values": list(widgets), **more}


def empty(number: int) -> Any:
    return node(number, "EmptyImage", {}, 1, 8, 8, 1, 0)


def save(number: int, link: int) -> Any:
    return node(number, "SaveImage", {"images": link}, 0, "out")


def api(nodes: list[Any], links: list[list[Any]], **more: Any) -> dict[str, dict[str, Any]]:
    return Workflow({"nodes": nodes, "links": links, **more}, "test").api_graph(INFO)


def subgraph(kind: str, nodes: list[Any], links: list[list[Any]], inputs: Any = (), outputs: Any = ()) -> Any:
    def ports(given: Any) -> list[Any]:
        return [{"name": name, "type": IMAGE, "linkIds": list(ids)} for name, ids in given]

    return {
        "id": kind, "name": kind, "nodes": nodes, "links": links, "inputs": ports(inputs), "outputs": ports(outputs),
    }  # fmt: skip


def flow(text: str = "a mug", title: str = "Photo") -> dict[str, Any]:
    return {
        "nodes": [
            {"id": 7, "type": "KSampler", "widgets_values": [5, "fixed", 20, 8.0, "euler", "normal", 1.0]},
            {"id": 9, "type": "LoadImage", "title": title, "widgets_values": ["example.png", "image"]},
            {"id": 10, "type": "PrimitiveStringMultiline", "title": title, "widgets_values": [text]},
            {
                "id": 11,
                "type": "SaveImage",
                "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
                "widgets_values": ["out"],
            },
        ],
        "links": [[1, 9, 0, 11, 0, "IMAGE"]],
        "extra": {},
    }


def app_file(inputs: list[Any], labels: dict[str, str] | None = None) -> dict[str, Any]:
    slots = [{"name": name, "widget": {"name": name}, "label": label} for name, label in (labels or {}).items()]
    nodes = [
        {"id": 7, "type": "KSampler", "inputs": slots, "widgets_values": [5, "fixed", 20, 8.0, "euler", "normal", 1.0]},
        {"id": 8, "type": "PrimitiveBoolean", "widgets_values": [False]},
        {"id": 10, "type": "PrimitiveStringMultiline", "widgets_values": ["a mug"]},
    ]
    return {"nodes": nodes, "links": [], "extra": {"linearMode": True, "linearData": {"inputs": inputs}}}
