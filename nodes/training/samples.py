"""The sample grid: the same few captions with the same noise, again and again while a LoRA is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import comfy.sample
import node_helpers
import torch
from comfy.model_patcher import ModelPatcher
from PIL import Image

from ...client.models.cards import Card
from .data import Conditioning

COUNT = 4  # pictures in a grid
_CUSTOM = ("flux2", "ltxv")  # schedules that core has as nodes of their own; its simple one is near them


def draw(
    patcher: ModelPatcher,
    vae: Any,
    card: Card,
    texts: Sequence[Conditioning],
    empty: Conditioning,
    latent: torch.Tensor,
    seed: int,
) -> Image.Image:
    """Sample one picture for each text, as the card samples, and lay them out in a square.

    Args:
        empty: the embedding of the empty caption, which guidance leads away from.
        latent: one latent, whose shape all pictures have.
        seed: of the noise; the same for every grid.
    """
    own = card.sampling
    pictures = []
    with torch.no_grad():
        for number, text in enumerate(texts):
            positive = text
            if own.guidance is not None:
                positive = node_helpers.conditioning_set_values(text, {"guidance": own.guidance})
            start = torch.zeros_like(latent)
            samples = comfy.sample.sample(
                patcher,
                comfy.sample.prepare_noise(start, seed + number),
                own.steps,
                own.cfg,
                own.sampler,
                "simple" if own.scheduler in _CUSTOM else own.scheduler,
                positive,
                empty,
                start,
                disable_pbar=True,
                seed=seed + number,
            )
            pixels = vae.decode(samples)
            values = (pixels.reshape(-1, *pixels.shape[-3:])[0].clamp(0, 1) * 255).round().to(torch.uint8)
            pictures.append(Image.fromarray(values.cpu().numpy()))
    columns = math.ceil(math.sqrt(len(pictures)))
    width, height = pictures[0].size
    grid = Image.new("RGB", (columns * width, math.ceil(len(pictures) / columns) * height), "white")
    for number, picture in enumerate(pictures):
        grid.paste(picture, (number % columns * width, number // columns * height))
    return grid
