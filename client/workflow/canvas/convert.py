"""UI format to API format: what the canvas itself would submit.

The rules are those of the frontend's ``graphToPrompt``: widgets become inputs by name, links follow reroutes and
bypassed nodes to the node that really runs, subgraphs dissolve into the nodes inside them, and nodes that only the
canvas knows (notes, reroutes, primitives) disappear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ...errors import InputInvalid, NodeMissing, PackshotError, WorkflowInvalid
from .definitions import DYNAMIC_COMBO, UNSET
from .definitions import ObjectInfo as ObjectInfo
from .definitions import input_options as input_options
from .graph import CanvasGraph, Node
from .links import Output, Path, Tracer, full_id
from .open_graph import OpenGraph, OpenNode
from .opener import open_graph
from .packs import PRIMITIVE
from .texts import SAVING, as_text, replace_patterns, resolve_choices
from .widgets import Input, Widget

_MOST_NODES = 100_000  # A few subgraphs, each twice in the next, would be millions.
_CORE = "comfy-core"  # how the canvas notes that a node is ComfyUI's own
_MODEL_ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")


@dataclass(slots=True, eq=False)
class Field:
    """A widget that a workflow can be filled in at.

    Attributes:
        node: the node that shows it.
        full_id: its id with those of the subgraphs around it.
        widget: its definition and its value in the file.
        targets: (node id, input) in the API graph, all that take its value.
        home: the node and widget that the file has the value at: this one, or one inside the subgraph that it stands
            for. None where a value in the file could not be this widget's alone: in a subgraph that stands in several
            places, in a group node, or in a subgraph's list of values of an older form.
    """

    node: OpenNode
    full_id: str
    widget: Widget
    targets: list[tuple[str, str]]
    home: tuple[OpenNode, Widget] | None

    @property
    def place(self) -> str:
        """Its node in messages."""
        return self.node.node.place_at(self.full_id)

    def write(self, canvas: dict[str, Any], value: Any) -> None:
        """Put a value into a workflow file, whose parts on the way to this widget are copied first."""
        assert self.home is not None
        node, widget = self.home
        part: Any = canvas
        for key in node.node.where:
            part[key] = part[key].copy()
            part = part[key]
        values, position = part.get("widgets_values"), widget.position
        if widget.rescued is not None:
            rescued = [*part["properties"]["proxyWidgetErrorQuarantine"]]
            rescued[widget.rescued] = {**rescued[widget.rescued], "hostValue": value}
            part["properties"] = {**part["properties"], "proxyWidgetErrorQuarantine": rescued}
        elif isinstance(position, str):
            part["widgets_values"] = {**values, position: value}
        elif position is not None:
            kept = node.kept if node.inner is not None else [each for each in node.widgets if each.saved]
            known = [None if each is None or each.value is UNSET else each.value for each in kept]
            values = values if isinstance(values, list) else []
            values = [*values, *known[len(values) :]]
            values += [None] * (position + 1 - len(values))
            values[position] = value
            part["widgets_values"] = values


@dataclass(slots=True)
class ApiGraph:
    """A workflow as the host runs it.

    Attributes:
        nodes: node id -> ``{"class_type", "inputs", "_meta"}``, ready for ``POST /prompt``. Nodes in a subgraph have
            its id before their own: ``98:22``.
        fields: (node id, widget) -> what can be filled in there. A widget that a subgraph promotes is there twice: by
            the node that stands for the subgraph, and by the node inside that takes its value.
        problems: why the host could not run it as it is; empty when nothing is wrong.
    """

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    fields: dict[tuple[str, str], Field] = field(default_factory=dict)
    problems: list[PackshotError] = field(default_factory=list)


def is_model_file(value: object) -> bool:
    """Whether a widget's value names a file of weights."""
    return isinstance(value, str) and value.lower().endswith(_MODEL_ENDINGS)


def to_api(graph: CanvasGraph, info: ObjectInfo, place: str) -> ApiGraph:
    """Convert a workflow as the canvas would submit it.

    Raises:
        NodeMissing: a node type that is neither the canvas's own nor in ``info``.
        WorkflowInvalid: links that lead nowhere or in a circle, nodes that wait for themselves, a subgraph that
            contains itself.
    """
    api = convert(graph, info, place)
    if api.problems:
        raise api.problems[0]
    return api


def convert(graph: CanvasGraph, info: ObjectInfo, place: str) -> ApiGraph:
    """Convert a workflow as far as that goes, and say all that is wrong with it.

    Raises:
        WorkflowInvalid: it cannot even be opened: a subgraph that contains itself, or far too many nodes.
    """
    return _Conversion(open_graph(graph, info, place), place).run()


