"""Training on a host: its pictures sent there, and the workflow that trains on them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ..brand.dataset.dataset import Dataset
from ..brand.dataset.faults import Picture
from ..brand.training.recipe import Recipe
from ..comfy.http import HostApi
from ..workflow import Workflow

_LOADER, _TRAINER = 1, 2
_LINKS = ("model", "clip", "vae", "card")  # the loader's outputs, in their order
_LOADER_INPUTS = {"base": "card", "precision": "precision"}
# Inputs of the trainer that are no fields of the recipe, and what they are unless given.
_OWN_INPUTS = {"dataset": "", "output_name": "my-brand", "resume": "auto", "brand": "", "brand_kit": ""}
_FOLDER = "packshot-datasets"


def send_dataset(api: HostApi, dataset: Dataset, tick: Callable[[], None]) -> str:
    """Put a data set into the host's input folder, as far as it is not there yet; its folder's name there.

    Pictures go by the hash of their bytes and the folder by the hash of the set, so that nothing of a local name
    leaves this machine and nothing is sent twice. The table goes last: a folder that is not whole has none, and is
    refused on the host.

    Args:
        tick: called after each picture.

    Raises:
        HostUnreachable, HostLost: the connection broke.
        InputInvalid: a picture is larger than the host accepts.
    """
    folder = f"{_FOLDER}/{dataset.hash[:32]}"
    lines = []
    for picture in dataset.pictures:
        name = f"{picture.sha256[:32]}{picture.path.suffix.lower()}"
        if not api.has_file(name, folder, "input"):
            with picture.path.open("rb") as file:
                api.upload(file, name, folder)
        lines.append(json.dumps(_row(name, picture), ensure_ascii=False, sort_keys=True))
        tick()
    table = "\n".join(lines).encode()
    if not api.has_file("metadata.jsonl", folder, "input"):
        api.upload(io.BytesIO(table), "metadata.jsonl", folder)
    return folder


def _row(name: str, picture: Picture) -> dict[str, str]:
    """A picture's row: what is trained on, and by which right."""
    row = {"file_name": name, "text": picture.caption, "split": picture.part, "product": picture.product}
    for column in ("rights", "rights_until", "people", "release"):
        value = getattr(picture.row, column) if picture.row is not None else None
        if value is not None:
            row[column] = value
    return row


def training_workflow() -> Workflow:
    """Packshot Load Model and Packshot Train LoRA, with every option an input by its own name.

    The loader's card is the input ``base``. Made here and not shipped as a file: on the canvas the node is enough,
    and no artist's choices are in it.
    """
    nodes: list[dict[str, Any]] = [
        {
            "id": _LOADER,
            "type": "PackshotLoadModel",
            "title": "Base model",
            "inputs": [],
            "outputs": [{"name": name, "type": _type(name), "links": [at]} for at, name in enumerate(_LINKS, 1)],
            "widgets_values": {"card": "starter", "precision": "auto", "licence_profile": "settings"},
        },
        {
            "id": _TRAINER,
            "type": "PackshotTrainLoRA",
            "title": "Train LoRA",
            "inputs": [{"name": name, "type": _type(name), "link": at} for at, name in enumerate(_LINKS, 1)],
            "outputs": [],
            "widgets_values": {},
        },
    ]
    links = [[at, _LOADER, at - 1, _TRAINER, at - 1, _type(name)] for at, name in enumerate(_LINKS, 1)]
    trainer = asdict(Recipe(trigger="")) | {"targets": ""} | _OWN_INPUTS
    # The parts are in the table that is sent, and the profile is that of the host.
    nodes[1]["widgets_values"] = trainer | {"validation_fraction": 0.0, "licence_profile": "settings"}
    inputs = {name: {"node": _LOADER, "widget": widget} for name, widget in _LOADER_INPUTS.items()}
    inputs |= {name: {"node": _TRAINER, "widget": name} for name in trainer}
    block = {
        "name": "train-lora",
        "version": "1.0.0",
        "summary": "Trains a LoRA",
        "inputs": inputs,
        "outputs": {"lora": {"node": _TRAINER}},
    }
    selected = [[spec["node"], spec["widget"]] for spec in inputs.values()]
    data: dict[str, Any] = {
        "version": 0.4,
        "nodes": nodes,
        "links": links,
        "extra": {"packshot": block, "linearMode": True, "linearData": {"inputs": selected, "outputs": [_TRAINER]}},
    }
    return Workflow(data, "packshot lora train")


def _type(name: str) -> str:
    return "PACKSHOT_CARD" if name == "card" else name.upper()
