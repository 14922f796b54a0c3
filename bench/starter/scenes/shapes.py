"""The silhouettes of the products that the starter model draws, as parts in a unit square.

Coordinates are those of a picture's frame: x from -1 (left) to 1 (right), y from -1 (top) to 1 (bottom); a product
stands on the line y = 0.62. A part's tone moves the product's colour towards white (above 0) or black (below 0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["polygon", "ellipse", "box", "line", "arc"]
FLOOR = 0.62


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a product.

    ``points``: corners of a polygon or a line; two opposite corners of an ellipse, a box or an arc's ellipse.
    ``width``: of a line or an arc, or the radius of a box's corners. ``hole``: cuts away what lies below it.
    ``angles``: where an arc starts and ends, in degrees clockwise from three o'clock.
    """

    kind: Kind
    points: tuple[tuple[float, float], ...]
    tone: float = 0.0
    width: float = 0.0
    hole: bool = False
    angles: tuple[float, float] = (0.0, 360.0)


def _poly(*points: tuple[float, float], tone: float = 0.0, hole: bool = False) -> Part:
    return Part("polygon", points, tone, hole=hole)


def _oval(x0: float, y0: float, x1: float, y1: float, tone: float = 0.0, hole: bool = False) -> Part:
    return Part("ellipse", ((x0, y0), (x1, y1)), tone, hole=hole)


def _box(x0: float, y0: float, x1: float, y1: float, radius: float = 0.0, tone: float = 0.0) -> Part:
    return Part("box", ((x0, y0), (x1, y1)), tone, radius)


def _line(width: float, *points: tuple[float, float], tone: float = 0.0) -> Part:
    return Part("line", points, tone, width)


def _arc(x0: float, y0: float, x1: float, y1: float, start: float, end: float, width: float, tone: float = 0.0) -> Part:
    return Part("arc", ((x0, y0), (x1, y1)), tone, width, angles=(start, end))


def _mug(a: float) -> list[Part]:
    top = -0.28 - 0.06 * a
    return [
        _arc(0.1, -0.14, 0.72, 0.46, 270, 90, 0.11, -0.12),
        _box(-0.48, top, 0.36, FLOOR, 0.1),
        _oval(-0.48, top - 0.1, 0.36, top + 0.1, -0.3),
    ]


def _bottle(a: float) -> list[Part]:
    side = 0.22 + 0.03 * a
    return [
        _poly((-side, -0.2), (-0.08, -0.44), (0.08, -0.44), (side, -0.2)),
        _box(-side, -0.24, side, FLOOR, 0.06),
        _box(-0.08, -0.76, 0.08, -0.38),
        _box(-0.1, -0.82, 0.1, -0.7, 0.02, -0.3),
        _box(-side, 0.0, side, 0.34, 0.0, 0.22),
    ]


def _shoe(a: float) -> list[Part]:
    toe = 0.82 + 0.03 * a
    return [
        _poly(
            (-0.74, -0.08), (-0.42, -0.14), (-0.22, -0.04), (0.02, 0.16), (0.4, 0.26), (toe - 0.08, 0.34),
            (toe, 0.5), (toe - 0.04, 0.54), (-0.78, 0.54), (-0.8, 0.3),
        ),
        _box(-0.8, 0.48, toe, FLOOR, 0.05, 0.4),
        _line(0.035, (-0.18, 0.1), (-0.04, 0.0), tone=0.5),
        _line(0.035, (-0.06, 0.2), (0.08, 0.1), tone=0.5),
        _line(0.035, (0.08, 0.28), (0.2, 0.17), tone=0.5),
    ]  # fmt: skip


def _bag(a: float) -> list[Part]:
    top = -0.18 + 0.04 * a
    return [
        _arc(-0.3, top - 0.52, 0.3, top + 0.4, 180, 360, 0.07, -0.25),
        _poly((-0.5, top), (0.5, top), (0.62, FLOOR), (-0.62, FLOOR)),
        _poly((-0.5, top), (0.5, top), (0.52, top + 0.1), (-0.52, top + 0.1), tone=-0.2),
    ]


