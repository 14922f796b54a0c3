"""How much memory a picture takes on a device, phase by phase. All of it is estimated with core's own formulas.

Core keeps one model on the device at a time: the text encoder, then the diffusion model, then the VAE. Each needs its
weights and working memory. Sources are of ComfyUI 0.30; figures for working memory are those that core itself reserves,
which it sets on the safe side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import InputInvalid

GIB = 1 << 30

#: Kept free for other programs: ``EXTRA_RESERVED_VRAM`` in comfy/model_management.py, on Linux (Windows: 600 MB).
RESERVED = 400 << 20

#: The least working memory that core counts on: ``minimum_inference_memory`` in comfy/model_management.py.
INFERENCE = round(0.8 * GIB)

#: Sides of the tiles, in pixels, that core's VAEDecodeTiled decodes by default.
TILE = 512

_MIB = 1 << 20
_BYTES = 2  # of a number while it computes: bf16 or fp16
_UNITS = {"": GIB, "gib": GIB, "gb": 10**9, "mib": _MIB, "mb": 10**6}


@dataclass(frozen=True, slots=True)
class Family:
    """What sets the working memory of a family of models.

    Attributes:
        usage: ``memory_usage_factor`` of its class in comfy/supported_models.py.
        compression: pixels per latent cell and side.
        decode: numbers per pixel that the VAE holds while it decodes: ``memory_used_decode`` in comfy/sd.py, divided
            by the pixels of a latent cell; for a video VAE, per latent frame too.
        encode: bytes of working memory that its text encoder asks for, beyond what core counts on in any case.
    """

    usage: float
    compression: int = 8
    decode: int = 2178
    encode: int = 0


def _flux2(hidden: int) -> Family:
    """FLUX.2: FLUX.1's factor × 4 × hidden size ÷ 2604 (``Flux2`` in comfy/supported_models.py)."""
    return Family(3.1 * 4 * hidden / 2604, 16)


_SD3 = Family(1.6)
FAMILIES: Mapping[str, Family] = {
    "sd15": Family(1.0),
    "sd21": Family(1.0),
    "sdxl": Family(0.8),
    "sd3-medium": _SD3,
    "sd3.5-medium": _SD3,
    "sd3.5-large": _SD3,
    "pixart-sigma": Family(0.5),
    "flux1": Family(3.1),
    "chroma": Family(3.2),
    "flux2-dev": _flux2(6144),
    "flux2-klein-4b": _flux2(3072),
    "flux2-klein-9b": _flux2(4096),
    "starter": _flux2(256),
    "z-image": Family(2.8),
    "qwen-image": Family(1.8, decode=2200),
    "ernie-image": Family(10.0, 16),
    "hunyuanimage-2.1": Family(8.7, 32, 700),
    # Gemma: 3 MiB a token, at least 642 of them (`memory_estimation_function` in comfy/text_encoders/lt.py).
    "ltx-2": Family(0.077, 32, 600, 642 * 3 * _MIB),
}

#: Stands for a family that is not in the table: FLUX.1, whose factor is among the larger ones.
UNKNOWN = FAMILIES["flux1"]


def sampling_bytes(family: Family, width: int, height: int, batch: int = 1, frames: int = 1) -> int:
    """Working memory of sampling, in bytes.

    ``memory_required`` in comfy/model_base.py, the case with PyTorch's or xformers' attention, as on every GPU of these
    years: latent cells × bytes per number × 0.01 × the family's factor, in MiB. CFG above 1 runs a second time
    through the model, which core does one after the other where memory is short, so it counts no more.

    Args:
        width, height: of the picture, in pixels.
        frames: latent frames of a video.
    """
    cells = batch * frames * (width / family.compression) * (height / family.compression)
    return round(cells * _BYTES * 0.01 * family.usage * _MIB)


def decode_bytes(family: Family, width: int, height: int, frames: int = 1) -> int:
    """Working memory of decoding one picture at once, or one tile of it; pictures of a batch follow each other."""
    return family.decode * _BYTES * width * height * frames


def overhead(family: str, slot: str, width: int, height: int) -> int:
    """Bytes that a component needs on the device beside its weights, for one picture of a size in pixels.

    The VAE's is that of one tile, as core tiles a picture that is too large for it.
    """
    known = FAMILIES.get(family, UNKNOWN)
    working = 0
    if slot in ("diffusion_model", "checkpoint"):
        working = sampling_bytes(known, width, height)
    elif slot == "vae":
        working = decode_bytes(known, min(width, TILE), min(height, TILE))
    return RESERVED + max(INFERENCE, working)


def parse_size(text: str) -> int:
    """Bytes from ``12GiB``, ``12 GB``, ``800MiB``, ``800MB`` or ``12``, which are GiB.

    Raises:
        InputInvalid: it is none of these, or nothing.
    """
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s*([a-z]*)", text.strip().casefold())
    size = round(float(match[1]) * _UNITS[match[2]]) if match and match[2] in _UNITS else 0
    if not size:
        raise InputInvalid(f"'{text}' is not a size", place="size of memory", remedy="write it as 12GiB or 12GB")
    return size
