"""Graphs in API format with LoRAs and brands in them, run on a real host."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

from PIL import Image

from packshot import Client
from packshot.comfy import protocol
from packshot.comfy.protocol import HostFile, HostText, Record
from packshot.errors import PackshotError


def graph(*loaders: dict[str, Any], steps: int = 1) -> dict[str, dict[str, Any]]:
    """Starter model, loaders in a row (each takes model and CLIP of the one before), prompt, sample, preview."""
    made = {"1": node("PackshotLoadModel", card="starter", precision="auto", licence_profile="settings")}
    model, clip = ["1", 0], ["1", 1]
    for number, loader in enumerate(loaders, start=20):
        made[str(number)] = {**loader, "inputs": {**loader["inputs"], "model": model, "clip": clip}}
        model, clip = [str(number), 0], [str(number), 1]
    links = {"model": model, "positive": ["3", 0], "negative": ["3", 1], "latent": ["4", 0], "card": ["1", 3]}
    own = {"cfg": 0.0, "guidance": 0.0, "sampler": "card", "scheduler": "card", "shift": 0.0, "denoise": 1.0}
    return made | {
        "3": node("PackshotEncode", clip=clip, card=["1", 3], positive="a red mug", negative="text"),
        "4": node("PackshotEmptyLatent", card=["1", 3], width=128, height=128, batch_size=1, frames=1),
        "5": node("PackshotSample", **links, seed=7, steps=steps, **own),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("PreviewImage", images=["6", 0]),
    }


def node(kind: str, /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}


def run(client: Client, wanted: dict[str, dict[str, Any]]) -> Record:
    """Run a graph in API format; the host's record of it."""
    return run_with_id(client, wanted)[0]


def run_with_id(client: Client, wanted: dict[str, dict[str, Any]]) -> tuple[Record, str]:
    """The same, and the job's id."""
    prompt_id = str(uuid.uuid4())
    answer = client.api.submit({"prompt": wanted, "prompt_id": prompt_id, "client_id": prompt_id})
    assert answer.ok, answer.text
    while (record := protocol.read_record(client.api.history(prompt_id), prompt_id)) is None:
        time.sleep(0.1)
    return record, prompt_id


def texts(record: Record, node_id: str) -> str:
    return "\n".join(out.text for out in record.outputs if isinstance(out, HostText) and out.node == node_id)


def content(client: Client, file: HostFile) -> bytes:
    stream = client.api.view(file.filename, file.subfolder, file.folder)
    assert stream is not None
    with Image.open(io.BytesIO(b"".join(stream))) as image:
        return image.convert("RGB").tobytes()


def picture(client: Client, wanted: dict[str, dict[str, Any]]) -> bytes:
    record = run(client, wanted)
    assert record.succeeded, protocol.failure(record, wanted)
    return content(client, next(out for out in record.outputs if isinstance(out, HostFile) and out.node == "7"))


def core_loader(name: str, strength: float) -> dict[str, Any]:
    return node("LoraLoader", lora_name=name, strength_model=strength, strength_clip=strength)


def stack(text: str = "", **rows: Any) -> dict[str, Any]:
    empty = {f"lora_{row}": "none" for row in range(1, 6)} | {f"strength_{row}": 1.0 for row in range(1, 6)}
    return node("PackshotLoRAStack", **{**empty, **rows}, text=text, compare=True)


def brand(name: str, **inputs: Any) -> list[dict[str, Any]]:
    return [node("PackshotBrand", kit=name), node("PackshotBrandLoRA", **({"lora": "", "strength": 0.0} | inputs))]


def with_brand(name: str, steps: int = 1, **inputs: Any) -> dict[str, dict[str, Any]]:
    kit_node, lora = brand(name, **inputs)
    lora["inputs"]["brand"] = ["2", 0]
    return graph(lora, steps=steps) | {"2": kit_node}


def refused(client: Client, wanted: dict[str, dict[str, Any]]) -> PackshotError:
    """The error that the host refuses a graph with before it is queued."""
    answer = client.api.submit({"prompt": wanted, "client_id": "tests"})
    assert not answer.ok
    assert client.api.queue() == {"queue_running": [], "queue_pending": []}
    error = protocol.refusal(answer.json(), wanted)
    assert error.remedy
    return error


def failed(client: Client, wanted: dict[str, dict[str, Any]]) -> PackshotError:
    record: Record = run(client, wanted)
    assert not record.succeeded
    assert not any(isinstance(out, HostFile) and out.node == "7" for out in record.outputs)
    error = protocol.failure(record, wanted)
    assert error.remedy
    return error
