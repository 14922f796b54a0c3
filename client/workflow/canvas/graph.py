"""A workflow file as the canvas saves it (UI format), read into nodes and links, with clear words for what is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import WorkflowInvalid

MAX_BYTES = 64 << 20  # The largest official template is 0.4 MB; a file of this size is no workflow.

# LiteGraph's node modes.
ALWAYS, MUTED, BYPASSED = 0, 2, 4

# What links inside a subgraph name as their ends where they leave it.
SUBGRAPH_INPUT, SUBGRAPH_OUTPUT = "-10", "-20"

Where = tuple[str | int, ...]
"""The keys that lead to a part of the file."""


@dataclass(frozen=True, slots=True)
class Slot:
    """An input or output of a node or of a subgraph; ``widget`` names the widget that an input was made from."""

    name: str
    type: str
    links: tuple[int, ...]
    widget: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A node on the canvas.

    Attributes:
        id: its id in its own graph, as text.
        title: what the user called it; empty where the canvas shows the name of its type.
        mode: one of LiteGraph's modes; only 2 (muted) and 4 (bypassed) keep it from running.
        order: its place in the canvas's order of execution.
        widgets: a list by position or an object by name, as the file has it.
        properties: what the canvas keeps with it.
        where: the keys that lead to it in the file.
    """

    id: str
    type: str
    title: str
    mode: int
    order: int
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    widgets: list[Any] | dict[str, Any]
    properties: Mapping[str, Any]
    where: Where

    @property
    def place(self) -> str:
        """The node in messages: ``"Sampler" (KSampler, node 7)``."""
        return self.place_at(self.id)

    def place_at(self, full_id: str) -> str:
        """The node in messages, by the id that it has with those of the subgraphs around it: ``98:22``."""
        return f'"{self.title or self.type}" ({self.type}, node {full_id})'


@dataclass(frozen=True, slots=True)
class Link:
    """A wire from output ``origin_slot`` of one node to input ``target_slot`` of another."""

    id: int
    origin: str
    origin_slot: int
    target: str
    target_slot: int


@dataclass(frozen=True, slots=True)
class Subgraph:
    """A graph that nodes of the type ``id`` stand for, with what it takes and gives."""

    id: str
    name: str
    nodes: Mapping[str, Node]
    links: Mapping[int, Link]
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class CanvasGraph:
    """All nodes by id, in the canvas's order of execution, all links by id, and all subgraphs by id.

    ``last_id`` is the highest node id that the canvas ever gave in this file, and ``groups`` has what group nodes stand
    for, by their types.
    """

    nodes: Mapping[str, Node]
    links: Mapping[int, Link]
    subgraphs: Mapping[str, Subgraph]
    last_id: int
    groups: Mapping[str, Mapping[str, Any]]


def read_json(path: Path) -> dict[str, Any]:
    """Read a workflow file into JSON.

    Raises:
        WorkflowInvalid: it is not there, too large, not JSON, or not a JSON object.
    """
    try:
        with path.open("rb") as file:  # no more of it than that: some files have no end
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise WorkflowInvalid(
                f"larger than {MAX_BYTES >> 20} MB: not a workflow", place=str(path), remedy=_SAVE_AGAIN
            )
        data = json.loads(content, parse_float=_finite, parse_constant=_finite)
    except OSError as error:
        raise WorkflowInvalid(
            f"cannot be read: {error.strerror}", place=str(path), remedy="check the file's name and rights"
        ) from error
    except UnicodeDecodeError as error:
        raise WorkflowInvalid("not a text file in UTF-8", place=str(path), remedy=_SAVE_AGAIN) from error
    except json.JSONDecodeError as error:
        place = f"{path}, line {error.lineno}, column {error.colno}"
        raise WorkflowInvalid(f"not JSON: {error.msg}", place=place, remedy=_SAVE_AGAIN) from error
    except RecursionError as error:
        raise WorkflowInvalid("nested too deeply: not a workflow", place=str(path), remedy=_SAVE_AGAIN) from error
    except ValueError as error:  # from `_finite`, or a whole number of more digits than Python reads
        raise WorkflowInvalid(
            f"not JSON: {str(error).partition(';')[0]}", place=str(path), remedy=_SAVE_AGAIN
        ) from error
    if not isinstance(data, dict):
        raise WorkflowInvalid("JSON, but not a workflow", place=str(path), remedy=_SAVE_AGAIN)
    return data


