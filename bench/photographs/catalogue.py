"""Which photographs there are: the product, how it stands, is lit and taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from . import aldern_quay as quay
from . import materials
from .shapes import Object
from .studio import Ground, Light, View, seamless, table

OAK_TABLE = table(
    lambda: materials.wood("#CBA67A", "#A07B52", materials.ALONG_X, rings=0.0045, roughness=0.5, figure=0.6),
    "#D9D2C6",
    planks=6,
)
WALNUT_TABLE = table(
    lambda: materials.wood("#7A5238", "#38231A", materials.ALONG_X, rings=0.005, oil=0.15, figure=0.7),
    "#C9C2B4",
    planks=5,
)
SLATE = table(lambda: materials.clay("#6E7376", rings=0), "#C8CBCB")
WINDOW = Light()  # large, from the left, with a gentle shadow to the right
EVENING = Light(key=4.2, fill=0.7, top=1.6, world=0.2, wall=1.6)  # dim, so that a lit lamp shows


@dataclass(frozen=True, slots=True)
class Setting:
    """A product before its ground.

    Attributes:
        title: what the photograph shows.
        product: makes its parts.
        view: how it is taken.
        ground: makes what it stands on.
        light: the studio's.
        push: stops by which it is developed brighter.
        phone: whether the file is written as phones write it.
    """

    title: str
    product: Callable[[], list[Object]]
    view: View
    ground: Ground = field(default_factory=seamless)
    light: Light = WINDOW
    push: float = 0.0
    phone: bool = False


#: By the handle that the product has in the catalogue ``aldern-quay``.
PHOTOGRAPHS: dict[str, Setting] = {
    "harbour-mug": Setting("Harbour Mug, oat", quay.mug, View(1600, 1280, around=-8, above=14)),
    "lantern-table-lamp": Setting(
        "Lantern Table Lamp, oak", quay.lamp, View(1280, 1600, above=4, lens=70), OAK_TABLE, EVENING, push=0.3
    ),
    "ferry-tote": Setting("Ferry Tote, kelp", quay.tote, View(1280, 1600, around=24, above=8)),
    "slipway-chair": Setting("Slipway Chair, natural ash", quay.chair, View(1280, 1600, around=-32, above=14, lens=70)),
    "bluetenvase": Setting(
        "Blütenvase", quay.vase, View(1200, 1600, above=38, lens=38, stop=22), OAK_TABLE, push=0.3, phone=True
    ),
    "kyusu-teapot": Setting(
        "Kyūsu 急須 Teapot, red clay", quay.kyusu, View(1600, 1200, above=20), WALNUT_TABLE, push=0.6
    ),
    "pebble-candle-low-tide": Setting(
        "Pebble Candle, Low Tide", quay.candle, View(1600, 1280, above=18), SLATE, push=0.35
    ),
    "dune-throw-blanket": Setting("Dune Throw Blanket, driftwood", quay.throw, View(1600, 1200, around=26, above=18)),
    "quay-serving-board": Setting("Quay Serving Board, small", quay.board, View(1600, 1200, above=48)),
    "logbook-notebook": Setting(
        "Logbook Notebook", quay.notebook, View(1600, 1280, above=46, stop=22), OAK_TABLE, push=0.3
    ),
}
