"""A run's checkpoint: all that decides its next step, in one file that is whole or not there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from ...client.brand.training.recipe import changed_fields
from ...client.errors import InputInvalid, ModelCorrupt
from ...client.paths import atomic_write

_FORMAT = "packshot-training-2"


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
        stages: [first step, steps] of each time that the run was started with another number of steps.
    """

    step: int
    generator: torch.Tensor
    batches: list[list[int]]
    position: int
    losses: list[float]
    validation: list[list[float]]
    stages: list[list[int]]


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """What a run is made from.

    Attributes:
        terms: see :meth:`Recipe.settled`.
        base_mark: of the base model's weights, see :meth:`.adapters.Adapters.base_mark`.
        lora: file name of the LoRA that it writes, without its suffix.
    """

    terms: dict[str, Any]
    base_mark: str
    lora: str


def write(
    path: Path,
    progress: Progress,
    parameters: dict[str, torch.Tensor],
    average: dict[str, torch.Tensor],
    optimizer: dict[str, Any],
    origin: RunOrigin,
) -> None:
    """Write a checkpoint in place of the last one.

    Args:
        optimizer: the state of torch's AdamW by the index of a parameter: ``step``, ``exp_avg``, ``exp_avg_sq``.

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
        "stages": progress.stages,
    }
    metadata = {"format": _FORMAT, "origin": json.dumps(asdict(origin)), "progress": json.dumps(place)}
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_write(path) as file:
        file.write(safetensors.torch.save(own, metadata))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands, without its tensors.

    Attributes:
        step: steps done.
        steps: that it was last started with.
        origin: what it is made from.
    """

    step: int
    steps: int
    origin: RunOrigin

    def require(self, terms: Mapping[str, Any], steps: int) -> None:
        """Refuse to go on with what decides other weights than those of the steps done.

        Raises:
            InputInvalid: another recipe, data set or card, or fewer steps than are done; names each field with its old
                and its new value.
        """
        fields = changed_fields(self.origin.terms, terms)
        if fields:
            raise InputInvalid(
                f"a run of this name stopped at step {self.step} with another recipe: {'; '.join(fields.values())}",
                place=f"training option '{next(iter(fields))}'",
                remedy="set it back, or choose another output name; or choose to start anew, which forgets that run",
            )
        if steps < self.step:
            raise InputInvalid(
                f"the run has {self.step} steps already, and {steps} are asked for",
                place="training option 'steps'",
                remedy="ask for more steps, or choose another output name",
            )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What :func:`write` wrote, on the CPU."""

    progress: Progress
    parameters: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    optimizer: dict[int, dict[str, torch.Tensor]]


def read_standing(path: Path) -> Standing | None:
    """Read where a run stands; None: it has no checkpoint.

    Raises:
        ModelCorrupt: it is no checkpoint.
    """
    if not path.is_file():
        return None
    with _opened(path) as (file, place):
        return Standing(place["step"], place["stages"][-1][1], RunOrigin(**json.loads(file.metadata()["origin"])))


def read(path: Path, base_mark: str) -> Checkpoint | None:
    """Read the checkpoint of a run; None: it has none.

    Raises:
        InputInvalid: it belongs to a run with another base model.
        ModelCorrupt: it is no checkpoint.
    """
    standing = read_standing(path)
    if standing is None:
        return None
    if standing.origin.base_mark != base_mark:
        raise InputInvalid(
            f"a run of this name stopped at step {standing.step} with other weights of the base model",
            place="input 'model'",
            remedy="load the file that it was trained with; or choose another output name, or to start anew",
        )
    with _opened(path) as (file, place):
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    optimizer: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in _below("optimizer.", tensors).items():
        index, _, part = name.partition(".")
        optimizer.setdefault(int(index), {})[part] = tensor
    progress = Progress(generator=tensors["generator"], losses=tensors["losses"].tolist(), **place)
    return Checkpoint(progress, _below("lora.", tensors), _below("average.", tensors), optimizer)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A checkpoint's file, and its progress without tensors."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata["format"] != _FORMAT:
                raise ValueError(f"its format is {metadata['format']}")
            yield file, json.loads(metadata["progress"])
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelCorrupt(
            f"is no checkpoint of a training run: {error}", place=str(path), remedy="delete it, and train anew"
        ) from error


def _below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
