"""Model cards: what Packshot knows of each model, as data with sources.

One YAML file per model. The nodes read from it how core loads, encodes for and samples the model; the client reads what
to fetch, what it costs and under which licence it stands. A card in the user's own ``cards`` folder (see
:func:`packshot.paths.config_dir`) adds a model, such as a fine-tune, or takes the place of the shipped card of that id.
"""

from __future__ import annotations

import datetime
import functools
import re
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..errors import ModelMissing, WorkflowInvalid, nearest
from ..paths import config_dir

Precision = Literal["fp32", "bf16", "fp16", "fp8", "int8", "nvfp4", "fp4", "gguf-q8", "gguf-q5", "gguf-q4"]
Slot = Literal["checkpoint", "diffusion_model", "text_encoder", "vae", "lora", "controlnet", "model_patch"]
ControlKind = Literal["canny", "depth"]
Capability = Literal[
    "text-to-image", "image-to-image", "edit", "multi-reference", "control", "lora", "negative-prompt", "text-to-video"
]

#: How a fact is known. ``primary``: from whoever made the model, or ComfyUI's own code and templates. ``secondary``:
#: from a copy or a description by others. ``computed``: from shapes, or measured here. ``blog``: claimed, unchecked.
Evidence = Literal["primary", "secondary", "computed", "blog"]

#: The groups of facts that every card must name a source for.
FACTS = ("release", "files", "licence", "sampling", "resolution", "memory", "capabilities", "languages")

_SHIPPED = Path(__file__).resolve().parent / "cards"
_FROZEN = ConfigDict(extra="forbid", frozen=True)
_SEGMENT = re.compile(r"[^.\\/:*?\"<>|][^\\/:*?\"<>|]*")  # of a path; the signs are those that Windows refuses too
_REPO = re.compile(r"(\w([\w.-]{0,94}\w)?/)?\w([\w.-]{0,94}\w)?", re.ASCII)  # as huggingface_hub's validate_repo_id
_ID = r"^[a-z0-9][a-z0-9.-]*$"


class Source(BaseModel):
    """Where facts come from, and when that was looked at."""

    model_config = _FROZEN

    facts: tuple[str, ...] = Field(min_length=1)  # of FACTS
    source: str
    checked: datetime.date
    evidence: Evidence
    note: str = ""

    @field_validator("facts")
    @classmethod
    def _known(cls, facts: tuple[str, ...]) -> tuple[str, ...]:
        unknown = set(facts) - set(FACTS)
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))}: not among {', '.join(FACTS)}")
        return facts


class ModelFile(BaseModel):
    """One file of weights: alternatives in a slot differ in precision."""

    model_config = _FROZEN

    name: str  # below the folder, with forward slashes
    precision: Precision
    size: int | None = Field(default=None, gt=0)  # bytes
    size_is: Evidence = "computed"
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")  # None: the hub's own is checked instead
    repo: str | None = None  # owner/name on the hub; None: not fetched (generated, or the user's own)
    path: str | None = None  # in the repository
    gated: bool = False  # the hub asks for an accepted licence and a token
    node: str | None = None  # the loader node where it is not core's own, such as UnetLoaderGGUF

    @field_validator("name", "path")
    @classmethod
    def _inside(cls, name: str | None) -> str | None:
        if name is not None and not (name.isprintable() and all(map(_SEGMENT.fullmatch, name.split("/")))):
            raise ValueError(f"{name!r} must be a path inside its folder, with forward slashes and no hidden parts")
        return name

    @field_validator("repo")
    @classmethod
    def _on_hub(cls, repo: str | None) -> str | None:
        if repo is not None and (not _REPO.fullmatch(repo) or "--" in repo or ".." in repo or repo.endswith(".git")):
            raise ValueError(f"{repo!r} is no repository of the hub: owner/name")
        return repo


