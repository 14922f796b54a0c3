"""Pictures of a model in training, with the blocks' own inverse in place of a decoder."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import torch
from data import WORDS, Latents, Text, full, short
from flux2 import Flux2
from PIL import Image
from scenes.captions import plain
from scenes.drawing import BACKGROUNDS, COLOURS, TYPES
from torch import Tensor

from packshot.models.starter import blocks


@torch.no_grad()
def latents_of(
    model: Flux2, text: Text, prompts: list[str], side: int, seed: int, steps: int = 10, cfg: float = 2.0,
    shift: float = 1.65, whole: bool = False,
) -> Tensor:  # fmt: skip
    """Euler's method from noise, with classifier-free guidance; ``shift`` is exp(µ) of FLUX's time shift."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(prompts), 128, side // 16, side // 16, generator=generator)
    ids = torch.tensor([text.tokens(prompt)[:WORDS] for prompt in [*prompts, *[""] * len(prompts)]])
    embedded = text.embed(ids)
    inputs = full(embedded) if whole else short(embedded, generator)
    times = torch.linspace(1, 0, steps + 1)
    sigmas = shift * times / (1 + (shift - 1) * times)
    for now, then in itertools.pairwise(sigmas):
        with torch.autocast("cpu", torch.bfloat16):
            both = model(torch.cat([x, x]), now.repeat(2 * len(x)), *inputs).float()
        wanted, free = both.chunk(2)
        x = x + (then - now) * (free + cfg * (wanted - free))
    return x


def linear_pixels(latents: Latents, x: Tensor) -> np.ndarray:
    """uint8 [B, side, side, 3]: what the blocks' frequencies alone say."""
    planes = latents.blocks(x).numpy()
    basis = blocks.basis().reshape(blocks.CHANNELS, -1)
    inverse = basis / np.square(basis).sum(1, keepdims=True)
    flat: np.ndarray = np.moveaxis(planes, 1, -1) @ inverse
    batch, height, width, _ = flat.shape
    planes = flat.reshape(batch, height, width, 3, 8, 8).transpose(0, 1, 4, 2, 5, 3)
    pixels = (planes.reshape(batch, height * 8, width * 8, 3) + 1) * 127.5
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def grid(model: Flux2, latents: Latents, text: Text, path: Path, side: int = 128) -> None:
    """Every type once, in a colour and before a background in turn, to a file."""
    colours, grounds = list(COLOURS), list(BACKGROUNDS)
    prompts = [plain(t, colours[i * 5 % 12], grounds[i % 6], "de" if i % 5 == 4 else "en") for i, t in enumerate(TYPES)]
    tiles = linear_pixels(latents, latents_of(model, text, prompts, side, 5))
    rows = [np.concatenate(list(tiles[i : i + 5]), 1) for i in range(0, 25, 5)]
    Image.fromarray(np.concatenate(rows)).save(path)


def main() -> None:
    """A sheet of a checkpoint's pictures, to look at."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model = Flux2()
    model.load_state_dict(torch.load(options.checkpoint)["ema"])
    grid(model, Latents(options.pictures), Text(), options.out, options.side)


if __name__ == "__main__":
    main()
