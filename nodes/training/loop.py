"""The training loop: steps, validation, samples and checkpoints, from the beginning or from where a run stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import comfy.model_management
import torch
from comfy.model_patcher import ModelPatcher

from ...client.brand.training.recipe import Recipe
from ...client.errors import InputInvalid
from . import checkpoint
from .adapters import Adapters, Average
from .checkpoint import Progress, RunOrigin
from .data import Prepared
from .flow import Flow, gradients, training

_CLIP = 1.0  # greatest norm of a step's gradient
_DECAY = 0.01  # weight decay of AdamW, torch's own default
_LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)  # times of the flow that the held-out pictures are judged at
_JUDGED = 16  # held-out pictures that are judged at most


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who follows a run.

    Attributes:
        save: takes the LoRA's weights, the progress, and whether it is the last time.
        sample: draws pictures with the LoRA as it is after that many steps.
        tick: takes the steps done.
    """

    save: Callable[[dict[str, torch.Tensor], Progress], None]
    sample: Callable[[int], None]
    tick: Callable[[int], None]


def training_copy(model: ModelPatcher) -> ModelPatcher:
    """A copy of a model, loaded anew from its file outside inference mode, that computes in bfloat16 on a GPU that has
    it and in float32 elsewhere. Its weights stay where they are during a backward pass, which core's dynamic memory
    management does not promise.

    Raises:
        InputInvalid: the model's loader cannot load it again.
    """
    if model.cached_patcher_init is None:
        raise InputInvalid(
            "the node that loaded the model cannot load it again, which training needs",
            place="input 'model'",
            remedy="load it with Packshot Load Model or core's own loaders",
        )
    copy = model.clone(disable_dynamic=True, force_deepcopy=True)
    lower = comfy.model_management.should_use_bf16(copy.load_device)
    copy.set_model_compute_dtype(torch.bfloat16 if lower else torch.float32)
    copy.model.requires_grad_(False)
    return copy


