"""Memory of a device that is left to other programs, for the time of one run; put back as it was at its end."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import comfy.memory_management
import comfy.model_management
from comfy.cli_args import args


@contextlib.contextmanager
def headroom(size: int, device: Any) -> Iterator[str]:
    """Keep ``size`` bytes of a device free of models while the block runs; yields what could be done, for the report.

    Core's own reserve is raised, never lowered. It counts on whichever device a model is loaded to, and the block is
    entered only while one samples on ``device``. Models under Dynamic VRAM are not loaded by it: for them the engine's
    headroom is raised too, where it can be put back afterwards. The engine does not say what it is, so that is where
    core gave it one at the start.
    """
    if not size:
        yield ""
        return
    before = comfy.model_management.EXTRA_RESERVED_VRAM
    engine, engine_before = _engine()
    said = f"headroom {size / 2**30:.2f} GiB on {device}"
    if device.type == "cpu":
        said += ", where nothing is loaded that could be held back"
    if engine is None and comfy.memory_management.aimdo_enabled:
        said += " for models without Dynamic VRAM alone; with it, start ComfyUI with --reserve-vram or --vram-headroom"
    comfy.model_management.EXTRA_RESERVED_VRAM = max(before, size)
    try:
        if engine is not None:
            _set(engine, max(engine_before, size))
        yield said
    finally:
        comfy.model_management.EXTRA_RESERVED_VRAM = before
        if engine is not None:
            _set(engine, engine_before)


def _engine() -> tuple[Any, int]:
    """The engine of Dynamic VRAM and its headroom in bytes; None where that is not known and could not be restored."""
    if not comfy.memory_management.aimdo_enabled or args.reserve_vram is None:
        return None, 0
    import comfy_aimdo.control as engine

    if "simple_vram_headroom" not in inspect.signature(engine.init).parameters:  # 0.4.9 and before
        return None, 0
    return engine, int(args.reserve_vram * 2**30)  # what core itself gave it at the start


def _set(engine: Any, size: int) -> None:
    options: dict[str, Any] = {"simple_vram_headroom": size}
    if "nvml_pressure" in inspect.signature(engine.init).parameters:  # since 0.4.11; left out it would be switched off
        options["nvml_pressure"] = not args.disable_nvml_pressure
    engine.init(**options)
