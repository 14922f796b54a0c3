"""What a workflow file means, without what it only looks like: nodes, values and wires, apart from positions, sizes,
colours, reroutes, and the numbers of links.

It is read from the file alone. Node definitions, where there are some, only tell the names of widgets for certain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...errors import WorkflowInvalid
from ..canvas.convert import convert
from ..canvas.definitions import ObjectInfo
from ..canvas.graph import BYPASSED, MUTED, SUBGRAPH_INPUT, SUBGRAPH_OUTPUT, Link, Node, Slot, Subgraph, Where
from ..workflow import Workflow

NOTES = frozenset({"Note", "MarkdownNote"})
_REROUTE = "Reroute"
_CONTROLS = frozenset({"fixed", "increment", "decrement", "randomize", "increment-wrap"})
CONTROL = "control_after_generate"
_UNNAMED = re.compile(r"widget \d+")

Source = tuple[str, int]
"""The id of a node and the number of one of its outputs."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A node by what it does.

    Attributes:
        id: in its graph.
        type: its type; for one that stands for a subgraph, the subgraph's id.
        title: what the user called it.
        mode: ``runs``, ``muted`` or ``bypassed``.
        values: of its widgets by name; ``widget 3`` where the file does not tell the name.
        types: of its widgets by name, as far as the file tells.
        sources: where its inputs take their values from, by name, reroutes left out.
        pack: the node pack it is from and that pack's version, as the canvas noted them; may be empty.
        place: the node in messages.
    """

    id: str
    type: str
    title: str
    mode: str
    values: Mapping[str, Any]
    types: Mapping[str, str]
    sources: Mapping[str, Source]
    pack: tuple[str, str]
    place: str

    @property
    def note(self) -> bool:
        """Whether it is a text on the canvas."""
        return self.type in NOTES


@dataclass(frozen=True, slots=True)
class Part:
    """The workflow's own graph, or one of its subgraphs.

    Attributes:
        name: of the subgraph; empty for the workflow itself.
        pieces: by node id.
    """

    name: str
    pieces: Mapping[str, Piece]


def same(before: Any, after: Any) -> bool:
    """Whether two values of JSON are the same to the canvas: 1 is 1.0, and the order of keys does not count."""
    return canonical(before) == canonical(after)


def canonical(value: Any) -> str:
    """A value of JSON as a text that is the same for the same value."""
    return json.dumps(_plain(value), sort_keys=True, default=str)


def read_parts(workflow: Workflow, info: ObjectInfo | None = None) -> dict[str, Part]:
    """The graphs of a workflow: its own under the empty id, subgraphs under theirs.

    Args:
        info: node definitions; without them widgets are named by the file's own entries for inputs.
    """
    graph = workflow.graph
    known = _known_names(workflow, info) if info is not None else {}
    parts = {"": Part("", _pieces(graph.nodes, graph.links, known))}
    for each in graph.subgraphs.values():
        parts[each.id] = Part(each.name, {**_pieces(each.nodes, each.links, known), **_ports(each)})
    return parts


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _known_names(workflow: Workflow, info: ObjectInfo) -> dict[Where, dict[int, str]]:
    """The names of widgets by their node's place in the file and their position there."""
    names: dict[Where, dict[int, str]] = {}
    try:
        fields = convert(workflow.graph, info, workflow.place).fields
    except WorkflowInvalid:
        return names  # `check` says why; the file's own entries have to do
    for field in fields.values():
        if isinstance(field.widget.position, int):
            names.setdefault(field.node.node.where, {})[field.widget.position] = field.widget.name
    return names


def _pieces(
    nodes: Mapping[str, Node], links: Mapping[int, Link], known: Mapping[Where, Mapping[int, str]]
) -> dict[str, Piece]:
    return {
        node.id: Piece(
            id=node.id,
            type=node.type,
            title=node.title,
            mode={MUTED: "muted", BYPASSED: "bypassed"}.get(node.mode, "runs"),
            values=named_values(node, known.get(node.where)),
            types={slot.widget: slot.type for slot in node.inputs if slot.widget},
            sources=_sources(node.inputs, nodes, links),
            pack=_pack(node),
            place=node.place,
        )
        for node in nodes.values()
        if node.type != _REROUTE
    }


