"""Where a run reads and writes on the host, and the LoRA file that it leaves."""

from __future__ import annotations

import datetime
import hashlib
import itertools
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import folder_paths
import safetensors.torch
import torch
from PIL import Image

from ...client.brand.training.metadata import Brand, training_metadata
from ...client.brand.training.output import is_replaceable, numbered, planned_steps
from ...client.brand.training.recipe import Recipe
from ...client.errors import InputInvalid
from ...client.models.cards import Card
from ...client.paths import atomic_write, resolve_within, write_text
from ..info import pack_version
from .checkpoint import Progress, Standing

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def dataset_folder(name: str) -> Path:
    """A data set's folder below the host's input folder.

    Raises:
        InputInvalid: there is no such folder there.
    """
    root = Path(folder_paths.get_input_directory()).resolve()
    folder = resolve_within(root, name.strip())
    if not name.strip() or folder is None or not folder.is_dir():
        raise InputInvalid(
            f"there is no folder {name!r} in the input folder",
            place="input 'dataset'",
            remedy=f"put the pictures into a folder below {root}, or send them with `packshot lora train`",
        )
    return folder


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one run, by its name.

    The LoRA lies in ``loras`` below the output folder: core's LoRA loaders read that folder, and a client can fetch
    from it. The rest is in ``packshot/training/<name>`` beside it.

    Attributes:
        name: of the run.
        lora_name: of the LoRA that it writes, without its suffix: the same, or with a number.
    """

    name: str
    lora_name: str

    @classmethod
    def named(cls, name: str) -> RunFiles:
        """The files of a run.

        Raises:
            InputInvalid: the name cannot be a file's.
        """
        if not _NAME.fullmatch(name) or name.endswith("."):
            raise InputInvalid(
                f"'{name}' is no name for a file",
                place="input 'output_name'",
                remedy="take up to 64 letters, digits, hyphens, dots and underscores",
            )
        return cls(name, name)

    @property
    def lora(self) -> Path:
        """The LoRA, for core's loaders and to be fetched."""
        return _output() / "loras" / f"{self.lora_name}.safetensors"

    @property
    def folder(self) -> Path:
        """Everything else."""
        return _output() / "packshot" / "training" / self.name

    @property
    def checkpoint(self) -> Path:
        """What the run goes on from."""
        return self.folder / "checkpoint.safetensors"

    def loras(self) -> list[Path]:
        """All LoRAs that runs of this name have left, in the order of their numbers."""
        return list(itertools.takewhile(Path.is_file, numbered(self.named(self.name).lora)))

    def towards(self, standing: Standing | None, steps: int) -> RunFiles:
        """Choose the LoRA that a run writes, so that no finished one is written again.

        Args:
            standing: where the run stands; None: at its beginning.
            steps: that it is to have in the end.
        """
        last = None
        if standing is not None:
            going_on = standing.step < standing.steps or steps == standing.step
            last = replace(self, lora_name=standing.origin.lora)
            if going_on and (is_replaceable(last.lora) or planned_steps(last.lora) == steps):
                return last
        for path in numbered(self.named(self.name).lora):
            if is_replaceable(path) and (last is None or path != last.lora):
                return replace(self, lora_name=path.stem)
        raise AssertionError("numbers do not end")

    def clear(self, *, everything: bool) -> None:
        """Delete what a kill left half written; or all that is in :attr:`folder`, so that a run begins anew."""
        if self.folder.is_dir():
            for path in self.folder.glob("*" if everything else ".*.part"):
                path.unlink()
        for path in self.lora.parent.glob(f".{self.lora.name[:40]}.*.part"):
            path.unlink()

    def ui(self, path: Path) -> dict[str, str]:
        """A file as a job's record names it."""
        below = path.relative_to(_output())
        return {"filename": below.name, "subfolder": below.parent.as_posix(), "type": "output"}

    def save_grid(self, grid: Image.Image, step: int) -> None:
        """Write a sample grid."""
        with atomic_write(self.folder / f"sample-{step:06}.png", durable=False) as file:
            grid.save(file, "PNG")

    def grids(self) -> list[Path]:
        """All sample grids, in the order of their steps."""
        return sorted(self.folder.glob("sample-*.png"))

    def save_losses(self, progress: Progress) -> None:
        """Write ``losses.json``: the training loss of every step, and [step, loss] of every look at held-out pictures.

        Raises:
            OutputUnwritable: the folder or the disk refuses.
        """
        write_text(
            self.folder / "losses.json", json.dumps({"loss": progress.losses, "validation": progress.validation})
        )


@dataclass(frozen=True, slots=True)
class LoraWriter:
    """Writes a run's LoRA file, again and again, whole each time, until it is finished.

    Attributes:
        files: where.
        card: of the base model.
        recipe: what it is trained by.
        brand: whose it is.
        dataset: hash of the data set.
        pictures: that are trained on.
    """

    files: RunFiles
    card: Card
    recipe: Recipe
    brand: Brand
    dataset: str
    pictures: int

    def write(self, weights: dict[str, torch.Tensor], progress: Progress) -> None:
        """Write the LoRA with its metadata, and the losses. A finished file stays as it is: a kill may have come
        between it and its checkpoint, and the same inputs may be run again.

        Raises:
            OutputUnwritable: the folder or the disk refuses; the last file is as it was.
        """
        self.files.save_losses(progress)
        if planned_steps(self.files.lora) is not None:
            return
        body = safetensors.torch.save(weights)
        start = 8 + int.from_bytes(body[:8], "little")  # the header's length, and the header
        metadata = training_metadata(
            name=self.files.lora_name,
            card=self.card,
            recipe=self.recipe,
            brand=self.brand,
            dataset=self.dataset,
            pictures=self.pictures,
            step=progress.step,
            stages=progress.stages,
            body=hashlib.sha256(memoryview(body)[start:]).hexdigest(),
            version=pack_version(),
            now=datetime.datetime.now(datetime.timezone.utc),
        )
        with atomic_write(self.files.lora) as file:
            file.write(safetensors.torch.save(weights, metadata))


def _output() -> Path:
    return Path(folder_paths.get_output_directory()).resolve()
