"""What one of the detectors makes of a file, before it is put together into an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["checkpoint", "diffusion_model", "text_encoder", "vae", "lora", "controlnet", "unknown"]

#: A base: the ids of the cards of its family. Kept here, and not read from the cards, to answer within milliseconds.
CARDS = {
    "flux1": ("flux1-dev", "flux1-schnell"),
    "flux2-dev": ("flux2-dev",),
    "flux2-klein-4b": ("flux2-klein-4b", "flux2-klein-4b-base"),
    "flux2-klein-9b": ("flux2-klein-9b",),
    "sd3-medium": ("sd3-medium",),
    "sd3.5-medium": ("sd3.5-medium",),
    "sd3.5-large": ("sd3.5-large", "sd3.5-large-turbo"),
    "sdxl": ("playground-v2.5", "sdxl", "sdxl-lightning-2step", "sdxl-lightning-4step", "sdxl-lightning-8step"),
    "sd15": ("sd15",),
    "sd21": ("sd21",),
    "z-image": ("z-image", "z-image-turbo"),
    "qwen-image": ("qwen-image", "qwen-image-2512", "qwen-image-edit"),
    "ernie-image": ("ernie-image", "ernie-image-turbo"),
    "hunyuanimage-2.1": ("hunyuanimage-2.1",),
    "pixart-sigma": ("pixart-sigma",),
    "ltx-2": ("ltx-2",),
    "chroma": (),
    "wan": (),
    "starter": ("starter",),
    "other": (),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One reading of a file, or of a part of it.

    Attributes:
        kind: what it is.
        base: of a diffusion model or something for one: a key of :data:`CARDS`; None if it cannot be told.
        component: of a text encoder or VAE: its name; None if it is none that Packshot knows.
        architecture: of a diffusion model or something for one; None if it cannot be told.
        confidence: 0..1.
        reasons: why, for people.
        bases: bases that the shapes allow, where they allow several.
        cards: ids of the cards that it may be, where the header tells more than the base does.
    """

    kind: Kind
    base: str | None = None
    component: str | None = None
    architecture: str | None = None
    confidence: float = 0.0
    reasons: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    cards: tuple[str, ...] | None = None
