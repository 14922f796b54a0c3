"""Puts the nodes that a host names as replacements in the place of those that it no longer has.

A host lists its replacements at ``GET /node_replacements`` (ComfyUI's ``app/node_replace_manager.py``) and applies them
to each graph that is submitted; the file keeps the old nodes. This changes the file, as the canvas does on request.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import WorkflowInvalid
from ...paths import atomic_write
from ..canvas.definitions import UNSET, NodeDefinition, ObjectInfo, output_type
from ..canvas.graph import Node, Slot, read_node
from ..canvas.widgets import Layout
from ..contract import read_block
from ..workflow import Workflow
from .bump import file_text
from .checksums import is_released
from .semantics import named_values

Replacements = Mapping[str, Any]  # the host's answer: old type -> [{"new_node_id", "input_mapping", …}]


@dataclass(frozen=True, slots=True)
class Replaced:
    """One node that was replaced.

    Attributes:
        node, title: its id, and what it is called.
        before, after: the types.
        renamed: what its inputs are called now, by what they were called before.
        set: values that the replacement sets.
        lost: inputs that have no place in the new node; their values and wires are gone.
    """

    node: str
    title: str
    before: str
    after: str
    renamed: Mapping[str, str]
    set: Mapping[str, Any]
    lost: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The replacement as ``packshot workflow migrate --json`` prints it."""
        return asdict(self)


def migrate_workflow(
    workflow: Workflow, replacements: Replacements, info: ObjectInfo, *, write: bool = False
) -> list[Replaced]:
    """Replace the nodes that a host no longer has, where it names a node that takes their place.

    Args:
        workflow: loaded from its file.
        replacements: the host's answer to ``/node_replacements``, as ``client.api.node_replacements()`` gives it.
        info: the host's node definitions.
        write: change the file; else only find what would change.

    Returns:
        What was replaced, or would be.

    Raises:
        WorkflowInvalid: the file is a release, which never changes.
        OutputUnwritable: the folder or the disk refuses.
    """
    data, replaced = migrate(workflow, replacements, info)
    path = Path(workflow.place)
    if write and replaced:
        if is_released(path):
            raise WorkflowInvalid("a released file never changes", place=str(path), remedy="migrate the newest one")
        with atomic_write(path) as file:
            file.write(file_text(data))
    return replaced


def migrate(workflow: Workflow, replacements: Replacements, info: ObjectInfo) -> tuple[dict[str, Any], list[Replaced]]:
    """Replace the nodes that a host no longer has, where it names a node that takes their place.

    Returns:
        The file's new content, and what was replaced; where nothing is, the content is as it was.
    """
    try:
        data = copy.deepcopy(workflow.data)
    except RecursionError as error:
        raise WorkflowInvalid("nested too deeply: not a workflow", place=workflow.place) from error
    done: list[Replaced] = []
    definitions = data.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    for part in (data, *(subgraphs if isinstance(subgraphs, list) else ())):
        nodes = part.get("nodes", [])
        for at, raw in enumerate(nodes):
            rule = _rule(raw["type"], replacements, info)
            if rule is not None:
                change = _Change(raw, rule, info[rule["new_node_id"]])
                nodes[at] = change.node()
                change.rewire(part)
                done.append(change.report())
                if part is data:
                    _rename(data, done[-1])
    return data, done


def _rule(kind: str, replacements: Replacements, info: ObjectInfo) -> Mapping[str, Any] | None:
    """The replacement that counts: the first one, and only where the old type is gone and the new one is there."""
    listed = replacements.get(kind)
    if not isinstance(listed, list) or not listed or not isinstance(listed[0], Mapping) or kind in info:
        return None
    return listed[0] if listed[0].get("new_node_id") in info else None


