"""The node pack inside a real ComfyUI."""

from __future__ import annotations

import importlib.metadata
import time
import uuid
from typing import Any

import pytest
import requests

from packshot.comfy.http import HostApi
from packshot.host.managed import HostStatus


@pytest.fixture(scope="module")
def nodes(host: HostStatus) -> dict[str, dict[str, Any]]:
    """The definitions of this pack's nodes, as the host serves them."""
    info = requests.get(f"{host.url}/object_info", timeout=60).json()
    return {name: node for name, node in info.items() if node["python_module"] == "custom_nodes.packshot"}


def test_the_pack_is_loaded_under_its_names(nodes: dict[str, dict[str, Any]]) -> None:
    assert "PackshotInfo" in nodes
    for name, node in nodes.items():
        assert name.startswith("Packshot")
        assert node["category"].startswith("Packshot/")
        assert node["description"]


def test_every_node_has_its_help_page(host: HostStatus, nodes: dict[str, dict[str, Any]]) -> None:
    assert nodes
    for name, node in nodes.items():
        page = requests.get(f"{host.url}/extensions/packshot/docs/{name}.md", timeout=30)
        assert page.status_code == 200, name
        assert page.text.startswith(f"# {node['display_name']}\n")


def test_every_node_and_input_has_its_german(host: HostStatus, nodes: dict[str, dict[str, Any]]) -> None:
    """In English, a node says itself what it and its inputs are; a tooltip is there in both languages or in none."""
    german = requests.get(f"{host.url}/i18n", timeout=30).json()["de"]["nodeDefs"]
    assert german.keys() == nodes.keys()
    for name, node in nodes.items():
        inputs = {key: spec for group in ("required", "optional") for key, spec in node["input"].get(group, {}).items()}
        said = german[name].get("inputs", {})
        assert said.keys() == inputs.keys(), name
        for key, spec in inputs.items():
            options = spec[1] if len(spec) > 1 else {}
            assert ("tooltip" in said[key]) == bool(options.get("tooltip")), (name, key)


def test_the_boot_route_tells_the_boot_and_the_version(host: HostStatus) -> None:
    answer = requests.get(f"{host.url}/packshot/boot", timeout=30).json()
    assert str(uuid.UUID(answer["boot"])) == answer["boot"]
    assert answer["version"] == importlib.metadata.version("packshot")
    assert requests.get(f"{host.url}/api/packshot/boot", timeout=30).json() == answer


def test_info_runs_alone_and_reports_what_the_host_reports(host: HostStatus) -> None:
    assert host.url
    api = HostApi(host.url)
    prompt_id = str(uuid.uuid4())
    graph = {"1": {"class_type": "PackshotInfo", "inputs": {}, "_meta": {"title": "Packshot Info"}}}
    assert api.submit({"prompt": graph, "prompt_id": prompt_id, "client_id": str(uuid.uuid4())}).ok
    while not (record := api.history(prompt_id)):
        time.sleep(0.1)
    stats = api.system_stats()
    api.close()
    assert record[prompt_id]["status"]["status_str"] == "success"
    [text] = record[prompt_id]["outputs"]["1"]["text"]
    lines = text.splitlines()
    assert f"Packshot {importlib.metadata.version('packshot')}" in lines
    assert f"ComfyUI {stats['system']['comfyui_version']}" in lines
    assert f"frontend {stats['system']['required_frontend_version']}" in lines
    assert f"torch {stats['system']['pytorch_version']}" in lines
    assert f"Python {stats['system']['python_version'].split()[0]}" in text
    [device] = [line for line in lines if line.startswith(f"device {stats['devices'][0]['name']}: ")]
    total = stats["devices"][0]["vram_total"] / 1024**3
    assert f" of {total:.1f} GiB free" in device
