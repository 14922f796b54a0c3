"""A workflow's contract: its inputs by name and type, and its outputs, as App Mode shows them and Python takes them.

Types, ranges, choices and defaults are never written down here or in the file: they come from the node definitions.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputInvalid, InputUnknown, WorkflowInvalid, nearest
from .app_mode import read_app_mode
from .canvas.convert import ApiGraph, Field
from .canvas.definitions import ObjectInfo, input_specs


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of a workflow.

    Attributes:
        name: what Python and the command line call it.
        node, widget: the widget that it sets.
        type: ComfyUI's ``INT``, ``FLOAT``, ``STRING``, ``BOOLEAN`` or ``COMBO``.
        default: the value that the artist saved.
        minimum, maximum: inclusive bounds of a number, None where there are none.
        choices: what a COMBO offers; None for other types, and where its node finds that out while it runs.
        media: ``image``, ``video`` or ``audio``, where a local file may be given, which is then uploaded; else empty.
        help: what it is for, in the workflow's own words.
        place: the input in messages.
    """

    name: str
    node: str
    widget: str
    type: str
    default: Any
    minimum: float | None
    maximum: float | None
    choices: tuple[Any, ...] | None
    media: str
    help: str
    place: str

    @property
    def uploads(self) -> bool:
        """Whether a local file may be given, which is then uploaded."""
        return bool(self.media)

    def as_dict(self) -> dict[str, Any]:
        """Give the input as ``packshot workflow show --json`` prints it."""
        return {
            "type": self.type,
            "default": self.default,
            "min": self.minimum,
            "max": self.maximum,
            "choices": list(self.choices) if self.choices is not None else None,
            "help": self.help,
        }

    def check(self, value: Any) -> Any:
        """The value as the host takes it.

        Raises:
            InputInvalid: the wrong type, or outside the range or choices.
        """
        if self.uploads:
            return value if isinstance(value, os.PathLike | bytes | str) else self._refuse(value, "a file or its name")
        if self.type == "BOOLEAN":
            return value if isinstance(value, bool) else self._refuse(value, "true or false")
        if self.type == "INT":
            whole = isinstance(value, int) and not isinstance(value, bool)
            return self._bounded(value) if whole else self._refuse(value, "a whole number")
        if self.type == "FLOAT":
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            return self._bounded(value) if number else self._refuse(value, "a number")
        if self.type == "STRING":
            return value if isinstance(value, str) else self._refuse(value, "text")
        if self.choices is not None and value not in self.choices:
            self._refuse(value, "one of its choices", nearest(str(value), map(str, self.choices[:20])))
        return value

    def parse(self, text: str) -> Any:
        """A value written as text, on the command line or in a product table, read by the input's type.

        Raises:
            InputInvalid: it cannot be read as that type, or :meth:`check` refuses it.
        """
        if self.uploads and _is_file(text):
            return Path(text)
        value: Any = text
        stripped = text.strip()
        if self.type == "INT":
            value = int(stripped) if re.fullmatch(r"[+-]?[0-9]{1,20}", stripped) else text
        elif self.type == "FLOAT":
            try:
                value = float(stripped)
            except ValueError:
                value = text
        elif self.type == "BOOLEAN":
            value = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
                stripped.casefold(), text
            )
        elif self.type == "COMBO" and self.choices is not None:
            value = next((choice for choice in self.choices if str(choice) == text), text)
        return self.check(value)

    def _bounded(self, value: float) -> float:
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        if not low <= value <= high:
            self._refuse(value, f"between {self.minimum} and {self.maximum}")
        return value

    def _refuse(self, value: Any, wanted: str, remedy: str = "") -> None:
        shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "…"
        raise InputInvalid(
            f"{shown} is not {wanted}",
            place=self.place,
            remedy=remedy or f"its default is {self.default!r}",
        )


