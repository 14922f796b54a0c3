"""What the devices hold, for the Memory panel, and what a prompt took: ``/packshot/memory``, ``/packshot/unload``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import comfy.memory_management
import comfy.model_management as management
import torch
from aiohttp import web
from server import PromptServer

from ..memory import record
from .serving import answer, get, post, refuse


def register() -> None:
    """Add the routes."""

    @get("/packshot/memory")
    async def memory(_: web.Request) -> web.Response:
        return answer(report())

    @get("/packshot/memory/{prompt}")
    async def prompt(request: web.Request) -> web.Response:
        return answer({"phases": record.of(request.match_info["prompt"])})

    @post("/packshot/unload")
    async def unload(_: web.Request) -> web.Response:
        queue = PromptServer.instance.prompt_queue
        if queue.get_tasks_remaining():
            raise refuse(
                409,
                "a prompt runs or waits, and it needs its models",
                remedy="wait until the queue is empty, or stop it",
            )
        # The worker, which alone may touch models, does it as soon as it sees this.
        queue.set_flag("unload_models", True)
        queue.set_flag("free_memory", True)
        return answer({"unloading": [model["name"] for model in report()["models"]]})


def report() -> dict[str, Any]:
    """Devices, loaded models and the policy in force; sizes in bytes.

    ``streamed`` is what the loaded models have outside of their devices. ``headroom`` is what core leaves to others.
    ``last`` has the phases of the newest prompt that noted any, see :class:`~..memory.record.Phase`.
    """
    models = list(_models())
    queue = PromptServer.instance.prompt_queue
    return {
        "devices": list(_devices()),
        "models": models,
        "streamed": sum(model["total"] - model["resident"] for model in models),
        "headroom": int(management.extra_reserved_memory()),
        "policy": {
            "state": management.vram_state.name,
            "dynamic": bool(getattr(comfy.memory_management, "aimdo_enabled", False)),
        },
        "remaining": queue.get_tasks_remaining(),
        "last": record.last()["phases"],
    }


def _devices() -> Iterator[dict[str, Any]]:
    """Every device that core runs models on; one whose memory cannot be read is left out."""
    for device in management.get_all_torch_devices() or [management.get_torch_device()]:
        with contextlib.suppress(RuntimeError, OSError, AttributeError, AssertionError, TypeError):
            total, reserved = management.get_total_memory(device, torch_total_too=True)
            yield {
                "name": management.get_torch_device_name(device),
                "type": "rocm" if device.type == "cuda" and torch.version.hip else device.type,
                "total": int(total),
                "free": int(management.get_free_memory(device)),
                "reserved": 0 if device.type == "cpu" else int(reserved),
            }


def _models() -> Iterator[dict[str, Any]]:
    """What core has loaded. The worker may drop a model at any moment, so each is held while it is asked."""
    for loaded in list(management.current_loaded_models):
        patcher = loaded.model
        if patcher is None:
            continue
        yield {
            "name": type(patcher.model).__name__,
            "device": str(loaded.device),
            "total": int(patcher.model_size()),
            "resident": int(patcher.loaded_size()),
        }
