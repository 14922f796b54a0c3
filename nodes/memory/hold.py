"""Holding a model to a limit, or whole, by each of core's two managers of memory; and what came of it."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

from ...client.errors import InputInvalid, OutOfMemory
from ...client.units import gib
from .policy import Mode

_PAGE = 32 * 2**20  # of Dynamic VRAM: a watermark counts whole pages
_WHOLE = 0.99  # of a model's bytes: what core never moves counts as missing from it
_PLACE = "Packshot VRAM Policy"


@contextlib.contextmanager
def loading(model: Any, limit: int | None) -> Iterator[None]:
    """Have core load at most ``limit`` bytes of a model, and make room for no more than that, while the block runs.

    Core asks a patcher how large its model is, and tells it how many bytes more to load; no hook lies between the two.
    So this one patcher, a clone that the graph made for itself, gives and takes other numbers meanwhile. Dynamic VRAM
    loads nothing yet at this point, and is held afterwards.

    Core would add to what is loaded, or take from it. Which layers stay depended on what ran before then, and it may
    come to stream a layer that is loaded and has its LoRA already, and so add that twice. A model that was not left by
    this very limit is loaded from nothing.
    """
    if limit is None or model.is_dynamic() or limit >= model.model_size():
        yield
        return
    load = model.partially_load

    def at_most(device: Any, extra_memory: float = 0, **options: Any) -> Any:
        before = model.loaded_size()
        if _held.get(model.model) != (limit, before, model.patches_uuid):
            model.unpatch_model(model.offload_device)
        room = extra_memory + before - model.loaded_size()
        loaded = load(device, min(room, limit - model.loaded_size()), **options)
        _held[model.model] = (limit, model.loaded_size(), model.patches_uuid)
        return loaded

    model.partially_load, model.model_size = at_most, lambda: limit
    try:
        yield
    finally:
        del model.partially_load, model.model_size


# By model: the limit, the bytes that were loaded under it, and the patches that they have.
_held: weakref.WeakKeyDictionary[Any, tuple[int, int, Any]] = weakref.WeakKeyDictionary()


def hold(model: Any, limit: int) -> str:
    """Hold a model that core has just loaded to a limit in bytes; a note where that cannot be done, else empty.

    Raises:
        OutOfMemory: more stays resident than the limit.
    """
    if model.is_dynamic():
        vbar = model._vbar_get()
        if vbar is not None:
            if not hasattr(vbar, "set_watermark"):
                return "no limit: the installed Dynamic VRAM engine has none"
            # Small layers and buffers have no pages: core has put them on the device already.
            vbar.set_watermark(max(0, limit - model.model.model_loaded_weight_memory) // _PAGE * _PAGE)
    if model.loaded_size() > limit:
        raise OutOfMemory(
            f"{gib(model.loaded_size())} stay resident, and {gib(limit)} were asked for",
            place=_PLACE,
            remedy="a larger budget, or mode 'auto'",
        )
    return ""


def lock(model: Any, size: int) -> None:
    """Lock a model of ``size`` bytes that core has just loaded whole.

    Raises:
        OutOfMemory: core did not load all of it.
    """
    if model.is_dynamic():
        vbar = model._vbar_get()
        if vbar is not None:
            vbar.set_watermark_limit(size)
        return
    # Core's own count of patches that are added at each use is never lowered while a model stays loaded.
    if model.loaded_size() < _WHOLE * size or any(_streamed_patches(module) for module in model.model.modules()):
        raise OutOfMemory(
            f"{gib(model.loaded_size())} of {gib(size)} are resident after a full load",
            place=f"{_PLACE}, mode 'full'",
            remedy="close other programs, or use a lower precision",
        )


def _streamed_patches(module: Any) -> bool:
    functions = [*(getattr(module, "weight_function", None) or ()), *(getattr(module, "bias_function", None) or ())]
    return any(getattr(one, "is_lowvram_patch", False) for one in functions)


def obtained(model: Any, mode: Mode, limit: int | None, size: int) -> str:
    """What was resident at the end of a run, beside what was asked for."""
    resident = model.loaded_size()
    if mode is Mode.FULL:
        if resident < _WHOLE * size:
            return f"the lock did not hold: {gib(resident)} of {gib(size)} resident at the end"
        return f"all {gib(size)} resident" + (", protected from eviction" if model.is_dynamic() else ", patched once")
    if limit is None:
        return f"{gib(resident)} resident, as core chose"
    held = "" if resident <= limit else "the limit did not hold: "
    buffer = 0 if model.is_dynamic() else model.model.model_offload_buffer_memory  # which core takes out of the limit
    streams = f", {gib(buffer)} for layers on their way" if buffer else ""
    return f"{held}{gib(resident)} resident of {gib(limit)} allowed{streams}"


def release(model: Any) -> None:
    """After a run, also one that failed or was cancelled: no limit outlives it. The legacy manager has none to lift."""
    vbar = model._vbar_get() if model.is_dynamic() else None
    if vbar is not None:
        if hasattr(vbar, "set_watermark_limit"):
            vbar.set_watermark_limit(0)
        vbar.prioritize()


@contextlib.contextmanager
def manageable(guider: Any, mode: Mode, limit: int | None) -> Iterator[None]:
    """Where the engine of Dynamic VRAM cannot hold what is asked: have the guider use core's copy without it.

    Raises:
        InputInvalid: the model's loader did not say how core can make that copy.
    """
    wanted = "set_watermark_limit" if mode is Mode.FULL else "" if limit is None else "set_watermark"
    own = guider.model_patcher
    if not wanted or not own.is_dynamic() or _engine_has(wanted):
        yield
        return
    if own.cached_patcher_init is None:
        raise InputInvalid(
            "the installed Dynamic VRAM engine cannot hold a model, and this model's loader lets core make no copy"
            " that is managed without it",
            place=f"{_PLACE}, input 'model'",
            remedy="load the model with core's own loader, update comfy-aimdo, or use mode 'auto'",
        )
    guider.model_patcher = own.get_non_dynamic_delegate()
    try:
        yield
    finally:
        guider.model_patcher = own


def _engine_has(method: str) -> bool:
    import comfy_aimdo.model_vbar

    return hasattr(comfy_aimdo.model_vbar.ModelVBAR, method)
