"""A VRAM policy on a model: wrappers that carry it out while the model samples, and put everything back."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import torch
from comfy.patcher_extension import WrappersMP
from comfy_execution.utils import get_executing_context

from ...client.errors import OutOfMemory
from ...client.units import gib
from ..refusal import refusing, tell
from . import hold
from .headroom import headroom
from .lora import Patched, applied
from .policy import GIB, Mode, Policy, Weights, cap, check_lock, check_moves, check_offload, weigh
from .record import Phase, allocator, is_oom, watched

_KEY = "packshot_vram"
_RUNGS = (0.5, 0.25)  # shares of the weights that the ladder lets stay, after it has unloaded other models


@dataclass(frozen=True, slots=True)
class _Rung:
    """One way to try, of the out-of-memory ladder.

    Attributes:
        step: what makes it take less than the one before; empty for the first.
        limit: bytes of weights that may stay; None where that is core's choice.
        dtype: in which the model computes from layer to layer; None for its own.
    """

    step: str
    limit: int | None
    dtype: Any = None


@dataclass(slots=True)
class _Run:
    """One call of the sampler: what it may keep, and what came of it."""

    phase: Phase
    limit: int | None


class PolicyWrappers:
    """The wrappers of one policy; ``attach`` puts them on a clone of a model."""

    def __init__(self, policy: Policy, weights: Weights, patched: Patched) -> None:
        self.policy, self._weights, self._patched = policy, weights, patched
        self._limit = cap(policy, weights)
        self._run: _Run | None = None

    @classmethod
    def attach(cls, model: Any, policy: Policy) -> Any:
        """A clone of ``model`` that follows the policy.

        Raises:
            InputInvalid: the policy cannot be carried out on this model, whatever the device.
            OutOfMemory: a quality lock for which the device is too small even when empty.
        """
        if policy.mode is not Mode.AUTO:
            check_offload(model)
        weights = weigh(model)
        if policy.mode is Mode.FULL:
            check_moves(model.load_device, weights.total)
            total = comfy.model_management.get_total_memory(model.load_device)
            check_lock(model.load_device, weights.total, comfy.model_management.minimum_inference_memory(), total)
        clone = model.clone()
        wrappers = cls(policy, weights, applied(clone, policy.lora))
        clone.remove_wrappers_with_key(WrappersMP.OUTER_SAMPLE, _KEY)
        clone.remove_wrappers_with_key(WrappersMP.PREPARE_SAMPLING, _KEY)
        clone.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, _KEY, wrappers.outer_sample)
        clone.add_wrapper_with_key(WrappersMP.PREPARE_SAMPLING, _KEY, wrappers.prepare_sampling)
        clone.set_attachments(_KEY, wrappers)
        return clone

    def outer_sample(self, executor: Any, *args: Any, **kwargs: Any) -> Any:
        """Around a whole run of the sampler: headroom, record, and the out-of-memory ladder."""
        guider = executor.class_obj
        patcher, conds = guider.model_patcher, guider.conds
        phase = Phase("sampling", weights=self._weights.total, patches=self._patched.sentence())
        with (
            watched(phase, patcher.load_device),
            headroom(int(self.policy.headroom_gib * GIB), patcher.load_device) as kept,
            refusing(),
            hold.manageable(guider, self.policy.mode, self._limit),
        ):
            phase.allocator = allocator(guider.model_patcher)
            phase.notes += [kept] if kept else []
            for rung in self._ladder(patcher):
                if rung.step:
                    self._make_room(guider.model_patcher, phase, rung.step)
                # The sampler works on the conditioning that it was given, so that each try needs its own.
                guider.conds = {name: [dict(one) for one in many] for name, many in conds.items()}
                self._run = _Run(phase, rung.limit)
                with _computing(guider, rung.dtype):
                    try:
                        return _finite(executor(*args, **kwargs), rung)
                    except Exception as error:
                        if not is_oom(error):
                            raise
                    finally:
                        self._release(guider.model_patcher, phase, rung.limit)
            raise OutOfMemory(
                f"sampling ran out of memory with {gib(self._lower(_RUNGS[-1]))} of {gib(self._weights.total)} of"
                f" weights resident, the last step; before: {'; '.join(phase.steps)}",
                place="Packshot VRAM Policy",
                remedy="a smaller picture or batch, or a lower precision",
            )

    def _ladder(self, patcher: Any) -> Iterator[_Rung]:
        """Unload others, then a smaller budget, then 16 bit between layers where there are 32."""
        yield _Rung("", self._limit)
        least = self._lower(1.0)
        yield _Rung("other models unloaded", least)
        for share in _RUNGS:
            if self._lower(share) < 0.9 * least:  # or it would be as good as the same again
                least = self._lower(share)
                yield _Rung(f"at most {gib(least)} of weights resident", least)
        half = _half(patcher)
        if half is not None:
            name = str(half).removeprefix("torch.")
            yield _Rung(f"{name} between layers instead of float32: another picture", least, half)

    def prepare_sampling(
        self, executor: Any, model: Any, noise_shape: Any, conds: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Around core's loading of the models for a run: load, hold to the limit, and look what was obtained."""
        run = self._run
        if run is None:  # nobody samples, as in core's trainer
            return executor(model, noise_shape, conds, *args, **kwargs)
        with refusing():
            if self.policy.mode is Mode.FULL:
                self._check_room(model, noise_shape)
                kwargs["force_full_load"] = not model.is_dynamic()
            with hold.loading(model, run.limit):
                result = executor(model, noise_shape, conds, *args, **kwargs)
            if self.policy.mode is Mode.FULL:
                hold.lock(model, self._weights.total)
            elif run.limit is not None and (note := hold.hold(model, run.limit)):
                run.phase.notes.append(note)
        return result

    def _check_room(self, model: Any, noise_shape: Any) -> None:
        """Refuse a lock for which there is no room, with other models gone and with what a step takes."""
        device = model.load_device
        working = model.model.memory_required([noise_shape[0] * 2, *noise_shape[1:]])
        others = sum(
            one.model.loaded_size() for one in comfy.model_management.current_loaded_models if one.device == device
        )
        free = comfy.model_management.get_free_memory(device) + others
        free -= comfy.model_management.extra_reserved_memory()
        check_lock(device, self._weights.total, working, free)

    def _lower(self, share: float) -> int:
        """A rung of the ladder in bytes: a share of the limit, and never less than one layer needs."""
        return max(self._weights.least, int(share * (self._limit or self._weights.total)))

    def _make_room(self, patcher: Any, phase: Phase, step: str) -> None:
        """Before another try: unload other models, and say what this one does without, on the node that samples too."""
        if self.policy.mode is Mode.FULL:
            raise OutOfMemory(
                "sampling ran out of memory while the whole model is locked",
                place="Packshot VRAM Policy, mode 'full'",
                remedy="a smaller picture, or a mode that may stream",
            )
        phase.steps.append(f"out of memory; then {step}")
        logging.warning("Packshot: sampling ran out of memory; then %s", step)
        if context := get_executing_context():
            tell(context.node_id, phase.steps)
        own = [one for one in comfy.model_management.current_loaded_models if one.model is patcher]
        comfy.model_management.free_memory(1e30, patcher.load_device, keep_loaded=own)
        comfy.model_management.soft_empty_cache()

    def _release(self, patcher: Any, phase: Phase, limit: int | None) -> None:
        """After a try, also one that failed or was cancelled: say what it obtained; no limit outlives it."""
        self._run = None
        phase.resident = patcher.loaded_size()
        mode = self.policy.mode
        phase.policy = f"{mode.value}: {hold.obtained(patcher, mode, limit, self._weights.total)}"
        hold.release(patcher)


