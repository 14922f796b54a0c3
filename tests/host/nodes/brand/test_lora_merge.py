"""LoRAs merged by a node are those of the library."""

from __future__ import annotations

from packshot import Client
from packshot.comfy import protocol
from packshot.errors import (
    ModelMissing,
)
from support.host.brand_graphs import (
    core_loader,
    failed,
    graph,
    node,
    picture,
    refused,
    run,
    stack,
    texts,
)


def test_a_merge_is_that_of_the_library(client: Client) -> None:
    inputs = {"method": "concat", "rank": 16, "dtype": "as the files", "filename_prefix": "loras/merged"}
    merger = node("PackshotLoRAMerge", text="<lora:lora:0.8> <lora:kohya:-0.5>", **inputs)
    wanted = {"1": merger, "2": node("PreviewAny", source=["1", 0])}
    record = run(client, wanted)
    assert record.succeeded, protocol.failure(record, wanted)
    name = texts(record, "2")
    assert "4 layers, rank 8, F32, relative error" in texts(record, "1")
    merged, library = (picture(client, graph(core_loader(file, 1.0))) for file in (name, "both.safetensors"))
    assert merged == library
    error = failed(client, {"1": node("PackshotLoRAMerge", text="<lora:lora> <lora:oft>", **inputs)})
    assert "OFT turns the base model's weight" in error.message
    missing = refused(client, {"1": node("PackshotLoRAMerge", text="<lora:lora> <lora:gone>", **inputs)})
    assert isinstance(missing, ModelMissing)


def test_a_concatenated_file_is_the_stack(client: Client) -> None:
    stacked = graph(stack("<lora:lora:0.8> <lora:kohya:-0.5>"))
    one, other = picture(client, graph(stack("<lora:both:1>"))), picture(client, stacked)
    worst = max(abs(a - b) for a, b in zip(one, other, strict=True))
    assert worst <= 1, "of 255: the weights agree to 1e-5, and rounding to 8 bits may fall to either side"
