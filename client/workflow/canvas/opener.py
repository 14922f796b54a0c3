"""Opening a workflow as the canvas does.

It mends what older files have otherwise: group nodes (see :mod:`.groups`), node ids that two subgraphs share, and
promoted widgets (see :mod:`.promotion`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import WorkflowInvalid
from .definitions import ObjectInfo
from .graph import CanvasGraph, Link, Node, Slot, Subgraph
from .groups import read_group
from .open_graph import OpenGraph, OpenNode, Port
from .packs import CANVAS_ONLY, ELSEWHERE, PRIMITIVE
from .promotion import promote, read_proxies
from .widgets import Input, Layout, Widget

_DEEPEST = 50  # subgraphs in subgraphs


def open_graph(graph: CanvasGraph, info: ObjectInfo, place: str) -> OpenGraph:
    """Open a workflow.

    Args:
        place: the file, for messages.

    Raises:
        WorkflowInvalid: a subgraph that contains itself, or more than 50 of them one in another.
    """
    opener = _Opener(graph, info, place)
    opened = opener.open(graph.nodes, graph.links, ())
    for each in (*opener.opened.values(), opened):
        _apply_primitives(each)
    return opened


class _Opener:
    """Opens subgraphs as they are met, each once: what is in a subgraph is the same in all that stands for it."""

    def __init__(self, graph: CanvasGraph, info: ObjectInfo, place: str) -> None:
        self.opened: dict[str, OpenGraph] = {}
        self._subgraphs = _distinct(graph)
        self._groups = graph.groups
        self._info = info
        self._place = place

    def open(self, nodes: Mapping[str, Node], links: Mapping[int, Link], inside: tuple[str, ...]) -> OpenGraph:
        graph = OpenGraph({}, dict(links))
        for node in nodes.values():
            graph.nodes[node.id] = self._node(node, inside)
        for opened in graph.nodes.values():
            if opened.inner is not None and opened.node.type in self._subgraphs:
                read_proxies(opened, opened.inner, self._subgraphs[opened.node.type][1])
        return graph

    def _subgraph(self, subgraph: Subgraph, node: Node, inside: tuple[str, ...]) -> OpenGraph:
        if subgraph.id in inside or len(inside) >= _DEEPEST:
            raise WorkflowInvalid(
                f"the subgraph '{subgraph.name}' contains itself"
                if subgraph.id in inside
                else f"more than {_DEEPEST} subgraphs one in another",
                place=f"{self._place}, {node.place}",
                remedy="open it on the canvas and take the inner one out",
            )
        if subgraph.id not in self.opened:
            graph = self.open(subgraph.nodes, subgraph.links, (*inside, subgraph.id))
            graph.inputs = [_port(slot) for slot in subgraph.inputs]
            graph.outputs = [_port(slot) for slot in subgraph.outputs]
            self.opened[subgraph.id] = graph
        return self.opened[subgraph.id]

    def _instance(self, subgraph: Subgraph, node: Node, inside: tuple[str, ...]) -> OpenNode:
        inner = self._subgraph(subgraph, node, inside)
        opened = OpenNode(node, [], [], inner=inner)
        inner.instances.append(opened)
        promote(opened, inner)
        return opened

    def _node(self, node: Node, inside: tuple[str, ...]) -> OpenNode:
        if node.type in self._subgraphs:
            return self._instance(self._subgraphs[node.type][0], node, inside)
        canvas_only = node.type in CANVAS_ONLY or node.type in ELSEWHERE
        definition = None if canvas_only else self._info.get(node.type)
        if definition is None and node.type in self._groups:
            group = read_group(node, self._groups[node.type], self._info, self._place)
            # Its values are in the nodes inside, and it has no place for others.
            return self._instance(group, replace(node, widgets=[], where=()), inside)
        if definition is None:
            inputs = [Input(slot.name, slot.type, slot.links[0] if slot.links else None) for slot in node.inputs]
            return OpenNode(node, inputs, [])
        layout = Layout(node, definition)
        _mend(node, layout.widgets)
        return OpenNode(node, list(layout.inputs.values()), layout.widgets, definition)


def _port(slot: Slot) -> Port:
    return Port(slot.name, slot.type, list(slot.links))


def _mend(node: Node, widgets: list[Widget]) -> None:
    """What the canvas sets right in the widgets of certain nodes."""
    for widget in widgets if node.type in ("KSampler", "KSamplerAdvanced") else ():
        if widget.name == "sampler_name" and isinstance(widget.value, str):
            widget.value = widget.value.removeprefix("sample_")
    if node.type == "CustomCombo" and len(widgets) > 2:
        chosen, options = widgets[0].value, [widget.value for widget in widgets[2:]]
        widgets[1].value = options.index(chosen) if chosen in options else -1


def _distinct(graph: CanvasGraph) -> dict[str, tuple[Subgraph, Mapping[str, str]]]:
    """Subgraphs by id, their nodes renumbered so that no two graphs of the file share an id, as the canvas does.

    Returns:
        Each with its new ids by the old ones.
    """
    used, last_id = set(graph.nodes), graph.last_id
    distinct: dict[str, tuple[Subgraph, Mapping[str, str]]] = {}
    for subgraph in graph.subgraphs.values():
        new: dict[str, str] = {}
        # The canvas counts in the order of the file, not in that of execution.
        for node in sorted(subgraph.nodes.values(), key=lambda node: node.where[-1]):
            if node.id in used:
                last_id += 1
                while str(last_id) in used:
                    last_id += 1
                new[node.id] = str(last_id)
            elif node.id.isdecimal() and len(node.id) < 10:
                last_id = max(last_id, int(node.id))
            used.add(new.get(node.id, node.id))
        distinct[subgraph.id] = (_renumber(subgraph, new) if new else subgraph, new)
    return distinct


def _renumber(subgraph: Subgraph, new: Mapping[str, str]) -> Subgraph:
    nodes = {new.get(id_, id_): replace(node, id=new.get(id_, id_)) for id_, node in subgraph.nodes.items()}
    links = {
        number: replace(link, origin=new.get(link.origin, link.origin), target=new.get(link.target, link.target))
        for number, link in subgraph.links.items()
    }
    return replace(subgraph, nodes=nodes, links=links)


def _apply_primitives(graph: OpenGraph) -> None:
    """Write the value of each primitive node into the widgets that it is wired to."""
    for node in graph.nodes.values():
        for entry in node.inputs:
            link = graph.links.get(entry.link) if entry.link is not None and entry.widget is not None else None
            origin = graph.nodes.get(link.origin) if link is not None else None
            if entry.widget is None or origin is None or origin.node.type != PRIMITIVE:
                continue
            values = origin.node.widgets
            if isinstance(values, list) and values:
                entry.widget.value = _stepped(values[0], entry.widget) if node.inner is None else values[0]


def _stepped(value: Any, widget: Widget) -> Any:
    """A number as the canvas rounds it when it is typed into a widget."""
    options, kind = widget.spec.options, widget.spec.type
    limits = [options.get(key, usual) for key, usual in (("step", 1), ("min", 0), ("max", 2048), ("round", 0))]
    if not all(_is_number(each) for each in (value, *limits)):
        return value
    step, low, high, unit = limits
    if kind == "INT":
        step = step or 1
        offset = 0 if step == 1 else low % step
        return value if isinstance(value, int) and step == 1 else _nearest(value - offset, step) + offset
    if kind == "FLOAT":
        step = options.get("step", 0.5)
        places = max(0, -math.floor(math.log10(step))) if step > 0 else 0
        unit = unit or (10**-places if places else 0)
        return min(max(round(_nearest(value, unit), places), low), high) if unit else value
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _nearest(value: float, unit: float) -> float:
    """The multiple of ``unit`` nearest to a value; of two, the higher one, as in JavaScript."""
    return math.floor(value / unit + 0.5) * unit