def _lamp(a: float) -> list[Part]:
    low = -0.04 + 0.04 * a
    return [
        _box(-0.045, low - 0.05, 0.045, 0.56, 0.0, -0.25),
        _oval(-0.28, 0.48, 0.28, FLOOR + 0.02, -0.25),
        _poly((-0.24, -0.76), (0.24, -0.76), (0.5, low), (-0.5, low)),
        _oval(-0.5, low - 0.06, 0.5, low + 0.06, 0.25),
    ]


def _chair(a: float) -> list[Part]:
    back = -0.76 + 0.05 * a
    return [
        _line(0.09, (-0.34, 0.14), (-0.42, FLOOR - 0.04), tone=-0.2),
        _line(0.09, (0.36, 0.14), (0.44, FLOOR - 0.04), tone=-0.2),
        _line(0.08, (-0.14, 0.14), (-0.18, 0.5), tone=-0.35),
        _line(0.08, (0.2, 0.14), (0.24, 0.5), tone=-0.35),
        _box(-0.4, back, -0.28, 0.16, 0.03),
        _box(-0.38, back, 0.3, back + 0.34, 0.08),
        _box(0.2, back, 0.32, 0.12, 0.03),
        _poly((-0.4, 0.04), (0.3, 0.04), (0.44, 0.18), (-0.44, 0.18), tone=0.15),
    ]


def _ring(a: float) -> list[Part]:
    gem = 0.2 + 0.02 * a
    return [
        _oval(-0.46, -0.3, 0.46, FLOOR),
        _oval(-0.33, -0.17, 0.33, 0.49, hole=True),
        _poly((-gem, -0.52), (gem, -0.52), (gem + 0.1, -0.4), (0.0, -0.18), (-gem - 0.1, -0.4), tone=0.35),
    ]


def _shirt(a: float) -> list[Part]:
    hem = 0.58 + 0.03 * a
    return [
        _poly(
            (-0.2, -0.62), (0.2, -0.62), (0.4, -0.54), (0.82, -0.14), (0.6, 0.06), (0.4, -0.12), (0.4, hem),
            (-0.4, hem), (-0.4, -0.12), (-0.6, 0.06), (-0.82, -0.14), (-0.4, -0.54),
        ),
        _oval(-0.17, -0.72, 0.17, -0.48, hole=True),
        _line(0.03, (-0.4, -0.12), (-0.4, -0.3), tone=-0.3),
        _line(0.03, (0.4, -0.12), (0.4, -0.3), tone=-0.3),
    ]  # fmt: skip


def _hat(a: float) -> list[Part]:
    top = -0.28 - 0.06 * a
    return [
        _oval(-0.84, 0.2, 0.84, FLOOR),
        _box(-0.44, top, 0.44, 0.44, 0.2),
        _box(-0.45, 0.2, 0.45, 0.36, 0.03, -0.4),
    ]


def _teapot(a: float) -> list[Part]:
    body = 0.5 + 0.03 * a
    return [
        _poly((body - 0.14, 0.3), (0.86, -0.22), (0.74, -0.28), (body - 0.16, 0.02), tone=-0.1),
        _arc(-0.86, -0.2, -0.26, 0.44, 90, 270, 0.09, -0.2),
        _oval(-body, -0.32, body, FLOOR + 0.02),
        _oval(-0.26, -0.4, 0.26, -0.22, -0.25),
        _oval(-0.09, -0.54, 0.09, -0.36, -0.1),
    ]


def _glasses(a: float) -> list[Part]:
    lens = 0.34 + 0.02 * a
    left = [_oval(-0.42 - lens, -0.12, -0.42 + lens, 0.46), _oval(-0.34 - lens, -0.04, -0.5 + lens, 0.38, hole=True)]
    right = [_oval(0.42 - lens, -0.12, 0.42 + lens, 0.46), _oval(0.5 - lens, -0.04, 0.34 + lens, 0.38, hole=True)]
    return [
        *left,
        *right,
        _line(0.09, (-0.12, 0.12), (0.0, 0.06), (0.12, 0.12)),
        _line(0.08, (-0.74, 0.06), (-0.86, -0.1)),
        _line(0.08, (0.74, 0.06), (0.86, -0.1)),
    ]


