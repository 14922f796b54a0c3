"""Widgets of a subgraph that are shown on the node that stands for it, with values of their own there.

A file of today wires them to an input of the subgraph, and keeps their values by position. Older ones list them in the
property ``proxyWidgets``, which the canvas turns into such wires when it opens the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .definitions import UNSET
from .graph import SUBGRAPH_INPUT, Link
from .open_graph import OpenGraph, OpenNode, Port
from .packs import PRIMITIVE
from .widgets import Input, Widget

_HOST_ITSELF = "-1"
_PREFIX = re.compile(r"\s*\d+\s*:\s*(.+)", re.DOTALL)
_Source = tuple[str, str]  # a node in the subgraph, and its widget or, where it is a subgraph, its input


def promote(host: OpenNode, inner: OpenGraph) -> None:
    """Give a node that stands for a subgraph its inputs, those with a widget behind them with the widget's value."""
    links = {slot.name: slot.links[0] for slot in host.node.inputs if slot.links}
    for port in inner.inputs:
        _add_input(host, inner, port, links.get(port.name))
    # They are saved in the order of the inputs.
    host.kept = list(host.widgets)
    values = host.node.widgets if isinstance(host.node.widgets, list) else []
    rescued = _rescued(host)
    for position, widget in enumerate(host.widgets):
        if widget.name in rescued:
            widget.rescued, widget.value = rescued[widget.name]
            continue
        widget.position = position
        if position < len(values):
            widget.value = values[position]


def _add_input(host: OpenNode, inner: OpenGraph, port: Port, link: int | None) -> None:
    """An input, with a widget of the node's own if there is one behind it: the first that is wired to it within."""
    widget = None
    for number in port.links:
        found = inner.target(number)
        if found is not None and found[1].widget is not None:
            behind = found[1].widget
            widget = replace(
                behind, name=port.name, position=None, rescued=None, saved=True, submitted=True, fixed=False
            )
            host.behind[port.name] = (found[0], behind)
            host.widgets.append(widget)
            break
    host.inputs.append(Input(port.name, port.type, link, widget))


def _rescued(host: OpenNode) -> dict[str, tuple[int, Any]]:
    """Values of promoted widgets that an earlier opening of the file could not place, and their places in its list."""
    found: dict[str, tuple[int, Any]] = {}
    for place, entry in enumerate(_listed(host.node.properties.get("proxyWidgetErrorQuarantine"))):
        original = entry.get("originalEntry") if isinstance(entry, Mapping) else None
        if not isinstance(original, list) or len(original) < 2 or "reason" not in entry:
            return {}
        if original[0] == _HOST_ITSELF and entry.get("hostValue") is not None:
            found.setdefault(str(original[1]), (place, entry["hostValue"]))
    return found


def _listed(raw: Any) -> list[Any]:
    """A property that is a list, or a text with one in it."""
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            return []
    return raw if isinstance(raw, list) else []


def read_proxies(host: OpenNode, inner: OpenGraph, renumbered: Mapping[str, str]) -> None:
    """Place the widgets that an older file promotes by its list, with their values.

    Args:
        renumbered: new ids of the subgraph's nodes by those in the file.
    """
    listed = _listed(host.node.properties.get("proxyWidgets"))
    if not all(isinstance(e, list) and len(e) in (2, 3) and all(isinstance(t, str) for t in e) for e in listed):
        return
    entries = [_Entry(host, inner, [renumbered.get(e[0], e[0]), *e[1:]]) for e in listed]
    values = host.node.widgets if isinstance(host.node.widgets, list) else []
    for position, entry in enumerate(entries):
        if position < len(values) and values[position] is not None:
            entry.value = values[position]
        entry.classify(entries)
    primitives: dict[str, list[_Entry]] = {}
    for entry in entries:
        if entry.plan == "primitive":
            primitives.setdefault(entry.node, []).append(entry)
        elif entry.plan == "linked":
            entry.place(entry.input)
        elif entry.plan == "promote":
            entry.promote()
        elif entry.node == _HOST_ITSELF and entry.value is not UNSET:
            entry.place(entry.name)
    for group in primitives.values():
        _replace_primitive(group)
    if entries:
        _place_values(host, [entry.placed for entry in entries], len(values))


def _place_values(host: OpenNode, listed: list[Widget | None], count: int) -> None:
    """Note where the values of an older file lie: by the list, and for widgets that are not in it by position."""
    by_position: dict[int, Widget] = {}
    for widget in host.widgets:
        if isinstance(widget.position, int) and widget.position < count and widget not in listed:
            by_position[widget.position] = widget
        widget.position = None
    for position in range(count):
        first = listed[position] if position < len(listed) else None
        second = by_position.get(position)
        # A place that gives two widgets their value is neither's own.
        own = first if second is None else second if first is None else None
        if own is not None:
            own.position = position
    host.kept = list(listed)


