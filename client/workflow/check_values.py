"""What the host would refuse in the values and wires of a workflow's nodes, judged as the host judges it.

The rules are those of ``validate_inputs`` in ComfyUI's ``execution.py``: only nodes that an output depends on, values
converted before they are compared. Nodes may check more than their definitions say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import NodeMissing
from .canvas.convert import ApiGraph, Field, is_model_file, short
from .canvas.definitions import AUTOGROW, DYNAMIC_COMBO, ObjectInfo, Spec, input_specs
from .contract import find_field, read_names, read_requires
from .problems import Problem, find_node, invalid, near, title_of
from .workflow import Workflow


def check_values(workflow: Workflow, api: ApiGraph, info: ObjectInfo) -> Iterator[Problem]:
    """Values out of their range or choices, model files that the host does not list, inputs without a wire."""
    incomplete = any(isinstance(error, NodeMissing) for error in api.problems)
    outputs = [node for node, each in api.nodes.items() if info[each["class_type"]].get("output_node")]
    if not outputs and not incomplete:
        yield invalid("no node of it gives a result", "add a node that saves or previews one, such as Save Image")
    # Where types are missing, what depends on what is not known: everything is looked at.
    needed = dict.fromkeys(api.nodes) if incomplete else _needed(api, outputs)
    names = read_names(workflow.data).inputs
    given = {id(field) for each in names if (field := find_field(api, each.node, each.widget))}
    for field in {id(field): field for field in api.fields.values()}.values():
        values = [api.nodes[node]["inputs"].get(name) for node, name in field.targets if node in needed]
        if values and not any(map(_is_link, values)):
            first = values[0]
            value = first["__value__"] if isinstance(first, Mapping) and "__value__" in first else first
            yield from _check_value(field, value, id(field) in given, workflow)
    for node in needed:
        yield from _check_wires(node, api, info, workflow, incomplete)


def _needed(api: ApiGraph, outputs: list[str]) -> dict[str, None]:
    """The nodes that outputs depend on, which alone the host looks at."""
    needed: dict[str, None] = {}
    waiting = list(reversed(outputs))
    while waiting:
        node = waiting.pop()
        if node in api.nodes and node not in needed:
            needed[node] = None
            waiting += [value[0] for value in api.nodes[node]["inputs"].values() if _is_link(value)]
    return needed


def _check_value(field: Field, value: Any, given: bool, workflow: Workflow) -> Iterator[Problem]:
    spec = field.widget.spec
    wanted = _wanted_instead(spec, value)
    if wanted is None:
        return
    choices, shown = spec.choices, short(value)
    slug, message = "input-invalid", f"{shown} is not {wanted}"
    remedy = "set it on the canvas, and save again"
    if choices is not None and is_model_file(value):
        slug, message = "model-missing", f"the host does not have the file {shown}"
        remedy = "; ".join(filter(None, (near(str(value), map(str, choices)), _where_from(workflow, str(value)))))
    elif any(str(key).endswith("_upload") for key in spec.options):
        if given or not isinstance(value, str) or "/" in value or value.endswith("]"):
            return  # the caller gives it, or the node looks for it elsewhere than in its list
        message = f"the host's input folder has no file {shown}"
        remedy = "put it there, or make the widget an input of the workflow, so that whoever runs it gives one"
    elif choices is not None:
        if not choices:
            return  # what such a node offers, it finds out while it runs
        remedy = near(str(value), map(str, choices)) or remedy
    title = title_of(field.node.node, workflow)
    yield Problem(slug, field.full_id, title, field.widget.name, message, remedy)


def _wanted_instead(spec: Spec, value: Any) -> str | None:
    """What the host wants in place of a value, None where it takes it."""
    if (kind := spec.mismatch(value)) is not None:
        return kind
    if spec.type in ("INT", "FLOAT"):
        number = int(value) if spec.type == "INT" else float(value)
        low, high = spec.options.get("min"), spec.options.get("max")
        too_low = isinstance(low, int | float) and number < low
        too_high = isinstance(high, int | float) and number > high
        return f"between {low} and {high}" if too_low or too_high else None
    if spec.choices is not None and spec.type != DYNAMIC_COMBO:
        chosen = value if isinstance(value, list) else [value]
        return None if all(each in spec.choices for each in chosen) else "one of its choices"
    return None


def _where_from(workflow: Workflow, name: str) -> str:
    """Where to get a model file: official workflows say it with their nodes, ours name the card."""
    wanted = name.replace("\\", "/").rpartition("/")[2]
    graph = workflow.graph
    for nodes in (graph.nodes, *(each.nodes for each in graph.subgraphs.values())):
        for node in nodes.values():
            listed = node.properties.get("models")
            for each in listed if isinstance(listed, list) else ():
                if isinstance(each, Mapping) and each.get("name") == wanted and each.get("url"):
                    return f"put it into models/{each.get('directory', '')} on the host, from {each['url']}"
    cards = read_requires(workflow.data).get("models")
    if isinstance(cards, list) and cards:
        return f"fetch it with `packshot models fetch {cards[0]}`"
    return "put it into the host's model folder"


def _check_wires(node: str, api: ApiGraph, info: ObjectInfo, workflow: Workflow, incomplete: bool) -> Iterator[Problem]:
    """Inputs that need a wire and have none, or one from what does not run.

    Args:
        incomplete: node types are missing, so that wires from them have gone and say nothing.
    """
    converted = api.nodes[node]
    definition = info[converted["class_type"]]
    groups = definition.get("input")
    required = groups.get("required") if isinstance(groups, Mapping) else None
    title = converted["_meta"]["title"]
    for spec in input_specs(definition):
        if spec.widget_type is not None or spec.name in converted["inputs"] or spec.name not in (required or ()):
            continue
        found = find_node(workflow, node, title)
        slots = [slot for slot in found.inputs if slot.name == spec.name and slot.links] if found else []
        if spec.type == AUTOGROW or (incomplete and (slots or found is None)):
            continue
        kind = "" if spec.type == "*" else f" {spec.type}"
        message = f"what is wired to '{spec.name}' does not run" if slots else f"nothing is wired to '{spec.name}'"
        yield invalid(message, f"wire a{kind} output to it on the canvas", node=node, title=title, name=spec.name)


def _is_link(value: Any) -> bool:
    return type(value) is list
