"""What a release was made with, in ``<version>.lock.json`` beside it, so that a run elsewhere makes the same picture.

A lock holds what decides the picture and can be the same on every machine: the graph, ComfyUI, the node packs whose
nodes the graph uses, and each model file by its SHA-256. It does not hold what differs between machines that make the
same picture: the device, the driver, torch's build. The frontend's version is noted and never compared: a run does not
use it. A workflow that ships inside a node pack does not lock that pack, which changes with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import WorkflowInvalid
from ...paths import write_text
from ..canvas.graph import read_json
from ..versions import SUFFIX

_SHA256 = r"^[0-9a-f]{64}$"
_FROZEN = ConfigDict(extra="forbid", frozen=True)


class LockedPack(BaseModel):
    """A node pack; ``commit`` is that of its git checkout, None where it is none."""

    model_config = _FROZEN

    version: str | None = None
    commit: str | None = None


class LockedModel(BaseModel):
    """A file of weights.

    Attributes:
        file: its models folder and its name in there, ``vae/ae.safetensors``.
        card: the model card that it belongs to; empty for one that a loader node names itself.
        size: in bytes; None where the host does not tell.
        sha256: None where nobody could tell: the file is on another machine, and no card lists it.
    """

    model_config = _FROZEN

    file: str
    card: str = ""
    size: int | None = Field(default=None, ge=0)
    sha256: str | None = Field(default=None, pattern=_SHA256)


class Lock(BaseModel):
    """A workflow and what it runs on.

    Attributes:
        workflow: its name and version.
        graph: :attr:`Workflow.sha256` of the file.
        comfyui, frontend: versions; None where the host does not tell.
        packs: the node packs that the graph uses, by the names of their folders.
        models: the files that it loads with the inputs' own values.
    """

    model_config = _FROZEN

    workflow: str
    graph: str = Field(pattern=_SHA256)
    comfyui: str | None = None
    frontend: str | None = None
    packs: dict[str, LockedPack] = {}
    models: tuple[LockedModel, ...] = ()


class Drift(BaseModel):
    """One thing that is not as the lock has it."""

    model_config = _FROZEN

    what: str
    locked: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: locked {self.locked}, found {self.found}"


def lock_path(path: Path) -> Path:
    """Where the lock of a workflow file lies: ``1.2.0.lock.json`` beside ``1.2.0.app.json``."""
    return path.with_name(path.name.removesuffix(SUFFIX).removesuffix(".json") + ".lock.json")


def read_lock(path: Path) -> Lock | None:
    """The lock of a workflow file, None where it has none.

    Raises:
        WorkflowInvalid: there is one, and it cannot be read.
    """
    path = lock_path(path)
    if not path.is_file():
        return None
    try:
        return Lock.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise WorkflowInvalid(
            f"not a lock: {where}: {first['msg']}", place=str(path), remedy="make it anew with `packshot workflow lock`"
        ) from error


def lock_sha256(path: Path) -> str | None:
    """The SHA-256 of a workflow file's lock, in hexadecimal; None where it has none, or it cannot be read."""
    try:
        return hashlib.sha256(lock_path(path).read_bytes()).hexdigest()
    except OSError:
        return None


def write_lock(path: Path, lock: Lock) -> Path:
    """Write the lock of a workflow file beside it; returns where it lies now."""
    target = lock_path(path)
    write_text(target, json.dumps(lock.model_dump(), indent=2, ensure_ascii=False) + "\n")
    return target


def find_drift(lock: Lock, now: Lock, loads: Callable[[LockedModel], bool]) -> Iterator[Drift]:
    """What a run would do otherwise than the release did. What one side does not know is not compared.

    Args:
        now: what the host has at the moment.
        loads: whether the run loads a model file; one that the caller chose another for is not missed.
    """
    if lock.graph != now.graph:
        yield Drift(what="the graph", locked=lock.graph[:12], found=now.graph[:12])
    if lock.comfyui and now.comfyui and lock.comfyui != now.comfyui:
        yield Drift(what="ComfyUI", locked=lock.comfyui, found=now.comfyui)
    for name, pack in lock.packs.items():
        found = now.packs.get(name)
        if found is None:
            yield Drift(what=f"node pack {name}", locked=_pack_text(pack), found="nothing")
        elif _pack_drifted(pack, found):
            yield Drift(what=f"node pack {name}", locked=_pack_text(pack), found=_pack_text(found))
    files = {model.file: model for model in now.models}
    for model in lock.models:
        if not loads(model):
            continue
        other = files.get(model.file)
        if other is None:
            yield Drift(what=f"model {model.file}", locked=_model_text(model), found="nothing")
        elif model.sha256 and other.sha256 and model.sha256 != other.sha256:
            yield Drift(what=f"model {model.file}", locked=_model_text(model), found=_model_text(other))
        elif model.size is not None and other.size is not None and model.size != other.size:
            yield Drift(what=f"model {model.file}", locked=f"{model.size:,} bytes", found=f"{other.size:,} bytes")


def _pack_drifted(locked: LockedPack, found: LockedPack) -> bool:
    """A commit says more than a version, which many packs never raise."""
    if locked.commit and found.commit:
        return locked.commit != found.commit
    return bool(locked.version and found.version and locked.version != found.version)


def _pack_text(pack: LockedPack) -> str:
    commit = f"commit {pack.commit[:12]}" if pack.commit else ""
    return " ".join(filter(None, (pack.version, commit))) or "an unknown version"


def _model_text(model: LockedModel) -> str:
    return (
        f"sha256 {model.sha256[:12]}"
        if model.sha256
        else f"{model.size:,} bytes"
        if model.size is not None
        else "a file"
    )
