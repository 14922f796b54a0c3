"""A kit in a workflow's Packshot Brand nodes."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import pytest

from packshot.brand import BrandKit
from packshot.errors import ModelCorrupt
from packshot.paths import shipped
from packshot.run.brand import branded, bring_loras
from packshot.workflow import Workflow
from support import loras

KIT = BrandKit.load(shipped("examples") / "brands" / "aldern-quay")


def brand_widgets(workflow: Workflow) -> list[Any]:
    inside = [graph["nodes"] for graph in workflow.data.get("definitions", {}).get("subgraphs", ())]
    nodes = [node for nodes in (workflow.data["nodes"], *inside) for node in nodes]
    return [node["widgets_values"] for node in nodes if node["type"] == "PackshotBrand"]


def test_the_kit_is_in_the_workflow_and_the_library_is_as_it_was() -> None:
    plain = Workflow.load("product-shot")
    before = copy.deepcopy(plain.data)
    made = branded(plain, KIT)
    ((choice, content),) = brand_widgets(made)
    assert choice == "none"
    assert BrandKit.parse(content, "here").hash == KIT.hash
    assert plain.data == before
    assert made.sha256 != plain.sha256
    assert (made.name, made.version) == (plain.name, plain.version)


def test_without_the_node_the_workflow_is_the_same() -> None:
    plain = Workflow.load("product-shot@1.1.0")
    assert branded(plain, KIT) is plain


def test_the_node_is_found_in_subgraphs_too() -> None:
    node = {"id": 3, "type": "PackshotBrand", "widgets_values": ["lumen-forge"]}
    subgraph = {"id": "0f3a8a3e-54f0-4a7e-8a2e-00000000000a", "name": "Brand", "nodes": [node], "links": []}
    data = {"nodes": [], "links": [], "definitions": {"subgraphs": [subgraph]}}
    assert brand_widgets(branded(Workflow(data, "here"), KIT)) == [["none", KIT.text()]]


def _kit_with_a_lora(folder: Path, seed: int = 1) -> BrandKit:
    """A kit that names the LoRA of seed 1, and has that of ``seed`` with it."""
    (folder / "loras").mkdir(parents=True)
    approved = loras.write(folder / "approved.safetensors")
    loras.write(folder / "loras" / "look.safetensors", seed=seed)
    digest = hashlib.sha256(approved.read_bytes()).hexdigest()
    (folder / "brand.yaml").write_text(
        "name: Own\nloras:\n"
        f"  - {{name: Look, file: look.safetensors, sha256: {digest}, base: starter, licence: own}}\n"
    )
    return BrandKit.load(folder)


def test_loras_that_lie_in_the_kit_are_brought_once(tmp_path: Path) -> None:
    kit = _kit_with_a_lora(tmp_path / "kit")
    (brought,) = bring_loras(kit, tmp_path / "models")
    assert brought == tmp_path / "models" / "loras" / "look.safetensors"
    assert brought.read_bytes() == (tmp_path / "kit" / "approved.safetensors").read_bytes()
    assert bring_loras(kit, tmp_path / "models") == []
    other = loras.write(brought, seed=2).read_bytes()
    assert bring_loras(kit, tmp_path / "models") == [brought]
    (kept,) = set(brought.parent.iterdir()) - {brought}
    assert kept.name == f"look.{hashlib.sha256(other).hexdigest()[:8]}.safetensors"
    assert kept.read_bytes() == other


def test_another_file_than_the_kit_names_is_not_brought(tmp_path: Path) -> None:
    kit = _kit_with_a_lora(tmp_path / "kit", seed=2)
    with pytest.raises(ModelCorrupt) as raised:
        bring_loras(kit, tmp_path / "models")
    assert str(tmp_path / "kit" / "loras" / "look.safetensors") in raised.value.place
    assert not (tmp_path / "models").exists()


def test_a_kit_that_was_read_from_no_folder_brings_nothing(tmp_path: Path) -> None:
    kit = BrandKit.parse(_kit_with_a_lora(tmp_path / "kit").text(), "a job")
    assert bring_loras(kit, tmp_path / "models") == []
