"""Graphs of model nodes, run on a host."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

from PIL import Image

from packshot import Client
from packshot.comfy import protocol
from packshot.comfy.protocol import HostFile, Record


def run(client: Client, graph: dict[str, dict[str, Any]]) -> Record:
    """Run a graph in API format; the host's record of it."""
    prompt_id = str(uuid.uuid4())
    body = {"prompt": graph, "prompt_id": prompt_id, "client_id": prompt_id}
    answer = client.api.submit(body)
    assert answer.ok, answer.text
    while (record := protocol.read_record(client.api.history(prompt_id), prompt_id)) is None:
        time.sleep(0.1)
    return record


def node(class_type: str, /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": class_type}}


def graph(model: str, sample: dict[str, Any] | None = None, **encode: Any) -> dict[str, dict[str, Any]]:
    """The nodes of ``product-shot`` in API format, up to the decoded picture's preview."""
    settings = {
        "seed": uuid.uuid4().int % 2**32,
        "steps": 1,
        "cfg": 0.0,
        "guidance": 0.0,
        "sampler": "card",
        "scheduler": "card",
        "shift": 0.0,
        "denoise": 1.0,
    }
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 1], "latent": ["3", 0], "card": ["1", 3]}
    words = {"clip": ["1", 1], "card": ["1", 3], "vae": ["1", 2], "positive": "a mug", "negative": ""}
    return {
        "1": node("PackshotLoadModel", card=model, precision="auto", licence_profile="settings"),
        "2": node("PackshotEncode", **(words | encode)),
        "3": node("PackshotEmptyLatent", card=["1", 3], width=128, height=128, batch_size=1, frames=1),
        "4": node("PackshotSample", **links, **(settings | (sample or {}))),
        "5": node("VAEDecode", samples=["4", 0], vae=["1", 2]),
        "6": node("PreviewImage", images=["5", 0]),
        "7": node("EmptyImage", width=300, height=200, batch_size=1, color=0xAA2211),
    }


def texts(record: Record, node_id: str) -> str:
    return "\n".join(out.text for out in record.outputs if isinstance(out, protocol.HostText) and out.node == node_id)


def content(client: Client, file: HostFile) -> bytes:
    stream = client.api.view(file.filename, file.subfolder, file.folder)
    assert stream is not None
    with Image.open(io.BytesIO(b"".join(stream))) as image:
        return image.convert("RGB").tobytes()