class _Entry:
    """One promoted widget of the list: ``[node, widget]``, or ``[node, widget, node deeper down]``."""

    def __init__(self, host: OpenNode, inner: OpenGraph, entry: list[str]) -> None:
        self.host, self.inner = host, inner
        self.node, self.name = entry[0], entry[1]
        self.deeper = entry[2] if len(entry) == 3 else ""
        self.value: Any = UNSET
        self.plan = self.input = ""
        self.placed: Widget | None = None
        if not _resolves(inner, self.node, self.name):
            while match := _PREFIX.fullmatch(self.name):
                self.deeper = self.name.partition(":")[0].strip()
                self.name = match[1]

    def classify(self, entries: list[_Entry]) -> None:
        """Decide what to do, before anything is done: the entries must not see each other's changes."""
        for each, port in zip(self.host.inputs, self.inner.inputs, strict=False):
            if _source(self.inner, port) == (self.node, self.name):
                self.plan, self.input = "linked", each.name
                return
        source = self.inner.nodes.get(self.node)
        if source is None:
            return
        if source.node.type == PRIMITIVE:
            wired = any(self.inner.target(link) for link in _output_links(self.inner, source))
            if wired or sum(entry.node == self.node for entry in entries) > 1:
                self.plan = "primitive"
        elif not self.name.startswith("$$") and self._slot(source) is not None:
            self.plan = "promote"

    def _slot(self, source: OpenNode) -> Input | None:
        """The input of a node in the subgraph that the widget sets."""
        if source.inner is not None:
            for each, port in zip(source.inputs, source.inner.inputs, strict=False):
                target = _source(source.inner, port)
                if self.deeper:
                    matches = target == (self.deeper, self.name)
                else:
                    matches = each.name == self.name or (target is not None and target[1] == self.name)
                if matches:
                    return each if each.widget is not None else None
        return next((each for each in source.inputs if each.widget and each.widget.name == self.name), None)

    def place(self, name: str) -> None:
        """Give the value to an input of the host, if there is one of that name."""
        found = [each.widget for each in self.host.inputs if each.name == name]
        if len(found) == 1 and found[0] is not None:
            self.placed = found[0]
            if self.value is not UNSET:
                self.placed.value = self.value

    def promote(self) -> None:
        """Wire the widget to a new input of the subgraph."""
        source = self.inner.nodes[self.node]
        slot = self._slot(source)
        if slot is not None:
            name = _add_port(self.inner, self.name, [(source, slot)])
            self.place(name)


def _resolves(inner: OpenGraph, node: str, name: str) -> bool:
    """Whether there is such a widget, however deep down."""
    graph = inner
    for _ in range(100):
        source = graph.nodes.get(node)
        if source is None:
            return False
        if source.inner is None:
            return source.widget(name) is not None
        port = next((port for port in source.inner.inputs if port.name == name), None)
        target = _source(source.inner, port) if port else None
        if target is None:
            return False
        graph, (node, name) = source.inner, target
    return False


def _source(inner: OpenGraph, port: Port) -> _Source | None:
    """The first widget, or input of a subgraph further in, that an input of a subgraph is wired to."""
    for link in port.links:
        found = inner.target(link)
        if found is None:
            continue
        node, entry = found
        if node.inner is not None:
            return node.node.id, entry.name
        if entry.widget is not None:
            return node.node.id, entry.widget.name
    return None


def _output_links(inner: OpenGraph, primitive: OpenNode) -> list[int]:
    return [link.id for link in inner.links.values() if link.origin == primitive.node.id]


def _replace_primitive(group: list[_Entry]) -> None:
    """Wire what a promoted primitive node sets to a new input of the subgraph instead."""
    first = group[0]
    primitive = first.inner.nodes[first.node]
    if any(entry.name != first.name for entry in group) or not primitive.node.outputs:
        return
    kind = primitive.node.outputs[0].type
    targets = [
        target for link in _output_links(first.inner, primitive) if (target := first.inner.target(link)) is not None
    ]
    if not targets or any(kind != slot.type and "*" not in (kind, slot.type) for _, slot in targets):
        return
    title = primitive.node.title
    name = _add_port(first.inner, title if title and title != PRIMITIVE else first.name, targets)
    valued = next((entry for entry in group if entry.value is not UNSET), first)
    if valued.value is UNSET and isinstance(primitive.node.widgets, list) and primitive.node.widgets:
        valued.value = primitive.node.widgets[0]
    valued.place(name)


def _add_port(inner: OpenGraph, name: str, targets: list[tuple[OpenNode, Input]]) -> str:
    """A new input of a subgraph, and of all nodes that stand for it, wired to inputs within; its name."""
    taken = {port.name for port in inner.inputs}
    unique = next(each for i in range(len(taken) + 1) if (each := f"{name}_{i}" if i else name) not in taken)
    port = Port(unique, targets[0][1].type, [])
    for node, slot in targets:
        if slot.link is not None:
            inner.links.pop(slot.link, None)
        number = max(inner.links, default=0) + 1
        inner.links[number] = Link(number, SUBGRAPH_INPUT, len(inner.inputs), node.node.id, node.inputs.index(slot))
        slot.link = number
        port.links.append(number)
    inner.inputs.append(port)
    for host in inner.instances:
        _add_input(host, inner, port, None)
    return unique
