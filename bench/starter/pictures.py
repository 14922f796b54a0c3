"""Draw the starter's training pictures: latents at 128 and 256 pixels, a part as pixels, and what each shows."""

from __future__ import annotations

import argparse
import random
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from scenes.drawing import BACKGROUNDS, COLOURS, TYPES, Scene, draw

from packshot.models.starter import blocks

# Pairs of type and colour that no training picture shows: every type lacks one colour.
HELD_OUT = {(name, tuple(COLOURS)[(5 * i + 3) % 12]) for i, name in enumerate(TYPES)}
PIXELS = 3000  # pictures kept as pixels too, for the decoder


def scene(number: int) -> Scene:
    """The training scene of a number: every 1,650 numbers show every pair and background once, in random order."""
    every = [(t, c, b) for t in TYPES for c in COLOURS for b in BACKGROUNDS if (t, c) not in HELD_OUT]
    round_, at = divmod(number, len(every))
    random.Random(round_).shuffle(every)
    return Scene.random(number, *every[at])


def _one(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, str, str]]:
    shown = scene(number)
    large = draw(shown, 256).pixels
    small = np.rint(large.reshape(128, 2, 128, 2, 3).mean((1, 3))).astype(np.uint8)
    latents = [blocks.encode(picture).astype(np.float16) for picture in (small, large)]
    return latents[0], latents[1], small, (shown.type, shown.colour, shown.background)


def main() -> None:
    """Draw ``--count`` pictures into ``--out``, in files of a thousand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=9000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with Pool(options.processes) as pool:
        for start in range(0, options.count, 1000):
            made = pool.map(_one, range(start, min(start + 1000, options.count)), chunksize=20)
            path = options.out / f"{start:06d}.npz"
            small, large, pixels, labels = zip(*made, strict=True)
            np.savez(
                path.with_suffix(".part.npz"), labels=np.array(labels), small=np.stack(small), large=np.stack(large),
                pixels=np.stack(pixels if start < PIXELS else pixels[:1]),
            )  # fmt: skip
            path.with_suffix(".part.npz").rename(path)
            print(path, flush=True)


if __name__ == "__main__":
    main()
