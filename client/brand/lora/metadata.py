"""What LoRA files say of themselves: ModelSpec 1.0.1 (``modelspec.*``), kohya's ``ss_*``, PEFT's and ai-toolkit's keys.

Sources: Stability AI's ModelSpec (https://github.com/Stability-AI/ModelSpec), kohya-ss/sd-scripts ``train_network.py``
and diffusers ``loaders/lora_base.py``.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputInvalid
from ...hashes import file_hashes
from ...models.detect.detect import detect_header
from ...models.files.read import read_header
from ...paths import atomic_write
from .tensors import TensorFile, header_text

VERSION = "1.0.1"
_LONGEST = 1 << 20  # characters of a JSON value that is looked into
_COPY = 1 << 22
#: Keys that tell folders, file names, captions and comments of whoever trained the file; nothing needs them to use it.
PRIVATE = (
    "ss_dataset_dirs", "ss_reg_dataset_dirs", "ss_tag_frequency", "ss_datasets", "ss_bucket_info", "ss_sd_model_name",
    "ss_training_comment", "ss_vae_name", "ss_output_name", "ss_session_id", "training_info", "workflow", "prompt",
    "ot_config", "config",
)  # fmt: skip
# A path of someone's machine: Windows' with a drive or a server, Unix's below a folder that people and clouds use.
_PATH = re.compile(
    r"(?:^|[\s\"'=,;(\[])"
    r"(?:[A-Za-z]:[\\/]|\\\\\w|file://|~/|/(?:home|Users|Volumes|mnt|media|root|workspace|content|kaggle|data|opt|srv|tmp|var)/)"
)
#: Fields of :class:`Statement` -> ModelSpec's keys.
_KEYS = {
    "title": "modelspec.title", "author": "modelspec.author", "licence": "modelspec.license",
    "trigger": "modelspec.trigger_phrase", "description": "modelspec.description", "usage": "modelspec.usage_hint",
    "date": "modelspec.date",
}  # fmt: skip
# How ModelSpec's architecture is spelt for a base; others go by the base's own name.
_ARCHITECTURES = {
    "sdxl": "stable-diffusion-xl-v1-base", "sd15": "stable-diffusion-v1", "sd21": "stable-diffusion-v2-768-v",
    "flux1": "flux-1-dev", "flux2-dev": "Flux.2-dev", "flux2-klein-4b": "Flux.2-klein-4b",
    "flux2-klein-9b": "Flux.2-klein-9b", "sd3-medium": "stable-diffusion-3-medium",
    "sd3.5-medium": "stable-diffusion-3.5-medium", "sd3.5-large": "stable-diffusion-3.5-large",
    "qwen-image": "Qwen-Image", "z-image": "Z-Image",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """What to write into a file. None: leave what is there.

    Attributes:
        title, author, description, usage: free text.
        licence: an id of a licence, or its SPDX expression.
        trigger: words that call the LoRA up in a prompt, separated by commas.
        date: ISO 8601; empty: today, where the file has none.
    """

    title: str | None = None
    author: str | None = None
    licence: str | None = None
    trigger: str | None = None
    description: str | None = None
    usage: str | None = None
    date: str | None = None


def trigger_words(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The words that call a LoRA up, from the first of these that names any.

    ModelSpec's trigger phrase and usage hint, the class tokens of kohya's data sets, and the tag that stands before
    every picture of the training set.
    """
    for key in (_KEYS["trigger"], _KEYS["usage"]):
        if words := _words(metadata.get(key, "")):
            return words
    return _class_tokens(metadata) or _common_tags(metadata)


