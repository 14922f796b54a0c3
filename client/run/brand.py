"""A workflow with a brand's kit in it, and what the kit says against the run before anything is made.

The kit travels in the job: a host needs no copy of it, and what was approved here is what is applied there.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ..brand import BrandKit
from ..brand.lora.index import LoraIndex
from ..brand.lora.tags import find_file
from ..brand.policy import brand_day, choose, gate, judge_lora, judge_statement
from ..comfy.client import HostClient
from ..comfy.http import HostApi
from ..errors import ModelCorrupt
from ..models.detect.findings import CARDS
from ..models.licensing.profile import Profile
from ..paths import atomic_write, writing
from ..workflow import PreparedWorkflow, Workflow
from ..workflow.canvas.convert import ObjectInfo, input_options
from ..workflow.canvas.graph import ALWAYS
from .weights import find_weights, managed_models

BRAND, APPLIES = "PackshotBrand", "PackshotBrandLoRA"
_LOADER, _FILES = "LoraLoader", "lora_name"  # core's own loader lists the host's LoRA files


def branded(workflow: Workflow, kit: BrandKit) -> Workflow:
    """The workflow with the kit's content in each of its *Packshot Brand* nodes; itself where it has none.

    A node that is bypassed or muted is turned on: whoever names a kit wants it applied.
    """
    data = copy.deepcopy(workflow.data)
    nodes = [node for node in _nodes(data) if node.get("type") == BRAND]
    for node in nodes:
        node["widgets_values"] = ["none", kit.text()]
        node["mode"] = ALWAYS
    return Workflow(data, workflow.place) if nodes else workflow


def bring_loras(kit: BrandKit, models: Path) -> list[Path]:
    """Copy the LoRA files that a kit has with it, in its folder ``loras``, to where a host of this machine finds them.

    Another file that the host has under that name is kept, under a name with the first digits of its own SHA-256.

    Args:
        models: the host's models folder.

    Returns:
        The files that were copied.

    Raises:
        ModelCorrupt: a file is another than the kit names, or none of weights.
        BrandInvalid: a file is a link that leads out of the kit's folder.
        OutputUnwritable: the folder or the disk refuses.
    """
    copied: list[Path] = []
    if kit.folder is None:
        return copied
    with LoraIndex() as index:
        for lora in kit.loras:
            source, place = kit.path(f"loras/{lora.file}"), models / "loras" / lora.file
            there = index.hashes(place).file if place.is_file() else ""
            if not source.is_file() or there == lora.sha256:
                continue
            digest = index.hashes(source).file
            if digest != lora.sha256:
                raise ModelCorrupt(
                    f"its SHA-256 is {digest}, and the kit names {lora.sha256}",
                    place=str(source),
                    remedy="put the approved file there, or have the new one approved",
                )
            if there:
                with writing(place):
                    place.replace(place.with_name(f"{place.stem}.{there[:8]}{place.suffix}"))
            with source.open("rb") as content, atomic_write(place) as file:
                shutil.copyfileobj(content, file)
            copied.append(place)
    return copied


def bring_kit(kit: BrandKit, client: HostClient) -> None:
    """Have a host of this machine find the LoRA files that a kit has with it; another one is left as it is.

    Raises:
        ModelCorrupt, OutputUnwritable: see :func:`bring_loras`.
    """
    models = managed_models(client.api)
    if models is not None and bring_loras(kit, models):
        client.forget()  # its lists of files have grown


def enforce_kit(
    kit: BrandKit,
    prepared: PreparedWorkflow,
    info: ObjectInfo,
    cards: Collection[str],
    profile: Profile,
    host: HostApi | None = None,
) -> str:
    """Refuse a run before its first picture where the kit's LoRAs may not be applied; the host looks at each again.

    Args:
        cards: ids of the model cards that the workflow loads.
        profile: the user's; the kit's own is judged too, and the stricter holds.
        host: where it runs; LoRA files in the folder of a managed host are looked into here.

    Returns:
        What should be said though the run may go on; empty: nothing.

    Raises:
        BrandInvalid: a LoRA for the model is not approved, or has expired.
        LoraMismatch: the kit has LoRAs, and none for the model.
        LicenceRefused: a licence is unknown or does not allow what the user's profile says, or the
            kit's.
        ModelMissing, ModelCorrupt: a file is not on the host, or is another than the kit names.
    """
    if not kit.loras:
        return ""
    if not any(node["class_type"] == APPLIES for node in prepared.api.nodes.values()):
        return f"{prepared.workflow.name} has no Packshot Brand LoRA node: the LoRAs of {kit.name} are not applied"
    today = brand_day(kit)
    listed = input_options(info[_LOADER])[_FILES][1]["options"]
    folder = managed_models(host)
    for base in sorted({base for base, known in CARDS.items() if set(known) & set(cards)}):
        for lora in choose(kit, base):
            for error in gate(lora, today):
                raise error
            judge_statement(kit, lora, profile)
            name = find_file(lora.file, listed, f"LoRA '{lora.name}'")
            path = find_weights(folder, name) if folder is not None else None
            if path is not None:
                judge_lora(kit, lora, path, profile)
    return ""


def _nodes(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a workflow file, and those in its subgraphs."""
    graphs = [data, *(data.get("definitions") or {}).get("subgraphs", ())]
    for graph in graphs:
        yield from (node for node in graph.get("nodes", ()) if isinstance(node, dict))
