"""The memory nodes on a real host: what a client is told, what is refused before the queue, and what passes through."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from packshot import Client
from packshot.comfy import protocol
from support.host.memory_graphs import Graph, node, run, submit

POLICY = {"mode": "budget", "budget_gib": 0.004, "blocks": 0, "headroom_gib": 0.5, "lora": "auto"}


def graph(**policy: Any) -> Graph:
    """The starter, held to a budget, in 16 bit between nodes, decoded in tiles, with a report at the end."""
    settings = {"seed": 5, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    return {
        "1": node("UNETLoader", unet_name="starter-flux2.safetensors", weight_dtype="default"),
        "2": node("CLIPLoader", clip_name="starter-clip-l.safetensors", type="stable_diffusion", device="default"),
        "3": node("VAELoader", vae_name="starter-flux2-vae.safetensors"),
        "4": node("PackshotVRAMPolicy", model=["1", 0], clip=["2", 0], **(POLICY | policy)),
        "5": node("CLIPTextEncode", clip=["4", 1], text=f"a mug {uuid.uuid4()}"),
        "6": node("EmptyFlux2LatentImage", width=128, height=192, batch_size=1),
        "7": node("KSampler", model=["4", 0], positive=["5", 0], negative=["5", 0], latent_image=["6", 0], **settings),
        "8": node("PackshotIntermediates", value=["7", 0], precision="fp16", measure=True),
        "9": node("PackshotVAEDecodeTiled", samples=["8", 0], vae=["3", 0], tile_size=64, overlay=True),
        "10": node("PackshotUnload", value=["9", 0]),
        "11": node("PackshotMemoryReport", value=["10", 0]),
        "12": node("PreviewImage", images=["11", 0]),
    }


def test_the_record_says_what_each_phase_took(tiny_client: Client) -> None:
    record, outputs = run(tiny_client, graph())
    assert record.succeeded, record.error
    text, sampling, between, decode = record.memory
    assert [phase["phase"] for phase in record.memory] == ["text encoder", "sampling", "intermediates", "VAE decode"]
    assert [phase["node"] for phase in (text, sampling, decode)] == ["5", "7", "9"]
    assert all(phase["peak"] > 2**20 and phase["seconds"] > 0 for phase in (text, sampling, decode))
    assert all(phase["allocator"] == "legacy" and phase["steps"] == [] for phase in (text, sampling, decode))
    assert 0 < text["resident"] == text["weights"]
    assert 0 < sampling["resident"] <= 0.004 * 2**30 < sampling["weights"]
    assert "resident of 4.1 MiB allowed" in sampling["policy"]
    assert "headroom 0.50 GiB" in sampling["notes"][0]
    assert "PSNR against 32 bit" in between["notes"][0]
    assert "tiles of 64 pixels" in decode["notes"][0]
    (report,) = outputs["11"]["text"]
    assert len(report.splitlines()) == 4
    assert "of weights resident" in report.splitlines()[0]
    assert "freed" in outputs["10"]["text"][0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mode": "full"}, "'full' and a budget of 0.004 GiB"),
        ({"mode": "budget", "budget_gib": 0.0}, "mode 'budget' without a budget"),
        ({"mode": "blocks", "budget_gib": 0.0}, "without a number of blocks"),
    ],
)
def test_options_that_contradict_each_other_are_refused_before_the_queue(
    tiny_client: Client, changes: dict[str, Any], words: str
) -> None:
    answer, _ = submit(tiny_client, graph(**changes))
    assert not answer.ok
    assert "[input-invalid]" in answer.text
    assert words in answer.json()["node_errors"]["4"]["errors"][0]["details"]


def test_a_tile_smaller_than_its_surroundings_is_refused_before_the_queue(tiny_client: Client) -> None:
    asked = graph()
    asked["9"]["inputs"]["tile_size"] = 16
    answer, _ = submit(tiny_client, asked)
    assert not answer.ok
    assert "tiles of 16 pixels" in answer.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"budget_gib": 0.001}, r"the largest layer and what cannot be streamed need \d+\.\d MiB"),
        ({"mode": "full", "budget_gib": 0.0}, r"a quality lock of \d+\.\d MiB on a CPU host"),
        ({"mode": "blocks", "budget_gib": 0.0, "blocks": 40}, "40 resident blocks; the model has 6"),
    ],
)
def test_what_the_model_cannot_do_is_refused_before_it_samples(
    tiny_client: Client, changes: dict[str, Any], words: str
) -> None:
    record, _ = run(tiny_client, graph(**changes))
    assert not record.succeeded
    assert record.error["node_type"] == "PackshotVRAMPolicy"
    error = protocol.failure(record, graph())
    assert (error.slug, bool(error.remedy)) == ("input-invalid", True)
    assert re.search(words, error.message)


def test_a_vae_of_unknown_kind_is_refused_before_anything_is_sampled(tiny_client: Client) -> None:
    asked = graph()
    asked["3"]["inputs"]["vae_name"] = "pixel_space"
    record, _ = run(tiny_client, asked)
    error = protocol.failure(record, asked)
    assert (error.slug, bool(error.remedy)) == ("input-invalid", True)
    assert "a VAE of unknown kind: PixelspaceConversionVAE" in error.message
    assert "7" not in record.error["executed"]  # the sampler


def test_two_policies_of_a_model_without_a_lora_are_bit_identical(tiny_client: Client) -> None:
    asked = {key: value for key, value in graph().items() if int(key) <= 6}
    settings = {"seed": 5, "steps": 2, "cfg": 1.0, "sampler": "euler", "scheduler": "simple"}
    words = {"positive": ["5", 0], "negative": ["5", 0], "latent": ["6", 0]}
    asked["7"] = node("PackshotParityCheck", model_a=["1", 0], model_b=["4", 0], **words, **settings)
    record, outputs = run(tiny_client, asked)
    assert record.succeeded, record.error
    assert outputs["7"]["text"] == ["bit-identical at all 2 steps"]


@pytest.mark.parametrize(("frames", "said"), [(1, []), (5, ["a video: core's own tiles of 256 pixels and 64 frames"])])
def test_a_still_is_decoded_here_and_a_video_by_core(tiny_client: Client, frames: int, said: list[str]) -> None:
    asked = {
        "1": node("VAELoader", vae_name="tiny-wan.safetensors"),
        "2": node("EmptyHunyuanLatentVideo", width=96, height=64, length=frames, batch_size=1),
        "3": node("PackshotVAEDecodeTiled", samples=["2", 0], vae=["1", 0], tile_size=64, overlay=False),
        "4": node("PackshotVAEEncodeTiled", pixels=["3", 0], vae=["1", 0], tile_size=64),
        "5": node("PackshotMemoryReport", value=["4", 0]),
        "6": node("PreviewImage", images=["3", 0]),
    }
    record, outputs = run(tiny_client, asked)
    assert record.succeeded, record.error
    assert len(outputs["6"]["images"]) == frames
    assert [text.split(",")[0] for text in outputs.get("3", {}).get("text", [])] == said
    assert [phase["phase"] for phase in record.memory] == ["VAE decode", "VAE encode"]


def test_a_value_beyond_16_bit_stays_in_32_and_is_said(tiny_client: Client) -> None:
    asked = {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=0xFFFFFF),
        "2": node("VAELoader", vae_name="starter-flux2-vae.safetensors"),
        "3": node("PackshotVAEEncodeTiled", pixels=["1", 0], vae=["2", 0], tile_size=64),
        "4": node("LatentMultiply", samples=["3", 0], multiplier=10.0),
        "5": node("LatentMultiply", samples=["4", 0], multiplier=10.0),
        "6": node("LatentMultiply", samples=["5", 0], multiplier=10.0),
        "7": node("LatentMultiply", samples=["6", 0], multiplier=10.0),
        "8": node("LatentMultiply", samples=["7", 0], multiplier=10.0),
        "9": node("LatentMultiply", samples=["8", 0], multiplier=10.0),
        "10": node("PackshotIntermediates", value=["9", 0], precision="fp16", measure=False),
        "11": node("PackshotMemoryReport", value=["10", 0]),
    }
    record, outputs = run(tiny_client, asked)
    assert record.succeeded, record.error
    assert "do not fit into float16: kept in float32" in outputs["10"]["text"][0]
