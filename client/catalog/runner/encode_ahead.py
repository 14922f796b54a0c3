"""The part of graphs that encodes their prompts, as a graph of its own: it runs for many pictures before the first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

_ENCODE, _AHEAD = "PackshotEncode", "PackshotEncodeAhead"
_INPUTS = ("clip", "card", "positive", "negative")
_PICTURES = "references."
# What these say goes into the picture's record, and a host does not say again what it has in its cache: under another
# id they run for the picture too, which costs nothing beside it.
_TOLD = ("PackshotBrandLoRA", "PackshotBrandPrompt")

Graph = Mapping[str, Mapping[str, Any]]
"""In API format: node id -> ``{"class_type", "inputs"}``; an input that is a list is a wire, ``[node id, output]``."""


def encodes(graph: Graph) -> bool:
    """Whether a graph has prompts that can be encoded ahead."""
    return any(node["class_type"] == _ENCODE for node in graph.values())


def encode_ahead(graphs: Iterable[Graph]) -> dict[str, Any]:
    """One graph that encodes the prompts of all these, each once, and keeps the conditioning on the host.

    Nodes that are the same in several graphs, such as the loader, are one node; where it can, a node keeps its id, so
    that the host knows it again when the pictures are made. Empty where nothing can be encoded ahead.
    """
    merged: dict[str, Any] = {}
    ids: dict[str, str] = {}  # what a node is -> its id in the merged graph
    for graph in graphs:
        moved: dict[str, str] = {}
        for node_id, node in graph.items():
            if node["class_type"] == _ENCODE:
                given = node["inputs"]
                inputs = {name: given[name] for name in _INPUTS if name in given}
                inputs["references"] = any(name.startswith(_PICTURES) for name in given)
                ahead = {"class_type": _AHEAD, "inputs": inputs, "_meta": {"title": "Encode ahead"}}
                _add(merged, ids, graph, moved, node_id, ahead)
    return merged


def _add(
    merged: dict[str, Any],
    ids: dict[str, str],
    graph: Graph,
    moved: dict[str, str],
    node_id: str,
    node: Mapping[str, Any],
) -> str:
    """Add a node with all that it needs; its id in the merged graph."""
    inputs: dict[str, Any] = {}
    for name, value in node["inputs"].items():
        if isinstance(value, list):  # a wire: literal lists are wrapped
            source = str(value[0])
            if source not in moved:
                moved[source] = _add(merged, ids, graph, moved, source, graph[source])
            inputs[name] = [moved[source], value[1]]
        else:
            inputs[name] = value
    what = json.dumps([node["class_type"], inputs], sort_keys=True)
    if what not in ids:
        keeps = node_id not in merged and node["class_type"] not in _TOLD
        ids[what] = node_id if keeps else f"{node_id}-{len(merged)}"
        merged[ids[what]] = {**node, "inputs": inputs}
    return ids[what]