class _Change:
    """One node on its way from one type to another."""

    def __init__(self, raw: dict[str, Any], rule: Mapping[str, Any], definition: NodeDefinition) -> None:
        self._raw = raw
        self._type = str(rule["new_node_id"])
        self._definition = definition
        old = read_node(raw, (), f"node {raw['id']}")
        self._old = old
        names = rule.get("old_widget_ids")
        values = old.widgets
        if isinstance(names, list) and isinstance(values, list) and len(names) == len(values):
            self._values = dict(zip(map(str, names), values, strict=True))
        else:
            self._values = named_values(old)
        self._links = {slot.name: slot.links[0] for slot in old.inputs if slot.links}
        self._names, self._set = self._mapping(rule.get("input_mapping"), definition)
        outputs = rule.get("output_mapping")
        self._outputs = {each["old_idx"]: each["new_idx"] for each in (outputs if isinstance(outputs, list) else ())}
        self._layout = Layout(self._new(), definition)

    def _mapping(self, listed: Any, definition: NodeDefinition) -> tuple[dict[str, str], dict[str, Any]]:
        """New names of inputs by the old ones, and values to set. Without a list, inputs of the same name go over."""
        if not isinstance(listed, list):
            known = Layout(replace(self._old, type=self._type, inputs=(), widgets={}), definition)
            names = {*known.inputs, *(widget.name for widget in known.widgets)}
            return {name: name for name in (*self._values, *self._links) if name in names}, {}
        renamed = {each["old_id"]: each["new_id"] for each in listed if "old_id" in each}
        return renamed, {each["new_id"]: each["set_value"] for each in listed if "set_value" in each}

    def _new(self) -> Node:
        values = {self._names[name]: value for name, value in self._values.items() if name in self._names}
        slots = [Slot(self._names[name], "*", (link,)) for name, link in self._links.items() if name in self._names]
        return replace(self._old, type=self._type, inputs=tuple(slots), widgets={**values, **self._set})

    def node(self) -> dict[str, Any]:
        """The node as the canvas would save it."""
        inputs = [
            {
                "name": each.name,
                "type": each.type,
                "link": each.link,
                **({"widget": {"name": each.widget.name}} if each.widget else {}),
            }
            for each in self._layout.inputs.values()
        ]
        properties = {k: v for k, v in self._old.properties.items() if k not in ("cnr_id", "aux_id", "ver")}
        values = [None if w.value is UNSET else w.value for w in self._layout.widgets if w.saved]
        return {
            **self._raw,
            "type": self._type,
            "inputs": inputs,
            "outputs": self._new_outputs(),
            "properties": {**properties, "Node name for S&R": self._type},
            "widgets_values": values,
        }

    def _new_outputs(self) -> list[dict[str, Any]]:
        links: dict[int, list[int]] = {}
        for slot, output in enumerate(self._old.outputs):
            links.setdefault(self._outputs.get(slot, slot), []).extend(output.links)
        names = self._definition.get("output_name") or []
        return [
            {"name": str(name), "type": output_type(self._definition, slot) or "*", "links": links.get(slot) or None}
            for slot, name in enumerate(names)
        ]

    def rewire(self, part: dict[str, Any]) -> None:
        """Lead the links of the graph to where the inputs and outputs are now; those that lead nowhere go."""
        slots = {each.link: at for at, each in enumerate(self._layout.inputs.values()) if each.link is not None}
        count = len(self._definition.get("output_name") or [])
        gone: list[int] = []
        for link in part.get("links") or []:
            number, origin, origin_slot, target, target_slot = _keys(link)
            if str(link[target]) == self._old.id:
                if link[number] in slots:
                    link[target_slot] = slots[link[number]]
                else:
                    gone.append(link[number])
            if str(link[origin]) == self._old.id:
                link[origin_slot] = self._outputs.get(link[origin_slot], link[origin_slot])
                if link[origin_slot] >= count:
                    gone.append(link[number])
        if gone:
            _cut(part, gone)

    def report(self) -> Replaced:
        """What was done to it."""
        there = {*self._layout.inputs, *(widget.name for widget in self._layout.widgets)}
        kept = {old for old, new in self._names.items() if new in there}
        lost = [name for name in dict.fromkeys((*self._values, *self._links)) if name not in kept]
        renamed = {old: new for old, new in self._names.items() if old != new and old in kept}
        title = self._old.title or self._old.type
        return Replaced(self._old.id, title, self._old.type, self._type, renamed, self._set, tuple(lost))


def _keys(link: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Where a link keeps its number and its ends: by position, or by name in newer files."""
    if isinstance(link, dict):
        return "id", "origin_id", "origin_slot", "target_id", "target_slot"
    return 0, 1, 2, 3, 4


def _cut(part: dict[str, Any], gone: list[int]) -> None:
    """Take links out of a graph, and out of the inputs and outputs that they were at, whatever else those name."""
    part["links"] = [link for link in part["links"] if link[_keys(link)[0]] not in gone]
    for node in part["nodes"]:
        for slot in node.get("inputs") or []:
            if slot.get("link") in gone:
                slot["link"] = None
        for slot in node.get("outputs") or []:
            links = slot.get("links")
            slot["links"] = [link for link in links if link not in gone] or None if isinstance(links, list) else None


def _rename(data: dict[str, Any], done: Replaced) -> None:
    """What the contract and App Mode call the widgets of a node that was replaced."""
    block = read_block(data) or {}
    named = block.get("inputs")
    for entry in named.values() if isinstance(named, Mapping) else ():
        if isinstance(entry, dict) and str(entry.get("node")) == done.node:
            entry["widget"] = done.renamed.get(str(entry.get("widget")), entry.get("widget"))
    extra = data.get("extra")
    linear = extra.get("linearData") if isinstance(extra, Mapping) else None
    shown = linear.get("inputs") if isinstance(linear, Mapping) else None
    for entry in shown if isinstance(shown, list) else ():
        if isinstance(entry, list) and len(entry) > 1 and str(entry[0]) == done.node:
            entry[1] = done.renamed.get(str(entry[1]), entry[1])
