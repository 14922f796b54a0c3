"""The layers of an autoencoder as stages, each of which takes a picture's features to the next, piece by piece.

A stage ends where the next layer needs to know the whole picture: the statistics of a GroupNorm, or attention. What is
kept between stages is the features themselves, on a device of choice, so that no layer is computed from a blend, and
each pixel goes through each layer as it does in a pass over the whole, once but for the surroundings of pieces.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.ops
import torch

from .tensors import Affine, Bands, Local, Moments, Shape, Span, Through, Where, affine

_ATTENTION = 2**26  # elements of the matrix of weights, where a kernel makes one: 256 MiB in 32 bit


@dataclass(slots=True)
class Engine:
    """What a run over a picture shares.

    Attributes:
        tile: side of a piece, in pixels of the picture, where there are ``base`` channels; with more of them a piece is
            smaller by the square root, so that every piece takes the same memory.
        device: which computes.
        store: which keeps the features between stages, in ``kept_as``.
        tick: called with the number of pixels done, weighed with the work on them.
    """

    tile: int
    base: int
    device: Any
    store: Any
    dtype: Any
    kept_as: Any
    tick: Callable[[float], None]

    def spans(self, size: int, channels: int) -> list[Span]:
        """An axis cut into pieces of nearly the same length, none longer than the side of a tile."""
        count = -(-size // max(8, int(self.tile * math.sqrt(self.base / max(channels, self.base)))))
        edges = [round(number * size / count) for number in range(count + 1)]
        return list(itertools.pairwise(edges))

    def bands(self, shape: Shape) -> Bands:
        """Room for a picture's features; a quarter of a tile is freed together."""
        return Bands(shape, self.kept_as, self.store, max(1, self.tile // 4))

    def sweep(
        self, outputs: Sequence[tuple[View, Bands]], channels: int, groups: int | None, used_up: Sequence[View]
    ) -> Moments | None:
        """Compute whole pictures of one size and write them, and measure the first; free what they are made from."""
        moments = Moments(groups) if groups else None
        _, height, width = outputs[0][0].shape
        for rows in self.spans(height, channels):
            for columns in self.spans(width, channels):
                for number, (view, into) in enumerate(outputs):
                    tile = view.tile(rows, columns, (self.device, self.dtype))
                    into.write(rows, columns, tile)
                    if moments is not None and number == 0:
                        moments.add(tile)
                self.tick(float((rows[1] - rows[0]) * (columns[1] - columns[0])) * channels**2)
            for source in used_up:
                source.release(rows[1])
        return moments

    def keep(self, view: View, channels: int, groups: int | None) -> Kept:
        """Compute a whole picture and keep it; what it is made from is freed on the way."""
        bands = self.bands(view.shape)
        return bands, self.sweep([(view, bands)], channels, groups, [view])


class Sum:
    """A view, and kept features added to it."""

    def __init__(self, view: Through, kept: Bands) -> None:
        self.shape = view.shape
        self._view, self._kept = view, kept

    def tile(self, rows: Span, columns: Span, where: Where) -> Any:
        """A piece that nothing else holds."""
        tile = self._view.tile(rows, columns, where)
        self._kept.add_to(tile, rows, columns)
        return tile

    def release(self, row: int) -> None:
        """Free what both no longer need."""
        self._view.release(row)
        self._kept.release(row)


Kept = tuple[Bands, Moments | None]
View = Through | Sum


@dataclass(frozen=True, slots=True)
class Convolution:
    """Layers that need no statistics but those of their first norm.

    Attributes:
        norm: a GroupNorm and SiLU before the layers, or None.
    """

    layers: Local
    norm: Any = None

    def shape(self, shape: Shape) -> Shape:
        """Of the output."""
        return self.layers.shape(shape)

    def room(self, shape: Shape) -> float:
        """Elements kept at once."""
        return max(math.prod(shape), math.prod(self.shape(shape)))

    def work(self, shape: Shape) -> float:
        """In what :attr:`Engine.tick` counts."""
        out = self.shape(shape)
        return float(out[1] * out[2]) * max(shape[0], out[0]) ** 2

    def view(self, source: Bands, moments: Moments | None) -> Through:
        """The output, computed when asked for."""
        return Through(source, self.layers, activation(self.norm, moments))

    def run(self, engine: Engine, source: Bands, moments: Moments | None, groups: int | None) -> Kept:
        """Compute and keep the output, and its moments where the next stage asks for them."""
        view = self.view(source, moments)
        return engine.keep(view, max(source.shape[0], view.shape[0]), groups)


def activation(norm: Any, moments: Moments | None) -> Affine | None:
    """A GroupNorm whose statistics are known, for the layers behind it; None where there is no norm."""
    return None if norm is None or moments is None else affine(norm, moments)


@dataclass(frozen=True, slots=True)
class Residual:
    """Core's ``ResnetBlock``: norm, SiLU, convolution, twice, and the input added.

    Attributes:
        before: layers in front of it, whose output need not be kept but for this block.
    """

    block: Any
    before: Local | None = None

    @property
    def norm(self) -> Any:
        """The norm that needs moments of what the stage before has made; None where layers come first."""
        return None if self.before else self.block.norm1

    def shape(self, shape: Shape) -> Shape:
        """Of the output."""
        _, height, width = self.before.shape(shape) if self.before else shape
        return self.block.out_channels, height, width

    def room(self, shape: Shape) -> float:
        """Elements kept at once: input and middle; or the projected input in the place of the input."""
        given = math.prod(self.before.shape(shape) if self.before else shape)
        out = math.prod(self.shape(shape))
        return max(math.prod(shape), given + out if self._plain else 2 * out, given)

    def work(self, shape: Shape) -> float:
        """In what :attr:`Engine.tick` counts."""
        out, height, width = self.shape(shape)
        given = self.before.channels if self.before else shape[0]
        sweeps = [max(shape[0], given)] if self.before else []
        return float(height * width) * sum(channels**2 for channels in (*sweeps, max(given, out), out))

    def run(self, engine: Engine, source: Bands, moments: Moments | None, groups: int | None) -> Kept:
        """Compute and keep the output, and its moments where the next stage asks for them."""
        block = self.block
        if self.before:
            before = Through(source, self.before)
            channels = max(source.shape[0], before.shape[0])
            source, moments = engine.keep(before, channels, block.norm1.num_groups)
        channels = max(source.shape[0], block.out_channels)
        opening = Through(source, Local(block.conv1, block.out_channels, 1), activation(block.norm1, moments))
        middle, side = engine.bands(opening.shape), source
        outputs: list[tuple[View, Bands]] = [(opening, middle)]
        if not self._plain:  # projected in the same sweep, so that the input, mostly twice as large, can go
            side = engine.bands(opening.shape)
            outputs.append((Through(source, Local(block.nin_shortcut, block.out_channels)), side))
        between = engine.sweep(outputs, channels, block.norm2.num_groups, [] if self._plain else [opening])
        closing = Through(middle, Local(block.conv2, block.out_channels, 1), activation(block.norm2, between))
        return engine.keep(Sum(closing, side), block.out_channels, groups)

    @property
    def _plain(self) -> bool:
        """Whether the input is added as it is."""
        return bool(self.block.in_channels == self.block.out_channels)


@dataclass(frozen=True, slots=True)
class Attention:
    """Attention of each position to the whole picture, and the input added.

    Queries are taken a few rows at a time, which changes no result; keys and values are kept whole on the device.

    Attributes:
        norm: a GroupNorm, or None where ``normalize`` needs no statistics.
        normalize: (piece, moments) -> piece.
        query, key_value: of a normalised piece.
    """

    normalize: Callable[[Any, Moments | None], Any]
    query: Callable[[Any], Any]
    key_value: Callable[[Any], tuple[Any, Any]]
    project: Callable[[Any], Any]
    norm: Any = None

    def shape(self, shape: Shape) -> Shape:
        """Of the output."""
        return shape

    def room(self, shape: Shape) -> float:
        """Elements kept at once: the input, keys, values, and the output."""
        return 4.0 * math.prod(shape)

    def work(self, shape: Shape) -> float:
        """In what :attr:`Engine.tick` counts."""
        return float(shape[1] * shape[2]) * shape[0] ** 2

    def run(self, engine: Engine, source: Bands, moments: Moments | None, groups: int | None) -> Kept:
        """Compute and keep the output, and its moments where the next stage asks for them."""
        channels, height, width = source.shape
        area, columns = height * width, (0, width)
        keys = torch.empty((1, 1, area, channels), dtype=engine.dtype, device=engine.device)
        values = torch.empty_like(keys)
        side = engine.spans(max(height, width), channels)[0][1]
        rows = max(1, min(side**2 // width, _ATTENTION // (area * width)))
        chunks = [(top, min(top + rows, height)) for top in range(0, height, rows)]
        for chunk in chunks:
            x = self.normalize(source.tile(chunk, columns, (engine.device, engine.dtype)), moments)
            for kept, new in zip((keys, values), self.key_value(x), strict=True):
                kept[0, 0, chunk[0] * width : chunk[1] * width] = new[0].flatten(1).T
        out = engine.bands(source.shape)
        measured = Moments(groups) if groups else None
        for chunk in chunks:
            x = source.tile(chunk, columns, (engine.device, engine.dtype))
            query = self.query(self.normalize(x, moments))
            asked = query[0].flatten(1).T.contiguous()[None, None]
            found = comfy.ops.scaled_dot_product_attention(asked, keys, values, attn_mask=None, dropout_p=0.0)
            tile = x + self.project(found[0, 0].T.reshape(query.shape).contiguous())
            if measured is not None:
                measured.add(tile)
            out.write(chunk, columns, tile)
            source.release(chunk[1])
            engine.tick(float((chunk[1] - chunk[0]) * width) * channels**2)
        return out, measured


Stage = Convolution | Residual | Attention


def run(engine: Engine, stages: Sequence[Stage], x: Any, into: Bands) -> None:
    """Take a picture's features (1, C, H, W) through all stages; the last one writes ``into``, and is no residual."""
    source, moments = Bands.of(x), None
    *rest, last = stages
    if rest and rest[0].norm is not None:
        moments = Moments(rest[0].norm.num_groups)
        moments.add(x)
    for stage, following in zip(rest, stages[1:], strict=True):
        groups = following.norm.num_groups if following.norm is not None else None
        source, moments = stage.run(engine, source, moments, groups)
    assert isinstance(last, Convolution)
    view = last.view(source, moments)
    engine.sweep([(view, into)], max(source.shape[0], view.shape[0]), None, [view])


def shapes(stages: Sequence[Stage], shape: Shape) -> list[Shape]:
    """What each stage is given, and what the last one makes."""
    found = [shape]
    for stage in stages:
        found.append(stage.shape(found[-1]))
    return found


def room(stages: Sequence[Stage], shape: Shape) -> float:
    """Most elements of features that are kept at once."""
    return max(stage.room(given) for stage, given in zip(stages, shapes(stages, shape), strict=False))


def work(stages: Sequence[Stage], shape: Shape) -> float:
    """What :attr:`Engine.tick` counts up to."""
    return sum(stage.work(given) for stage, given in zip(stages, shapes(stages, shape), strict=False))
