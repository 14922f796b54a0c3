"""The route of the memory."""

from __future__ import annotations

import time
from pathlib import Path

from packshot import Client
from packshot.host.managed import HostStatus
from support.host.routes import ask, refused

# -- memory


def test_memory_is_reported_and_models_are_unloaded_only_between_prompts(host: HostStatus, tmp_path: Path) -> None:
    with Client(str(host.url), out=tmp_path) as client:
        client.submit("product-shot", seed=11).result(timeout=300)
        report = ask(host, "memory").json()
        assert report["remaining"] == 0
        (device,) = report["devices"]
        assert 0 < device["free"] < device["total"]
        assert report["models"]
        for model in report["models"]:
            assert 0 <= model["resident"] <= model["total"]
        job = client.submit("product-shot", seed=12, steps=20)
        refused(ask(host, "unload", {}), 409)
        job.result(timeout=300)
    deadline = time.monotonic() + 60
    while (answer := ask(host, "unload", {})).status_code == 409:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert answer.json()["unloading"]
    while ask(host, "memory").json()["models"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
