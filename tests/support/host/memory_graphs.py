"""Graphs of memory nodes, run on a host."""

from __future__ import annotations

import time
import uuid
from typing import Any

from packshot import Client
from packshot.comfy import protocol
from packshot.comfy.protocol import Record

Graph = dict[str, dict[str, Any]]


def node(class_type: str, /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": class_type}}


def submit(client: Client, graph: Graph) -> tuple[Any, str]:
    prompt_id = str(uuid.uuid4())
    return client.api.submit({"prompt": graph, "prompt_id": prompt_id, "client_id": prompt_id}), prompt_id


def run(client: Client, graph: Graph) -> tuple[Record, dict[str, Any]]:
    """The host's record of a graph in API format, and its outputs as they are."""
    answer, prompt_id = submit(client, graph)
    assert answer.ok, answer.text
    while (record := protocol.read_record(client.api.history(prompt_id), prompt_id)) is None:
        time.sleep(0.1)
    return record, client.api.history(prompt_id)[prompt_id]["outputs"]