class _Conversion:
    def __init__(self, graph: OpenGraph, place: str) -> None:
        self._graph = graph
        self._place = place
        self._tracer = Tracer(graph, place)
        self._api = ApiGraph()
        self._now = datetime.now()
        self._running_nodes: dict[str, Node] = {}

    def run(self) -> ApiGraph:
        unknown: list[tuple[Path, OpenNode]] = []
        for path, node in self._running():
            if node.definition is None:
                unknown.append((path, node))
            else:
                self._convert(path, node)
        nodes = self._api.nodes
        self._find_missing(unknown)
        for converted in nodes.values():
            inputs = converted["inputs"]
            for name in [name for name, value in inputs.items() if type(value) is list and value[0] not in nodes]:
                del inputs[name]
        self._find_circle()
        return self._api

    def _find_missing(self, unknown: list[tuple[Path, OpenNode]]) -> None:
        """Note the node types that the host does not have, but those that nothing depends on: bookmarks, labels and
        the like, which are the canvas's alone. What takes a wire may be the very node that saves."""
        needed = {
            value[0] for node in self._api.nodes.values() for value in node["inputs"].values() if type(value) is list
        }
        for path, node in unknown:
            for entry in node.inputs:
                with suppress(WorkflowInvalid):  # it is missing: where its wires come from is no matter yet
                    source = self._tracer.source(path, node, entry)
                    needed |= {source.node} if isinstance(source, Output) else set()
        for path, node in unknown:
            wired = any(entry.link is not None for entry in node.inputs)
            if wired or full_id(path, node) in needed or not self._api.nodes:
                message = f"the host does not have the node type '{node.node.type}'"
                where = f"{self._place}, {node.node.place_at(full_id(path, node))}"
                remedy = where_from(node.node) or "install the node pack it comes from on the host, or remove the node"
                self._api.problems.append(NodeMissing(message, place=where, remedy=remedy))

    def _find_circle(self) -> None:
        """Note a node that would wait for itself. The canvas submits such a graph, and the host refuses it."""
        sorter = TopologicalSorter(
            {
                id_: [value[0] for value in node["inputs"].values() if type(value) is list]
                for id_, node in self._api.nodes.items()
            }
        )
        try:
            sorter.prepare()
        except CycleError as error:
            circle = error.args[1]
            self._api.problems.append(
                WorkflowInvalid(
                    f"it depends on its own output: {' → '.join(circle)}",
                    place=f"{self._place}, {self._running_nodes[circle[0]].place_at(circle[0])}",
                    remedy="open it on the canvas and cut the circle",
                )
            )

    def _running(self) -> Iterator[tuple[Path, OpenNode]]:
        """All nodes that are submitted, with the subgraphs around each."""
        waiting: list[tuple[Path, OpenNode]] = [((), node) for node in reversed(self._graph.nodes.values())]
        count = 0
        while waiting:
            path, node = waiting.pop()
            count += 1
            if count > _MOST_NODES:
                raise WorkflowInvalid(
                    f"it has more than {_MOST_NODES:,} nodes, those in subgraphs counted wherever they stand",
                    place=self._place,
                    remedy="open it on the canvas and take subgraphs out of one another",
                )
            # A subgraph in another is looked into even if it is muted or bypassed: the canvas mutes the nodes inside.
            if node.inner is not None and (node.runs or path):
                waiting += [((*path, node), each) for each in reversed(node.inner.nodes.values())]
                if node.runs:
                    self._offer(path, node, node.widgets)
            elif node.runs and not node.virtual:
                yield path, node

    def _convert(self, path: Path, node: OpenNode) -> None:
        id_ = full_id(path, node)
        self._running_nodes[id_] = node.node
        inputs: dict[str, Any] = {}
        for widget in node.widgets:
            if widget.submitted and widget.value is not UNSET:
                inputs[widget.name] = self._submitted(node, widget)
        self._offer(path, node, [widget for widget in node.widgets if widget.submitted])
        for entry in node.inputs:
            self._link(path, node, entry, id_, inputs)
        self._check_kinds(node, id_, inputs)
        title = node.node.title or (node.definition or {}).get("display_name") or node.node.type
        self._api.nodes[id_] = {"inputs": inputs, "class_type": node.node.type, "_meta": {"title": title}}

    def _link(self, path: Path, node: OpenNode, entry: Input, id_: str, inputs: dict[str, Any]) -> None:
        if entry.link is None:
            return
        try:
            source = self._tracer.source(path, node, entry)
        except WorkflowInvalid as error:
            self._api.problems.append(error)
            return
        if source is None:
            self._offer_primitive(path, entry, id_)
        elif isinstance(source, Output):
            inputs[entry.name] = [source.node, source.slot]
        else:
            value = source.widget.value
            if value is UNSET:
                inputs.pop(entry.name, None)
            else:
                inputs[entry.name] = _wrapped(_as_typed(source.widget, value))
            shown = self._api.fields.get((full_id(source.path, source.host), source.widget.name))
            if shown is not None:
                shown.targets.append((id_, entry.name))
                self._api.fields[id_, entry.name] = shown

    def _check_kinds(self, node: OpenNode, id_: str, inputs: dict[str, Any]) -> None:
        """Note values of another kind than their widgets take. The canvas submits them, and the host refuses."""
        for widget in node.widgets:
            value = inputs.get(widget.name)
            if not widget.submitted or widget.name not in inputs or type(value) is list:
                continue
            value = value["__value__"] if isinstance(value, Mapping) and "__value__" in value else value
            kind = None if value is None else widget.spec.mismatch(value)  # None: left to be filled in
            if kind is None:
                continue
            shown = self._api.fields[id_, widget.name]
            where = f"{self._place}, {shown.place}, input '{shown.widget.name}'"
            lost = widget.spec.type == DYNAMIC_COMBO
            remedy = _other_option(widget) if lost else "set it on the canvas, and save again"
            self._api.problems.append(InputInvalid(f"{short(value)} is not {kind}", place=where, remedy=remedy))
            if lost:
                return  # the values that follow belong to the inputs of the option that is not there

    def _submitted(self, node: OpenNode, widget: Widget) -> Any:
        value = _as_typed(widget, widget.value)
        if isinstance(value, str):
            if widget.name == "filename_prefix" and node.node.type in SAVING:
                return replace_patterns(value, self._graph.below, self._now)
            if widget.fixed and widget.spec.options.get("dynamicPrompts") is True:
                return resolve_choices(value)
        if isinstance(value, list) and widget.spec.widget_type == "CURVE":
            return {"__type__": "CURVE", "__value__": value}
        return _wrapped(value)

    def _offer(self, path: Path, node: OpenNode, widgets: list[Widget]) -> None:
        """Note what can be filled in at a node."""
        id_ = full_id(path, node)
        for widget in widgets:
            own = [(id_, widget.name)] if node.inner is None and not node.virtual else []
            self._api.fields[id_, widget.name] = Field(node, id_, widget, own, _home(path, node, widget))

    def _offer_primitive(self, path: Path, entry: Input, id_: str) -> None:
        """A primitive node can be filled in for the inputs that it is wired to."""
        graph = path[-1].inner if path else self._graph
        link = graph.links.get(entry.link) if graph is not None and entry.link is not None else None
        origin = graph.nodes.get(link.origin) if graph is not None and link is not None else None
        if origin is None or origin.node.type != PRIMITIVE or entry.widget is None:
            return
        key = (full_id(path, origin), "value")
        if key not in self._api.fields:
            self._offer(path, origin, [replace(entry.widget, name="value", position=0)])
        self._api.fields[key].targets.append((id_, entry.name))
        self._api.fields[id_, entry.name] = self._api.fields[key]


