"""What a layer of a LoRA file may be called in a model: without the prefixes of tools, with underscores for dots."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

from ....models.files.adapters import Adapter

Target = TypeVar("Target")

# What tools put before the name of a diffusion model's layer; several may follow each other.
_PREFIXES = (
    "base_model.model.", "model.diffusion_model.", "diffusion_model.", "pipe.dit.", "pipe.transformer.", "pipe.unet.",
    "transformer.", "unet.", "dit.", "module.", "model.", "net.", "lora_unet__", "lora_unet_", "lora_transformer_",
    "lora_prior_unet_", "lycoris_",
)  # fmt: skip
# What they put before that of a text encoder's layer, and which encoder it may be.
_ENCODERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"lora_te_|lora_te1_|te\.|te1\.|text_encoder\.|base_model\.model\.(?=text_model\.)|(?=text_model\.)", ("1",)),
    (r"lora_te2_|te2\.|text_encoder_2\.", ("2",)),
    (r"lora_te3_|te3\.|text_encoder_3\.", ("3", "2")),
    (r"lora_prior_te_", ("prior", "2")),
    (r"(?:text_encoders\.)?clip_l\.(?:transformer\.)?", ("clip_l", "1")),
    (r"(?:text_encoders\.)?clip_g\.(?:transformer\.)?", ("clip_g", "2")),
    (r"(?:text_encoders\.)?(?:t5xxl|t5)\.(?:transformer\.)?", ("t5xxl", "3", "2")),
    # Of a language model, which is the only encoder or the first.
    (r"text_encoders\.(?:(?:qwen|mistral|ministral|gemma|llama)\w*\.)?transformer\.", ("llm", "1")),
    (r"text_encoders\.", ("any",)),
)
_ENCODER_PATTERNS = tuple((re.compile(pattern), encoders) for pattern, encoders in _ENCODERS)


def spellings(name: str) -> Iterator[str]:
    """Yield what a layer may be called, the most exact first.

    Two names of one layer have a spelling in common, whatever tools they are of; names of layers of a text encoder and
    of a diffusion model have none.
    """
    for pattern, encoders in _ENCODER_PATTERNS:
        if (match := pattern.match(name)) is not None:
            yield from _of_encoder(name[match.end() :], encoders)
            return
    yield from _flat(name)
    stripped = True
    while stripped:
        prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
        stripped = bool(prefix)
        if stripped:
            name = name[len(prefix) :]
            yield from _flat(name)


def index_of(names: Mapping[str, Target]) -> dict[str, Target]:
    """Every spelling of the names of a model's layers -> what the name stands for; of two the first."""
    index: dict[str, Target] = {}
    for name, target in names.items():
        for spelling in spellings(name):
            index.setdefault(spelling, target)
    return index


def look_up(index: Mapping[str, Target], adapter: Adapter) -> Target | None:
    """What the layer of a file stands for in a model; None if the model has none of the name.

    Args:
        index: of :func:`index_of`.
    """
    names = (adapter.name,) if adapter.text else (adapter.name, adapter.layer)
    for name in names:
        for spelling in spellings(name):
            if spelling in index:
                return index[spelling]
    return None


def _flat(name: str) -> Iterator[str]:
    flat = re.sub(r"_{2,}", "_", name.replace(".", "_")).replace("_processor_", "_")
    yield flat
    if flat.endswith("_to_out"):  # a list of projection and dropout; some tools leave the place in it out
        yield f"{flat}_0"
    elif flat.endswith("_to_out_0"):
        yield flat.removesuffix("_0")


def _of_encoder(rest: str, encoders: tuple[str, ...]) -> Iterator[str]:
    flat = rest.removeprefix("base_model.model.").replace(".", "_")
    for encoder in encoders:
        yield f"text encoder {encoder}: {flat}"
        if not flat.startswith("text_model_"):  # newer versions of transformers leave it out
            yield f"text encoder {encoder}: text_model_{flat}"