def _finite(text: str) -> float:
    """A number with a fraction; Python reads NaN and Infinity as well, which are no JSON and no value of a widget."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not a number that JSON can hold")
    return value


_SAVE_AGAIN = "save it again from the ComfyUI canvas"


def parse(data: Mapping[str, Any], place: str) -> CanvasGraph:
    """Read the nodes, links and subgraphs of a workflow in UI format.

    Raises:
        WorkflowInvalid: API format, no nodes, or a node, link or subgraph that is not of the form the canvas writes.
    """
    if "nodes" not in data:
        if data and all(isinstance(node, Mapping) and "class_type" in node for node in data.values()):
            raise WorkflowInvalid(
                "this is an API-format file, which has no names for its inputs and cannot be opened as an App",
                place=place,
                remedy="give the workflow as saved from the canvas (Workflow > Save), not its API export",
            )
        raise WorkflowInvalid("JSON, but not a workflow: it has no nodes", place=place, remedy=_SAVE_AGAIN)
    nodes, links = _nodes_and_links(data, (), place)
    return CanvasGraph(nodes, links, _subgraphs(data, (), place), _last_id(data), _groups(data))


def _last_id(data: Mapping[str, Any]) -> int:
    state = data.get("state")
    last = state.get("lastNodeId") if isinstance(state, Mapping) else data.get("last_node_id")
    return last if isinstance(last, int) and 0 <= last < 10**9 else 0


def _groups(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    extra = data.get("extra")
    groups = extra.get("groupNodes") if isinstance(extra, Mapping) else None
    found = groups.items() if isinstance(groups, Mapping) else ()
    return {f"workflow{mark}{name}": raw for name, raw in found if isinstance(raw, Mapping) for mark in (">", "/")}


def _nodes_and_links(raw: Mapping[str, Any], where: Where, place: str) -> tuple[dict[str, Node], dict[int, Link]]:
    nodes, links = raw.get("nodes"), raw.get("links") or []
    if not isinstance(nodes, list) or not isinstance(links, list):
        raise WorkflowInvalid("its nodes or links are not lists", place=place, remedy=_SAVE_AGAIN)
    parsed = [read_node(node, (*where, "nodes", i), f"{place}, nodes[{i}]") for i, node in enumerate(nodes)]
    by_id = {node.id: node for node in sorted(parsed, key=lambda node: node.order)}
    if len(by_id) != len(parsed):
        raise WorkflowInvalid("two nodes have the same id", place=place, remedy=_SAVE_AGAIN)
    wires = {link.id: link for link in (_link(link, f"{place}, links[{i}]") for i, link in enumerate(links))}
    _add_broadcasts(raw, by_id, wires)
    return by_id, wires


def _add_broadcasts(raw: Mapping[str, Any], nodes: dict[str, Node], links: dict[int, Link]) -> None:
    """Add the wires that cg-use-everywhere draws as the canvas submits, and notes in ``ue_links`` as it saves.

    An input that has a wire keeps it, as there.
    """
    extra = raw.get("extra")
    listed = extra.get("ue_links") if isinstance(extra, Mapping) else None
    for broadcast in listed if isinstance(listed, list) else ():
        if not isinstance(broadcast, Mapping):
            continue
        target, slot = nodes.get(str(broadcast.get("downstream"))), broadcast.get("downstream_slot")
        origin, output = nodes.get(str(broadcast.get("upstream"))), broadcast.get("upstream_slot")
        if target is None or origin is None or not isinstance(slot, int) or not isinstance(output, int):
            continue
        if 0 <= slot < len(target.inputs) and not target.inputs[slot].links:
            number = max(links, default=0) + 1
            links[number] = Link(number, origin.id, output, target.id, slot)
            wired = replace(target.inputs[slot], links=(number,))
            nodes[target.id] = replace(target, inputs=(*target.inputs[:slot], wired, *target.inputs[slot + 1 :]))


def _subgraphs(raw: Mapping[str, Any], where: Where, place: str) -> dict[str, Subgraph]:
    """All subgraph definitions; older files keep those of a subgraph inside it."""
    found: dict[str, Subgraph] = {}
    waiting: list[tuple[Mapping[str, Any], Where, str]] = [(raw, where, place)]
    while waiting:
        holder, keys, spot = waiting.pop()
        definitions = holder.get("definitions")
        listed = definitions.get("subgraphs") if isinstance(definitions, Mapping) else None
        for i, each in enumerate(listed if isinstance(listed, list) else ()):
            here, at = (*keys, "definitions", "subgraphs", i), f"{spot}, subgraph {i}"
            if not isinstance(each, Mapping) or not isinstance(each.get("id"), str):
                raise WorkflowInvalid("a subgraph without an id", place=at, remedy=_SAVE_AGAIN)
            name = str(each.get("name") or each["id"])
            at = f"{spot}, subgraph '{name}'"
            nodes, links = _nodes_and_links(each, here, at)
            inputs = _slots(each.get("inputs"), f"{at}.inputs", "the subgraph")
            outputs = _slots(each.get("outputs"), f"{at}.outputs", "the subgraph")
            found[each["id"]] = Subgraph(each["id"], name, nodes, links, inputs, outputs)
            waiting.append((each, here, at))
    return found


def read_node(raw: Any, where: Where, place: str) -> Node:
    """Read a node.

    Args:
        where: the keys that lead to it in the file; none for one that has no place of its own there.

    Raises:
        WorkflowInvalid: it is not of the form the canvas writes.
    """
    if not isinstance(raw, Mapping) or not isinstance(raw.get("id"), int | str) or not isinstance(raw.get("type"), str):
        named = (raw.get("title") or raw.get("type")) if isinstance(raw, Mapping) else None
        said = f', "{named}"' if isinstance(named, str) else ""
        raise WorkflowInvalid(f"a node without an id or a type{said}", place=place, remedy=_SAVE_AGAIN)
    title = str(raw.get("title") or "")
    owner = f'"{title or raw["type"]}" (node {raw["id"]})'
    widgets, properties = raw.get("widgets_values"), raw.get("properties")
    mode, order = raw.get("mode", ALWAYS), raw.get("order", 0)
    return Node(
        id=str(raw["id"]),
        type=raw["type"],
        title=title,
        mode=mode if isinstance(mode, int) else ALWAYS,
        order=order if isinstance(order, int) else 0,
        inputs=_slots(raw.get("inputs"), f"{place}.inputs", owner),
        outputs=_slots(raw.get("outputs"), f"{place}.outputs", owner),
        widgets=widgets if isinstance(widgets, list | dict) else [],
        properties=properties if isinstance(properties, Mapping) else {},
        where=where,
    )


def _slots(raw: Any, place: str, owner: str) -> tuple[Slot, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise WorkflowInvalid(f"the inputs or outputs of {owner} are not a list", place=place, remedy=_SAVE_AGAIN)
    return tuple(_slot(slot, f"{place}[{i}]", owner) for i, slot in enumerate(raw))


def _slot(raw: Any, place: str, owner: str) -> Slot:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("name"), str):
        raise WorkflowInvalid(f"an input or output of {owner} without a name", place=place, remedy=_SAVE_AGAIN)
    links = next((raw[key] for key in ("links", "linkIds") if raw.get(key) is not None), [raw.get("link")])
    widget = raw.get("widget")
    return Slot(
        name=raw["name"],
        type=str(raw.get("type", "*")),
        links=tuple(link for link in links if isinstance(link, int)) if isinstance(links, list) else (),
        widget=str(widget.get("name", raw["name"])) if isinstance(widget, Mapping) else "",
    )


def _link(raw: Any, place: str) -> Link:
    """A link is ``[id, origin, origin slot, target, target slot, type]``, or an object with these names."""
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    try:
        values: Sequence[Any] = [raw[key] for key in keys] if isinstance(raw, Mapping) else list(raw)[:5]
        number, origin, origin_slot, target, target_slot = values
        return Link(int(number), str(origin), int(origin_slot), str(target), int(target_slot))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise WorkflowInvalid("a link that names no two ends", place=place, remedy=_SAVE_AGAIN) from error
