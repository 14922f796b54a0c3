"""What a host's answers look like, as far as they are read: checked once, where they arrive.

What answers at an address may be anything: another program, a proxy's own page, a host that is broken. An answer that
has its shape can be read without further doubt; one that has not is a fault of that host alone. Pydantic, which reads
our own files, would add a quarter to the time that importing the client takes.
"""

from __future__ import annotations

from typing import Any

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
UPLOADED = {"name": str, "subfolder?": str}
FRAMES = {
    "progress_state": {"nodes?": {"*": {"value": _NUMBER, "max": _NUMBER}}},
    "executed": {"output?": _OBJECT},
}


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
