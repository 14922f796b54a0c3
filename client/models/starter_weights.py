"""What the starter model's files hold: the names and shapes that ComfyUI's loaders know, and how they are initialised.

The shapes are FLUX.2's, small: two double-stream and four single-stream blocks of width 256 over a context of 768; a
CLIP-L text encoder, which has only one size; a KL autoencoder with FLUX.2's latent format (32 channels folded 2x2
into 128, 16 pixels a side, batch-norm statistics), whose encoder ComfyUI wants at full width and whose decoder may be
narrow.

The values are random within a structure that makes pictures soft coloured forms instead of noise, and lets the prompt
decide where they lie: convolutions that blur, attention that looks near by, text values with a large gain.

They are the same, bit for bit, on every machine. NumPy promises a stable stream for PCG64's raw output, not for its
distributions (NEP 19), so raw 16-bit words are mapped to weights here by operations that IEEE 754 rounds in one way.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float32]
Fill = Callable[[str, tuple[int, ...]], Weights]

BYTES = {"F16": 2, "F32": 4, "I64": 8}  # safetensors' names of types, and bytes of one value


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a file; its values are ``fill(name, shape)`` and depend on nothing else."""

    name: str
    shape: tuple[int, ...]
    fill: Fill
    dtype: str = "F16"

    @property
    def nbytes(self) -> int:
        """Its size in the file."""
        return math.prod(self.shape) * BYTES[self.dtype]


# -- initialisation ----------------------------------------------------------------------------------------------------


