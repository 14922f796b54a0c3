"""Settings of a card while sampling: overridden, or said to have no effect."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from packshot import Client
from packshot.comfy.protocol import HostFile
from support.host.model_graphs import content, graph, node, run, texts


def test_guidance_above_one_is_not_applied_to_a_distilled_model_and_says_why(client: Client) -> None:
    record = run(client, graph("tiny-flux1", {"cfg": 7.0}))
    assert record.succeeded
    assert "CFG 7 is not applied" in texts(record, "4")
    assert "distilled" in texts(record, "4")
    assert not texts(run(client, graph("tiny-flux1", {"cfg": 1.0})), "4")


def test_a_negative_prompt_that_is_not_read_is_said(client: Client) -> None:
    assert "reads no negative prompt" in texts(run(client, graph("tiny-flux1", negative="text")), "2")


@pytest.mark.parametrize("positive", ["", " \n"])
def test_an_empty_prompt_is_refused_unless_it_is_meant(client: Client, positive: str) -> None:
    wanted = graph("tiny-sd3", positive=positive)
    answer = client.api.submit({"prompt": wanted, "client_id": "tests"})
    assert not answer.ok
    assert "[input-invalid] the prompt is empty" in answer.text
    linked = graph("tiny-sd3", positive=["8", 0]) | {"8": node("PrimitiveStringMultiline", value=positive)}
    record = run(client, linked)
    assert not record.succeeded
    assert "[input-invalid] the prompt is empty" in str(record.error)
    for meant in (wanted, linked):
        meant["2"]["inputs"]["allow_empty"] = True
        assert run(client, meant).succeeded


@pytest.mark.parametrize("override", [{"shift": 5.0}, {"sampler": "heun"}, {"scheduler": "normal"}, {"steps": 3}])
def test_each_setting_of_the_card_can_be_overridden(client: Client, override: dict[str, Any]) -> None:
    seed = {"seed": 5}
    own, other = (run(client, graph("tiny-sd3", seed | {"steps": 2} | change)) for change in ({}, override))
    assert not texts(other, "4")
    first, second = (next(out for out in record.outputs if isinstance(out, HostFile)) for record in (own, other))
    assert content(client, first) != content(client, second)


def test_a_size_outside_the_models_own_is_made_and_warned_of(client: Client) -> None:
    wanted = graph("tiny-sd3")
    wanted["3"]["inputs"] |= {"width": 72, "height": 72}
    record = run(client, wanted)
    assert "72 x 72 became 64 x 64" in texts(record, "3")
    assert "may look worse" in texts(record, "3")
    (file,) = (out for out in record.outputs if isinstance(out, HostFile))
    stream = client.api.view(file.filename, file.subfolder, file.folder)
    assert stream is not None
    with Image.open(io.BytesIO(b"".join(stream))) as image:
        assert image.size == (64, 64)