def _ports(subgraph: Subgraph) -> dict[str, Piece]:
    """The ends of a subgraph: what leads out of it, and the names of what leads in."""
    inputs = {f"{number}": slot.name for number, slot in enumerate(subgraph.inputs)}
    return {
        SUBGRAPH_INPUT: Piece(SUBGRAPH_INPUT, "inputs", "", "runs", inputs, {}, {}, ("", ""), "the inputs"),
        SUBGRAPH_OUTPUT: Piece(
            SUBGRAPH_OUTPUT,
            "outputs",
            "",
            "runs",
            {},
            {},
            _sources(subgraph.outputs, subgraph.nodes, subgraph.links),
            ("", ""),
            "the outputs",
        ),
    }


def _sources(slots: tuple[Slot, ...], nodes: Mapping[str, Node], links: Mapping[int, Link]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for slot in slots:
        source = _origin(slot, nodes, links)
        if source is not None:
            found[slot.name] = source
    return found


def _origin(slot: Slot, nodes: Mapping[str, Node], links: Mapping[int, Link]) -> Source | None:
    """The output that a slot is wired to, back through reroutes."""
    seen: set[int] = set()
    while slot.links and slot.links[0] not in seen:
        seen.add(slot.links[0])
        link = links.get(slot.links[0])
        if link is None:
            return None
        origin = nodes.get(link.origin)
        if origin is None or origin.type != _REROUTE:
            return link.origin, link.origin_slot
        if not origin.inputs:
            return None
        slot = origin.inputs[0]
    return None


def _pack(node: Node) -> tuple[str, str]:
    name = node.properties.get("cnr_id") or node.properties.get("aux_id")
    version = node.properties.get("ver")
    return (name if isinstance(name, str) else "", version if isinstance(version, str) else "")


def named_values(node: Node, known: Mapping[int, str] | None = None) -> dict[str, Any]:
    """The values of a node's widgets by name; ``widget 3`` where neither ``known`` nor the file tells the name.

    Args:
        known: names by position.
    """
    values = node.widgets
    if isinstance(values, dict):
        return dict(values)
    if node.type in NOTES:
        return {"text": values[0]} if values else {}
    names = _names(node, values)
    return {(known or {}).get(i) or names[i]: value for i, value in enumerate(values)}


def named_alike(old: Piece, new: Piece) -> tuple[Piece, Piece]:
    """Two versions of a node, where a value that one file does not name has the name that the other gives it.

    The canvas notes more entries than a file may have had: those of buttons, for example. Values in a list keep their
    places, so names are taken over only between lists of one length.
    """
    if len(old.values) != len(new.values):
        return old, new
    names = [
        (
            after if _UNNAMED.fullmatch(before) and after not in old.values else before,
            before if _UNNAMED.fullmatch(after) and before not in new.values else after,
        )
        for before, after in zip(old.values, new.values, strict=True)
    ]
    return (
        replace(old, values=dict(zip([name for name, _ in names], old.values.values(), strict=True))),
        replace(new, values=dict(zip([name for _, name in names], new.values.values(), strict=True))),
    )


def _names(node: Node, values: list[Any]) -> list[str]:
    """A name for each value that the file has, by its entries for inputs with widgets, which are in the same order."""
    entries = [slot.widget for slot in node.inputs if slot.widget] or list(_promoted(node))
    spare = len(values) - len(entries)
    names: list[str] = []
    for value in values:
        after_number = names and isinstance(values[len(names) - 1], int | float)
        if spare > 0 and after_number and isinstance(value, str) and value in _CONTROLS:
            # The canvas keeps what becomes of a seed after each run beside the seed, with no entry of its own.
            names.append(f"{CONTROL} of {names[-1]}")
            spare -= 1
        elif entries:
            names.append(_fresh(entries.pop(0), names))
        else:
            names.append(f"widget {len(names)}")
    # Any other difference in number means that names and values may have come apart.
    return names if spare == 0 else [f"widget {i}" for i in range(len(names))]


def _promoted(node: Node) -> Iterator[str]:
    """The widgets that an older file promotes out of a subgraph."""
    listed = node.properties.get("proxyWidgets")
    for entry in listed if isinstance(listed, list) else ():
        yield str(entry[1]) if isinstance(entry, list) and len(entry) > 1 else ""


def _fresh(name: str, taken: list[str]) -> str:
    return next(each for i in range(len(taken) + 1) if (each := f"{name} ({i + 1})" if i else name) not in taken)
