"""A run's checkpoint: all that decides its next step, in one file that is whole or not there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from ...client.errors import InputInvalid, ModelCorrupt
from ...client.paths import atomic_write

_FORMAT = "packshot-training-1"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands between two steps.

    Attributes:
        step: steps done.
        generator: state of the random generator, uint8.
        batches: the pass over the data set at work: indices of pictures, batch by batch.
        position: batches of it that are done.
        losses: of the steps done.
        validation: [step, loss] of each look at the held-out part.
    """

    step: int
    generator: torch.Tensor
    batches: list[list[int]]
    position: int
    losses: list[float]
    validation: list[list[float]]


def write(
    path: Path,
    progress: Progress,
    parameters: dict[str, torch.Tensor],
    average: dict[str, torch.Tensor],
    optimizer: dict[str, Any],
    fingerprint: str,
) -> None:
    """Write a checkpoint in place of the last one.

    Args:
        optimizer: the state of torch's AdamW by the index of a parameter: ``step``, ``exp_avg``, ``exp_avg_sq``.
        fingerprint: of recipe, data set and base.

    Raises:
        OutputUnwritable: the folder or the disk refuses; the last checkpoint is as it was.
    """
    tensors = {f"lora.{name}": tensor for name, tensor in parameters.items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.items()}
    for index, state in optimizer.items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in state.items()}
    tensors["generator"] = progress.generator
    tensors["losses"] = torch.tensor(progress.losses, dtype=torch.float64)
    place = {
        "step": progress.step,
        "batches": progress.batches,
        "position": progress.position,
        "validation": progress.validation,
    }
    metadata = {"format": _FORMAT, "fingerprint": fingerprint, "progress": json.dumps(place)}
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_write(path) as file:
        file.write(safetensors.torch.save(own, metadata))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What :func:`write` wrote, on the CPU."""

    progress: Progress
    parameters: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    optimizer: dict[int, dict[str, torch.Tensor]]


def read(path: Path, fingerprint: str) -> Checkpoint | None:
    """The checkpoint of a run; None: it has none.

    Raises:
        InputInvalid: it belongs to a run with another recipe, data set or base.
        ModelCorrupt: it is no checkpoint.
    """
    if not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            found = metadata.get("fingerprint") == fingerprint
            tensors = {name: file.get_tensor(name) for name in file.keys()} if found else {}  # noqa: SIM118
        place = json.loads(metadata["progress"])
        if metadata["format"] != _FORMAT:
            raise ValueError(f"its format is {metadata['format']}")
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise ModelCorrupt(
            f"is no checkpoint of a training run: {error}", place=str(path), remedy="delete it, and train anew"
        ) from error
    if not found:
        raise InputInvalid(
            f"a run of this name stopped at step {place['step']} with another recipe, data set or base model",
            place=str(path),
            remedy="choose another output name; or choose to start anew, which forgets that run",
        )
    optimizer: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in _below("optimizer.", tensors).items():
        index, _, part = name.partition(".")
        optimizer.setdefault(int(index), {})[part] = tensor
    progress = Progress(generator=tensors["generator"], losses=tensors["losses"].tolist(), **place)
    return Checkpoint(progress, _below("lora.", tensors), _below("average.", tensors), optimizer)


def _below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
