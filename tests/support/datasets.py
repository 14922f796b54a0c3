"""Training pictures that differ from each other, as an artist's folder has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

TRIGGER = "kilnharbor"


def drawn(number: int, side: int = 160) -> Image.Image:
    """A picture that differs from every other one in outline, colour and background."""
    random = np.random.default_rng(number)
    image = Image.new("RGB", (side, side), tuple(int(value) for value in random.integers(90, 250, 3)))
    pen = ImageDraw.Draw(image)
    for _ in range(5):
        left, top = (int(value) for value in random.integers(5, side - 60, 2))
        width, height = (int(value) for value in random.integers(20, 55, 2))
        colour = tuple(int(value) for value in random.integers(0, 255, 3))
        (pen.ellipse if random.random() < 0.5 else pen.rectangle)((left, top, left + width, top + height), fill=colour)
    return image


def draw_set(folder: Path, count: int = 12) -> None:
    """Pictures ``p00.png`` and so on, each with a caption ``p00.txt``; there is no table."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        drawn(number).save(folder / f"p{number:02}.png")
        (folder / f"p{number:02}.txt").write_text(f"{TRIGGER} thing number {number}", encoding="utf-8")