def _is_file(text: str) -> bool:
    """Whether a text names a file here, of whatever kind; most texts cannot, and some are too long to ask."""
    try:
        return Path(text).exists() and not Path(text).is_dir()
    except (OSError, ValueError):
        return False


@dataclass(frozen=True, slots=True)
class Contract:
    """Inputs and outputs by name. ``outputs`` gives the node id of each; empty when every output counts."""

    inputs: Mapping[str, InputSpec]
    outputs: Mapping[str, str]

    def check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Check values by name.

        Raises:
            InputUnknown: a name that the workflow does not have; the nearest one is proposed.
            InputInvalid: see :meth:`InputSpec.check`.
        """
        return {name: self.spec(name).check(value) for name, value in values.items()}

    def spec(self, name: str) -> InputSpec:
        """One input by name, or InputUnknown."""
        if name not in self.inputs:
            raise InputUnknown(
                f"the workflow has no input '{name}'", place=f"input '{name}'", remedy=nearest(name, self.inputs)
            )
        return self.inputs[name]

    def chooses(self, name: str) -> bool:
        """Whether an input is chosen from a list, such as the host's models; the list of uploaded files is none."""
        spec = self.inputs.get(name)
        return spec is not None and spec.type == "COMBO" and not spec.uploads


@dataclass(frozen=True, slots=True)
class NamedInput:
    """An input as the file names it, before it is looked up: the ids of a node and a widget."""

    name: str
    node: str
    widget: str
    help: str


@dataclass(frozen=True, slots=True)
class Names:
    """The inputs of a file in their order, and the node id of each output."""

    inputs: tuple[NamedInput, ...]
    outputs: Mapping[str, str]


def read_contract(data: Mapping[str, Any], api: ApiGraph, place: str) -> Contract:
    """The contract in ``extra.packshot``; for a file without one, what its App Mode shows.

    App Mode's entries that lead to nothing are left out, as the canvas leaves them out; `check` names them.

    A widget in a subgraph is named by the node that stands for the subgraph and the name that it has there, or, as App
    Mode once did, by the node inside; one that the subgraph does not promote by the ids of both: ``"98:22"``.

    Raises:
        WorkflowInvalid: ``extra.packshot`` names a node or widget that is not there, or one that is wired and so has no
            value to set.
    """
    names, ours = read_names(data), read_block(data) is not None
    inputs: dict[str, InputSpec] = {}
    for each in names.inputs:
        try:
            inputs[each.name] = read_input(each, api, place)
        except WorkflowInvalid:
            if ours:
                raise
    outputs = {name: node for name, node in names.outputs.items() if node in api.nodes}
    if ours and (gone := names.outputs.keys() - outputs.keys()):
        name = min(gone)
        raise WorkflowInvalid(
            f"the output '{name}' names node {names.outputs[name]}, which is not there or muted",
            place=place,
            remedy=_CONTRACT,
        )
    return Contract(inputs, outputs)


def output_types(contract: Contract, api: ApiGraph, info: ObjectInfo) -> dict[str, str]:
    """What each output is made of, as a type of ComfyUI's: ``IMAGE``, ``VIDEO``; ``*`` where a node takes anything."""
    types = {}
    for name, node in contract.outputs.items():
        specs = input_specs(info[api.nodes[node]["class_type"]])
        types[name] = next((spec.type for spec in specs if spec.widget_type is None), "*")
    return types


def contract_names(data: Mapping[str, Any]) -> list[str]:
    """The names of a workflow's inputs, in the order of its App Mode."""
    return [each.name for each in read_names(data).inputs]