class Component(BaseModel):
    """A part of the model that is one file: the diffusion model, one text encoder, the VAE."""

    model_config = _FROZEN

    slot: Slot
    title: str
    licence: str  # id of a licence; see `.licences`
    detected_as: str | None = None  # what `detect` answers for a file here (base or component); None: not checked
    parameters: int | None = Field(default=None, gt=0)
    files: tuple[ModelFile, ...] = Field(min_length=1)  # the first is what the official template uses

    @property
    def folder(self) -> str:
        """The models folder that core's loader reads."""
        return {
            "checkpoint": "checkpoints",
            "diffusion_model": "diffusion_models",
            "text_encoder": "text_encoders",
            "vae": "vae",
            "lora": "loras",
            "controlnet": "controlnet",
            "model_patch": "model_patches",
        }[self.slot]


class Control(Component):
    """Weights that steer the model by a picture of edges or depth; loaded only where a graph asks for them."""

    slot: Literal["controlnet", "model_patch"]
    kinds: tuple[ControlKind, ...] = Field(min_length=1)
    typed: bool = False  # has to be told the kind (core's SetUnionControlNetType); others see it in the picture
    source: Source


class Latent(BaseModel):
    """The model's latent space and the core node that makes an empty one."""

    model_config = _FROZEN

    node: str  # EmptyLatentImage, EmptySD3LatentImage, EmptyFlux2LatentImage, …
    channels: int = Field(gt=0)
    compression: int = Field(gt=0)  # pixels per latent cell and side


class Resolution(BaseModel):
    """The sizes that the model was made for, in pixels."""

    model_config = _FROZEN

    native: tuple[int, int]  # width, height of the default picture
    step: int = Field(gt=0)  # width and height are multiples of it
    min_side: int = Field(gt=0)
    max_side: int = Field(gt=0)
    min_pixels: int = Field(gt=0)  # below or above these the picture gets worse: a warning, not an error
    max_pixels: int = Field(gt=0)


class Sampling(BaseModel):
    """Defaults of sampling, and what the model does not bear."""

    model_config = _FROZEN

    steps: int = Field(gt=0)
    cfg: float = Field(ge=1)
    guidance: float | None = None  # distilled guidance, set by core's FluxGuidance; None: the model takes none
    sampler: str  # of core's SAMPLERS
    scheduler: str  # of core's SCHEDULERS, or "flux2" (Flux2Scheduler), "ltxv" (LTXVScheduler)
    shift: float | None = None  # patched onto the model; None: as the model class has it
    # The core node that sets a shift, the card's or the user's; None: the model's noise schedule has no shift to set.
    shift_node: Literal["ModelSamplingAuraFlow", "ModelSamplingSD3", "ModelSamplingFlux"] | None = None
    cfg_norm: float | None = None  # strength of core's CFGNorm, where the model's own pipeline rescales the guidance
    fixed_steps: bool = False  # step-distilled: made for exactly `steps`
    distilled_guidance: bool = False  # CFG above 1 harms: the guidance is in the weights
    negative: Literal["prompt", "zero"] = "prompt"  # zero: the negative prompt is not read; zeros take its place

    @model_validator(mode="after")
    def _consistent(self) -> Sampling:
        if self.shift is not None and self.shift_node is None:
            raise ValueError("a shift needs the shift_node that sets it")
        if self.distilled_guidance and self.cfg != 1:
            raise ValueError("a guidance-distilled model is sampled at cfg 1")
        return self


class Encoding(BaseModel):
    """How text, and pictures to edit, become conditioning."""

    model_config = _FROZEN

    clip_type: str | None = None  # of core's CLIPLoader, DualCLIPLoader; None: the checkpoint holds its text encoder
    edit: Literal["reference-latents", "qwen-image-edit-plus"] | None = None
    max_references: int = Field(default=0, ge=0)
    reference_megapixels: float = Field(default=1.0, gt=0)  # size at which reference latents are made

    @model_validator(mode="after")
    def _consistent(self) -> Encoding:
        if (self.edit is None) != (self.max_references == 0):
            raise ValueError("edit and max_references are given together")
        return self