def _words(name: str, count: int) -> NDArray[np.uint16]:
    """``count`` 16-bit words of PCG64's raw stream, seeded from the tensor's name."""
    seed = int.from_bytes(hashlib.sha256(f"packshot starter 1/{name}".encode()).digest()[:16], "little")
    raw = np.asarray(np.random.PCG64(seed).random_raw(-(-count // 4)), dtype="<u8")
    words: NDArray[np.uint16] = raw.view("<u2")[:count].astype(np.uint16, copy=False)
    return words


def _random(name: str, shape: tuple[int, ...], deviation: float) -> Weights:
    """Uniform on (-√3·deviation, √3·deviation), so of that standard deviation, by a table of its 65,536 values."""
    steps = np.arange(65536, dtype=np.int64) * 2 - 65535
    table: Weights = (steps * (deviation * math.sqrt(3) / 65536)).astype(np.float32)
    weights: Weights = np.take(table, _words(name, math.prod(shape))).reshape(shape)
    return weights


def _balanced(name: str, shape: tuple[int, ...]) -> Weights:
    """As :func:`_random` with deviation 1/√columns, every row summing to zero: what is flat comes out flat.

    Only the first two dimensions of ``shape`` count.
    """
    rows, columns = shape[:2]
    words = _words(name, rows * columns).astype(np.int64).reshape(rows, columns)
    centred = words * columns - words.sum(axis=1, keepdims=True)
    weights: Weights = (centred * (2 * math.sqrt(3 / columns) / 65536 / columns)).astype(np.float32)
    return weights


def constant(value: float) -> Fill:
    """The same value everywhere."""
    return lambda _, shape: np.full(shape, value, np.float32)


def matrix(*gains: float) -> Fill:
    """Random with deviation gain/√fan_in; with several gains the rows fall into as many equal parts, one for each."""

    def fill(name: str, shape: tuple[int, ...]) -> Weights:
        unit = _random(name, shape, 1 / math.sqrt(math.prod(shape[1:])))
        parts = np.split(unit, len(gains))
        return np.concatenate([part * np.float32(gain) for part, gain in zip(parts, gains, strict=True)])

    return fill


def attention(value_gain: float) -> Fill:
    """A fused projection: rows for queries, keys and values, then any rows for a gated MLP.

    Queries and keys start equal, so that a position attends first to what resembles it.
    """

    def fill(name: str, shape: tuple[int, ...]) -> Weights:
        rows, width = shape
        unit = _random(name, (2 * width, width), 1 / math.sqrt(width))
        parts = [unit[:width], unit[:width], unit[width:] * np.float32(value_gain)]
        if rows > 3 * width:
            parts.append(_random(f"{name}.mlp", (rows - 3 * width, width), 1 / math.sqrt(width)))
        return np.concatenate(parts)

    return fill


def joined(attention_gain: float, mlp_gain: float) -> Fill:
    """The output projection of a single-stream block: columns for attention, then for the three times wider MLP."""

    def fill(name: str, shape: tuple[int, ...]) -> Weights:
        width = shape[0]
        weights = _random(name, shape, 1 / math.sqrt(width))
        weights[:, :width] *= np.float32(attention_gain)
        weights[:, width:] *= np.float32(mlp_gain / math.sqrt(3))
        return weights

    return fill


def axes(*bands: tuple[int, int, float]) -> Fill:
    """A query or key norm over a head's 128 values: four rotary axes (content, height, width, text) of 16 pairs each.

    Of an axis, the pairs of frequencies from ``band[0]`` up to ``band[1]`` have the weight ``band[2]``, the others
    none. Which frequencies count decides how far a position looks along an axis.
    """

    def fill(_: str, shape: tuple[int, ...]) -> Weights:
        weights = np.zeros((4, 16, 2), np.float32)
        for axis, (low, high, weight) in enumerate(bands):
            weights[axis, low:high] = weight
        return weights.reshape(shape)

    return fill


def twice(gain: float) -> Fill:
    """Each latent channel is written to two places of the wider inner state, or read back as the mean of both."""

    def fill(_: str, shape: tuple[int, ...]) -> Weights:
        eye: Weights = np.eye(min(shape), dtype=np.float32) * np.float32(gain)
        if shape[0] > shape[1]:
            return np.concatenate([eye, eye])
        return np.concatenate([eye, eye], 1) * np.float32(0.5)

    return fill


def blur(name: str, shape: tuple[int, ...]) -> Weights:
    """A 3x3 convolution that mixes channels and blurs with the binomial kernel (1 2 1)/4 each way."""
    kernel = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / np.float32(16)
    weights: Weights = _balanced(name, shape)[:, :, None, None] * kernel
    return weights


def point(name: str, shape: tuple[int, ...]) -> Weights:
    """A 3x3 convolution that mixes channels at each pixel and leaves its neighbours alone."""
    weights = np.zeros(shape, np.float32)
    weights[:, :, 1, 1] = _balanced(name, shape)
    return weights


def colours(name: str, shape: tuple[int, ...]) -> Weights:
    """To red, green and blue by way of lightness, warm-cool and green-magenta, in falling strength as in pictures."""
    lightness, warm, green = _balanced(name, shape) * np.array([[0.6], [0.5], [0.25]], np.float32)
    half, some = np.float32(0.5), np.float32(0.15)
    weights = np.zeros(shape, np.float32)
    weights[0, :, 1, 1] = lightness + warm + green * half
    weights[1, :, 1, 1] = lightness + warm * some - green
    weights[2, :, 1, 1] = lightness - warm + green * half
    return weights


# -- the three networks ------------------------------------------------------------------------------------------------

_NOWHERE, _NEAR, _BROAD, _FAR = (0, 0, 0.0), (2, 6, 2.0), (2, 8, 2.5), (0, 9, 3.0)


def diffusion_model() -> Iterator[Tensor]:
    """A FLUX.2 transformer of 8.3 M parameters."""
    width, context, latent, head = 256, 768, 128, 128
    yield Tensor("img_in.weight", (width, latent), twice(4.0))
    yield Tensor("time_in.in_layer.weight", (width, 256), matrix(1))
    yield Tensor("time_in.out_layer.weight", (width, width), matrix(2))
    yield Tensor("txt_in.weight", (width, context), matrix(1))
    # Rows of a modulation: shift, scale and gate of the attention, then of the MLP.
    modulations = {"img": matrix(4, 0, 1, 0, 0, 0.05), "txt": matrix(0, 0, 1, 0, 0, 1)}
    for side, gains in modulations.items():
        yield Tensor(f"double_stream_modulation_{side}.lin.weight", (6 * width, width), gains)
    yield Tensor("single_stream_modulation.lin.weight", (3 * width, width), matrix(4, 0, 1))
    every = axes(*[(0, 16, 1.0)] * 4)
    queries = {"img": axes(_NOWHERE, _BROAD, _BROAD, _NOWHERE), "txt": every}
    keys = {
        "img": axes(_NOWHERE, _NEAR, _NEAR, _NOWHERE),
        "txt": axes(_NOWHERE, (3, 8, 3.0), (3, 8, 3.0), _NOWHERE),
    }
    for i in range(2):
        for side, gain in (("img", 4.0), ("txt", 20.0)):
            block = f"double_blocks.{i}.{side}"
            yield Tensor(f"{block}_attn.qkv.weight", (3 * width, width), attention(gain))
            yield Tensor(f"{block}_attn.norm.query_norm.weight", (head,), queries[side])
            yield Tensor(f"{block}_attn.norm.key_norm.weight", (head,), keys[side])
            yield Tensor(f"{block}_attn.proj.weight", (width, width), matrix(1))
            yield Tensor(f"{block}_mlp.0.weight", (6 * width, width), matrix(1))
            yield Tensor(f"{block}_mlp.2.weight", (width, 3 * width), matrix(1))
    single = axes(_NOWHERE, _NEAR, _NEAR, _FAR)
    for i in range(4):
        block = f"single_blocks.{i}"
        yield Tensor(f"{block}.linear1.weight", (9 * width, width), attention(1.0))
        yield Tensor(f"{block}.linear2.weight", (width, 4 * width), joined(2, 0.02))
        yield Tensor(f"{block}.norm.query_norm.weight", (head,), single)
        yield Tensor(f"{block}.norm.key_norm.weight", (head,), single)
    yield Tensor("final_layer.adaLN_modulation.1.weight", (2 * width, width), constant(0))
    yield Tensor("final_layer.linear.weight", (latent, width), twice(3.4))


def text_encoder() -> Iterator[Tensor]:
    """CLIP-L, 123.7 M parameters."""
    width = 768
    yield Tensor("text_model.embeddings.token_embedding.weight", (49408, width), matrix(math.sqrt(width)))
    yield Tensor("text_model.embeddings.position_embedding.weight", (77, width), matrix(0.2 * math.sqrt(width)))
    for i in range(12):
        layer = f"text_model.encoder.layers.{i}"
        yield from _norm(f"{layer}.layer_norm1", width)
        for part, gain in (("q_proj", 1), ("k_proj", 1), ("v_proj", 1), ("out_proj", 1.5)):
            yield from _layer(f"{layer}.self_attn.{part}", (width, width), matrix(gain))
        yield from _norm(f"{layer}.layer_norm2", width)
        yield from _layer(f"{layer}.mlp.fc1", (4 * width, width), matrix(1))
        yield from _layer(f"{layer}.mlp.fc2", (width, 4 * width), matrix(1))
    yield from _norm("text_model.final_layer_norm", width)
    yield Tensor("text_projection.weight", (width, width), lambda _, shape: np.eye(shape[0], dtype=np.float32))


def autoencoder() -> Iterator[Tensor]:
    """A KL autoencoder: a random encoder of full width, a narrow decoder; 37.6 M parameters."""
    times, latent, channels = (1, 2, 4, 4), 32, 128
    mix = matrix(1)
    yield from _layer("encoder.conv_in", (channels, 3, 3, 3), mix)
    inner = channels
    for level, factor in enumerate(times):
        for block in range(2):
            yield from _resnet(f"encoder.down.{level}.block.{block}", inner, channels * factor, mix, mix)
            inner = channels * factor
        if level < 3:
            yield from _layer(f"encoder.down.{level}.downsample.conv", (inner, inner, 3, 3), mix)
    yield from _middle("encoder.mid", inner, mix, mix)
    yield from _norm("encoder.norm_out", inner)
    yield from _layer("encoder.conv_out", (2 * latent, inner, 3, 3), mix)
    yield from _layer("quant_conv", (2 * latent, 2 * latent, 1, 1), mix)
    yield Tensor("bn.running_mean", (4 * latent,), constant(0), "F32")
    yield Tensor("bn.running_var", (4 * latent,), constant(1), "F32")
    yield Tensor("bn.num_batches_tracked", (), constant(0), "I64")
    yield from _layer("post_quant_conv", (latent, latent, 1, 1), mix)
    channels = 32
    inner = 4 * channels
    yield from _layer("decoder.conv_in", (inner, latent, 3, 3), blur)
    yield from _middle("decoder.mid", inner, blur, point)
    for level in (3, 2, 1, 0):
        outer = channels * times[level]
        for block in range(3):
            yield from _resnet(f"decoder.up.{level}.block.{block}", inner, outer, blur, point)
            inner = outer
        if level:
            yield from _layer(f"decoder.up.{level}.upsample.conv", (inner, inner, 3, 3), blur)
    yield from _norm("decoder.norm_out", inner)
    yield Tensor("decoder.conv_out.weight", (3, inner, 3, 3), colours)
    yield Tensor("decoder.conv_out.bias", (3,), constant(0.1))


def _norm(name: str, width: int) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", (width,), constant(1))
    yield Tensor(f"{name}.bias", (width,), constant(0))


def _layer(name: str, shape: tuple[int, ...], fill: Fill) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", shape, fill)
    yield Tensor(f"{name}.bias", shape[:1], constant(0))


def _resnet(name: str, inner: int, outer: int, first: Fill, second: Fill) -> Iterator[Tensor]:
    yield from _norm(f"{name}.norm1", inner)
    yield from _layer(f"{name}.conv1", (outer, inner, 3, 3), first)
    yield from _norm(f"{name}.norm2", outer)
    yield from _layer(f"{name}.conv2", (outer, outer, 3, 3), second)
    if inner != outer:
        yield from _layer(f"{name}.nin_shortcut", (outer, inner, 1, 1), matrix(1))


def _middle(name: str, width: int, first: Fill, second: Fill) -> Iterator[Tensor]:
    yield from _resnet(f"{name}.block_1", width, width, first, second)
    yield from _norm(f"{name}.attn_1.norm", width)
    for part in ("q", "k", "v", "proj_out"):
        yield from _layer(f"{name}.attn_1.{part}", (width, width, 1, 1), matrix(1))
    yield from _resnet(f"{name}.block_2", width, width, first, second)
