"""A VRAM policy on a real GPU, under both of core's memory managers, with the starter model."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from packshot.host.install import Installation, install
from packshot.models.starter.files import write_starter
from packshot.paths import cache_dir
from support.places import ROOT

SCRIPT = ROOT / "bench" / "vram.py"
MANAGERS = pytest.mark.parametrize("by", ["dynamic", "legacy"])


@pytest.fixture(scope="session")
def gpu() -> Installation:
    """The managed ComfyUI, where its torch sees a GPU."""
    installation = install(cache_dir() / "host", print)
    command = [str(installation.python), "-c", "import torch; print(torch.cuda.is_available())"]
    if subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() != "True":
        pytest.skip("the host's torch sees no GPU")
    write_starter(cache_dir() / "host" / "models")
    return installation


def sampled(gpu: Installation, by: str, mode: str, **more: Any) -> dict[str, Any]:
    """What ten steps of the starter at 128 pixels took."""
    asked = {"model": "starter", "size": 128, "by": by, "mode": mode, **more}
    command = [str(gpu.python), str(SCRIPT), "--child", json.dumps(asked)]
    environment = {**os.environ, "COMFYUI": str(gpu.comfyui), "MODELS": str(cache_dir() / "host" / "models")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=300)
    assert not done.returncode, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@MANAGERS
def test_what_is_resident_keeps_to_the_budget(gpu: Installation, by: str) -> None:
    answer = sampled(gpu, by, "budget", share=0.6)
    assert 0 < answer["resident"] <= answer["limit"], answer


@MANAGERS
def test_a_lock_has_more_resident_than_a_budget(gpu: Installation, by: str) -> None:
    locked, held = sampled(gpu, by, "full"), sampled(gpu, by, "budget", share=0.4)
    assert locked["resident"] > held["limit"] >= held["resident"], (locked, held)
