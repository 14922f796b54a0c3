"""One pass of rectified flow through ComfyUI's model, with a gradient that is right.

Core's trainer is not used for the step itself. It draws noise levels uniformly and from torch's global generator, which
no checkpoint can restore; and FLUX's blocks add their residuals in place, which destroys values that the backward pass
reads. Core's gradient checkpointing hides the error that autograd raises there and computes another gradient instead.
Here PyTorch keeps a copy of each saved value that is about to be overwritten, so that the gradient agrees with finite
differences whatever a model's blocks do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import comfy.model_management
import comfy.model_sampling
import comfy.sampler_helpers
import comfy.samplers
import torch
from comfy.model_patcher import ModelPatcher
from torch.autograd.graph import allow_mutation_on_saved_tensors

from ...client.brand.training.recipe import Recipe
from ...client.errors import InputInvalid
from .data import Conditioning

_LOWEST = 1e-3  # noise level below which a velocity cannot be told from rounding
_GUIDANCE = 1.0  # of models with distilled guidance: what they are trained at, as sd-scripts' guide for FLUX.1 has it


class Flow:
    """The model's loss on latents, and the noise levels that it is trained at.

    Args:
        patcher: a loaded model.
        recipe: distribution and shift of the noise levels.

    Raises:
        InputInvalid: the model is no rectified-flow model.
    """

    def __init__(self, patcher: ModelPatcher, recipe: Recipe) -> None:
        self._patcher = patcher
        self._recipe = recipe
        self._device = patcher.load_device
        self._sampling = patcher.get_model_object("model_sampling")
        if not isinstance(self._sampling, comfy.model_sampling.CONST):
            raise InputInvalid(
                f"{type(patcher.model).__name__} is no rectified-flow model, and no other is trained here",
                place="input 'model'",
                remedy="use core's Train LoRA, or `packshot lora export-config` and another trainer",
            )

    def levels(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Random noise levels, float32, [count], from above 0 (the picture) to 1 (noise)."""
        if self._recipe.timestep_sampling == "logit-normal":
            times = torch.randn(count, generator=generator).sigmoid()
        else:
            times = torch.rand(count, generator=generator)
        return self.shifted(times)

    def shifted(self, times: torch.Tensor) -> torch.Tensor:
        """Times of the flow, [count], 0 to 1, as noise levels: shifted as the recipe says, or as the model is."""
        if self._recipe.shift:
            levels = self._recipe.shift * times / (1 + (self._recipe.shift - 1) * times)
        else:
            levels = torch.tensor([float(self._sampling.percent_to_sigma(1 - time)) for time in times.tolist()])
        return levels.clamp(_LOWEST, 1.0)

    def loss(
        self, latents: torch.Tensor, texts: Sequence[Conditioning], levels: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        """Mean squared error of the velocity (Liu et al., Flow Straight and Fast, arXiv 2209.03003, equation 1).

        Args:
            latents: as the VAE gives them, float32, [batch, channels, …, height, width].
            texts: one for each latent.
            levels: float32, [batch].
            noise: standard normal, of the latents' shape.
        """
        model = self._patcher.model
        latents = model.process_latent_in(latents.to(self._device))
        noise, levels = noise.to(self._device), levels.to(self._device)
        noisy = self._sampling.noise_scaling(levels, noise, latents)
        conds = [self._conds(text, latents[:1]) for text in texts]
        if all(_concatenates(conds[0], other) for other in conds[1:]):
            denoised = self._apply(noisy, levels, comfy.samplers.cond_cat(conds))
        else:  # texts of different lengths, which this model does not pad
            parts = [self._apply(noisy[i : i + 1], levels[i : i + 1], comfy.samplers.cond_cat([cond]))
                     for i, cond in enumerate(conds)]  # fmt: skip
            denoised = torch.cat(parts)
        # Core's model answers with the picture it sees: x - level * velocity. The true one is x - level * (noise - x0).
        scale = levels.view(-1, *[1] * (latents.ndim - 1))
        return (((denoised.float() - latents) / scale) ** 2).mean()

    def _conds(self, text: Conditioning, latent: torch.Tensor) -> dict[str, Any]:
        """What core's model takes beside the latent, made by core from a text embedding."""
        positive = comfy.sampler_helpers.convert_cond([[text[0][0], {"guidance": _GUIDANCE, **text[0][1]}]])
        conds = comfy.samplers.process_conds(self._patcher.model, latent, {"positive": positive}, self._device)
        found = conds["positive"][0]["model_conds"]
        return {key: cond.process_cond(batch_size=1, area=None) for key, cond in found.items()}

    def _apply(self, noisy: torch.Tensor, levels: torch.Tensor, conds: dict[str, Any]) -> torch.Tensor:
        options = self._patcher.model_options.get("transformer_options", {})
        conds = {key: cond.to(self._device) if isinstance(cond, torch.Tensor) else cond for key, cond in conds.items()}
        lower = self._patcher.get_model_object("manual_cast_dtype") == torch.bfloat16
        # The LoRA stays in float32 and is cast where the model computes in less.
        with torch.autocast(self._device.type, torch.bfloat16, enabled=lower):
            denoised: torch.Tensor = self._patcher.model.apply_model(
                noisy, levels, **conds, transformer_options=dict(options)
            )
        return denoised


@contextlib.contextmanager
def gradients() -> Iterator[None]:
    """Where forward and backward pass of one batch stand together."""
    with allow_mutation_on_saved_tensors():
        yield


@contextlib.contextmanager
def training() -> Iterator[None]:
    """Core's switch that keeps kernels without a derivative out of the model, reset whatever happens."""
    before = comfy.model_management.in_training
    comfy.model_management.in_training = True
    try:
        yield
    finally:
        comfy.model_management.in_training = before


def _concatenates(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(cond.can_concat(other[key]) for key, cond in one.items())