class Trainer:
    """One run. The same recipe, data and base give the same weights, bit by bit in float32 on one machine, whether or
    not the run was interrupted: everything random comes from one generator whose state is in the checkpoint.

    Args:
        patcher: from :func:`training_copy`.
        data: latents and text embeddings.
        checkpoint: the file that holds the run's state.
        terms: see :meth:`Recipe.settled`.
        lora: file name of the LoRA, without its suffix.
        watcher: who follows it.
    """

    def __init__(
        self,
        patcher: ModelPatcher,
        recipe: Recipe,
        data: Prepared,
        checkpoint: Path,
        terms: dict[str, Any],
        lora: str,
        watcher: Watcher,
    ) -> None:
        self.recipe = recipe
        self.adapters = Adapters(patcher, recipe)
        self._patcher = patcher
        self._data = data
        self._checkpoint = checkpoint
        self._watcher = watcher
        self._flow = Flow(patcher, recipe)
        self._origin = RunOrigin(terms, self.adapters.base_mark(), lora)
        self._parameters = self.adapters.parameters()
        self._average = Average(self._parameters, recipe.ema_decay)
        self._optimizer = torch.optim.AdamW(self._parameters.values(), lr=recipe.learning_rate, weight_decay=_DECAY)
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self._progress = Progress(0, self._generator.get_state(), [], 0, [], [], [[0, recipe.steps]])

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one.

        Raises:
            InputInvalid, ModelCorrupt: see :func:`.checkpoint.read`.
        """
        found = checkpoint.read(self._checkpoint, self._origin.base_mark)
        if found is None:
            return
        with torch.no_grad():
            for name, tensor in found.parameters.items():
                self._parameters[name].copy_(tensor)
            for name, tensor in found.average.items():
                self._average.values[name].copy_(tensor)
        state: dict[str, Any] = self._optimizer.state_dict()
        self._optimizer.load_state_dict({**state, "state": found.optimizer})
        self._generator.set_state(found.progress.generator)
        stages = [stage for stage in found.progress.stages if stage[0] < found.progress.step]
        if not stages or stages[-1][1] != self.recipe.steps:
            stages = [*stages, [found.progress.step, self.recipe.steps]]
        self._progress = replace(found.progress, stages=stages)

    def run(self) -> Progress:
        """Train until all steps are done. Whatever stops it, the files hold the last step that was completed.

        Raises:
            InterruptProcessingException: the host was told to stop; the run can go on from its checkpoint.
        """
        recipe = self.recipe
        if self._progress.step == recipe.steps:
            self._watcher.save(self.weights(), self._progress)  # the LoRA may have been moved away
            return self._progress
        self.load()
        with training():
            if self._progress.step == 0:
                self._look()
            self._save()  # so that a folder that cannot be written to shows now, and a kill leaves files
            try:
                while self._progress.step < recipe.steps:
                    self._step()
                    done = self._progress.step
                    if recipe.due(recipe.validation_interval, done):
                        self._look()
                    if recipe.due(recipe.checkpoint_interval, done):
                        self._save()
                    if recipe.due(recipe.sample_interval, done):
                        self._sample(done)
                    self._watcher.tick(done)
            except comfy.model_management.InterruptProcessingException:
                self._save()
                raise
        return self._progress

    def load(self) -> None:
        """Have core load the model whole, and unload everything else: a backward pass needs all memory there is."""
        comfy.model_management.load_models_gpu([self._patcher], memory_required=1e20, force_full_load=True)
        self._patcher.inject_model()
        self._patcher.pre_run()

    def weights(self) -> dict[str, torch.Tensor]:
        """The LoRA as it is to be saved: averaged where the recipe averages."""
        return self.adapters.state_dict(self._average.weights())

    def _step(self) -> None:
        """One update. Until the optimiser steps nothing is changed but the generator, so that an interrupt in the
        middle, which core raises from inside the model, leaves :attr:`_progress` true."""
        recipe, before = self.recipe, self._progress
        self._generator.set_state(before.generator)
        for group in self._optimizer.param_groups:
            group["lr"] = recipe.learning_rate_at(before.step)
        self._optimizer.zero_grad(set_to_none=True)
        batches, position, total = before.batches, before.position, 0.0
        for _ in range(recipe.accumulation):
            if position == len(batches):
                batches, position = self._data.batches(recipe.batch_size, self._generator), 0
            total += self._backward(batches[position]) / recipe.accumulation
            position += 1
        torch.nn.utils.clip_grad_norm_(list(self._parameters.values()), _CLIP)
        self._optimizer.step()
        self._average.update(before.step)
        self._progress = replace(
            before,
            step=before.step + 1,
            generator=self._generator.get_state(),
            batches=batches,
            position=position,
            losses=[*before.losses, total],
        )

    def _backward(self, indices: list[int]) -> float:
        """The loss of one batch; its gradient is added to the parameters'."""
        items = [self._data.train[index] for index in indices]
        dropped = torch.rand(len(items), generator=self._generator) < self.recipe.caption_dropout
        texts = [self._data.texts["" if drop else item.caption]
                 for item, drop in zip(items, dropped.tolist(), strict=True)]  # fmt: skip
        levels = self._flow.levels(len(items), self._generator)
        latents = torch.cat([item.latent for item in items])
        noise = torch.randn(latents.shape, generator=self._generator)
        with gradients():
            loss = self._flow.loss(latents, texts, levels, noise)
            (loss / self.recipe.accumulation).backward()
        return float(loss.detach())

    @torch.no_grad()
    def _look(self) -> None:
        """Judge held-out pictures with the same noise at the same levels every time."""
        held = self._data.validation[:_JUDGED]
        if not held:
            return
        generator = torch.Generator().manual_seed(self.recipe.seed)
        total = 0.0
        with self._average.applied():
            for item in held:
                for level in self._flow.shifted(torch.tensor(_LEVELS)):
                    noise = torch.randn(item.latent.shape, generator=generator)
                    text = [self._data.texts[item.caption]]
                    total += float(self._flow.loss(item.latent, text, level[None], noise))
        before = self._progress
        value = [float(before.step), total / len(held) / len(_LEVELS)]
        self._progress = replace(before, validation=[*before.validation, value])

    def _sample(self, step: int) -> None:
        comfy.model_management.in_training = False  # pictures as they come out in use
        try:
            with self._average.applied():
                self._watcher.sample(step)
        finally:
            comfy.model_management.in_training = True
        self.load()  # decoding may have taken its place

    def _save(self) -> None:
        self._watcher.save(self.weights(), self._progress)
        checkpoint.write(
            self._checkpoint,
            self._progress,
            {name: value.detach() for name, value in self._parameters.items()},
            self._average.values,
            self._optimizer.state_dict()["state"],
            self._origin,
        )
