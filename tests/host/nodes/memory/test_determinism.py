"""The check of determinism on a real host: what it finds is so, and it leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from packshot import Client
from packshot.comfy import protocol
from support.host.brand_graphs import core_loader, graph, node, picture, run, run_with_id, texts

RUNS = ["cold", "warm", "resident", "streamed"]


def checking(*loaders: dict[str, Any], seed: int) -> dict[str, dict[str, Any]]:
    """The graph with a check in place of the sampler, in core's own terms: no card."""
    wanted = graph(*loaders)
    links = {name: wanted["5"]["inputs"][name] for name in ("model", "positive", "negative", "latent")}
    own = {"steps": 2, "cfg": 1.0, "sampler": "euler", "scheduler": "simple", "denoise": 1.0}
    wanted["5"] = node("PackshotDeterminismCheck", **links, **own, seed=seed)
    wanted["6"] = node("VAEDecode", samples=["5", 3], vae=["1", 2])
    return wanted | {"8": node("PreviewAny", source=["5", 0]), "9": node("PreviewAny", source=["5", 1])}


def checked(client: Client, wanted: dict[str, dict[str, Any]]) -> tuple[list[dict[str, Any]], str, bool, float]:
    record, job = run_with_id(client, wanted)
    assert record.succeeded, protocol.failure(record, wanted)
    outputs = client.api.history(job)[job]["outputs"]
    return outputs["5"]["determinism"], texts(record, "5"), texts(record, "8") == "True", float(texts(record, "9"))


def test_without_a_lora_every_run_is_equal(brand_client: Client) -> None:
    before = picture(brand_client, graph())
    found, report, equal, distance = checked(brand_client, checking(seed=1))
    assert [one["run"] for one in found] == RUNS
    assert (equal, distance) == (True, 0.0)
    assert report.count("equal, bit by bit") == 4
    share = {one["run"]: one["resident"] for one in found}
    assert share["resident"] > 0.99
    assert share["streamed"] < 0.1
    changed = graph()
    changed["5"]["inputs"]["seed"] = 8  # or the host would answer from its cache
    assert picture(brand_client, changed) != before
    assert picture(brand_client, graph()) == before


@pytest.mark.parametrize("name", ["lora.safetensors", "dora.safetensors"])
def test_with_a_lora_it_says_how_far_streamed_weights_are_apart(brand_client: Client, name: str) -> None:
    found, report, equal, distance = checked(brand_client, checking(core_loader(name, 0.7), seed=2))
    apart = {one["run"]: one["relative"] for one in found}
    assert apart["cold"] == apart["warm"] == apart["resident"] == 0.0
    assert distance == apart["streamed"]
    assert equal == (distance == 0.0)
    assert distance < 0.01
    assert ("a LoRA is rounded into resident weights" in report) == (not equal)


def test_asked_again_it_checks_again(brand_client: Client) -> None:
    wanted = checking(seed=3)
    assert run(brand_client, wanted).succeeded
    assert "5" not in run(brand_client, wanted).cached
