"""Where the value of an input comes from: through reroutes, bypassed nodes, and in and out of subgraphs.

The rules are those by which the frontend's ``graphToPrompt`` resolves an input.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import WorkflowInvalid
from .graph import BYPASSED, MUTED, SUBGRAPH_INPUT
from .open_graph import OpenGraph, OpenNode
from .packs import ELSEWHERE, SETTERS
from .widgets import Input, Widget

Path = tuple[OpenNode, ...]
"""The nodes that stand for subgraphs, from the workflow down to where one is."""

_ANY = ("*", "")


def full_id(path: Path, node: OpenNode) -> str:
    """A node's id in the API graph, with those of the subgraphs around it: ``98:22``."""
    return ":".join([*(host.node.id for host in path), node.node.id])


@dataclass(frozen=True, slots=True)
class Promoted:
    """A widget on a node that stands for a subgraph, from which an input inside takes its value."""

    path: Path
    host: OpenNode
    widget: Widget


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a node that runs."""

    node: str
    slot: int


class Tracer:
    """Follows links back.

    Args:
        graph: the workflow.
        place: the file, for messages.
    """

    def __init__(self, graph: OpenGraph, place: str) -> None:
        self._graph = graph
        self._place = place

    def source(self, path: Path, node: OpenNode, entry: Input) -> Output | Promoted | None:
        """What gives an input its value; None where nothing does, and the node's own widget counts.

        Raises:
            WorkflowInvalid: links that lead nowhere or in a circle.
        """
        start = (path, node, entry)
        seen: set[tuple[str, str, int]] = set()
        wanted = ""
        while True:
            # Backwards through one link: from an input to the output before it, or out of the subgraph.
            if entry.link is None:
                return None
            graph = path[-1].inner if path else self._graph
            assert graph is not None
            number = entry.link
            link = graph.links.get(number)
            key = (full_id(path, node), entry.name, number)
            if key in seen:
                raise self._invalid(start, "its link goes in a circle", "open it on the canvas and cut the circle")
            seen.add(key)
            if link is not None and link.origin == SUBGRAPH_INPUT and path:
                path, node = path[:-1], path[-1]
                if not 0 <= link.origin_slot < len(node.inputs):
                    raise self._nowhere(start, number)
                entry = node.inputs[link.origin_slot]
                if entry.link is None:
                    return Promoted(path, node, entry.widget) if entry.widget is not None else None
                wanted = ""
                continue
            origin = graph.nodes.get(link.origin) if link is not None else None
            if link is None or origin is None:
                raise self._nowhere(start, number)
            node, slot, wanted = origin, link.origin_slot, wanted or entry.type
            # Backwards through one node: done where it runs, else on to one of its inputs.
            while node.inner is not None and node.runs:
                outputs = node.inner.outputs
                inside = [node.inner.links.get(n) for n in outputs[slot].links] if 0 <= slot < len(outputs) else []
                wire = next((each for each in inside if each is not None), None)
                if wire is None:
                    return None
                path, host = (*path, node), node
                if wire.origin == SUBGRAPH_INPUT:
                    # Straight through the subgraph.
                    path, node, slot = path[:-1], host, wire.origin_slot
                    break
                inner = host.inner
                assert inner is not None
                found = inner.nodes.get(wire.origin)
                if found is None:
                    raise self._nowhere(start, wire.id)
                node, slot = found, wire.origin_slot
            else:
                if node.node.mode == MUTED:
                    return None
                if node.node.mode == BYPASSED:
                    passed = _bypass(node, slot, wanted)
                    if passed is None:
                        return None
                    entry, wanted = passed, ""
                    continue
                if not node.virtual:
                    if node.output_type(slot) is None:
                        raise self._nowhere(start, number)
                    return Output(full_id(path, node), slot)
                if node.node.type in ELSEWHERE:
                    raise self._invalid(start, *_elsewhere(node))
                if node.node.type in SETTERS:
                    name = _first(node)
                    path, setter = self._setter(path, node, name)
                    if setter is None and name:
                        setters, message = (
                            SETTERS[node.node.type],
                            f"it takes the wire named {name!r}, which nothing gives",
                        )
                        raise self._invalid(start, message, f"name a {setters} so on the canvas, or draw the wire")
                    if setter is None:
                        return None
                    node, slot = setter, 0
                # What else is the canvas's alone passes each wire on, as the canvas has it.
            if not 0 <= slot < len(node.inputs):
                return None
            entry = node.inputs[slot]
            if node.inner is not None and entry.link is None:
                return Promoted(path, node, entry.widget) if entry.widget is not None else None

    def _setter(self, path: Path, getter: OpenNode, name: object) -> tuple[Path, OpenNode | None]:
        """The node that a wire's name is given at: in the same graph, or in one around it."""
        kind = SETTERS[getter.node.type]
        for depth in range(len(path), -1, -1):
            graph = path[depth - 1].inner if depth else self._graph
            for node in graph.nodes.values() if graph is not None else ():
                if node.node.type == kind and node.virtual and _first(node) == name:
                    return path[:depth], node
        return path, None

    def _nowhere(self, start: tuple[Path, OpenNode, Input], link: int) -> WorkflowInvalid:
        return self._invalid(start, f"link {link} leads nowhere", "open it on the canvas, rewire the input, save again")

    def _invalid(self, start: tuple[Path, OpenNode, Input], message: str, remedy: str) -> WorkflowInvalid:
        path, node, entry = start
        where = f"{self._place}, {node.node.place_at(full_id(path, node))}, input '{entry.name}'"
        return WorkflowInvalid(message, place=where, remedy=remedy)


def _first(node: OpenNode) -> object:
    values = node.node.widgets
    return values[0] if isinstance(values, list) and values else None


def _elsewhere(node: OpenNode) -> tuple[str, str]:
    """Message and remedy for a node whose value the file does not have."""
    shown = node.node.title or node.node.type
    return f'its value is not in the file: "{shown}" ({ELSEWHERE[node.node.type]})', "put the value itself in its place"


def _bypass(node: OpenNode, output: int, wanted: str) -> Input | None:
    """The input that a bypassed node passes on: the one at the place of the output if the types agree, else the first
    of just the type that is wanted, else the first that fits."""
    kind = node.output_type(output)
    if kind is None or not node.inputs:
        return None
    same = node.inputs[output] if output < len(node.inputs) else None
    if wanted in _ANY:
        return same or node.inputs[0]
    if same is not None and fits(same.type, kind) and fits(same.type, wanted):
        return same
    exact = next((each for each in node.inputs if each.type == wanted), None)
    return exact or next((each for each in node.inputs if fits(each.type, kind) and fits(each.type, wanted)), None)


def fits(a: str, b: str) -> bool:
    """Whether the canvas lets an output and an input of these types be wired: ``*`` fits all, ``A,B`` either."""
    if a in _ANY or b in _ANY or a == b:
        return True
    some = {each.lower() for each in b.split(",")}
    return any(each in _ANY or each.lower() in some or "*" in some for each in a.split(","))