def _watch(a: float) -> list[Part]:
    face = 0.34 + 0.02 * a
    return [
        _poly((-0.2, -0.84), (0.2, -0.84), (0.22, -0.1), (-0.22, -0.1), tone=-0.15),
        _poly((-0.22, 0.1), (0.22, 0.1), (0.2, 0.72), (-0.2, 0.72), tone=-0.15),
        _oval(-face, -0.1 - face, face, -0.1 + face + 0.04),
        _oval(-face + 0.1, -face, face - 0.1, face - 0.16, 0.6),
        _line(0.04, (0.0, -0.08), (0.0, -0.24), tone=-0.6),
        _line(0.04, (0.0, -0.08), (0.12, -0.02), tone=-0.6),
    ]


def _sofa(a: float) -> list[Part]:
    back = -0.24 - 0.05 * a
    return [
        _box(-0.66, back, 0.66, 0.36, 0.12, -0.1),
        _box(-0.68, 0.14, 0.68, 0.52, 0.04, 0.1),
        _box(-0.9, 0.0, -0.62, 0.54, 0.1),
        _box(0.62, 0.0, 0.9, 0.54, 0.1),
        _line(0.025, (0.0, back + 0.06), (0.0, 0.48), tone=-0.35),
        _box(-0.8, 0.52, -0.72, FLOOR, 0.0, -0.5),
        _box(0.72, 0.52, 0.8, FLOOR, 0.0, -0.5),
    ]


def _table(a: float) -> list[Part]:
    top = -0.02 + 0.04 * a
    return [
        _line(0.1, (-0.68, top), (-0.74, FLOOR - 0.05), tone=-0.2),
        _line(0.1, (0.68, top), (0.74, FLOOR - 0.05), tone=-0.2),
        _poly((-0.72, top - 0.16), (0.72, top - 0.16), (0.9, top), (-0.9, top), tone=0.15),
        _box(-0.9, top - 0.01, 0.9, top + 0.1),
    ]


def _umbrella(a: float) -> list[Part]:
    low = -0.06 + 0.04 * a
    return [
        _line(0.05, (0.0, -0.8), (0.0, 0.56), tone=-0.4),
        _arc(-0.22, 0.38, 0.03, 0.68, 0, 180, 0.05, -0.4),
        Part("arc", ((-0.84, low - 0.64), (0.84, low + 0.64)), 0.0, 0.65, angles=(180.0, 360.0)),
        _poly((-0.28, low), (0.0, low - 0.62), (0.28, low), tone=0.15),
    ]


def _candle(a: float) -> list[Part]:
    top = -0.2 - 0.05 * a
    return [
        _line(0.035, (0.0, top), (0.0, top - 0.2), tone=-0.6),
        _poly((0.0, top - 0.42), (0.09, top - 0.2), (0.0, top - 0.12), (-0.09, top - 0.2), tone=0.5),
        _box(-0.24, top, 0.24, FLOOR - 0.05, 0.03),
        _oval(-0.24, top - 0.06, 0.24, top + 0.06, 0.25),
        _oval(-0.4, FLOOR - 0.14, 0.4, FLOOR + 0.02, -0.25),
    ]


def _bowl(a: float) -> list[Part]:
    low = 0.56 + 0.02 * a
    return [
        Part("arc", ((-0.74, -0.62), (0.74, low)), 0.0, 0.62, angles=(0.0, 180.0)),
        _box(-0.24, low - 0.08, 0.24, FLOOR, 0.02, -0.2),
        _oval(-0.74, -0.14, 0.74, 0.1, -0.3),
    ]


def _trousers(a: float) -> list[Part]:
    flare = 0.02 * a
    return [
        _poly(
            (-0.34, -0.8), (0.34, -0.8), (0.46 + flare, 0.74), (0.12, 0.74), (0.0, -0.24),
            (-0.12, 0.74), (-0.46 - flare, 0.74),
        ),
        _box(-0.35, -0.82, 0.35, -0.68, 0.02, -0.25),
        _line(0.025, (0.0, -0.68), (0.0, -0.3), tone=-0.3),
    ]  # fmt: skip


def _dress(a: float) -> list[Part]:
    hem = 0.56 + 0.03 * a
    return [
        _poly((-0.24, -0.5), (0.24, -0.5), (0.17, -0.08), (hem, 0.7), (-hem, 0.7), (-0.17, -0.08)),
        _line(0.06, (-0.19, -0.48), (-0.14, -0.8)),
        _line(0.06, (0.19, -0.48), (0.14, -0.8)),
        _box(-0.19, -0.14, 0.19, -0.04, 0.0, -0.35),
    ]


