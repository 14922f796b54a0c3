"""Draws the thumbnails that ComfyUI's template browser shows: ``workflows/<name>.app.jpg`` beside each workflow.

    .venv/bin/python docs/images/thumbnails.py

They are signs, not results: what goes in, and what comes out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE = 480
_SCALE = 4  # drawn larger, for smooth edges

PAPER, LINEN, SAND, SAGE, DARK = "#f6f3ee", "#e4dccf", "#cbbba3", "#7d9a83", "#2f3d36"
CLAY, SKY, SUN, NIGHT, WHITE = "#c2693f", "#a9c4d4", "#eec56b", "#2c3550", "#ffffff"
Box = tuple[float, float, float, float]


class Sheet:
    """A square to draw on; places and lengths are in hundredths of its side."""

    def __init__(self, ground: str = PAPER) -> None:
        self.image = Image.new("RGB", (SIDE * _SCALE, SIDE * _SCALE), ground)
        self.draw = ImageDraw.Draw(self.image)
        self.unit = SIDE * _SCALE / 100

    def _at(self, box: Box) -> Box:
        return (box[0] * self.unit, box[1] * self.unit, box[2] * self.unit, box[3] * self.unit)

    def card(self, box: Box, fill: str, line: str = SAND) -> None:
        """A picture's frame."""
        self.draw.rounded_rectangle(self._at(box), 2.5 * self.unit, fill, line, int(0.5 * self.unit))

    def block(self, box: Box, fill: str, radius: float = 0) -> None:
        self.draw.rounded_rectangle(self._at(box), radius * self.unit, fill)

    def disc(self, x: float, y: float, radius: float, fill: str) -> None:
        self.draw.ellipse(self._at((x - radius, y - radius, x + radius, y + radius)), fill)

    def lines(self, x: float, y: float, widths: tuple[float, ...]) -> None:
        """Lines of text, as bars."""
        for row, width in enumerate(widths):
            self.block((x, y + row * 5, x + width, y + row * 5 + 2.2), SAND, 1.1)

    def arrow(self, x: float, y: float, length: float = 9) -> None:
        self.block((x, y - 0.7, x + length - 2, y + 0.7), DARK)
        tip = [(x + length - 3, y - 3), (x + length, y), (x + length - 3, y + 3)]
        self.draw.polygon([(a * self.unit, b * self.unit) for a, b in tip], DARK)

    def word(self, x: float, y: float, text: str, size: float, fill: str = DARK) -> None:
        font = ImageFont.load_default(size * self.unit)
        self.draw.text((x * self.unit, y * self.unit), text, fill, font, anchor="mm")

    def shadow(self, x: float, y: float, width: float) -> None:
        """A soft contact shadow under a product that stands at ``y``."""
        mask = Image.new("L", self.image.size)
        half, high = width * 0.62, width * 0.09
        ImageDraw.Draw(mask).ellipse(self._at((x - half, y - high, x + half, y + high)), 90)
        self.image.paste("#000000", mask=mask.filter(ImageFilter.GaussianBlur(width * 0.05 * self.unit)))

    def mug(self, x: float, y: float, size: float, fill: str | None = SAGE, line: str | None = None) -> None:
        """The product: a mug whose foot is at (x, y), ``size`` wide without its handle; only its edges without fill."""
        wide, high, thick = size / 2, size * 1.05, size * 0.1
        edge = line or DARK
        handle = self._at((x + wide - size * 0.12, y - high * 0.8, x + wide + size * 0.32, y - high * 0.25))
        body = self._at((x - wide, y - high, x + wide, y))
        if fill is None:
            width = int(0.7 * self.unit)
            self.draw.ellipse(handle, outline=edge, width=width)
            self.draw.rounded_rectangle(body, size * 0.16 * self.unit, PAPER, edge, width)
            top = self._at((x - wide, y - high - size * 0.08, x + wide, y - high + size * 0.14))
            self.draw.ellipse(top, PAPER, edge, width)
            return
        self.draw.ellipse(handle, outline=fill, width=int(thick * self.unit))
        self.draw.rounded_rectangle(body, size * 0.16 * self.unit, fill)
        top = self._at((x - wide, y - high - size * 0.08, x + wide, y - high + size * 0.14))
        self.draw.ellipse(top, _mixed(fill, "#ffffff", 0.25))
        inner = self._at((x - wide * 0.86, y - high - size * 0.05, x + wide * 0.86, y - high + size * 0.11))
        self.draw.ellipse(inner, _mixed(fill, "#000000", 0.35))
        gleam = self._at((x - wide * 0.72, y - high * 0.78, x - wide * 0.52, y - high * 0.22))
        self.draw.rounded_rectangle(gleam, size * 0.05 * self.unit, _mixed(fill, "#ffffff", 0.3))

    def room(self, box: Box, wall: str, table: str) -> None:
        """A wall and a table, in a picture's frame."""
        self.card(box, wall)
        self.block((box[0] + 0.5, box[1] + (box[3] - box[1]) * 0.68, box[2] - 0.5, box[3] - 0.5), table, 2)

    def stand(self, x: float, y: float, size: float, fill: str = SAGE) -> None:
        self.shadow(x, y, size)
        self.mug(x, y, size, fill)


