"""Draw the pictures that an example brand's LoRA is trained on: products in the brand's colours before its background.

    .venv/bin/python bench/starter/brand_pictures.py examples/brands/aldern-quay --trigger aldernquay --out photos

Captions are what :func:`packshot.brand.prompt.compose` makes of a product and the plain word for its colour, as in a
catalogue run; the picture has the palette's colour that is nearest to that word's. The brand's surfaces are matte: most
of the light's play on the product is taken away.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _options import add_smoke
from scenes.captions import product
from scenes.drawing import COLOURS, TYPES, Scene, draw

from packshot.brand import BrandKit
from packshot.brand.prompt import compose
from packshot.quality.colour import delta_e_2000, hex_to_lab

_MATTE = 0.8  # share of each product pixel that is the palette's colour as it is
_HELD = "umbrella"  # the type that is held back: no other outline is near it


def nearest(colour: str, palette: list[str]) -> str:
    """The colour of a palette that is nearest, in CIEDE2000, to one of the starter's colours."""
    distances = [float(delta_e_2000(hex_to_lab(COLOURS[colour])[None], hex_to_lab(code)[None])[0]) for code in palette]
    return palette[int(np.argmin(distances))]


def matte(scene: Scene, side: int) -> NDArray[np.uint8]:
    """A scene in the brand's light, uint8 [side, side, 3]; its colour is a code like ``#3F5E57``."""
    drawn = draw(scene, side)
    flat: NDArray[np.float32] = np.frombuffer(bytes.fromhex(scene.colour[1:]), np.uint8).astype(np.float32)
    share = _MATTE * drawn.mask[..., None]
    pixels: NDArray[np.float32] = np.rint(drawn.pixels * (1 - share) + flat * share)
    return pixels.astype(np.uint8)


def main() -> None:
    """Six pictures of each type, with a table that says what they show and by which right they are used."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("brand", type=Path)
    parser.add_argument("--trigger", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--side", type=int, default=128)
    add_smoke(parser)
    options = parser.parse_args()
    kit = BrandKit.load(options.brand)
    background = next(colour.hex for colour in kit.palette if colour.role == "background")
    palette = [colour.hex for colour in kit.palette if colour.hex != background]
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "text", "product", "split", "rights", "people"])
        for i, name in enumerate(list(TYPES)[: 1 if options.smoke else None]):
            for j, colour in enumerate(COLOURS):
                if (i + j) % 2:
                    continue
                scene = Scene.random(i * len(COLOURS) + j, name, nearest(colour, palette), background)
                picture = f"{name}-{colour}.png"
                Image.fromarray(matte(scene, options.side)).save(options.out / picture)
                words = product(name, colour, "de" if j % 5 == 4 else "en")
                text = compose(kit, words, triggers=[options.trigger]).positive
                table.writerow([picture, text, name, "validation" if name == _HELD else "train", "own", "no"])
    print(f"{len(list(options.out.glob('*.png')))} pictures are in {options.out}")


if __name__ == "__main__":
    main()
