"""What a prompt's phases took of memory, in the order in which they ran: noted by our nodes, read by the report.

A record is of one prompt. Those of the last prompts that noted anything can be read.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import comfy.memory_management
import comfy.model_management
import psutil
import torch
from comfy_execution.utils import get_executing_context

from ...client.units import gib

_SELF = psutil.Process()
_INTERVAL = 0.02  # seconds between looks at the memory while a phase runs


@dataclass(slots=True)
class Phase:
    """One phase of a prompt.

    Attributes:
        phase: ``text encoder``, ``sampling``, ``VAE decode``, ``VAE encode`` or ``intermediates``.
        node: id of the node that ran; empty outside of a prompt.
        device: which computed.
        seconds: how long it took.
        peak: most bytes in use on the device meanwhile, this process's; on a CPU, of main memory. 0: not measured.
        resident: bytes of the model's weights that stayed on the device; None where it was not looked at.
        weights: bytes of all its weights.
        allocator: ``Dynamic VRAM`` or ``legacy``.
        policy: what was asked for, and what was obtained.
        patches: how LoRAs were applied.
        steps: what the out-of-memory ladder did, in order; empty where memory was enough.
        notes: what else there is to say.
    """

    phase: str
    node: str = ""
    device: str = ""
    seconds: float = 0.0
    peak: int = 0
    resident: int | None = None
    weights: int | None = None
    allocator: str = ""
    policy: str = ""
    patches: str = ""
    steps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        """As a line of the report."""
        measured = f"peak {gib(self.peak)} on {self.device}, {self.seconds:.1f} s" if self.peak else f"on {self.device}"
        parts = [f"{self.phase}: {measured}"]
        if self.resident is not None and self.weights:
            parts.append(
                f"{gib(self.resident)} of {gib(self.weights)} of weights resident"
                f" ({gib(max(0, self.weights - self.resident))} streamed), {self.allocator}"
            )
        parts += [text for text in (self.policy, self.patches) if text]
        parts += [f"step down: {step}" for step in self.steps]
        return "; ".join([*parts, *self.notes])


_KEPT = 64  # prompts whose phases can be read
_lock = threading.Lock()
_records: OrderedDict[str | None, list[Phase]] = OrderedDict()


def note(phase: Phase) -> None:
    """Add a phase to the record of the prompt that runs."""
    context = get_executing_context()
    prompt = context.prompt_id if context else None
    if context:
        phase.node = str(context.node_id)
    with _lock:
        _records.setdefault(prompt, []).append(phase)
        if len(_records) > _KEPT:
            _records.popitem(last=False)


def carried() -> dict[str, Any]:
    """What a node adds to its ``ui``, so that the job's record has the phases of its prompt; empty where none was."""
    phases = current()
    return {"packshot_memory": [asdict(phase) for phase in phases]} if phases else {}


def lowered() -> list[str]:
    """What was done without in this prompt because memory ran out, in order; empty where it was enough."""
    return [f"{phase.phase}: {step}" for phase in current() for step in phase.steps]


def _peak(device: Any) -> int:
    """Most bytes in use since the counters were last reset; those in use now, where nothing counts."""
    return max(used(device), torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0)


def current() -> list[Phase]:
    """The phases of the prompt that runs, so far; empty where it noted none."""
    context = get_executing_context()
    with _lock:
        return list(_records.get(context.prompt_id if context else None, ()))


def of(prompt: str) -> list[dict[str, Any]]:
    """The phases of a prompt, as objects; empty where it noted none, or is too long ago."""
    with _lock:
        return [asdict(phase) for phase in _records.get(prompt, ())]


def last() -> dict[str, Any]:
    """The newest record: ``{"prompt_id": str or None, "phases": [Phase as an object]}``."""
    with _lock:
        prompt, phases = next(reversed(_records.items()), (None, []))
        return {"prompt_id": prompt, "phases": [asdict(phase) for phase in phases]}


def used(device: Any) -> int:
    """Bytes that this process uses on a device: on CUDA with the pages of Dynamic VRAM, which torch does not count."""
    if device.type == "cpu":
        return int(_SELF.memory_info().rss)
    if device.type != "cuda":
        return int(comfy.model_management.get_total_memory(device) - comfy.model_management.get_free_memory(device))
    if comfy.memory_management.aimdo_enabled:
        import comfy_aimdo.control

        if hasattr(comfy_aimdo.control, "get_total_vram_usage"):
            return int(comfy_aimdo.control.get_total_vram_usage())
    return int(_nvml_used(device) or torch.cuda.memory_reserved(device))


def _nvml_used(device: Any) -> int | None:
    """Bytes of the GPU's memory that this process holds; None where NVML, or its Python package, is not there."""
    handle = _nvml(str(torch.cuda.get_device_properties(device).uuid))
    if handle is None:
        return None
    import pynvml

    try:
        processes = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except pynvml.NVMLError:
        return None
    return next((process.usedGpuMemory for process in processes if process.pid == _SELF.pid), None)


@functools.cache
def _nvml(uuid: str) -> Any:
    """NVML's handle of a GPU, opened once for the life of the process; None where there is none."""
    try:
        import pynvml

        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
    except Exception:
        return None


def allocator(patcher: Any) -> str:
    """Which of core's two managers of memory has a model."""
    return "Dynamic VRAM" if patcher.is_dynamic() else "legacy"


@contextlib.contextmanager
def watched(phase: Phase, device: Any) -> Iterator[Phase]:
    """Time a phase and follow its memory; note it at the end, also of one that fails."""
    phase.device = str(device)
    stop = threading.Event()

    def follow() -> None:
        while not stop.wait(_INTERVAL):
            phase.peak = max(phase.peak, used(device))

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    phase.peak = used(device)
    thread = threading.Thread(target=follow, name="packshot-memory", daemon=True)
    began = time.perf_counter()
    thread.start()
    try:
        yield phase
    finally:
        stop.set()
        thread.join()
        phase.peak = max(phase.peak, _peak(device))
        phase.seconds = round(time.perf_counter() - began, 3)
        note(phase)


def is_oom(error: Any) -> bool:
    """Whether an exception says that memory ran out: on a GPU, or in main memory, of which core does not ask."""
    if comfy.model_management.is_oom(error):
        return True
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator: can't allocate memory" in str(error)
    )