def _mixed(first: str, second: str, share: float) -> str:
    pairs = zip(bytes.fromhex(first[1:]), bytes.fromhex(second[1:]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def product_shot(s: Sheet) -> None:
    s.card((6, 30, 38, 70), WHITE)
    s.lines(11, 38, (22, 18, 21, 12))
    s.arrow(41, 50)
    s.room((53, 20, 95, 80), LINEN, _mixed(LINEN, SAND, 0.5))
    s.stand(72, 69, 22)


def product_scene(s: Sheet) -> None:
    s.card((6, 32, 36, 68), "#d7d7d7")
    s.mug(20, 61, 15)
    s.arrow(40, 50)
    s.room((53, 20, 95, 80), SKY, "#a87f56")
    s.disc(87, 28, 4, SUN)
    s.block((56, 30, 60, 61), "#5d7d4b", 2)
    s.block((55, 53, 61, 61), CLAY, 1)
    s.stand(74, 70, 20)


def white_background(s: Sheet) -> None:
    s.room((6, 32, 36, 68), SKY, "#a87f56")
    s.block((9, 46, 13, 57), CLAY, 1)
    s.stand(21, 63, 14)
    s.arrow(40, 50)
    s.card((53, 20, 95, 80), WHITE)
    s.mug(72, 68, 23)


def reference_edit(s: Sheet) -> None:
    s.card((6, 18, 36, 48), LINEN)
    s.mug(20, 42, 14)
    s.card((6, 54, 36, 84), WHITE)
    for row in range(3):
        for column in range(3):
            s.disc(12.5 + column * 8.5, 60.5 + row * 8.5, 2.6, CLAY if (row + column) % 2 else SUN)
    s.arrow(41, 51)
    s.room((53, 20, 95, 82), LINEN, _mixed(LINEN, SAND, 0.5))
    s.stand(72, 71, 24)
    for x, y, fill in ((64, 55, CLAY), (71, 60, SUN), (78, 55, CLAY), (64, 65, SUN), (78, 65, SUN), (71, 67.5, CLAY)):
        s.disc(x, y, 2.1, fill)


def guided_restyle(s: Sheet) -> None:
    s.card((6, 30, 38, 70), PAPER)
    s.mug(20, 63, 18, fill=None)
    s.arrow(42, 50)
    s.room((54, 20, 95, 80), NIGHT, "#161b2b")
    s.disc(63, 30, 3.4, SUN)
    s.stand(73, 70, 23, "#d9566b")


def style_reference(s: Sheet) -> None:
    s.card((6, 30, 38, 70), SUN)
    s.block((6.5, 52, 37.5, 69.5), CLAY, 2)
    s.disc(29, 42, 5, "#8f2f3b")
    s.arrow(42, 50)
    s.room((54, 20, 95, 80), SUN, CLAY)
    s.stand(73, 69, 22, "#8f2f3b")


def explore_then_final(s: Sheet) -> None:
    looks = ((LINEN, SAGE), (SKY, "#4f6f9a"), (SUN, CLAY), (NIGHT, "#d9566b"))
    for number, (wall, fill) in enumerate(looks):
        x, y = 6 + number % 2 * 17, 33 + number // 2 * 18
        s.card((x, y, x + 15, y + 16), wall)
        s.mug(x + 6.6, y + 13, 7, fill)
    s.draw.rounded_rectangle(s._at((22, 32, 39, 50)), 2.5 * s.unit, outline=CLAY, width=int(1.1 * s.unit))
    s.arrow(42, 50)
    s.room((54, 20, 95, 80), SKY, _mixed(SKY, DARK, 0.25))
    s.stand(73, 70, 24, "#4f6f9a")


def upscale(s: Sheet) -> None:
    small = Sheet(LINEN)
    small.stand(46, 84, 50)
    blocks = small.image.resize((14, 14), Image.Resampling.BOX)
    side = int(26 * s.unit)
    s.image.paste(blocks.resize((side, side), Image.Resampling.NEAREST), (int(7 * s.unit), int(37 * s.unit)))
    s.arrow(37, 50)
    s.card((49, 26, 97, 74), LINEN)
    s.stand(71, 68, 26)


def text_on_product(s: Sheet) -> None:
    s.card((6, 32, 36, 68), LINEN)
    s.mug(20, 61, 14)
    s.word(45, 36, "Aa", 9)
    s.arrow(40, 50)
    s.card((53, 20, 95, 80), LINEN)
    s.stand(72, 60, 20)
    s.block((57, 65, 91, 75.5), NIGHT, 1.5)
    s.word(74, 70.2, "Spring sale", 5.6, WHITE)


def product_video(s: Sheet) -> None:
    s.block((4, 28, 96, 72), NIGHT, 2)
    for hole in range(12):
        for y in (31, 66.4):
            s.block((6.5 + hole * 7.6, y, 10 + hole * 7.6, y + 2.6), PAPER, 0.8)
    for number, (x, size) in enumerate(((20, 11), (50, 14), (80, 17))):
        s.card((x - 13, 36.5, x + 13, 63.5), _mixed(LINEN, SUN, 0.15 * number))
        s.stand(x - 1, 60, size)
    s.disc(50, 50, 8, "#ffffff")
    s.draw.polygon([(a * s.unit, b * s.unit) for a, b in ((47.5, 45.5), (54.5, 50), (47.5, 54.5))], NIGHT)


DRAWINGS: tuple[Callable[[Sheet], None], ...] = (
    product_shot, product_scene, white_background, reference_edit, guided_restyle, style_reference,
    explore_then_final, upscale, text_on_product, product_video,
)  # fmt: skip


def main() -> None:
    folder = Path(__file__).parents[2] / "workflows"
    for draw in DRAWINGS:
        sheet = Sheet()
        draw(sheet)
        picture = sheet.image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        picture.save(folder / f"{draw.__name__.replace('_', '-')}.app.jpg", quality=88)


if __name__ == "__main__":
    main()
