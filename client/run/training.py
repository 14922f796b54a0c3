"""Training a LoRA: on a host, where pictures are sent and the file is fetched from, or by another trainer."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ..brand import BrandKit
from ..brand.dataset.dataset import Dataset, check_dataset
from ..brand.dataset.faults import Picture
from ..brand.training.exports import TRAINERS, export
from ..brand.training.output import is_replaceable, numbered
from ..brand.training.recipe import DEFAULT_TARGETS, Recipe
from ..comfy.events import Event
from ..comfy.http import HostApi
from ..comfy.job import Job, Result
from ..comfy.uploads import put_file
from ..errors import InputInvalid
from ..host.managed import managed_url
from ..models.cards import load_card
from ..models.files.read import read_header
from ..models.licensing.licences import Profile, judge, parts_of_card
from ..paths import atomic_write, write_text
from ..workflow import Workflow
from .client import Client
from .policy import RunPolicy

_LOADER, _TRAINER = 1, 2
_LINKS = ("model", "clip", "vae", "card")  # the loader's outputs, in their order
_LOADER_INPUTS = {"base": "card", "precision": "precision"}
# Inputs of the trainer that are no fields of the recipe, and what they are unless given.
_OWN_INPUTS = {"dataset": "", "output_name": "my-brand", "resume": "auto", "brand": "", "brand_kit": ""}
_FOLDER = "packshot-datasets"


@dataclass(frozen=True, slots=True)
class TrainedLora:
    """A LoRA that was trained on a host.

    Attributes:
        file: where it is now: ``out``, or the next free name beside it where a finished LoRA had that name.
        sha256: of the file, in hex.
        name_on_host: what the host's LoRA loaders call it.
        samples: a grid of pictures made with it; None where none was made.
        job, host: where it was trained.
        seconds: execution time by the host's own clock; None where it gives none.
        dataset: hash of what it was trained on, see :attr:`~packshot.brand.dataset.dataset.Dataset.hash`.
        notes: what the host says of the training, in sentences.
    """

    file: Path
    sha256: str
    name_on_host: str
    samples: Path | None
    job: str
    host: str
    seconds: float | None
    dataset: str
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give the object that ``packshot lora train --json`` prints."""
        samples = str(self.samples) if self.samples else None
        return {**asdict(self), "file": str(self.file), "samples": samples, "notes": list(self.notes)}


def train_lora(
    folder: str | Path,
    trigger: str,
    out: str | Path,
    *,
    base: str = "starter",
    brand: BrandKit | Path | str | None = None,
    profile: Profile | Path | str | None = None,
    validation_fraction: float = 0.1,
    anew: bool = False,
    host: str | None = None,
    headers: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
    on_event: Callable[[Event], None] | None = None,
    **options: Any,
) -> TrainedLora:
    """Check pictures, send them to a host, train there, and bring the LoRA back. The host's loaders see it at once.

    The same call goes on where it was stopped: by Ctrl-C, a kill, or a power cut; and a finished one with more steps.

    Args:
        folder: pictures and captions, see :func:`~packshot.check_dataset`.
        trigger: the word or phrase that stands in every caption.
        out: the file to write, ``.safetensors``; its name is the LoRA's name on the host. A finished LoRA is never
            written over: more steps, or a run begun anew, become ``out-2`` and so on.
        base: id of the card of the model to train for.
        brand: the kit of the brand that the LoRA is for, or its folder.
        profile: what the licences are judged by, or its file; by default the user's own.
        validation_fraction: share of the products that is held back to judge by, 0 to 0.5.
        anew: forget an earlier run of this name.
        host: address of a ComfyUI host; by default our own, started when it is not up.
        headers: sent with every request.
        progress: called with a line for each fault of the pictures, and for each step of the host's start.
        on_event: called with each event of the job.
        options: how it is trained: the other attributes of :class:`~packshot.brand.training.recipe.Recipe`.

    Raises:
        InputInvalid: a value is outside its range, or the pictures may not be trained on.
        LicenceRefused: the model may not be used so.
        ModelMissing: there is no such card, or the host lacks its files.
        HostUnreachable, HostLost, JobFailed: of the job; what was done is kept on the host.
        OutputUnwritable: the folder or the disk refuses.
    """
    out, say = Path(out), progress or _silent
    recipe = Recipe.of_base(base, trigger=trigger, **options)
    policy = RunPolicy.of(profile=profile, brand=brand)
    # Submitting asks it again; this spares the pictures their way to the host.
    judge(parts_of_card(load_card(base)), policy.profile).enforce(base)
    side = recipe.resolution
    report = check_dataset(folder, trigger, base, resolution=side, validation_fraction=validation_fraction)
    for fault in report.faults:
        say(f"{fault.severity}: {fault.picture or 'the whole set'}: {fault.message} ({fault.id})")
    dataset = report.require()
    values = asdict(recipe) | {"base": base, "output_name": out.stem, "resume": "start anew" if anew else "auto"}
    values |= {"targets": "" if recipe.targets == DEFAULT_TARGETS else ",".join(recipe.targets)}
    values |= {"brand": policy.kit.name, "brand_kit": policy.kit.hash} if policy.kit else {}
    url = host or managed_url(progress)
    with Client(url, headers=headers, profile=policy.profile) as client, tempfile.TemporaryDirectory() as scratch:
        values["dataset"] = send_dataset(client.api, dataset)
        result = _finish(client.submit(training_workflow(), **values), Path(scratch), say, on_event or _unwatched)
        return _bring(result, out, dataset)


