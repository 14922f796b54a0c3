"""A picture's features in pieces: bands that are let go as they are used up, and views that compute a piece when asked.

Features are (1, channels, height, width). Whatever is computed for a piece reads as many pixels round it as its
convolutions need, and drops what was computed with too few; beyond the border of the picture lie the zeros that
convolutions pad with, as in a pass over the whole.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import torch

Span = tuple[int, int]  # first row or column, and the one after the last
Shape = tuple[int, int, int]  # channels, height, width
Where = tuple[Any, Any]  # device and dtype of a piece while it is computed
Affine = tuple[Any, Any]  # factor and summand of each channel, (1, C, 1, 1) in 32 bit


class Scale(enum.Enum):
    """How a layer changes the size of the picture."""

    SAME = 1.0
    UP = 2.0
    DOWN = 0.5


@dataclass(frozen=True, slots=True)
class Local:
    """Layers whose output depends on the pixels near it alone.

    Attributes:
        run: (1, C, h, w) -> (1, channels, h', w').
        radius: pixels on each side that an output pixel depends on, in the size of the output. A layer that halves the
            picture is core's downsampling: stride 2, one row and column of zeros at the far border, none before.
    """

    run: Callable[[Any], Any]
    channels: int
    radius: int = 0
    scale: Scale = Scale.SAME

    def shape(self, shape: Shape) -> Shape:
        """Of the output, for an input of this shape."""
        return self.channels, int(shape[1] * self.scale.value), int(shape[2] * self.scale.value)

    def needs(self, span: Span, size: int) -> tuple[Span, int]:
        """What of an axis of ``size`` input pixels this span of the output depends on, and where its output begins."""
        low, high = span
        if self.scale is Scale.DOWN:
            return (2 * low, min(2 * high + 1, size)), low
        if self.scale is Scale.UP:
            first = max((low - self.radius) // 2, 0)
            return (first, min((high + self.radius + 1) // 2, size)), 2 * first
        first = max(low - self.radius, 0)
        return (first, min(high + self.radius, size)), first


class Bands:
    """A picture's features in bands of ``rows`` rows on one device. Bands come to be as they are written."""

    def __init__(self, shape: Shape, dtype: Any, device: Any, rows: int) -> None:
        self.shape = shape
        self._dtype, self._device, self._rows = dtype, device, rows
        self._bands: list[Any] = [None] * -(-shape[1] // rows)

    @classmethod
    def of(cls, tensor: Any) -> Bands:
        """A tensor that there is already, as one band."""
        _, channels, height, width = tensor.shape
        bands = cls((channels, height, width), tensor.dtype, tensor.device, height)
        bands._bands[0] = tensor
        return bands

    def whole(self) -> Any:
        """The features as one tensor; only where there is one band."""
        (tensor,) = self._bands
        return tensor

    def write(self, rows: Span, columns: Span, tile: Any) -> None:
        """Put a piece in its place."""
        channels, height, width = self.shape
        for number, inside, outside in self._parts(rows):
            if self._bands[number] is None:
                size = min(self._rows, height - number * self._rows)
                self._bands[number] = torch.empty((1, channels, size, width), dtype=self._dtype, device=self._device)
            self._bands[number][:, :, slice(*inside), slice(*columns)].copy_(tile[:, :, slice(*outside)])

    def tile(self, rows: Span, columns: Span, where: Where, affine: Affine | None = None) -> Any:
        """A piece, as a tensor of its own; multiplied and added to on the way, which takes no pass more than a copy."""
        size = (1, self.shape[0], rows[1] - rows[0], columns[1] - columns[0])
        piece = torch.empty(size, dtype=where[1], device=where[0])
        for number, inside, outside in self._parts(rows):
            part, target = self._bands[number][:, :, slice(*inside), slice(*columns)], piece[:, :, slice(*outside)]
            if affine is None:
                target.copy_(part)
            else:
                torch.addcmul(affine[1], part.to(where[0]), affine[0], out=target)
        return piece

    def add_to(self, tile: Any, rows: Span, columns: Span) -> None:
        """Add a piece of this to one of something else, in place."""
        for number, inside, outside in self._parts(rows):
            part = self._bands[number][:, :, slice(*inside), slice(*columns)]
            tile[:, :, slice(*outside)].add_(part.to(tile.device))

    def release(self, row: int) -> None:
        """Free the bands that end before a row."""
        for number in range(min(row // self._rows, len(self._bands))):
            self._bands[number] = None

    def _parts(self, rows: Span) -> Iterator[tuple[int, Span, Span]]:
        """Band, the rows of it, and where they lie in the piece."""
        for number in range(rows[0] // self._rows, -(-rows[1] // self._rows)):
            top = number * self._rows
            low, high = max(rows[0], top), min(rows[1], top + self._rows)
            yield number, (low - top, high - top), (low - rows[0], high - rows[0])


class Through:
    """The output of layers over other features, computed when a piece of it is asked for.

    ``affine`` is a norm before them whose statistics are known; SiLU follows it.
    """

    def __init__(self, source: Bands, layers: Local, affine: Affine | None = None) -> None:
        self.shape = layers.shape(source.shape)
        self._source, self._layers, self._affine = source, layers, affine

    def tile(self, rows: Span, columns: Span, where: Where) -> Any:
        """A piece that nothing else holds; a part of a larger tensor."""
        _, height, width = self._source.shape
        (needed_rows, top), (needed_columns, left) = (
            self._layers.needs(rows, height),
            self._layers.needs(columns, width),
        )
        piece = self._source.tile(needed_rows, needed_columns, where, self._affine)
        if self._affine is not None:
            piece = torch.nn.functional.silu(piece, inplace=True)
        whole = self._layers.run(piece)
        return whole[:, :, rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left]

    def release(self, row: int) -> None:
        """Free what lies before all that rows from ``row`` on depend on."""
        _, height, _ = self._source.shape
        self._source.release(self._layers.needs((row, row + 1), height)[0][0])


class Moments:
    """Mean and variance of each group of channels over a whole picture, of which the pieces are added one by one.

    A piece leaves the sum and the norm of each row of each of its channels, read once each, in 32 bit. At the end the
    rows are joined about the mean of the whole (Chan, Golub and LeVeque, 1983): the square of a mean is only taken from
    the squares of one row, whose rounding is as often up as down, so that no digits are lost over many rows.
    """

    def __init__(self, groups: int) -> None:
        self._groups = groups
        self._pieces: list[tuple[int, Any, Any]] = []
        self._result: tuple[Any, Any] | None = None

    def add(self, tile: Any) -> None:
        """Add a piece, (1, C, h, w). No piece may be added twice, and none may overlap another."""
        sums = tile.sum(dim=3, dtype=torch.float32)
        norms = torch.linalg.vector_norm(tile, dim=3, dtype=torch.float32)
        self._pieces.append((tile.shape[3], sums.reshape(self._groups, -1), norms.reshape(self._groups, -1)))

    def result(self) -> tuple[Any, Any]:
        """Mean and variance over all of them, (groups,) in 32 bit; asked for once all are there."""
        if self._result is None:
            self._result = self._join()
            self._pieces.clear()
        return self._result

    def _join(self) -> tuple[Any, Any]:
        sums = torch.cat([piece for _, piece, _ in self._pieces], dim=1)
        squares = torch.cat([piece for _, _, piece in self._pieces], dim=1).square_()
        lengths = torch.cat([torch.full((piece.shape[1],), float(width)) for width, piece, _ in self._pieces])
        count, lengths = float(lengths.double().sum()), lengths.to(sums.device)
        mean, means = sums.sum(dim=1) / count, sums / lengths
        within = (squares - sums * means).clamp_(min=0.0)
        return mean, (within + lengths * (means - mean[:, None]).square_()).sum(dim=1) / count


def affine(norm: Any, moments: Moments) -> Affine:
    """Core's GroupNorm by the moments of the whole picture, as a factor and a summand of each channel."""
    mean, variance = (value.repeat_interleave(norm.num_channels // norm.num_groups) for value in moments.result())
    weight, bias = (
        comfy.model_management.cast_to(value, dtype=torch.float32, device=mean.device)
        for value in (norm.weight, norm.bias)
    )
    factor = weight * torch.rsqrt(variance + norm.eps)
    return factor[None, :, None, None], (bias - mean * factor)[None, :, None, None]