def contract_widgets(data: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The node id and widget that each of a workflow's inputs sets, by name; needs no node definitions."""
    return {each.name: (each.node, each.widget) for each in read_names(data).inputs}


def read_block(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a file says for programs, ``extra.packshot``; None where it says nothing."""
    block = _mapping(data.get("extra")).get("packshot")
    return block if isinstance(block, Mapping) else None


def read_requires(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a file says that it needs: ``comfyui``, ``packs``, ``models``; each may be missing."""
    return _mapping((read_block(data) or {}).get("requires"))


def read_names(data: Mapping[str, Any]) -> Names:
    """Which inputs and outputs a file has, by what it says alone."""
    block = read_block(data)
    if block is not None:
        return _from_block(block)
    app = read_app_mode(data)
    if app is None:
        return Names((), {})
    inputs = tuple(NamedInput(each.name, each.node, each.widget, each.help) for each in app.inputs)
    alone = len(app.outputs) == 1
    return Names(inputs, {("output" if alone else f"output_{node}"): node for node in app.outputs})


def _from_block(block: Mapping[str, Any]) -> Names:
    inputs = [
        NamedInput(str(name), str(entry.get("node")), str(entry.get("widget")), str(entry.get("help", "")))
        for name, entry in _mapping(block.get("inputs")).items()
        if isinstance(entry, Mapping)
    ]
    outputs = {
        str(name): str(entry.get("node"))
        for name, entry in _mapping(block.get("outputs")).items()
        if isinstance(entry, Mapping)
    }
    return Names(tuple(inputs), outputs)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def find_field(api: ApiGraph, node: str, widget: str) -> Field | None:
    """What can be filled in at a widget that a contract or App Mode names; None where there is no such widget."""
    return api.fields.get((node, widget)) or _promoted(api, node, widget)


def read_input(named: NamedInput, api: ApiGraph, place: str) -> InputSpec:
    """One input with what its node's definition says of it.

    Raises:
        WorkflowInvalid: as :func:`read_contract`.
    """
    name, node_id, widget = named.name, named.node, named.widget
    where = f"{place}, input '{name}'"
    found = find_field(api, node_id, widget)
    if found is None:
        known = {w: f for (n, w), f in api.fields.items() if n == node_id}
        if not known and node_id not in api.nodes:
            raise WorkflowInvalid(
                f"it names node {node_id}, which is not there or muted", place=where, remedy=_CONTRACT
            )
        shown = next((f.place for f in known.values()), f"node {node_id}")
        raise WorkflowInvalid(
            f"{shown} has no widget '{widget}'", place=where, remedy=nearest(widget, known) or _CONTRACT
        )
    if found.home is None:
        raise WorkflowInvalid(
            f"'{widget}' of {found.place} has no value of its own in the file: it is in a subgraph that stands in"
            " several places, or kept in an old form",
            place=where,
            remedy="open it on the canvas, promote the widget out of the subgraph, and save again",
        )
    values = [value for node, target in found.targets if (value := api.nodes[node]["inputs"].get(target)) is not None]
    if not values or isinstance(values[0], list):
        raise WorkflowInvalid(
            f"'{widget}' of {found.place} is wired to another node, or nothing that runs takes it",
            place=where,
            remedy=_CONTRACT,
        )
    options, choices = found.widget.spec.options, found.widget.spec.choices
    return InputSpec(
        name=name,
        node=found.full_id,
        widget=found.widget.name,
        type="COMBO" if choices is not None else found.widget.spec.type,
        default=values[0],
        minimum=options.get("min"),
        maximum=options.get("max"),
        choices=tuple(choices) if choices else None,  # with none listed, the node finds out while it runs
        media=next((media for media in ("image", "video", "audio") if options.get(f"{media}_upload")), ""),
        help=named.help,
        place=f"input '{name}' ('{widget}' of {found.place})",
    )


def _promoted(api: ApiGraph, inner_id: str, widget: str) -> Field | None:
    """The one promoted widget from which a node in a subgraph, named by its own id alone, takes a value."""
    found = {
        id(field): field for field in api.fields.values() if (f"{field.full_id}:{inner_id}", widget) in field.targets
    }
    return next(iter(found.values())) if len(found) == 1 else None


_CONTRACT = "mend the inputs and outputs in the file's extra.packshot, or rebuild the App on the canvas"
