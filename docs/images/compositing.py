"""Makes the pictures of ``docs/compositing.md``, with the code that the page is about and the tests' drawn products.

python docs/images/compositing.py MODELS_FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from packshot.colours import read_colour
from packshot.compose import matting
from packshot.compose.logo import LogoRule, place_logo
from packshot.compose.pixels import Pixels, Rect, colour, plain
from packshot.compose.product import Edge, Placement, Shadow, compose
from packshot.compose.typesetting import fonts
from packshot.compose.typesetting.text import TextStyle, paint, set_text

HERE = Path(__file__).parent
sys.path.append(str(HERE.parents[1] / "tests"))
from support.products import photograph  # noqa: E402

OAT, INK = colour("#EFE6D6", "here"), read_colour("#1A2B3C")


def save(name: str, picture: Pixels, width: int) -> None:
    """As PNG of a size that a page loads at once."""
    image = Image.fromarray(np.round(picture * 255).astype(np.uint8))
    image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    image.quantize(128).save(HERE / name, optimize=True)


def grey(mask: Pixels) -> Pixels:
    """A mask as a picture."""
    return np.repeat(mask[..., None], 3, axis=2).astype(np.float32)


def steps(weights: Path) -> None:
    """Photograph, mask, composite, and where it is the product's pixels bit for bit."""
    rows = []
    for name in ("teapot", "shoe", "lamp"):
        picture, _ = photograph(name)
        mask = matting.matte(picture, weights)
        made = compose(picture, mask, plain(OAT, 512, 512), Placement(y=0.85), Edge(), Shadow())
        rows.append(np.hstack([picture, grey(mask), made.picture, grey(made.inside)]))
    save("compositing-steps.png", np.vstack(rows), 1000)


def spill() -> None:
    """The edge of a product from a light background on a dark one, five times enlarged, without and with removal."""
    picture, mask = photograph("mug")
    ground = plain(INK, 512, 512)
    edges = [
        compose(picture, mask, ground, None, Edge(remove_spill=removed), Shadow(0.0)).picture[140:250, 120:260]
        for removed in (False, True)
    ]
    gap = np.ones((110, 4, 3), np.float32)
    save("compositing-spill.png", np.kron(np.hstack([edges[0], gap, edges[1]]), np.ones((5, 5, 1), np.float32)), 852)


def overlays() -> None:
    """A logo and text in three scripts on a composite."""
    picture, mask = photograph("teapot")
    ground = plain(OAT, 1000, 560)
    made = compose(picture, mask, ground, Placement(0.6, 0.95, 0.8), Edge(), Shadow())
    rows, columns = np.mgrid[:120, :120]
    distance = np.hypot(rows - 60, columns - 60)
    sign = (np.clip(58 - distance, 0, 1) * np.clip(np.abs(distance - 36) - 5, 0, 1)).astype(np.float32)
    red = plain(colour("#C8102E", "here"), 120, 120)
    result = place_logo(made.picture, red, sign, LogoRule(0.08, "top left")).picture
    faces = fonts.find_fonts(fonts.system_folders())
    lines = ("Stoneware, fired twice 🔥", "أوانٍ فخارية مصنوعة يدويًا", "手工陶瓷，每一件都独一无二。")
    for number, words in enumerate(lines):
        box = Rect(40, 150 + 130 * number, 440, 110)
        done = set_text(words, faces, fonts.AUTO, box.width, box.height, TextStyle(40, colour=INK))
        result, _ = paint(result, done, box)
    save("compositing-overlays.png", result, 900)


if __name__ == "__main__":
    steps(matting.check([Path(sys.argv[1]) / "background_removal"], sys.executable))
    spill()
    overlays()
