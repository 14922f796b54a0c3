"""Which files of a card this host has, whether they are what the card says, and whether they may be used."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import comfy.model_management
import folder_paths
import torch

import nodes as core

from ...client.errors import InputInvalid, ModelCorrupt, ModelMissing
from ...client.models.cards import Card, Component, Control, ModelFile
from ...client.models.detect.detect import Detection, detect_header
from ...client.models.files.read import read_header
from ...client.models.licensing.licences import Decision, Part, Profile, judge, load_profile, parts_of_card
from ...client.models.memory.advisor import Device, Kind, choose
from ...client.models.rules import misfit
from ...client.paths import config_dir

AUTO = "auto"
SETTINGS = "settings"


def profiles() -> list[str]:
    """The licence profiles to choose from: the user's settings, and files in ``profiles/`` beside them."""
    return [SETTINGS, *sorted(path.stem for path in (config_dir() / "profiles").glob("*.yaml"))]


def decide(card: Card, profile: str) -> Decision:
    """What the card's licences say to a profile by its name in :func:`profiles`."""
    return judge(parts_of_card(card), _profile(profile))


def _profile(name: str) -> Profile:
    return load_profile(None if name == SETTINGS else config_dir() / "profiles" / f"{name}.yaml")


def decide_control(card: Card, control: Control, profile: str) -> Decision:
    """What the licence of weights that steer the model says to a profile."""
    return judge([Part(f"{card.id}: {control.title}", control.licence, f"card {card.id}")], _profile(profile))


def find_control(card: Card, control: Control) -> str:
    """The weights that steer the model, as core's list names them.

    Raises:
        ModelMissing: none of their files is there.
    """
    found = (listed(control, file) for file in control.files)
    name = next((name for name in found if name is not None), None)
    if name is None:
        raise ModelMissing(
            f"{card.name} needs {control.folder}/{control.files[0].name} for this, which this host does not have",
            place=f"model folder {folder_paths.models_dir}",
            remedy=f"fetch with `packshot models fetch {card.id} --control --models {folder_paths.models_dir}`",
        )
    return name


def device() -> Device:
    """The device that core runs models on."""
    found = comfy.model_management.get_torch_device()
    kind: Kind = "rocm" if found.type == "cuda" and torch.version.hip else found.type
    capability = torch.cuda.get_device_capability(found) if kind == "cuda" else None
    return Device(
        kind=kind,
        name=comfy.model_management.get_torch_device_name(found),
        memory=int(comfy.model_management.get_total_memory(found)),
        capability=capability,
    )


def listed(component: Component, file: ModelFile) -> str | None:
    """A file's name in core's list of its folder, also where the user keeps it in a folder below; None: not there."""
    names = folder_paths.get_filename_list(component.folder)
    if file.name in names:
        return file.name
    wanted = file.name.rsplit("/", 1)[-1]
    below = [name for name in names if name.replace("\\", "/").rsplit("/", 1)[-1] == wanted]
    return below[0] if len(below) == 1 else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The file of each component, and its name in core's list."""

    files: Mapping[Component, ModelFile]
    names: Mapping[Component, str]

    def stamps(self) -> list[tuple[str, int, int]]:
        """Name, size and change time of every file: what tells one content from another without reading it."""
        result = []
        for component, name in self.names.items():
            stat = Path(folder_paths.get_full_path_or_raise(component.folder, name)).stat()
            result.append((name, stat.st_size, stat.st_mtime_ns))
        return result


def choose_files(card: Card, precision: str) -> Chosen:
    """The files to load, of those that are there.

    Raises:
        InputInvalid: the host has no code for the model, or the card has no file of that precision.
        ModelMissing: files are not there; says which, in which folder, and the command that fetches them.
    """
    if not card.supported_by_host:
        raise InputInvalid(
            f"ComfyUI has no code for {card.name}", place="input 'card'", remedy=card.host_note or "choose another card"
        )
    wanted = None if precision == AUTO else precision
    files = choose(
        card,
        device(),
        precision=wanted,
        present=lambda component, file: listed(component, file) is not None,
        nodes=frozenset(core.NODE_CLASS_MAPPINGS),
    )
    names = {component: listed(component, file) for component, file in files.items()}
    missing = {part: files[part] for part, name in names.items() if name is None}
    if missing:
        option = f" --precision {wanted}" if wanted else ""
        size = sum(file.size or 0 for file in missing.values()) / 1e9
        amount = f"{size:.1f} GB " if size >= 0.05 else ""
        gated = "; the hub asks for an accepted licence and a token" if any(f.gated for f in missing.values()) else ""
        raise ModelMissing(
            f"{card.name} needs {_sentence([f'{part.folder}/{file.name}' for part, file in missing.items()])}, which"
            " this host does not have",
            place=f"model folder {folder_paths.models_dir}",
            remedy=f"fetch {amount}with `packshot models fetch {card.id}{option} --models"
            f" {folder_paths.models_dir}`{gated}",
        )
    return Chosen(files, {component: name for component, name in names.items() if name is not None})


def _sentence(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def check_files(card: Card, chosen: Chosen) -> None:
    """Look into the headers of the files: each must be what its slot is for (see :func:`misfit`).

    Raises:
        ModelCorrupt: a file cannot be read, or holds another model.
    """
    for component, name in chosen.names.items():
        path = folder_paths.get_full_path_or_raise(component.folder, name)
        if component.detected_as is None or not path.endswith((".safetensors", ".gguf")):
            continue
        stat = Path(path).stat()
        found = _detected(path, stat.st_size, stat.st_mtime_ns)
        holds = misfit(card, component, found)
        if holds:
            raise ModelCorrupt(
                f"{component.folder}/{name} should hold {component.title} ({component.detected_as}) and holds"
                f" {holds}: {'; '.join(found.reasons)}",
                place=path,
                remedy=f"put the right file there: `packshot models fetch {card.id}`",
            )


@functools.lru_cache(maxsize=256)
def _detected(path: str, _size: int, _changed: int) -> Detection:
    return detect_header(read_header(Path(path)))
