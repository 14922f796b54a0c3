"""The two small matrices beside each trained layer, made and applied by ComfyUI's own adapters."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import torch
from comfy.model_patcher import ModelPatcher
from comfy.weight_adapter import BypassInjectionManager, LoRAAdapter

from ...client.brand.training.recipe import Recipe

_PREFIX = "diffusion_model."
_INJECTION = "packshot-train-lora"
_SAMPLED = 64  # values of each layer that identify the base model


class Adapters:
    """A LoRA beside the layers of a model that is loaded for training.

    It runs in core's bypass mode, ``f(x) + up(down(x)) alpha / rank``: the base weights need no gradient, and no sum of
    both is made in every step, as it is where core wraps the weights.

    Args:
        patcher: the model; its layers get the adapters when core loads it.
        recipe: rank, alpha, targets and seed.

    Raises:
        InputInvalid: no layer fits the targets.
    """

    def __init__(self, patcher: ModelPatcher, recipe: Recipe) -> None:
        linear = {
            name: module
            for name, module in patcher.model.diffusion_model.named_modules()
            if isinstance(module, torch.nn.Linear)
        }
        self._layers = {name: linear[name] for name in recipe.choose(linear)}
        manager = BypassInjectionManager()
        self.modules: dict[str, torch.nn.Module] = {}
        with torch.random.fork_rng(devices=[]):  # core draws the beginning from torch's global generator
            torch.manual_seed(recipe.seed)
            for name, module in self._layers.items():
                shape = torch.empty(module.weight.shape)  # of quantised weights, too; nothing is ever written to it
                adapter = LoRAAdapter.create_train(shape, rank=recipe.rank, alpha=recipe.alpha).to(patcher.load_device)
                adapter.lora_up.requires_grad_(True)
                adapter.lora_down.requires_grad_(True)
                self.modules[name] = adapter
                manager.add_adapter(f"{_PREFIX}{name}.weight", adapter)
        patcher.set_injections(_INJECTION, manager.create_injections(patcher.model))

    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """What is trained, float32, by its name in the file: ``diffusion_model.<module>.lora_up.weight`` [outputs,
        rank] and ``.lora_down.weight`` [rank, inputs]."""
        return {
            f"{_PREFIX}{name}.{part}.weight": getattr(module, part).weight
            for name, module in self.modules.items()
            for part in ("lora_up", "lora_down")
        }

    def state_dict(self, weights: dict[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        """The LoRA as its file has it: the parameters, or other ``weights`` of those names, and each layer's alpha."""
        state = {name: tensor.detach().cpu().clone() for name, tensor in (weights or self.parameters()).items()}
        for name, module in self.modules.items():
            state[f"{_PREFIX}{name}.alpha"] = module.alpha.detach().cpu().clone()
        return state

    def base_mark(self) -> str:
        """SHA-256, in hex, of a few values of every trained layer of the base model: another base has another."""
        digest = hashlib.sha256()
        for name, module in self._layers.items():
            digest.update(f"{name} {tuple(module.weight.shape)} ".encode())
            if type(module.weight.data) is torch.Tensor:  # quantised ones are classes of their own
                values = module.weight.data.flatten()
                digest.update(values[:: max(1, values.numel() // _SAMPLED)].float().cpu().numpy().tobytes())
        return digest.hexdigest()


class Average:
    """The exponential moving average of parameters, in float32 on their device.

    Args:
        decay: share of the old average kept at each step; 0: the average is the parameters themselves.
    """

    def __init__(self, parameters: dict[str, torch.nn.Parameter], decay: float) -> None:
        self._parameters = parameters
        self._decay = decay
        self.values: dict[str, torch.Tensor] = (
            {name: value.detach().clone() for name, value in parameters.items()} if decay else {}
        )

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the parameters after a step, the first being 0.

        The decay rises as ``(1 + step) / (10 + step)`` until it reaches its own value, so that the first steps, in
        which all is still to be learnt, are forgotten (the rule of TensorFlow's ExponentialMovingAverage).
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, value in self.values.items():
            value.lerp_(self._parameters[name].detach(), 1 - decay)

    def weights(self) -> dict[str, torch.Tensor]:
        """What is judged, sampled and saved."""
        return self.values or {name: value.detach() for name, value in self._parameters.items()}

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The model with the average in place of the parameters."""
        own = {name: self._parameters[name].detach().clone() for name in self.values}
        with torch.no_grad():
            for name, value in self.values.items():
                self._parameters[name].copy_(value)
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in own.items():
                    self._parameters[name].copy_(value)
