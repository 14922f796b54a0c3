"""How much memory an encoder or decoder takes for a picture, whole and in pieces; and the tile that fits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import comfy.model_management

from .programs import stages_of
from .stages import Stage, room, shapes
from .tensors import Shape

SMALLEST, LARGEST = 64, 2048  # side of a tile that is chosen here, in pixels
_WORTHWHILE = 256  # pixels: smaller tiles are mostly surroundings, and features in main memory cost less

# Elements that a piece takes for each of its own at the width of the picture's last layers: the piece with twice the
# channels, its norm, the output, and what a convolution copies them into. On the safe side: 1.7 to 3.0 were seen, on a
# CPU; on a GPU it has not been measured ("elements" of bench/tiled_vae.py). The ladder catches what is too little.
PER_ELEMENT = 7.0


@dataclass(frozen=True, slots=True)
class Layout:
    """What an encoder or decoder does to a picture of one size.

    Attributes:
        stages: its own.
        shape: of what it is given: channels, height, width.
        size: bytes of an element.
    """

    stages: list[Stage]
    shape: Shape
    size: int

    @property
    def base(self) -> int:
        """Channels at the size of the picture."""
        every = shapes(self.stages, self.shape)
        return max(min(every[1][0], every[-2][0]), 1)

    @property
    def pixels(self) -> int:
        """Of the picture, which is what is given or what is made, whichever is larger."""
        every = shapes(self.stages, self.shape)
        return max(every[0][1] * every[0][2], every[-1][1] * every[-1][2])

    @property
    def height(self) -> int:
        """Of the picture, in pixels."""
        every = shapes(self.stages, self.shape)
        return max(every[0][1], every[-1][1])

    def kept(self, tile: int) -> float:
        """Bytes of features that are kept at once; a row of tiles and a band are made before their source is freed."""
        ahead = min(1.0, 1.25 * tile / self.height)
        return room(self.stages, self.shape) * self.size * (1 + ahead)

    def piece(self, tile: int) -> float:
        """Bytes that a piece takes while it is computed."""
        return PER_ELEMENT * self.base * min((tile + 8) ** 2, self.pixels) * self.size

    def taken(self, tile: int) -> float:
        """Bytes of features and of a piece together."""
        return self.kept(tile) + self.piece(tile)

    def tile_beside(self, free: float) -> int:
        """Choose the largest tile of which a piece takes half of ``free`` bytes at most, and fits beside the features.

        Where none of 256 pixels or more does, the first condition decides alone.
        """
        largest = tile = self.tile_for(free / 2)
        while tile > _WORTHWHILE and self.taken(tile) > free:
            tile = max(_WORTHWHILE, tile // 2)
        return tile if self.taken(tile) <= free else largest

    def tile_for(self, free: float) -> int:
        """The largest tile, in steps of 32 pixels, of which a piece fits into ``free`` bytes."""
        side = int(math.sqrt(max(free, 1.0) / (PER_ELEMENT * self.base * self.size))) - 8
        return max(SMALLEST, min(LARGEST, side // 32 * 32))


def layout(part: Any, shape: Shape, dtype: Any) -> Layout | None:
    """What an encoder or decoder does to a picture; None where its kind is not known."""
    stages = stages_of(part)
    return None if stages is None else Layout(stages, shape, comfy.model_management.dtype_size(dtype))
