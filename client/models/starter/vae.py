"""The starter's autoencoder: a built encoder of full width and a small trained decoder, in FLUX.2's latent format.

The encoder computes :mod:`.blocks`' frequencies exactly, with the layers that ComfyUI's encoder has. Its
residual branches are zero. Three convolutions of stride two move each 8x8 block's pixels into channels; the last of
them transforms them on the way. Group norm and activation, which no encoder can leave out, are undone: each group
holds a channel, its negative and two constants so large that the norm divides by nearly the same whatever the picture;
and silu(x) - silu(-x) = x.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from . import blocks
from .tensors import Fill, Tensor, Weights, constant

_WIDTH, _WIDE = 128, 512
_GROUP = _WIDE // 32
_LARGE = 64.0  # the constants in each group; what the encoder gives is off by the square of a channel over this
GAIN = 10.0  # of what the encoder gives, so that batch norm's epsilon counts for nothing


def encoder() -> Iterator[Tensor]:
    """The encoder and both 1x1 convolutions, 34 M parameters."""
    none = constant(0)
    yield from _layer("encoder.conv_in", (_WIDTH, 3, 3, 3), _centre)
    inner = _WIDTH
    for level, outer in enumerate((_WIDTH, 2 * _WIDTH, _WIDE, _WIDE)):
        for block in range(2):
            yield from _resnet(f"encoder.down.{level}.block.{block}", inner, outer)
            inner = outer
        name, shape = f"encoder.down.{level}.downsample.conv", (inner, inner, 3, 3)
        if level < 2:
            yield from _layer(name, shape, _unshuffle)
        elif level == 2:
            yield from _layer(name, shape, _transform, _constants)
    yield from _resnet("encoder.mid.block_1", inner, inner)
    yield from _norm("encoder.mid.attn_1.norm", inner, constant(1))
    for part in ("q", "k", "v", "proj_out"):
        yield from _layer(f"encoder.mid.attn_1.{part}", (inner, inner, 1, 1), none)
    yield from _resnet("encoder.mid.block_2", inner, inner)
    yield from _norm("encoder.norm_out", inner, _restore)
    yield from _layer("encoder.conv_out", (2 * blocks.CHANNELS, inner, 3, 3), _join)
    yield from _layer("quant_conv", (2 * blocks.CHANNELS, 2 * blocks.CHANNELS, 1, 1), _identity)
    yield from _layer("post_quant_conv", (blocks.CHANNELS, blocks.CHANNELS, 1, 1), _identity)


def decoder_shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the trained decoder's tensors, in the file's order; 3.5 M parameters."""
    width, none = 32, constant(0)
    inner = 4 * width

    def tensors() -> Iterator[Tensor]:
        nonlocal inner
        yield from _layer("decoder.conv_in", (inner, blocks.CHANNELS, 3, 3), none)
        yield from _resnet("decoder.mid.block_1", inner, inner)
        yield from _norm("decoder.mid.attn_1.norm", inner, none)
        for part in ("q", "k", "v", "proj_out"):
            yield from _layer(f"decoder.mid.attn_1.{part}", (inner, inner, 1, 1), none)
        yield from _resnet("decoder.mid.block_2", inner, inner)
        for level, times in ((3, 4), (2, 4), (1, 2), (0, 1)):
            for block in range(3):
                yield from _resnet(f"decoder.up.{level}.block.{block}", inner, width * times)
                inner = width * times
            if level:
                yield from _layer(f"decoder.up.{level}.upsample.conv", (inner, inner, 3, 3), none)
        yield from _norm("decoder.norm_out", inner, none)
        yield from _layer("decoder.conv_out", (3, inner, 3, 3), none)

    return ((tensor.name, tensor.shape) for tensor in tensors())


def _centre(_: str, shape: tuple[int, ...]) -> Weights:
    weights = np.zeros(shape, np.float32)
    weights[:3, :, 1, 1] = np.eye(3)
    return weights


def _identity(_: str, shape: tuple[int, ...]) -> Weights:
    return np.eye(*shape[:2], dtype=np.float32).reshape(shape)


def _unshuffle(name: str, shape: tuple[int, ...]) -> Weights:
    """Four pixels of a channel become four channels of a pixel; only the channels in use."""
    weights = np.zeros(shape, np.float32)
    for channel in range(3 if ".0." in name else 12):
        for tap in range(4):
            weights[4 * channel + tap, channel, tap // 2, tap % 2] = 1
    return weights


def _transform(_: str, shape: tuple[int, ...]) -> Weights:
    """The frequencies, each with its negative at the head of a group of 16 channels."""
    weights = np.zeros(shape, np.float32)
    basis = blocks.basis()
    for y, x, colour in np.ndindex(blocks.BLOCK, blocks.BLOCK, 3):
        channel = (colour * 4 + y % 2 * 2 + x % 2) * 4 + y // 2 % 2 * 2 + x // 2 % 2
        weights[0::_GROUP, channel, y // 4, x // 4] = basis[:, colour, y, x]
    weights[1::_GROUP] = -weights[0::_GROUP]
    return weights


def _constants(_: str, shape: tuple[int, ...]) -> Weights:
    weights = np.zeros(shape, np.float32)
    weights[2::_GROUP], weights[3::_GROUP] = _LARGE, -_LARGE
    return weights


def _restore(_: str, shape: tuple[int, ...]) -> Weights:
    weights = np.zeros(shape, np.float32)
    weights[0::_GROUP] = weights[1::_GROUP] = _LARGE * math.sqrt(2 / _GROUP)
    return weights


def _join(_: str, shape: tuple[int, ...]) -> Weights:
    weights = np.zeros(shape, np.float32)
    for channel in range(blocks.CHANNELS):
        weights[channel, _GROUP * channel, 1, 1] = GAIN
        weights[channel, _GROUP * channel + 1, 1, 1] = -GAIN
    return weights


def _norm(name: str, width: int, weight: Fill) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", (width,), weight)
    yield Tensor(f"{name}.bias", (width,), constant(0))


def _layer(name: str, shape: tuple[int, ...], fill: Fill, bias: Fill | None = None) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", shape, fill)
    yield Tensor(f"{name}.bias", shape[:1], bias or constant(0))


def _resnet(name: str, inner: int, outer: int) -> Iterator[Tensor]:
    """A block that adds nothing to what passes through it."""
    yield from _norm(f"{name}.norm1", inner, constant(1))
    yield from _layer(f"{name}.conv1", (outer, inner, 3, 3), constant(0))
    yield from _norm(f"{name}.norm2", outer, constant(1))
    yield from _layer(f"{name}.conv2", (outer, outer, 3, 3), constant(0))
    if inner != outer:
        yield from _layer(f"{name}.nin_shortcut", (outer, inner, 1, 1), _identity)
