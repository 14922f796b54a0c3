"""Which base a file's metadata claims.

Trainers spell the same model in many ways (``flux-1-dev``, ``Flux.2-klein-4b``, ``sdxl_base_v1-0``,
``stable-diffusion-xl-v1-base/lora``), so only letters and digits are compared, in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: Keys that name the base: modelspec 1.0, kohya's scripts and ai-toolkit, old ai-toolkit, GGUF.
_KEYS = ("modelspec.architecture", "ss_base_model_version", "ss_base_model", "general.architecture")
_LONGEST = 256  # characters of a value that is looked at

# llama.cpp's word for all of FLUX's architecture, whichever model.
_GGUF = {"flux": ("flux1", "flux2-dev", "flux2-klein-4b", "flux2-klein-9b", "starter", "chroma")}

_SD3S = ("sd3-medium", "sd3.5-medium", "sd3.5-large")
_FLUX2S = ("flux2-dev", "flux2-klein-4b", "flux2-klein-9b")

# How a spelling begins: the bases that it may mean. The first that fits is taken.
_SPELLINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"flux2?klein(base)?4b|flux2klein4b", ("flux2-klein-4b",)),
    (r"flux2?klein(base)?9b|flux2klein9b", ("flux2-klein-9b",)),
    (r"flux2?klein", ("flux2-klein-4b", "flux2-klein-9b")),
    (r"flux2dev", ("flux2-dev",)),
    (r"flux2", (*_FLUX2S, "starter")),
    (r"flux", ("flux1",)),
    (r"(stablediffusion|sd)v?35m", ("sd3.5-medium",)),
    (r"(stablediffusion|sd)v?35l", ("sd3.5-large",)),
    (r"(stablediffusion|sd)v?3m", ("sd3-medium",)),
    (r"(stablediffusion|sd)v?3", _SD3S),
    (r"stablediffusionxl|sdxl", ("sdxl",)),
    (r"playgroundv25", ("sdxl",)),
    (r"(stablediffusion|sd)v?1", ("sd15",)),
    (r"(stablediffusion|sd)v?2", ("sd21",)),
    (r"zimage|lumina2", ("z-image",)),
    (r"qwenimage", ("qwen-image",)),
    (r"ernieimage", ("ernie-image",)),
    (r"hunyuanimage21", ("hunyuanimage-2.1",)),
    (r"pixartsigma", ("pixart-sigma",)),
    (r"ltx2", ("ltx-2",)),
    (r"chroma", ("chroma",)),
    (r"wan([0-9]|$|video|t2v|i2v)", ("wan",)),
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the metadata says: the key, its value, and the bases that this may mean."""

    key: str
    value: str
    bases: tuple[str, ...]


def claim(metadata: Mapping[str, str]) -> Claim | None:
    """The first claim that names a base known here; None if there is none."""
    for key in _KEYS:
        value = metadata.get(key, "")[:_LONGEST]
        if key == "general.architecture" and value in _GGUF:
            return Claim(key, value, _GGUF[value])
        # The model may stand behind its owner (``owner/model``) or before the kind of file (``model/lora``).
        for part in reversed(value.split("/")):
            spelt = re.sub(r"[^a-z0-9]", "", part.lower())
            for pattern, bases in _SPELLINGS:
                if re.match(pattern, spelt):
                    return Claim(key, value, bases)
    return None
