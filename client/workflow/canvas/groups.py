"""Group nodes, which subgraphs have replaced: ``extra.groupNodes`` has the nodes, and a node of the type
``workflow>name`` stands for them.

Each is read as a subgraph of its own, with nodes numbered as the frontends numbered them that had group nodes: ``5:0``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .definitions import NodeDefinition, ObjectInfo, Spec, input_specs
from .graph import SUBGRAPH_INPUT, SUBGRAPH_OUTPUT, Link, Node, Slot, Subgraph, read_node
from .packs import PRIMITIVE, REROUTE
from .widgets import Layout

_End = tuple[str, str]  # a node inside and its input


def read_group(host: Node, raw: Mapping[str, Any], info: ObjectInfo, place: str) -> Subgraph:
    """The nodes that a group node stands for, with the values of its widgets in theirs.

    Args:
        raw: the group's entry in ``extra.groupNodes``.
        place: the file, for messages.

    Raises:
        WorkflowInvalid: its nodes are not of the form the canvas writes.
    """
    place = f"{place}, {host.place}"
    listed = raw.get("nodes")
    nodes = {
        str(i): read_node({**each, "id": i} if isinstance(each, Mapping) else each, (), f"{place}, nodes[{i}]")
        for i, each in enumerate(listed if isinstance(listed, list) else ())
    }
    return _Group(host, raw, nodes, info).subgraph()


class _Group:
    def __init__(self, host: Node, raw: Mapping[str, Any], nodes: dict[str, Node], info: ObjectInfo) -> None:
        self._host = host
        self._raw = raw
        self._nodes = {id_: replace(node, inputs=tuple(_bare(s) for s in node.inputs)) for id_, node in nodes.items()}
        self._info = info
        self._links: dict[int, Link] = {}
        self._seen: dict[str, int] = {}
        # What the group node shows, by the names that it has there.
        self._shown: dict[str, tuple[_End, Spec]] = {}

    def subgraph(self) -> Subgraph:
        for raw in _list(self._raw.get("links")):
            ends = raw[:4] if isinstance(raw, list) else []
            if len(ends) == 4 and all(isinstance(end, int) for end in ends) and str(ends[2]) in self._nodes:
                self._wire(str(ends[0]), ends[1], str(ends[2]), ends[3])
        for id_, node in self._nodes.items():
            self._show(id_, node, converted=False)
        for id_, node in self._nodes.items():
            self._show(id_, node, converted=True)
        self._take_values()
        inputs = tuple(self._port(name, end, spec) for name, (end, spec) in self._shown.items())
        outputs = tuple(self._outputs())
        return Subgraph(
            f"{self._host.type}:{self._host.id}", self._host.type, self._nodes, self._links, inputs, outputs
        )

    def _add_link(self, origin: str, origin_slot: int, target: str, target_slot: int) -> int:
        number = len(self._links) + 1
        self._links[number] = Link(number, origin, origin_slot, target, target_slot)
        return number

    def _wire(self, origin: str, origin_slot: int, target: str, target_slot: int) -> None:
        if 0 <= target_slot < len(self._nodes[target].inputs):
            self._connect(target, target_slot, self._add_link(origin, origin_slot, target, target_slot))

    def _connect(self, target: str, at: int, link: int) -> None:
        node = self._nodes[target]
        slots = [replace(slot, links=(link,)) if i == at else slot for i, slot in enumerate(node.inputs)]
        self._nodes[target] = replace(node, inputs=tuple(slots))

    # -- what the group node shows ------------------------------------------------------------------------------------

    def _show(self, id_: str, node: Node, converted: bool) -> None:
        """Its widgets and open inputs; widgets that were made into inputs come after all others."""
        specs = self._specs(id_, node)
        slots = {slot.name: slot for slot in node.inputs}
        widgets = [spec for spec in specs if spec.widget_type]
        others = [spec for spec in specs if not spec.widget_type]
        for spec in (*widgets, *others):
            slot = slots.get(spec.name)
            is_converted = spec.widget_type is not None and slot is not None and slot.widget == spec.name
            if is_converted != converted or (slot is not None and slot.links):
                continue
            config = _mapping(_mapping(_mapping(self._raw.get("config")).get(id_)).get("input")).get(spec.name)
            name = self._name(node, spec.name, _mapping(config).get("name"))
            if spec.widget_type or _mapping(config).get("visible") is not False:
                self._shown[name] = ((id_, spec.name), spec)

    def _specs(self, id_: str, node: Node) -> list[Spec]:
        definition = self._info.get(node.type)
        if definition is not None:
            return input_specs(definition)
        targets = [link for link in self._links.values() if link.origin == id_]
        if node.type == PRIMITIVE and targets:
            slot = self._nodes[targets[0].target].inputs[targets[0].target_slot]
            known = self._info.get(self._nodes[targets[0].target].type)
            spec = next((each for each in input_specs(known or {}) if each.name == slot.name), None)
            options = {**spec.options, "control_after_generate": True} if spec else {}
            return [Spec("value", spec.type if spec else slot.type, options)]
        if node.type == REROUTE and node.inputs and not (targets and node.inputs[0].links and not self._leaves(id_, 0)):
            kind = self._nodes[targets[0].target].inputs[targets[0].target_slot].type if targets else "*"
            return [Spec(node.inputs[0].name, kind, {"forceInput": True})]
        return []

    def _name(self, node: Node, name: str, given: object) -> str:
        """The name of an input on the group node: its own, with the node's title where that is taken."""
        label = next((slot.type for slot in node.inputs if slot.name == name), name) if node.type == REROUTE else name
        shown = key = given if isinstance(given, str) else label
        if (node.type == PRIMITIVE and node.title) or shown in self._seen:
            prefix = f"{node.title or node.type} "
            shown = key = f"{prefix}{label}"
            if shown in self._seen:
                shown = f"{prefix}{self._seen[shown]} {label}"
        self._seen[key] = self._seen.get(key, 1) + 1
        return shown

    def _leaves(self, id_: str, output: int) -> bool:
        """Whether an output that is wired inside is wired outside as well."""
        external = (each for each in _list(self._raw.get("external")) if isinstance(each, list) and len(each) >= 2)
        return any(str(each[0]) == id_ and each[1] == output for each in external)

    def _port(self, name: str, end: _End, spec: Spec) -> Slot:
        """An input of the subgraph, wired to the node's input, which a widget in an old file does not have yet."""
        target, wanted = end
        node = self._nodes[target]
        at = next((i for i, slot in enumerate(node.inputs) if slot.name == wanted), None)
        if at is None:
            at = len(node.inputs)
            self._nodes[target] = replace(node, inputs=(*node.inputs, Slot(wanted, spec.type, ())))
        link = self._add_link(SUBGRAPH_INPUT, list(self._shown).index(name), target, at)
        self._connect(target, at, link)
        return Slot(name, spec.type, (link,))

    def _outputs(self) -> list[Slot]:
        ports: list[Slot] = []
        for id_, node in self._nodes.items():
            definition = self._info.get(node.type)
            kinds = _list((definition or {}).get("output")) or [slot.type for slot in node.outputs]
            for output, kind in enumerate(kinds):
                used = any((link.origin, link.origin_slot) == (id_, output) for link in self._links.values())
                config = _mapping(_mapping(_mapping(self._raw.get("config")).get(id_)).get("output")).get(str(output))
                visible = _mapping(config).get("visible", not used or self._leaves(id_, output))
                if visible and (definition is not None or node.type == REROUTE):
                    link = self._add_link(id_, output, SUBGRAPH_OUTPUT, len(ports))
                    ports.append(Slot(str(kind), kind if isinstance(kind, str) else "COMBO", (link,)))
        return ports

    # -- its values ---------------------------------------------------------------------------------------------------

    def _take_values(self) -> None:
        """Read the group node's values as those of a node with all its widgets, and hand them to the nodes inside."""
        uploads = ("image_upload", "video_upload", "animated_image_upload", "audio_upload")
        required = {
            name: [spec.type, {key: value for key, value in spec.options.items() if key not in uploads}]
            for name, (_, spec) in self._shown.items()
            if spec.widget_type
        }
        given = {w.name: w.value for w in Layout(self._host, {"input": {"required": required}}).widgets if w.submitted}
        for id_, node in self._nodes.items():
            definition = self._info.get(node.type)
            values = {end[1]: given[name] for name, (end, _) in self._shown.items() if end[0] == id_ and name in given}
            if definition is not None:
                self._nodes[id_] = replace(node, widgets={**_by_name(node, definition), **values})
            elif node.type == PRIMITIVE and "value" in values:
                self._nodes[id_] = replace(node, widgets=[values["value"]])


def _by_name(node: Node, definition: NodeDefinition) -> dict[str, Any]:
    return {w.name: w.value for w in Layout(node, definition).widgets if w.submitted and w.position is not None}


def _bare(slot: Slot) -> Slot:
    """An input without its link, which was one of the graph that the group was made in."""
    return replace(slot, links=())


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
