"""Sales channels as data: what each accepts, from which source, and how to make a picture for it.

One YAML file per channel in ``channels/``; one of the same id in the user's own ``channels`` folder (see
:func:`packshot.paths.config_dir`) takes its place or adds another.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..brand.sections import Hex
from ..errors import InputInvalid, nearest
from ..paths import config_dir
from .checks import Check, Limit
from .registry import all_checks

FileFormat = Literal["JPEG", "PNG", "WEBP"]

#: How a rule is known. ``primary``: the channel's own pages. ``secondary``: others about it. ``own``: Packshot's.
Evidence = Literal["primary", "secondary", "own"]

_SHIPPED = Path(__file__).resolve().parent / "channels"
_FROZEN = ConfigDict(extra="forbid", frozen=True)


class Rule(BaseModel):
    """The limit of one check; without any bound, its value is only reported."""

    model_config = _FROZEN

    min: float | None = None
    max: float | None = None
    any_of: tuple[str, ...] = ()
    pattern: str = ""

    @property
    def limit(self) -> Limit:
        return Limit(self.min, self.max, self.any_of, self.pattern)


class Source(BaseModel):
    """Where rules come from, and when that was looked at."""

    model_config = _FROZEN

    rules: tuple[str, ...] = Field(min_length=1)  # ids of checks
    source: str
    checked: datetime.date
    evidence: Evidence
    note: str = ""


class Output(BaseModel):
    """How a picture is made for the channel.

    Attributes:
        width, height: of the frame in pixels.
        fill: the product's box by the frame, along the side on which it fills more; None leaves the picture as it lies.
        background: what is put behind the product and around it, a colour as CSS writes it, kept as ``#RRGGBB``.
        quality: of JPEG and WebP, 1..100: the highest that is tried.
        max_bytes: the quality goes down until the file is no larger.
        name: of the file, without its ending; see :func:`packshot.provenance.names.file_name`.
        ending: of the file.
    """

    model_config = _FROZEN

    format: FileFormat = "JPEG"
    width: int = Field(gt=0, le=10_000)
    height: int = Field(gt=0, le=10_000)
    fill: float | None = Field(default=None, gt=0, le=1)
    background: Hex = "#FFFFFF"
    quality: int = Field(default=95, ge=1, le=100)
    max_bytes: int | None = Field(default=None, gt=0)
    name: str = "{sku}.{variant}"
    ending: Literal["jpg", "png", "webp"] = "jpg"


class Channel(BaseModel):
    """One place where pictures are shown, and its rules by the checks' ids."""

    model_config = _FROZEN

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    name: str
    summary: str
    background: Hex = "#FFFFFF"
    rules: dict[str, Rule]
    output: Output
    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()

    @field_validator("rules")
    @classmethod
    def _known(cls, rules: dict[str, Rule]) -> dict[str, Rule]:
        known = all_checks()
        for check_id, rule in rules.items():
            if check_id not in known:
                raise ValueError(f"there is no check '{check_id}' ({nearest(check_id, known)})")
            _has_reasons(known[check_id], rule.limit)
        return rules

    @model_validator(mode="after")
    def _sourced(self) -> Channel:
        named = {check_id for source in self.sources for check_id in source.rules}
        if unsourced := set(self.rules) - named:
            raise ValueError(f"no source for {', '.join(sorted(unsourced))}")
        if foreign := named - set(self.rules):
            raise ValueError(f"a source for {', '.join(sorted(foreign))}, which is no rule here")
        return self

    def limit(self, check: Check) -> Limit:
        """The channel's limit of a check, else the check's own."""
        rule = self.rules.get(check.id)
        return check.default if rule is None else rule.limit


def _has_reasons(check: Check, limit: Limit) -> None:
    sides = {"below": limit.minimum is not None, "above": limit.maximum is not None}
    sides["other"] = bool(limit.any_of or limit.pattern)
    for side, bound in sides.items():
        if bound and side not in check.reasons:
            raise ValueError(f"{check.id} has no such bound: it has no reason code for a value {side} it")


def channel_ids() -> list[str]:
    """The ids of all channels, shipped and the user's own, sorted; none of them is read."""
    return sorted(_files())


def load_channel(channel_id: str) -> Channel:
    """The channel of an id.

    Raises:
        InputInvalid: there is no such channel, or one of the user's own is not valid.
    """
    path = _files().get(channel_id)
    if path is None:
        raise InputInvalid(f"there is no channel '{channel_id}'", remedy=nearest(channel_id, _files()))
    try:
        channel = Channel.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        if channel.id != path.stem:
            raise ValueError(f"the id is '{channel.id}' and the file is named '{path.name}'")
    except (OSError, ValueError, yaml.YAMLError) as error:  # pydantic's ValidationError is a ValueError
        raise InputInvalid(str(error), place=str(path), remedy="compare with the shipped channels") from error
    return channel


def _files() -> dict[str, Path]:
    return {path.stem: path for folder in (_SHIPPED, config_dir() / "channels") for path in folder.glob("*.yaml")}
