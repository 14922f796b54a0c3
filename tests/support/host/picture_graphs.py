"""Graphs of picture nodes, run on a host."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

import numpy as np
from PIL import Image

from packshot import Client
from packshot.comfy import protocol
from packshot.comfy.protocol import HostFile, HostText, Record
from support.products import photograph


def run(client: Client, graph: dict[str, dict[str, Any]]) -> Record:
    prompt_id = str(uuid.uuid4())
    answer = client.api.submit({"prompt": graph, "prompt_id": prompt_id, "client_id": prompt_id})
    assert answer.ok, answer.text
    while (record := protocol.read_record(client.api.history(prompt_id), prompt_id)) is None:
        time.sleep(0.1)
    return record


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}


def upload(client: Client, name: str, picture: np.ndarray) -> str:
    """Put a picture into the host's input folder, as PNG; its name there."""
    data = io.BytesIO()
    Image.fromarray(np.round(picture * 255).astype(np.uint8)).save(data, "PNG")
    data.seek(0)
    return client.api.upload(data, f"{name}-{uuid.uuid4().hex[:8]}.png", "")


def saved(client: Client, record: Record, node_id: str) -> np.ndarray:
    """The picture that an output node made, in 8 bits."""
    (file,) = (out for out in record.outputs if isinstance(out, HostFile) and out.node == node_id)
    stream = client.api.view(file.filename, file.subfolder, file.folder)
    assert stream is not None
    with Image.open(io.BytesIO(b"".join(stream))) as image:
        return np.asarray(image)


def composite(**changes: Any) -> dict[str, Any]:
    settings = {
        "colour": "#EFE6D6", "width": 700, "height": 600, "placement": "fit", "fill": 0.85, "x": 0.5, "y": 0.9,
        "margin": 0.05, "shadow": 0.4, "softness": 1.0, "edge": 3, "remove_spill": True, "solid": 0.95,
    }  # fmt: skip
    return node("PackshotProductComposite", **settings | changes)


def texts(record: Record, node_id: str) -> str:
    return "\n".join(out.text for out in record.outputs if isinstance(out, HostText) and out.node == node_id)


def product_on_white(client: Client) -> dict[str, dict[str, Any]]:
    """A photograph's product on white, in node 3."""
    picture, mask = photograph("mug")
    return {
        "1": node("LoadImage", image=upload(client, "mug", np.dstack([picture, mask]))),
        "2": node("InvertMask", mask=["1", 1]),
        "3": composite(
            product=["1", 0], mask=["2", 0], width=1000, height=1000, colour="#FFFFFF", shadow=0.0, fill=0.88, y=0.5
        ),
    }
