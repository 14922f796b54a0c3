"""Control pictures and references."""

from __future__ import annotations

from typing import Any

import pytest

from packshot import Client
from packshot.comfy import protocol
from packshot.comfy.protocol import HostFile
from packshot.errors import InputInvalid, LicenceRefused, PackshotError
from support.host.model_graphs import content, graph, node, run


def test_reference_images_change_what_an_editing_model_makes(client: Client) -> None:
    fixed = {"seed": 9}
    alone = run(client, graph("tiny-flux2-edit", fixed))
    edited = run(client, graph("tiny-flux2-edit", fixed, **{"references.image0": ["7", 0]}))
    both = run(client, graph("tiny-flux2-edit", fixed, **{f"references.image{n}": ["7", 0] for n in range(2)}))
    made = {
        content(client, out) for record in (alone, edited, both) for out in record.outputs if isinstance(out, HostFile)
    }
    assert len(made) == 3


def steered(model: str, **given: Any) -> dict[str, dict[str, Any]]:
    """The graph with Packshot Control between words and sampler."""
    wanted = graph(model, {"seed": 4})
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 1], "vae": ["1", 2], "card": ["1", 3]}
    own = {"kind": "canny", "strength": 1.0, "start": 0.0, "end": 1.0, "licence_profile": "settings"}
    wanted["8"] = node("PackshotControl", **links, image=["9", 0], **(own | given))
    # A square in the middle of the picture, so that there are edges.
    wanted["9"] = node("ImageCompositeMasked", destination=["7", 0], source=["10", 0], x=80, y=60, resize_source=False)
    wanted["10"] = node("EmptyImage", width=100, height=80, batch_size=1, color=0xFFFFFF)
    wanted["4"]["inputs"] |= {"model": ["8", 0], "positive": ["8", 1], "negative": ["8", 2]}
    return wanted


def test_control_changes_the_picture_by_its_strength(client: Client) -> None:
    plain, *steers = (
        run(client, wanted)
        for wanted in (graph("tiny-sd15", {"seed": 4}), *(steered("tiny-sd15", strength=n) for n in (0.0, 1.0)))
    )
    made = [content(client, out) for record in (plain, *steers) for out in record.outputs if isinstance(out, HostFile)]
    assert made[0] == made[1]
    assert made[0] != made[2]


@pytest.mark.parametrize(
    ("model", "kind", "error", "words"),
    [
        ("tiny-sd3", "canny", InputInvalid, "cannot be steered by canny"),
        ("tiny-sd15", "depth", LicenceRefused, "Unknown licence"),
    ],
)
def test_control_that_cannot_be_is_refused(
    client: Client, model: str, kind: str, error: type[PackshotError], words: str
) -> None:
    wanted = steered(model, kind=kind)
    record = run(client, wanted)
    assert not record.succeeded
    refused = protocol.failure(record, wanted)
    assert isinstance(refused, error)
    assert words in refused.message
    assert refused.remedy


@pytest.mark.parametrize(
    ("model", "count", "words"), [("tiny-sd3", 1, "takes no reference images"), ("tiny-flux2-edit", 3, "takes 2")]
)
def test_references_that_a_model_does_not_take_are_refused(client: Client, model: str, count: int, words: str) -> None:
    wanted = graph(model, **{f"references.image{n}": ["7", 0] for n in range(count)})
    record = run(client, wanted)
    assert not record.succeeded
    error = protocol.failure(record, wanted)
    assert isinstance(error, InputInvalid)
    assert words in error.message
    assert error.remedy
    assert "PackshotEncode" in error.place