def _home(path: Path, node: OpenNode, widget: Widget) -> tuple[OpenNode, Widget] | None:
    """Where the file has a widget's value, and nothing else's."""
    while node.inner is not None and (behind := node.behind.get(widget.name)) is not None:
        values = node.node.widgets if isinstance(node.node.widgets, list) else []
        if widget.rescued is not None:
            # The list may also be a text, in which no place can be written to.
            text = isinstance(node.node.properties.get("proxyWidgetErrorQuarantine"), str)
            return None if text or not _alone(path, node) else (node, widget)
        older = node.node.properties.get("proxyWidgets") is not None
        if isinstance(widget.position, int) and (not older or widget.position < len(values)):
            break
        if older and values:
            return None
        path, (node, widget) = (*path, node), behind
    return (node, widget) if widget.position is not None and _alone(path, node) else None


def _alone(path: Path, node: OpenNode) -> bool:
    """Whether a node has a place of its own in the file, and is in no subgraph that stands in several places."""
    several = any(host.inner is not None and len(host.inner.instances) > 1 for host in path)
    return not several and bool(node.node.where)


def _as_typed(widget: Widget, value: Any) -> Any:
    """A value as its widget holds it: a field of text has no numbers."""
    text = widget.spec.widget_type == "STRING" and isinstance(value, int | float)
    return as_text(value) if text else value


def short(value: Any) -> str:
    """A value in messages, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def where_from(node: Node) -> str:
    """Say how to get a node type that the host lacks, by what the canvas noted when it was saved; empty where nothing
    was noted."""
    pack, version = node.properties.get("cnr_id") or node.properties.get("aux_id"), node.properties.get("ver")
    if pack == _CORE:
        return f"it is ComfyUI's own, saved with {version or 'another version'}: update the host's ComfyUI"
    if not isinstance(pack, str):
        return ""
    release = f" (saved with {version})" if isinstance(version, str) and version else ""
    return f"install the node pack '{pack}'{release} on the host"


def _other_option(combo: Widget) -> str:
    """What to do about a dynamic combo whose option the host does not have."""
    options = ", ".join(map(str, combo.spec.choices or ()))
    return f"choose one that the host has on the canvas ({options}), or update ComfyUI and the node packs on the host"


def _wrapped(value: Any) -> Any:
    """A list in the form that the host does not take for a link."""
    return {"__value__": value} if isinstance(value, list) else value
