"""What counts as out of memory."""

from __future__ import annotations

from typing import Any

import comfy.model_management


def is_oom(error: Any) -> bool:
    """Whether an exception says that memory ran out: on a GPU, or in main memory, of which core does not ask."""
    if comfy.model_management.is_oom(error):
        return True
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator: can't allocate memory" in str(error)
    )