class Memory(BaseModel):
    """What the weights need in one precision, all components together, and the card's advice.

    The precision is that of the checkpoint or the diffusion model; each other component counts in the same one where
    it has such a file, else with its first file.
    """

    model_config = _FROZEN

    precision: Precision
    weights_gib: float = Field(gt=0)
    evidence: Evidence = "computed"
    note: str = ""


class Card(BaseModel):
    """One model. Field by field: ``docs/models.md`` is made from these."""

    model_config = _FROZEN

    id: str = Field(pattern=_ID)
    name: str
    family: str  # as detection names the base: see `Detection.base`
    summary: str
    released: datetime.date | None = None
    kind: Literal["image", "video"] = "image"
    supported_by_host: bool = True
    host_note: str = ""  # why not, or what to know
    licence: str  # of the model as a whole; components may differ
    components: tuple[Component, ...] = Field(min_length=1)
    controls: tuple[Control, ...] = ()
    latent: Latent
    resolution: Resolution
    sampling: Sampling
    encoding: Encoding
    memory: tuple[Memory, ...] = ()
    capabilities: tuple[Capability, ...] = Field(min_length=1)
    languages: tuple[str, ...] = Field(min_length=1)  # ISO 639-1
    template: str | None = None  # the official template whose values these are
    differs: tuple[str, ...] = ()  # where and why they differ from it
    sources: tuple[Source, ...] = Field(min_length=1)
    checked: datetime.date

    @model_validator(mode="after")
    def _complete(self) -> Card:
        missing = set(FACTS) - {fact for source in self.sources for fact in source.facts}
        if missing:
            raise ValueError(f"no source for {', '.join(sorted(missing))}")
        slots = [component.slot for component in self.components]
        whole = "checkpoint" in slots or {"diffusion_model", "text_encoder", "vae"} <= set(slots)
        if self.supported_by_host and not whole:
            raise ValueError("needs a checkpoint, or a diffusion model, a text encoder and a VAE")
        if {"controlnet", "model_patch"} & set(slots):
            raise ValueError("what steers the model stands under controls")
        if ("control" in self.capabilities) != bool(self.controls):
            raise ValueError("the capability 'control' and controls are given together")
        if "checkpoint" in slots and "diffusion_model" in slots:
            raise ValueError("has a checkpoint and a diffusion model; one of them is the model")
        return self

    def slot(self, slot: Slot) -> tuple[Component, ...]:
        """The components of one slot, in the order in which core's loader takes them."""
        return tuple(component for component in self.components if component.slot == slot)

    def control(self, kind: str) -> Control | None:
        """What steers the model by a picture of that kind; None where nothing does."""
        return next((control for control in self.controls if kind in control.kinds), None)


def card_ids() -> list[str]:
    """The ids of all cards, shipped and the user's own, sorted; none of them is read."""
    return sorted(_files())


def load_card(card_id: str) -> Card:
    """The card of an id.

    Raises:
        ModelMissing: there is no such card.
        WorkflowInvalid: a card of the user's own is not valid.
    """
    path = _files().get(card_id)
    if path is None:
        raise ModelMissing(
            f"there is no model card '{card_id}'",
            place="model cards",
            remedy=nearest(card_id, card_ids()),
        )
    return _read(path, path.stat().st_mtime_ns)


def _files() -> dict[str, Path]:
    return {path.stem: path for folder in (_SHIPPED, config_dir() / "cards") for path in folder.glob("*.yaml")}


@functools.lru_cache(maxsize=256)
def _read(path: Path, _: int) -> Card:
    try:
        card = Card.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        if card.id != path.stem:
            raise ValueError(f"the id is '{card.id}' and the file is named '{path.name}'")
    except (OSError, ValueError, yaml.YAMLError) as error:  # pydantic's ValidationError is a ValueError
        raise WorkflowInvalid(str(error), place=str(path), remedy="compare with the shipped cards") from error
    return card
