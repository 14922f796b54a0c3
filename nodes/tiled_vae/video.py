"""Videos through core's own tiles over space and time, with smaller ones where memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import comfy.model_management

from ...client.errors import OutOfMemory
from ..memory.record import is_oom

_SMALLEST, _SHORTEST = 256, 16  # pixels and frames, below which more is overlap than tile


@dataclass(frozen=True, slots=True)
class Tiles:
    """What core is asked for: the side in pixels, a multiple of 64, and frames."""

    side: int
    frames: int = 64

    @classmethod
    def of(cls, tile_size: int) -> Tiles:
        """The tiles for a size asked for, which 0 leaves open."""
        return cls(max(_SMALLEST, (tile_size or 512) // 64 * 64))

    def __str__(self) -> str:
        return f"core's own tiles of {self.side} pixels and {self.frames} frames"

    def sizes(self) -> dict[str, int]:
        """As core's nodes take them.

        Core divides by zero where the overlap is half of the tile, so that the overlap here is an eighth.
        """
        times = {"temporal_size": self.frames, "temporal_overlap": 8}
        return {"tile_size": self.side, "overlap": self.side // 8, **times}

    def smaller(self) -> Tiles | None:
        """Half of the frames; where they are few, half of the side; None where that is small too."""
        if self.frames > _SHORTEST:
            return Tiles(self.side, self.frames // 2)
        if self.side > _SMALLEST:
            return Tiles(max(_SMALLEST, self.side // 128 * 64), self.frames)
        return None


def stepping_down(work: Callable[..., tuple[Any, ...]], tiles: Tiles, steps: list[str]) -> tuple[Any, Tiles]:
    """Call core's node until memory is enough, with smaller tiles each time.

    Args:
        work: called with :meth:`Tiles.sizes`.
        steps: what was tried and was not enough is added to it.

    Returns:
        What core's node made, and the tiles that went through.

    Raises:
        OutOfMemory: the smallest do not fit.
    """
    while True:
        try:
            (made,) = work(**tiles.sizes())
            return made, tiles
        except Exception as error:
            if not is_oom(error):
                raise
        following = tiles.smaller()
        if following is None:
            raise OutOfMemory(
                f"out of memory with {tiles}, the last step",
                place="tiled VAE",
                remedy="close other programs, or make a smaller or shorter video",
            )
        steps.append(f"out of memory with {tiles}; then {following.side} pixels and {following.frames} frames")
        logging.warning("Packshot: %s", steps[-1])
        comfy.model_management.soft_empty_cache()
        tiles = following
