"""What a host has of what a workflow runs on: versions, node packs, model files with their hashes.

A host on this machine tells where its folders are, and files are read there. Another host tells versions, names and
sizes; a file's SHA-256 is then taken from the model card that lists it, where the sizes agree.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..comfy.client import HostClient
from ..comfy.http import HostApi
from ..compose import matting
from ..errors import WorkflowInvalid
from ..hashes import HashCache
from ..models.cards import Component, load_card
from ..paths import shipped
from ..workflow import PreparedWorkflow, Workflow
from ..workflow.release.lock import Drift, Lock, LockedModel, LockedPack, find_drift, lock_path, read_lock, write_lock
from ..workflow.versions import release_of
from .weights import Weights, weights_of_run

_NO_MODELS = ("configs", "custom_nodes", "datasets")  # among the folders that a host lists
_OWN_PACK = "packshot"
_MATTINGS, _AUTO = "background_removal", "auto"  # where what cuts products out lies, and the node's own choice of it
_SMALL_MATTING = f"{_MATTINGS}/{matting.NAME}.onnx"


def take_stock(
    client: HostClient,
    prepared: PreparedWorkflow,
    changes: Mapping[str, Collection[str]] | None = None,
    *,
    from_cards: bool = False,
) -> Lock:
    """What the host has at the moment of what a workflow runs on.

    Args:
        prepared: the workflow, as the client prepared it.
        changes: input -> all values that it is given instead of the artist's own.
        from_cards: where the host has no file for a part of a model, take the one that its card lists first.

    Raises:
        HostUnreachable: the host does not answer.
        ModelMissing: a card that the workflow names is not there.
    """
    api, workflow = client.api, prepared.workflow
    system = _mapping(api.system_stats().get("system"))
    listed = system.get("comfy_package_versions")
    packages = {each.get("name"): each.get("installed") for each in map(_mapping, listed or ())}
    folders = _folders(api)
    weights = weights_of_run(prepared, client.object_info, changes)
    return Lock(
        workflow=f"{workflow.name}@{workflow.version}" if workflow.version else workflow.name,
        graph=workflow.sha256,
        comfyui=system.get("comfyui_version"),
        frontend=packages.get("comfyui-frontend-package"),
        packs=dict(_packs(client, prepared, folders)),
        models=tuple(_models(api, weights, folders, from_cards)),
    )


def lock_workflow(reference: str | Path, client: HostClient) -> tuple[Path, Lock]:
    """Note what a host has of what a workflow runs on, in ``<version>.lock.json`` beside its release.

    Args:
        reference: a name of the library, with or without ``@version``, or the path of a file.

    Returns:
        The lock's file, and the lock.

    Raises:
        WorkflowInvalid, NodeMissing: the host cannot run this workflow.
        ModelMissing: a card that the workflow names is not there.
        HostUnreachable: the host does not answer.
        OutputUnwritable: the folder or the disk refuses.
    """
    path = release_of(reference)
    prepared = Workflow.load(path).prepare(client.object_info, runs=False)
    lock = take_stock(client, prepared, from_cards=True)
    return write_lock(path, lock), lock


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock that a run is held to.

    Attributes:
        lock: what the release was made with.
        path: where it lies.
        pinned: whether a difference refuses the run. Who names a version, or a file, asks for what that one made; a
            name alone asks for the newest release as it runs here, and the difference is only told.
    """

    lock: Lock
    path: Path
    pinned: bool


def find_lock(workflow: Workflow) -> HeldLock | None:
    """The lock beside a workflow's release; None where it has none.

    Raises:
        WorkflowInvalid: the lock cannot be read.
    """
    path = Path(workflow.place)
    release = release_of(path)
    lock = read_lock(release)
    return HeldLock(lock, lock_path(release), release == path) if lock is not None else None


def drift_from(
    held: HeldLock,
    client: HostClient,
    prepared: PreparedWorkflow,
    weights: Weights,
    changes: Mapping[str, Collection[str]],
) -> list[Drift]:
    """How the host differs from a lock, in what a run uses.

    Args:
        weights: what the run loads: a model that the caller chose in place of the artist's is no drift.
        changes: input -> all values that it is given instead of the artist's own.

    Raises:
        HostUnreachable: the host does not answer.
    """
    names = {name.replace("\\", "/") for name in weights.files}
    parts = {f"{part.folder}/{file.name}" for _, part in _components(weights) for file in part.files}

    def loads(model: LockedModel) -> bool:
        folder, _, name = model.file.partition("/")
        return model.file in parts or name in names or (folder == _MATTINGS and _AUTO in weights.mattings)

    return list(find_drift(held.lock, take_stock(client, prepared, changes), loads))


def refuse_drift(held: HeldLock, drift: Collection[Drift]) -> WorkflowInvalid:
    """The error of a host that is not as a release was locked."""
    return WorkflowInvalid(
        f"the host is not as the workflow was locked: {'; '.join(map(str, drift))}",
        place=str(held.path),
        remedy="make it so, waive the stop `lock`, or lock it anew with `packshot workflow lock`",
    )


# -- node packs --------------------------------------------------------------------------------------------------------


def _packs(
    client: HostClient, prepared: PreparedWorkflow, folders: Mapping[str, list[Path]]
) -> Iterator[tuple[str, LockedPack]]:
    """The packs whose nodes the graph uses, but for the one that the workflow ships with."""
    modules = {
        str(client.object_info[node["class_type"]].get("python_module", "")) for node in prepared.api.nodes.values()
    }
    library = Path(prepared.workflow.place).resolve().is_relative_to(shipped("workflows").resolve())
    for name in sorted({module.split(".")[1] for module in modules if module.startswith("custom_nodes.")}):
        if name == _OWN_PACK and library:
            continue
        folder = next((each / name for each in folders.get("custom_nodes", ()) if (each / name).exists()), None)
        if folder is not None:
            yield name, LockedPack(version=_declared(folder), commit=_commit(folder))
        else:
            yield name, LockedPack(version=_told(client.api) if name == _OWN_PACK else None)


