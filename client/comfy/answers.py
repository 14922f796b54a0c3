"""What a host's answers look like, as far as they are read: checked once, where they arrive.

What answers at an address may be anything: another program, a proxy's own page, a host that is broken. An answer that
has its shape can be read without further doubt; one that has not is a fault of that host alone. Pydantic, which reads
our own files, would add a quarter to the time that importing the client takes.
"""

from __future__ import annotations

import json
from typing import Any

#: Bytes of an answer. The definitions of all nodes of a host with many packs are 40 MB, a queue of 500 jobs is 60.
MOST_BYTES = 96 << 20
_MOST_SIGNS = 6_000_000  # commas, colons and brackets: parsed, each of them costs up to 100 bytes of memory

_NUMBER = int | float
_OBJECT: dict[str, Any] = {}

SYSTEM = {"system": {"comfyui_version?": str}, "devices?": [{"name?": str}]}
QUEUE = {"queue_running": [(_NUMBER, str)], "queue_pending": [(_NUMBER, str)]}
RECORD = {
    "status?": {"status_str?": str, "messages?": [(str, {"timestamp?": _NUMBER, "nodes?": [object]})]},
    "outputs?": _OBJECT,
}
REFUSAL = {"node_errors?": {"*": {"errors": [{"extra_info?": _OBJECT}]}}}
DEFINITION = {"input?": {"required?": _OBJECT, "optional?": _OBJECT}}
DIGEST = {"sha256?": str}
UPLOADED = {"name": str, "subfolder?": str}
FRAMES = {
    "progress_state": {"nodes?": {"*": {"value": _NUMBER, "max": _NUMBER}}},
    "executed": {"output?": _OBJECT},
}


def load(body: bytes) -> Any:
    """Parse JSON that may come from anyone, in less than 1 GB of memory.

    Raises:
        ValueError: it is no JSON, or holds too much.
        RecursionError: it is nested too deeply.
    """
    # One character beyond ASCII makes Python take 4 bytes for each one.
    if len(body) * (1 if body.isascii() else 4) > MOST_BYTES:
        raise ValueError("too large")
    if sum(map(body.count, (b",", b":", b"[", b"{"))) > _MOST_SIGNS:
        raise ValueError("too many values")
    return json.loads(body)


def shallow(value: Any, levels: int = 12) -> bool:
    """Whether a JSON value is nested no deeper than what our nodes tell, so that it can be written as JSON again."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return levels > 0 and all(shallow(item, levels - 1) for item in inner)
    return True


def fits(value: Any, shape: Any) -> bool:
    """Whether a JSON value has a shape.

    Args:
        shape: a type; ``[shape]``: a list of such; ``(shape, …)``: a list that begins with these; ``{name: shape}``: an
            object that has these and maybe more. ``name?`` may be missing or empty; ``*`` stands for every name.
    """
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(inner, shape[0]) for inner in value)
    if isinstance(shape, tuple):
        return isinstance(value, list) and len(value) >= len(shape) and all(map(fits, value, shape))
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(_has(value, name, inner) for name, inner in shape.items())
    return isinstance(value, shape)


def _has(value: dict[str, Any], name: str, shape: Any) -> bool:
    if name == "*":
        return all(fits(inner, shape) for inner in value.values())
    if name.endswith("?"):
        return not (inner := value.get(name[:-1])) or fits(inner, shape)
    return name in value and fits(value[name], shape)