def scrubbed(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata without :data:`PRIVATE` keys, and without values that hold a path of someone's machine."""
    return {key: value for key, value in metadata.items() if key not in PRIVATE and not _PATH.search(value[:_LONGEST])}


def stamp(source: Path, out: Path, statement: Statement, *, scrub: bool = False) -> dict[str, str]:
    """Write a LoRA file again with ModelSpec metadata; its tensors keep their bytes, and so their AutoV3 hash.

    Args:
        out: may be ``source``.
        scrub: leave out what is private; see :func:`scrubbed`.

    Returns:
        The metadata as written.

    Raises:
        ModelMissing, ModelCorrupt: the file is not there or is damaged.
        InputInvalid: it is a GGUF file.
        OutputUnwritable: the folder or the disk refuses.
    """
    header = read_header(source)
    if header.format != "safetensors":
        raise InputInvalid("is a GGUF file", place=str(source), remedy="give the LoRA as .safetensors")
    file = TensorFile(source)
    for name in header.tensors:
        file.enforce_finite(name)
    said = dict(header.metadata)
    if scrub:
        said = scrubbed(said)
        if triggers := trigger_words(header.metadata):  # they may have been told by the captions alone
            said[_KEYS["trigger"]] = ", ".join(triggers)
    _name_base(said, detect_header(header).base)
    said["modelspec.sai_model_spec"] = VERSION
    said.setdefault("modelspec.implementation", "https://github.com/comfyanonymous/ComfyUI")
    said.setdefault("modelspec.title", source.stem)
    said.setdefault("modelspec.date", datetime.datetime.now(datetime.timezone.utc).date().isoformat())
    for field, key in _KEYS.items():
        if (value := getattr(statement, field)) is not None:
            said[key] = value
    hashes = file_hashes(source, header.body)
    with source.open("rb") as content:
        content.seek(8)
        layout: dict[str, Any] = json.loads(content.read(header.body - 8))
        order = sorted(header.tensors, key=lambda name: (layout[name]["data_offsets"], name))
        tensors = {name: (info.dtype, info.shape, info.nbytes) for name in order if (info := header.tensors[name])}
        text = header_text(tensors, said, hashes.body, out)
        with atomic_write(out) as new:
            new.write(text)
            content.seek(header.body)
            while chunk := content.read(_COPY):
                new.write(chunk)
    return dict(read_header(out).metadata)


def merged(sources: Sequence[tuple[str, float, Mapping[str, str]]], base: str | None = None) -> dict[str, str]:
    """The metadata of a file merged of others: what all of them say alike, and their titles, triggers and licences.

    Args:
        sources: file name, strength and metadata of each.
        base: of the model that they are for; None: it cannot be told.
    """
    first, *others = [metadata for _, _, metadata in sources]
    said = {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
    titles = [metadata.get("modelspec.title", Path(name).stem) for name, _, metadata in sources]
    said["modelspec.sai_model_spec"] = VERSION
    _name_base(said, base)
    said.setdefault("modelspec.implementation", "https://github.com/comfyanonymous/ComfyUI")
    said["modelspec.title"] = " + ".join(titles)
    said["modelspec.merged_from"] = ", ".join(f"{name} ({strength:g})" for name, strength, _ in sources)
    triggers = dict.fromkeys(word for _, _, metadata in sources for word in trigger_words(metadata))
    if triggers:
        said[_KEYS["trigger"]] = ", ".join(triggers)
    # All of the licences hold for what is made of all of the files.
    licences = dict.fromkeys(metadata.get(_KEYS["licence"], "unknown") for _, _, metadata in sources)
    if any(licence != "unknown" for licence in licences):
        said[_KEYS["licence"]] = " AND ".join(licences)
    return said


def _name_base(said: dict[str, str], base: str | None) -> None:
    """Set ModelSpec's architecture to the base that the shapes show; keep what is there where they show none."""
    if base is not None and base != "other":
        said["modelspec.architecture"] = f"{_ARCHITECTURES.get(base, base)}/lora"
    said.setdefault("modelspec.architecture", "unknown/lora")


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for part in text[:_LONGEST].split(",") if (word := part.strip())))


def _json(text: str) -> Any:
    try:
        return json.loads(text) if len(text) <= _LONGEST else None
    except (ValueError, RecursionError):
        return None


def _class_tokens(metadata: Mapping[str, str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    sets = _json(metadata.get("ss_datasets", ""))
    for one in sets if isinstance(sets, list) else []:
        subsets = one.get("subsets") if isinstance(one, dict) else None
        for subset in subsets if isinstance(subsets, list) else []:
            tokens = subset.get("class_tokens") if isinstance(subset, dict) else None
            if isinstance(tokens, str):
                found |= dict.fromkeys(_words(tokens))
    return tuple(found)


def _common_tags(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Of the tags that every picture has, the first: trainers put the trigger before what the picture shows."""
    folders = _json(metadata.get("ss_tag_frequency", ""))
    counts = [tags for tags in folders.values() if isinstance(tags, dict)] if isinstance(folders, dict) else []
    images = _json(metadata.get("ss_num_train_images", ""))
    if len(counts) != 1 or not counts[0]:
        return ()
    numbers = {str(tag).strip(): count for tag, count in counts[0].items() if isinstance(count, int)}
    most = max(numbers.values(), default=0)
    first = next(iter(numbers), "")
    everywhere = most > 1 and numbers.get(first) == most and (not isinstance(images, int) or most <= images)
    return (first,) if everywhere and first else ()
