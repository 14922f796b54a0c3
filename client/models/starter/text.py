"""The starter's text encoder: a CLIP-L that is built, not trained, and tells words and their order apart.

Every token has a random vector of its own. The first layer copies to each token a sketch of the three tokens before
it; all other layers pass on what they get. So "white background" differs from "background" after "red", and the
diffusion model learns what the words mean. What follows a prompt's end comes out as zero.

Positions are the cosines and sines of 32 frequencies π(k + ½)/32: turned by an offset, a position's vector equals that
of the position so far away and is orthogonal to every other, so that a head finds the token before by its position.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .tensors import Fill, Tensor, Weights, constant, random

WIDTH, POSITIONS, VOCABULARY = 768, 77, 49408
_END = 49407  # the token that ends a prompt and fills what is left of the 77
_PLACE = 128  # of the 768 values: where a token stands; what it is fills the others
_FREQUENCIES, _HEAD = 32, 64
_SHARPNESS = 4.0  # of the search for a position; gives a logit of about 17
_BEFORE = (0.8, 0.5, 0.4)  # strength of the sketches of the tokens one, two and three places before


def text_encoder() -> Iterator[Tensor]:
    """CLIP-L, 123.7 M parameters."""
    yield Tensor("text_model.embeddings.token_embedding.weight", (VOCABULARY, WIDTH), _tokens)
    yield Tensor("text_model.embeddings.position_embedding.weight", (POSITIONS, WIDTH), _positions)
    for i in range(12):
        layer = f"text_model.encoder.layers.{i}"
        parts = {"q_proj": _queries, "k_proj": _keys, "v_proj": _values, "out_proj": _outputs} if i == 0 else {}
        yield from _norm(f"{layer}.layer_norm1", constant(1))
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from _layer(f"{layer}.self_attn.{part}", (WIDTH, WIDTH), parts.get(part, constant(0)))
        yield from _norm(f"{layer}.layer_norm2", constant(1))
        yield from _layer(f"{layer}.mlp.fc1", (4 * WIDTH, WIDTH), constant(0))
        yield from _layer(f"{layer}.mlp.fc2", (WIDTH, 4 * WIDTH), constant(0))
    yield from _norm("text_model.final_layer_norm", _no_place)
    yield Tensor("text_projection.weight", (WIDTH, WIDTH), lambda _, shape: np.eye(shape[0], dtype=np.float32))


def _tokens(name: str, shape: tuple[int, ...]) -> Weights:
    weights = random(name, shape, 1.0)
    weights[:, :_PLACE] = 0
    weights[_END] = 0
    return weights


def _turned(offset: int) -> Weights:
    """Cosines and sines of the positions moved by an offset, float32 [77, 64]."""
    # Rounded to 2^-20, so that every machine's cosine gives the same.
    angles = np.outer(np.arange(POSITIONS) + offset, (np.arange(_FREQUENCIES) + 0.5) * math.pi / _FREQUENCIES)
    both = np.concatenate([np.cos(angles), np.sin(angles)], 1)
    turned: Weights = (np.rint(both * 2**20) / 2**20).astype(np.float32)
    return turned


def _positions(_: str, shape: tuple[int, ...]) -> Weights:
    weights = np.zeros(shape, np.float32)
    place = _turned(0)
    weights[:, :_PLACE] = np.concatenate([place, -place], 1)
    return weights


def _queries(_: str, shape: tuple[int, ...]) -> Weights:
    """Per head the place, turned back by the head's number plus one."""
    weights = np.zeros(shape, np.float32)
    for head in range(len(_BEFORE)):
        turn = (np.arange(_FREQUENCIES) + 0.5) * math.pi / _FREQUENCIES * (head + 1)
        cos, sin = (np.rint(f(turn) * 2**20) / 2**20 * _SHARPNESS for f in (np.cos, np.sin))
        rows, across = head * _HEAD + np.arange(_FREQUENCIES), np.arange(_FREQUENCIES)
        weights[rows, across], weights[rows, across + _FREQUENCIES] = cos, sin
        weights[rows + _FREQUENCIES, across], weights[rows + _FREQUENCIES, across + _FREQUENCIES] = -sin, cos
    return weights


def _keys(_: str, shape: tuple[int, ...]) -> Weights:
    weights = np.zeros(shape, np.float32)
    for head in range(len(_BEFORE)):
        weights[head * _HEAD + np.arange(_HEAD), np.arange(_HEAD)] = 1
    return weights


def _values(name: str, shape: tuple[int, ...]) -> Weights:
    weights = random(name, shape, 1 / math.sqrt(WIDTH - _PLACE))
    weights[:, :_PLACE] = 0
    weights[len(_BEFORE) * _HEAD :] = 0
    return weights


def _outputs(name: str, shape: tuple[int, ...]) -> Weights:
    weights = random(name, shape, 1 / math.sqrt(_HEAD))
    weights[:_PLACE] = 0
    for head, strength in enumerate(_BEFORE):
        weights[:, head * _HEAD : (head + 1) * _HEAD] *= np.float32(strength)
    weights[:, len(_BEFORE) * _HEAD :] = 0
    return weights


def _no_place(_: str, shape: tuple[int, ...]) -> Weights:
    weights = np.ones(shape, np.float32)
    weights[:_PLACE] = 0
    return weights


def _norm(name: str, weight: Fill) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", (WIDTH,), weight)
    yield Tensor(f"{name}.bias", (WIDTH,), constant(0))


def _layer(name: str, shape: tuple[int, ...], fill: Fill) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", shape, fill)
    yield Tensor(f"{name}.bias", shape[:1], constant(0))
