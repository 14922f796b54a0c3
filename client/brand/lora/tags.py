"""LoRAs named in text, as ``<lora:name:0.8>``, in the way that Automatic1111's web UI made common."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import InputInvalid, ModelMissing, nearest

_TAG = re.compile(r"<lora:([^<>]*)>", re.IGNORECASE)
_LIMIT = 100.0  # the strengths that ComfyUI's own loader takes
_ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt")


@dataclass(frozen=True, slots=True)
class Choice:
    """A LoRA to apply: its name, and its strength on the diffusion model and on the text encoder."""

    name: str
    model: float
    clip: float


def read_tags(text: str) -> list[Choice]:
    """The tags of a text, in their order: ``<lora:NAME>``, ``<lora:NAME:STRENGTH>`` or ``<lora:NAME:MODEL:CLIP>``.

    Raises:
        InputInvalid: a tag is not of this form, or the text holds anything else.
    """
    found = [_choice(tag) for tag in _TAG.findall(text)]
    rest = _TAG.sub(" ", text).replace(",", " ").strip()
    if rest:
        raise InputInvalid(
            f"'{rest[:40]}' names no LoRA", place="input 'text'", remedy="write <lora:name:0.8>, one after the other"
        )
    return found


def find_file(name: str, files: Iterable[str], place: str) -> str:
    """The one of the host's LoRA files that a name means: with or without folder and ending.

    Raises:
        ModelMissing: there is none, or there are several.
    """
    listed = list(files)
    wanted = name.replace("\\", "/")
    if name in listed:
        return name
    spelt = {file: file.replace("\\", "/") for file in listed}
    for same in (
        [file for file, path in spelt.items() if path == wanted],
        [file for file, path in spelt.items() if _stem(path) == _stem(wanted)],
        [file for file, path in spelt.items() if _stem(path.rpartition("/")[2]) == _stem(wanted)],
    ):
        if len(same) == 1:
            return same[0]
        if same:
            several = ", ".join(sorted(same))
            raise ModelMissing(f"'{name}' may be any of {several}", place=place, remedy="name it with its folder")
    raise ModelMissing(
        f"there is no LoRA file '{name}' on this host",
        place=place,
        remedy=nearest(name, (_stem(path) for path in spelt.values())) if listed else "put it in models/loras",
    )


def _choice(tag: str) -> Choice:
    name, *numbers = (part.strip() for part in tag.split(":"))
    try:
        strengths = [float(number) for number in numbers]
        if not name or len(strengths) > 2 or not all(math.isfinite(s) and abs(s) <= _LIMIT for s in strengths):
            raise ValueError
    except ValueError as error:
        raise InputInvalid(
            f"'<lora:{tag}>' is not of the form <lora:name:strength>",
            place="input 'text'",
            remedy=f"the strength is a number from {-_LIMIT:g} to {_LIMIT:g}",
        ) from error
    model = strengths[0] if strengths else 1.0
    return Choice(name, model, strengths[1] if len(strengths) == 2 else model)


def _stem(path: str) -> str:
    return next((path[: -len(end)] for end in _ENDINGS if path.lower().endswith(end)), path)
