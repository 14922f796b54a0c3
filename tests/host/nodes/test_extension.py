"""The node pack inside a real ComfyUI."""

from __future__ import annotations

from typing import Any

import pytest
import requests

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