def _half(patcher: Any) -> Any:
    """The type of 16 bit in which core would rather have the model compute; None where it does already, or never may.

    What a sampler holds between steps core keeps in 32 bit in any case; it is small beside what layers hand on.
    """
    model = patcher.model
    if model.get_dtype_inference() != torch.float32:
        return None
    device = patcher.load_device
    wanted = (dtype for dtype in model.model_config.supported_inference_dtypes if dtype.itemsize == 2)
    return next((dtype for dtype in wanted if comfy.model_management.supports_cast(device, dtype)), None)


@contextlib.contextmanager
def _computing(guider: Any, dtype: Any) -> Iterator[None]:
    """Have the guider's model compute in a dtype, by core's own switch on a clone; None changes nothing."""
    if dtype is None:
        yield
        return
    own = guider.model_patcher
    guider.model_patcher = own.clone()
    guider.model_patcher.set_model_compute_dtype(dtype)
    try:
        yield
    finally:
        comfy.model_management.unload_model_and_clones(guider.model_patcher)
        guider.model_patcher = own


def _finite(made: Any, rung: _Rung) -> Any:
    """What was sampled; one that does not fit into 16 bit is a rung that did not hold.

    Raises:
        OutOfMemory: it has values that are infinite or no numbers, which it only could have by this rung.
    """
    if rung.dtype is not None and not bool(torch.isfinite(made).all()):
        raise OutOfMemory(
            f"sampling ran out of memory, and what {rung.dtype} made of it is not finite",
            place="Packshot VRAM Policy",
            remedy="a smaller picture or batch, or a lower precision",
        )
    return made