def _sock(a: float) -> list[Part]:
    top = -0.76 + 0.04 * a
    return [
        _poly((-0.34, top), (0.06, top), (0.08, 0.12), (-0.34, 0.2)),
        _poly((-0.34, 0.06), (0.08, 0.06), (0.56, 0.28), (0.56, 0.54), (-0.2, 0.56), (-0.34, 0.4)),
        _oval(0.34, 0.24, 0.72, 0.58, -0.2),
        _box(-0.37, top - 0.02, 0.09, top + 0.18, 0.04, -0.25),
    ]


def _headphones(a: float) -> list[Part]:
    side = 0.58 + 0.03 * a
    return [
        _arc(-side, -0.72, side, 0.72, 180, 360, 0.11),
        _box(-side - 0.12, -0.06, -side + 0.22, 0.54, 0.14, -0.15),
        _box(side - 0.22, -0.06, side + 0.12, 0.54, 0.14, -0.15),
        _box(-side + 0.14, -0.02, -side + 0.24, 0.5, 0.05, -0.5),
        _box(side - 0.24, -0.02, side - 0.14, 0.5, 0.05, -0.5),
    ]


def _vase(a: float) -> list[Part]:
    belly = 0.42 + 0.03 * a
    return [
        _oval(-belly, -0.22, belly, 0.58),
        _poly((-0.24, 0.4), (0.24, 0.4), (0.2, FLOOR), (-0.2, FLOOR)),
        _poly((-0.26, -0.72), (0.26, -0.72), (0.13, -0.42), (0.2, -0.1), (-0.2, -0.1), (-0.13, -0.42)),
        _oval(-0.26, -0.78, 0.26, -0.66, -0.35),
    ]


def _blanket(a: float) -> list[Part]:
    top = 0.02 + 0.03 * a
    step = (FLOOR - top) / 3
    layers = [_box(-0.72, top + i * step, 0.72, top + (i + 1) * step + 0.02, 0.11, 0.08 - 0.1 * i) for i in (2, 1, 0)]
    return [*layers, *[_line(0.02, (-0.62, top + i * step), (0.7, top + i * step), tone=-0.4) for i in (1, 2)]]


def _board(a: float) -> list[Part]:
    top = -0.4 + 0.03 * a
    return [
        _box(-0.1, -0.84, 0.1, top + 0.1, 0.07),
        _box(-0.4, top, 0.4, FLOOR + 0.04, 0.1),
        _oval(-0.045, -0.77, 0.045, -0.68, hole=True),
        _line(0.02, (-0.2, top + 0.1), (-0.2, 0.56), tone=-0.2),
        _line(0.02, (0.16, top + 0.1), (0.16, 0.56), tone=-0.2),
    ]


def _notebook(a: float) -> list[Part]:
    low = 0.6 + 0.02 * a
    return [
        _poly((-0.46, -0.66), (0.56, -0.56), (0.56, low + 0.04), (-0.46, low - 0.02), tone=0.55),
        _poly((-0.56, -0.7), (0.46, -0.6), (0.46, low), (-0.56, low - 0.04)),
        _poly((-0.56, -0.7), (-0.42, -0.685), (-0.42, low - 0.03), (-0.56, low - 0.04), tone=-0.3),
        _poly((-0.28, -0.42), (0.28, -0.37), (0.28, -0.14), (-0.28, -0.19), tone=0.45),
    ]


SHAPES: dict[str, Callable[[float], list[Part]]] = {
    "mug": _mug, "bottle": _bottle, "shoe": _shoe, "bag": _bag, "lamp": _lamp, "chair": _chair, "ring": _ring,
    "shirt": _shirt, "hat": _hat, "teapot": _teapot, "glasses": _glasses, "watch": _watch, "sofa": _sofa,
    "table": _table, "umbrella": _umbrella, "candle": _candle, "bowl": _bowl, "trousers": _trousers, "dress": _dress,
    "sock": _sock, "headphones": _headphones, "vase": _vase, "blanket": _blanket, "board": _board,
    "notebook": _notebook,
}  # fmt: skip
"""By type of product: its parts, given one number from -1 to 1 that varies its proportions."""