def _finish(job: Job, scratch: Path, say: Callable[[str], None], on_event: Callable[[Event], None]) -> Result:
    """Wait for a job; what stops the wait here stops the job too."""
    try:
        for event in job.events():
            on_event(event)
        return job.result(out=scratch)
    except KeyboardInterrupt:
        job.cancel()
        say("stopped; the same command goes on where it stood")
        raise


def _bring(result: Result, out: Path, dataset: Dataset) -> TrainedLora:
    """Put the LoRA and the grid of samples where they belong: beside a finished file, never over it."""
    lora = next(output for output in result.outputs if output.kind == "file")
    data, stem = lora.read(), _stem_on_host(lora.file, out)
    places = chain([out.with_stem(stem)], numbered(out))
    file = next(path for path in places if is_replaceable(path) or (path.is_file() and path.read_bytes() == data))
    if is_replaceable(file):
        with atomic_write(file) as target:
            target.write(data)
    samples = None
    for output in result.outputs:
        if output.kind == "image":
            samples = file.with_suffix(output.file.suffix)
            with atomic_write(samples) as target:
                target.write(output.read())
    notes = tuple(output.read().decode() for output in result.outputs if output.kind == "text")
    job, host, seconds = result.job, result.host, result.seconds
    return TrainedLora(file, lora.sha256, f"{stem}.safetensors", samples, job, host, seconds, dataset.hash, notes)


def _stem_on_host(lora: Path, out: Path) -> str:
    """What the host calls a LoRA, as its metadata say: the name asked for, or one with a number."""
    name = read_header(lora).metadata.get("ss_output_name", "")
    return name if re.fullmatch(rf"{re.escape(out.stem)}-\d+", name) else out.stem


def export_config(
    folder: str | Path,
    trigger: str,
    trainer: str,
    out: str | Path,
    *,
    base: str,
    name: str = "my-brand",
    **options: Any,
) -> list[Path]:
    """Write an equivalent configuration for another trainer, after the same check of the pictures.

    Args:
        folder: pictures and captions, see :func:`~packshot.check_dataset`.
        trigger: the word or phrase that stands in every caption.
        trainer: ``ai-toolkit``, ``musubi-tuner`` or ``sd-scripts``.
        out: folder for the configuration.
        base: id of the card of the model to train for.
        name: of the LoRA.
        options: the other attributes of :class:`~packshot.brand.training.recipe.Recipe`.

    Returns:
        The files that were written.

    Raises:
        InputInvalid: there is no such trainer, or it is not known to train that model; a value is outside its range, or
            the pictures may not be trained on.
        ModelMissing: there is no such card.
        OutputUnwritable: the folder or the disk refuses.
    """
    if trainer not in TRAINERS:
        raise InputInvalid(
            f"there is no trainer '{trainer}'", place="option 'trainer'", remedy=f"known: {', '.join(TRAINERS)}"
        )
    recipe = Recipe.of_base(base, trigger=trigger, **options)
    report = check_dataset(folder, trigger, base, resolution=recipe.resolution, validation_fraction=0.0)
    files = export(trainer, base, name, recipe, str(report.require().folder.absolute()))
    for file, text in files.items():
        write_text(Path(out) / file, text)
    return [Path(out) / file for file in files]


def send_dataset(api: HostApi, dataset: Dataset) -> str:
    """Put a data set into the host's input folder, as far as it is not there yet; its folder's name there.

    Pictures go by the hash of their bytes and the folder by the hash of the set, so that nothing of a local name
    leaves this machine and nothing is sent twice. The table goes last: a folder that is not whole has none, and is
    refused on the host.

    Raises:
        HostUnreachable, HostLost: the connection broke.
        InputInvalid: a picture is larger than the host accepts.
        OutputDamaged: the host has not what it was sent.
    """
    folder = f"{_FOLDER}/{dataset.hash[:32]}"
    lines = []
    for picture in dataset.pictures:
        name = f"{picture.sha256[:32]}{picture.path.suffix.lower()}"
        with picture.path.open("rb") as file:
            put_file(api, file, picture.sha256, name, folder)
        lines.append(json.dumps(_row(name, picture), ensure_ascii=False, sort_keys=True))
    table = "\n".join(lines).encode()
    put_file(api, io.BytesIO(table), hashlib.sha256(table).hexdigest(), "metadata.jsonl", folder)
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


def _silent(_line: str) -> None:
    """Progress for a caller who wants none."""


def _unwatched(_event: Event) -> None:
    """Events for a caller who wants none."""


def _type(name: str) -> str:
    return "PACKSHOT_CARD" if name == "card" else name.upper()
