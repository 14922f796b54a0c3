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

BAND = 32  # rows that are freed together


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
    """A picture's features in bands of rows on one device. Bands come to be as they are written.

    ``rows`` is the height of a band; the picture's own makes it one tensor.
    """

    def __init__(self, shape: Shape, dtype: Any, device: Any, rows: int = BAND) -> None:
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

    def tile(self, rows: Span, columns: Span, where: Where) -> Any:
        """A piece, as a tensor of its own."""
        size = (1, self.shape[0], rows[1] - rows[0], columns[1] - columns[0])
        piece = torch.empty(size, dtype=where[1], device=where[0])
        for number, inside, outside in self._parts(rows):
            piece[:, :, slice(*outside)].copy_(self._bands[number][:, :, slice(*inside), slice(*columns)])
        return piece

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
    """The output of layers over other features, computed when a piece of it is asked for."""

    def __init__(self, source: Bands | Through, layers: Local) -> None:
        self.shape = layers.shape(source.shape)
        self._source, self._layers = source, layers

    def tile(self, rows: Span, columns: Span, where: Where) -> Any:
        """A piece, as a tensor of its own."""
        _, height, width = self._source.shape
        (needed_rows, top), (needed_columns, left) = (
            self._layers.needs(rows, height),
            self._layers.needs(columns, width),
        )
        whole = self._layers.run(self._source.tile(needed_rows, needed_columns, where))
        return whole[:, :, rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left]

    def release(self, row: int) -> None:
        """Free what lies before all that rows from ``row`` on depend on."""
        _, height, _ = self._source.shape
        self._source.release(self._layers.needs((row, row + 1), height)[0][0])


class Moments:
    """Mean and variance of each group of channels over a whole picture, of which the pieces are added one by one.

    Within a piece they are worked out in 32 bit; pieces are joined in 64 bit by the formula of Chan, Golub and LeVeque
    (1983), which does not lose digits where the mean is large against the deviation.
    """

    def __init__(self, groups: int) -> None:
        self._groups = groups
        self._pieces: list[tuple[int, Any, Any]] = []
        self._result: tuple[Any, Any] | None = None

    def add(self, tile: Any) -> None:
        """Add a piece, (1, C, h, w). No piece may be added twice, and none may overlap another."""
        values = tile.float().reshape(self._groups, -1)
        mean = values.mean(dim=1)
        # Twice over the piece, as torch's var_mean takes four times as long on a CPU.
        deviation = torch.linalg.vector_norm(values - mean[:, None], dim=1)
        self._pieces.append((values.shape[1], mean, deviation**2 / values.shape[1]))

    def result(self) -> tuple[Any, Any]:
        """Mean and variance over all of them, (groups,) in 64 bit on the CPU; asked for once all are there."""
        if self._result is None:
            self._result = self._join()
        return self._result

    def _join(self) -> tuple[Any, Any]:
        counts = torch.tensor([float(count) for count, _, _ in self._pieces], dtype=torch.float64)[:, None]
        means = torch.stack([mean for _, mean, _ in self._pieces]).cpu().double()
        variances = torch.stack([variance for _, _, variance in self._pieces]).cpu().double()
        shares = counts / counts.sum()
        mean = (shares * means).sum(0)
        return mean, (shares * (variances + (means - mean) ** 2)).sum(0)


def normalized(norm: Any, moments: Moments, x: Any) -> Any:
    """Core's GroupNorm of a piece, by the moments of the whole picture; worked out in 32 bit for any dtype."""
    mean, variance = (
        value.repeat_interleave(norm.num_channels // norm.num_groups).to(x.device, torch.float32)
        for value in moments.result()
    )
    weight, bias = (
        comfy.model_management.cast_to(value, dtype=torch.float32, device=x.device)
        for value in (norm.weight, norm.bias)
    )
    return torch.nn.functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, norm.eps)