def _declared(folder: Path) -> str | None:
    """The version in a pack's ``pyproject.toml``."""
    try:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    # Python has a reader of TOML from 3.11 on; one line of one table does not need it.
    table = re.search(r"^\[project\]\s*$(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    found = re.search(r"^version\s*=\s*[\"']([^\"']+)[\"']", table[1], re.MULTILINE) if table else None
    return found[1] if found else None


def _commit(folder: Path) -> str | None:
    """The commit that a pack's git checkout is at, if it is one."""
    if not (folder / ".git").exists():
        return None
    try:
        asked = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None  # no git here
    return asked.stdout.strip() or None


def _told(api: HostApi) -> str | None:
    """The version of our own node pack, which it tells itself."""
    response = api.request("GET", "/packshot/boot")
    version = _mapping(api.parse(response)).get("version") if response.ok else None
    return str(version) if version else None


# -- model files -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Listed:
    """A file as the host lists it; ``path`` where it can be read on this machine."""

    name: str
    size: int | None
    path: Path | None


def _models(
    api: HostApi, weights: Weights, folders: Mapping[str, list[Path]], from_cards: bool
) -> Iterator[LockedModel]:
    """The files of cards, those that loaders name, and what cuts products out, in the order of their names."""
    shelf, cache = _Shelf(api, folders), HashCache()
    found: dict[str, LockedModel] = {}
    for card_id, component in _components(weights):
        there = {file: listed for file in component.files if (listed := shelf.files(component.folder).get(file.name))}
        for file, listed in there.items():
            sha256 = cache.sha256(listed.path) if listed.path else None
            if sha256 is None and file.size is not None and file.size == listed.size:
                sha256 = file.sha256
            name = f"{component.folder}/{file.name}"
            found[name] = LockedModel(file=name, card=card_id, size=listed.size, sha256=sha256)
        if from_cards and not there:
            file = component.files[0]  # what the official template uses
            name = f"{component.folder}/{file.name}"
            found[name] = LockedModel(file=name, card=card_id, size=file.size, sha256=file.sha256)
    for name in sorted({*weights.files, *_mattings(weights, shelf)}):
        plain = name.replace("\\", "/")
        folder = next((each for each in shelf.folders() if plain in shelf.files(each)), None)
        if folder is not None and f"{folder}/{plain}" not in found:
            listed = shelf.files(folder)[plain]
            sha256 = cache.sha256(listed.path) if listed.path else None
            found[f"{folder}/{plain}"] = LockedModel(file=f"{folder}/{plain}", size=listed.size, sha256=sha256)
    if matting.NAME in _mattings(weights, shelf):
        found[_SMALL_MATTING] = LockedModel(file=_SMALL_MATTING, sha256=matting.SHA256)  # the node takes no other
    cache.save()
    for file_name in sorted(found):
        yield found[file_name]


def _components(weights: Weights) -> Iterator[tuple[str, Component]]:
    """The parts of the cards that a run loads, those that steer it included, each with its card's id."""
    for card_id in sorted(weights.cards):
        card = load_card(card_id)
        steering = dict.fromkeys(each for kind in sorted(weights.controls) if (each := card.control(kind)))
        for component in (*card.components, *steering):
            yield card_id, component


def _mattings(weights: Weights, shelf: _Shelf) -> set[str]:
    """What cuts products out; what the node chooses by itself is the first file that it finds, or its small model."""
    listed = sorted(shelf.files(_MATTINGS)) if _AUTO in weights.mattings else []
    return {(listed[0] if listed else matting.NAME) if name == _AUTO else name for name in weights.mattings}


class _Shelf:
    """The model files of a host, each folder asked for once."""

    def __init__(self, api: HostApi, folders: Mapping[str, list[Path]]) -> None:
        self._api = api
        self._folders = folders
        self._known: dict[str, dict[str, _Listed]] = {}

    def folders(self) -> list[str]:
        """The names of the models folders."""
        names = self._api.json("GET", "/models")
        return [str(name) for name in names if name not in _NO_MODELS] if isinstance(names, list) else []

    def files(self, folder: str) -> dict[str, _Listed]:
        """The files in one folder by name, with forward slashes."""
        if folder not in self._known:
            response = self._api.request("GET", f"/experiment/models/{quote(folder, safe='')}")
            listed = self._api.parse(response) if response.ok else []
            self._known[folder] = {each.name: each for each in self._read(folder, listed)}
        return self._known[folder]

    def _read(self, folder: str, listed: Any) -> Iterator[_Listed]:
        roots = self._folders.get(folder, [])
        for each in map(_mapping, listed if isinstance(listed, list) else ()):
            name, size, root = str(each.get("name", "")).replace("\\", "/"), each.get("size"), each.get("pathIndex")
            path = roots[root] / name if isinstance(root, int) and 0 <= root < len(roots) else None
            # Through a tunnel another machine's host looks like this one's: the file has to be here, and as large.
            here = path is not None and path.is_file() and path.stat().st_size == size
            yield _Listed(name, size if isinstance(size, int) else None, path if here else None)


def _folders(api: HostApi) -> dict[str, list[Path]]:
    """Where a host on this machine has its models and node packs; empty for another one."""
    response = api.request("GET", "/internal/folder_paths") if api.address.loopback else None
    listed = _mapping(api.parse(response)) if response is not None and response.ok else {}
    return {str(name): [Path(path) for path in paths] for name, paths in listed.items() if isinstance(paths, list)}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
