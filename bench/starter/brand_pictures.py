"""Draw the pictures that an example brand's LoRA is trained on: products in the brand's colours before its background.

    .venv/bin/python bench/starter/brand_pictures.py examples/brands/aldern-quay --trigger aldernquay --out photos

Captions are what :func:`packshot.brand.prompt.compose` makes of a product's name and colour, as in a catalogue run.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from PIL import Image

from packshot.brand import BrandKit
from packshot.brand.prompt import compose
from packshot.models.starter_pictures import TYPES, Scene, draw

_HELD = 4  # of every eight types the one that is held back


def main() -> None:
    """Two pictures of each type, with a table that says what they show and by which right they are used."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("brand", type=Path)
    parser.add_argument("--trigger", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--side", type=int, default=128)
    options = parser.parse_args()
    kit = BrandKit.load(options.brand)
    background = next(colour for colour in kit.palette if colour.role == "background")
    colours = [colour for colour in kit.palette if colour is not background]
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "text", "product", "split", "rights", "people"])
        for number in range(2 * len(TYPES)):
            name, colour = TYPES[number // 2], colours[(number + number // 2) % len(colours)]
            scene = Scene.random(number, name, colour.hex, background.hex)
            Image.fromarray(draw(scene, options.side).pixels).save(options.out / f"{number:02d}-{name}.png")
            text = compose(kit, f"{name}, {colour.name}", triggers=[options.trigger]).positive
            part = "validation" if number // 2 % 8 == _HELD else "train"
            table.writerow([f"{number:02d}-{name}.png", text, name, part, "own", "no"])


if __name__ == "__main__":
    main()
