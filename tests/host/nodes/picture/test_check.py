"""The check of a picture in a graph."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from PIL import Image

from packshot import Client
from packshot.comfy.protocol import HostFile
from support.host.picture_graphs import node, product_on_white, run, texts


def check(**changes: Any) -> dict[str, Any]:
    settings = {"channel": "amazon-main", "read_text": False, "text": "", "on_failure": "go on"}
    return node("PackshotCheck", **settings | changes)


def test_the_check_shows_what_it_found_and_gives_a_report(client: Client) -> None:
    graph = product_on_white(client)
    graph |= {
        "dirt": node("EmptyImage", width=40, height=40, batch_size=1, color=0xF8F8F8),
        "4": node("ImageCompositeMasked", destination=["3", 0], source=["dirt", 0], x=5, y=5, resize_source=False),
        "5": check(image=["4", 0], brand=["7", 0]),
        "6": check(image=["3", 0], original=["3", 3], inside=["3", 2]),
        "7": node("PackshotBrand", kit="aldern-quay"),
        "8": node("PreviewAny", source=["6", 2]),
        "9": node("PreviewAny", source=["6", 3]),
    }
    record = run(client, graph)
    assert record.succeeded, record
    report = json.loads(texts(record, "5"))
    assert (report["passed"], report["channel"]) == (False, "amazon-main")
    checks = {one["id"]: one for one in report["images"][0]["checks"]}
    assert checks["background.exact"]["reason"] == "background-not-exact"
    assert "palette.coverage" in checks
    [shown] = [out for out in record.outputs if isinstance(out, HostFile) and out.node == "5"]
    stream = client.api.view(shown.filename, shown.subfolder, shown.folder)
    assert stream is not None
    annotated = np.asarray(Image.open(io.BytesIO(b"".join(stream))).convert("RGB")).astype(int)
    assert annotated.shape[0] > 1000, "the failures stand below the picture"
    assert (np.abs(annotated[10:40, 10:40] - [196, 43, 43]).max(axis=2) < 8).all(), "the dirt is red"
    # The product's own pixels are in the composite, bit for bit.
    own = {one["id"]: one for one in json.loads(texts(record, "8"))["images"][0]["checks"]}
    assert (own["fidelity.max-difference"]["value"], own["fidelity.delta-e"]["value"]) == (0, 0)
    assert texts(record, "9") in ("True", "true")


def test_the_check_can_stop_a_graph(client: Client) -> None:
    graph = {
        "1": node("EmptyImage", width=1200, height=1200, batch_size=1, color=0xFFFFFF),
        "2": check(image=["1", 0], on_failure="stop"),
        "3": node("PreviewImage", images=["2", 0]),
    }
    record = run(client, graph)
    assert not record.succeeded
    assert "[checks-failed]" in str(record.error)
    assert not [out for out in record.outputs if isinstance(out, HostFile) and out.node == "3"]
