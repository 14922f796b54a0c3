"""What node packs do on the canvas that no node definition says: nodes, wires and values of their JavaScript alone.

``bench/packs_truth.py`` asks the packs' own pages for it. Kinds go by the file alone; what has to be known by name is
in the tables here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .graph import Node

REROUTE, PRIMITIVE = "Reroute", "PrimitiveNode"
CANVAS_ONLY = frozenset({"Note", "MarkdownNote", REROUTE, PRIMITIVE})

# Wires without a line, by a name that both ends have: each end that gives, with the end that it takes from.
SETTERS: Mapping[str, str] = {"GetNode": "SetNode", "easy getNode": "easy setNode"}

# Without a nameless input, by which the others show what they are. What "everywhere" nodes give is in the file's links.
_DECORATIONS = frozenset(
    {
        "Anything Everywhere",
        "Anything Everywhere3",
        "Anything Everywhere?",
        "Bookmark (rgthree)",
        "Fast Groups Bypasser (rgthree)",
        "Fast Groups Muter (rgthree)",
        "Label (rgthree)",
        "Note Plus (mtb)",
        "Prompts Everywhere",
        "easy bookmark",
    }
)

# Nodes whose value is not in the file, and why. They are the canvas's alone even where a host has their names.
ELSEWHERE: Mapping[str, str] = {
    "PresetText|pysssss": "its texts are in the browser of whoever saved the workflow",
    "VHS_SelectLatest": "it looks for the newest file at the moment of queueing",
}

_BY_NAME = CANVAS_ONLY | _DECORATIONS | SETTERS.keys() | {*SETTERS.values()} | ELSEWHERE.keys()

# Values that a node saves by name, and does not submit: buttons and previews.
_UNSENT = frozenset(
    {
        "audiopreview",
        "videopreview",
        "choose audio to upload",
        "choose folder to upload",
        "choose image to upload",
        "choose video to upload",
    }
)

_POWER_LORAS = "Power Lora Loader (rgthree)"
_HEADER, _BUTTON = "PowerLoraLoaderHeaderWidget", "➕ Add Lora"
_BY_POSITION: Mapping[str, tuple[str, ...]] = {
    "Power Primitive (rgthree)": ("type", "value"),
    "Power Puter (rgthree)": ("outputs", "code"),
}


def lives_on_canvas(node: Node) -> bool:
    """Whether a node whose type the host does not have is the canvas's alone, so that no pack on the host would help.

    Python gives each input a name: a node with a nameless one (a reroute, a muter, a collector) is JavaScript.
    """
    return node.type in _BY_NAME or any(not slot.name for slot in node.inputs)


def undeclared_values(node: Node) -> Iterator[tuple[str, Any, int | str | None]]:
    """Give the values that a pack's JavaScript may submit under names that the definition does not have.

    Yields:
        Name and value, and the value's place in the file; None for one that the file does not have.
    """
    if isinstance(node.widgets, dict):
        yield from ((name, value, name) for name, value in node.widgets.items() if name not in _UNSENT)
        return
    if node.type == _POWER_LORAS:
        yield from _power_loras(node, node.widgets)
    names = _BY_POSITION.get(node.type, ())
    yield from ((name, value, place) for place, (name, value) in enumerate(zip(names, node.widgets, strict=False)))


def _power_loras(node: Node, values: list[Any]) -> Iterator[tuple[str, Any, int | str | None]]:
    separate = node.properties.get("Show Strengths") == "Separate Model & Clip"
    yield _HEADER, {"type": _HEADER}, None
    loras = [place for place, value in enumerate(values) if isinstance(value, Mapping) and "lora" in value]
    for number, place in enumerate(loras, 1):
        lora = dict(values[place])
        second = lora.pop("strengthTwo", None)
        if separate:
            lora["strengthTwo"] = 1 if second is None else second
        yield f"lora_{number}", lora, place
    yield _BUTTON, "", None
