"""What the starter model's files hold: trained tensors, shipped with Packshot, and built ones.

Trained are the diffusion model (FLUX.2's architecture: two double-stream and four single-stream blocks of width 256
over a context of 768) and the autoencoder's decoder with the latents' statistics. Built, because they are large and
need no training, are the text encoder (:mod:`.text`) and the autoencoder's encoder (:mod:`.vae`).
``bench/starter/`` holds what trained them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from .tensors import Tensor, Weights, constant
from .text import text_encoder
from .vae import decoder_shapes, encoder

__all__ = ["autoencoder", "diffusion_model", "text_encoder"]

_WEIGHTS = Path(__file__).parents[1] / "weights"
_MODEL, _DECODER = _WEIGHTS / "starter-flux2.safetensors", _WEIGHTS / "starter-decoder.safetensors"


def diffusion_model() -> Iterator[Tensor]:
    """A FLUX.2 transformer of 8.3 M parameters, trained."""
    for name, shape in _shapes(_MODEL).items():
        yield Tensor(name, shape, _trained)


def autoencoder() -> Iterator[Tensor]:
    """A KL autoencoder: a built encoder of full width, a trained narrow decoder; 37.6 M parameters."""
    yield from encoder()
    yield Tensor("bn.running_mean", (128,), _trained, "F32")
    yield Tensor("bn.running_var", (128,), _trained, "F32")
    yield Tensor("bn.num_batches_tracked", (), constant(0), "I64")
    trained = _shapes(_DECODER)
    for name, shape in decoder_shapes():
        # Blocks that training left out pass on what they get: norms of one, convolutions of zero.
        idle = constant(1 if ".norm" in name and name.endswith("weight") else 0)
        yield Tensor(name, shape, _trained if name in trained else idle)


def _trained(name: str, shape: tuple[int, ...]) -> Weights:
    path = _MODEL if name in _shapes(_MODEL) else _DECODER
    weights: Weights = _opened(path).get_tensor(name).astype(np.float32).reshape(shape)
    return weights


@cache
def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    return {name: tuple(_opened(path).get_slice(name).get_shape()) for name in sorted(_opened(path).keys())}


@cache
def _opened(path: Path) -> Any:
    return safe_open(path, framework="numpy")
