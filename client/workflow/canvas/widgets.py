"""A node's widgets and inputs as the canvas has them once a file is open: values by position, by name, and by default.

The order of widgets is that of the node's definition, with what the canvas adds: a control after each seed, upload
buttons, the inputs of a dynamic combo's choice, one more input than are wired in a group that grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .definitions import (
    AUTOGROW,
    DYNAMIC_COMBO,
    MATCH_TYPE,
    UNSET,
    NodeDefinition,
    Spec,
    dynamic_options,
    input_specs,
    nested_specs,
)
from .graph import Node
from .packs import undeclared_values

_CONTROLS = ("fixed", "increment", "decrement", "randomize", "increment-wrap", True, False, None)


@dataclass(slots=True, eq=False)
class Widget:
    """A field of a node.

    Attributes:
        name: the name of the input that it sets.
        value: UNSET where it has none.
        spec: its definition.
        position: its place in the ``widgets_values`` of a file that the canvas saves; None for one that is not there.
        rescued: its place in the ``proxyWidgetErrorQuarantine`` of a node that stands for a subgraph, if it is there.
        submitted: whether its value goes to the host.
        control: whether it says what becomes of the seed before it after each run.
        fixed: whether it was there when the node was made: text in such a widget may hold ``{this|that}``.
    """

    name: str
    value: Any
    spec: Spec
    position: int | str | None = None
    rescued: int | None = None
    saved: bool = True
    submitted: bool = True
    control: bool = False
    fixed: bool = True


@dataclass(slots=True, eq=False)
class Input:
    """An input of a node: the link that leads to it, and the widget that gives its value where none does."""

    name: str
    type: str
    link: int | None = None
    widget: Widget | None = None


@dataclass(frozen=True, slots=True)
class _Group:
    """Inputs that grow: by ``names`` or, without them, by ``prefix`` and a number; ``least`` to ``most`` of them."""

    specs: list[Spec]
    names: list[str]
    prefix: str
    least: int
    most: int

    def name(self, ordinal: int, key: str) -> str:
        if self.names:
            return self.names[ordinal]
        return f"{self.prefix if len(self.specs) == 1 else key}{ordinal}"

    def ordinal(self, name: str) -> int | None:
        if self.names:
            return self.names.index(name) if name in self.names else None
        digits = name[len(name.rstrip("0123456789")) :]
        return int(digits) if 0 < len(digits) < 10 else None


class Layout:
    """The widgets and inputs of one node.

    Args:
        node: as the file has it.
        definition: of its type.

    Attributes:
        widgets: in the order in which they are saved.
        inputs: by name, in the order of the definition; those that it does not have at the end.
    """

    def __init__(self, node: Node, definition: NodeDefinition) -> None:
        self.widgets: list[Widget] = []
        self.inputs: dict[str, Input] = {}
        self._groups: dict[str, _Group] = {}
        self._fixed = True
        self._type = node.type
        specs = [_as_shown(spec, node) for spec in input_specs(definition)]
        for spec in specs:
            self._add_socket(spec)
        for spec in specs:
            self._add_widget(spec)
        self._fixed = False
        self._wire(node)
        self._fill(node, specs)
        self._add_undeclared(node)

    # -- making ----------------------------------------------------------------------------------------------------

    def _add(self, spec: Spec) -> None:
        self._add_socket(spec)
        self._add_widget(spec)

    def _add_socket(self, spec: Spec) -> None:
        if spec.widget_type:
            return
        template = spec.options.get("template")
        if spec.type == AUTOGROW and isinstance(template, Mapping):
            self._add_group(spec.name, template)
        elif spec.type == MATCH_TYPE and isinstance(template, Mapping):
            self._add(replace(spec, type=str(template.get("allowed_types", "*"))))
        else:
            self.inputs[spec.name] = Input(spec.name, spec.type)

    def _add_widget(self, spec: Spec) -> None:
        kind = spec.widget_type
        if kind is None:
            return
        widget = Widget(spec.name, spec.begin, spec, fixed=self._fixed)
        before, after = _beside(widget, self._type, any(w.name == "model_file" for w in self.widgets))
        self.widgets += [*before, widget, *after]
        if not spec.options.get("socketless") and kind not in ("IMAGEUPLOAD", "AUDIOUPLOAD"):
            self.inputs[spec.name] = Input(spec.name, spec.type, widget=widget)
        if kind == DYNAMIC_COMBO:
            self._choose(widget, widget.value)

    def _add_group(self, name: str, template: Mapping[str, Any]) -> None:
        names, least, most = template.get("names"), template.get("min", 1), template.get("max", 100)
        names = [str(each) for each in names] if isinstance(names, list) else []
        least = least if isinstance(least, int) else 1
        most = len(names) or (most if isinstance(most, int) else 100)
        group = _Group(nested_specs(template.get("input")), names, str(template.get("prefix", "")), least, most)
        self._groups[name] = group
        for ordinal in range(min(max(1, least + 1), most)):
            self._grow(name, ordinal)

    def _grow(self, name: str, ordinal: int) -> None:
        group = self._groups[name]
        if ordinal >= group.most:
            return
        for spec in group.specs:
            full = f"{name}.{group.name(ordinal, spec.name)}"
            before = self.inputs.get(full)
            self._add(replace(spec, name=full))
            if before is not None and full in self.inputs:
                self.inputs[full].link = before.link

    # -- opening a file ----------------------------------------------------------------------------------------------

    def _wire(self, node: Node) -> None:
        """The links of the file: by name, and inputs that the definition does not have as they are."""
        for slot in node.inputs:
            link = slot.links[0] if slot.links else None
            if slot.name in self.inputs:
                self.inputs[slot.name].link = link
            else:
                self.inputs[slot.name] = Input(slot.name, slot.type, link)
        for name in [name for name, each in self.inputs.items() if each.link is not None]:
            self._grow_after(name)

    def _grow_after(self, name: str) -> None:
        parent, _, last = name.rpartition(".")
        if parent in self._groups:
            ordinal = self._groups[parent].ordinal(last)
            if ordinal is not None:
                self._grow(parent, ordinal + 1)

    def _fill(self, node: Node, specs: list[Spec]) -> None:
        """The values of the file. A widget's value may bring other widgets, which take the values that follow."""
        by_name = node.widgets if isinstance(node.widgets, dict) else None
        values, positions = ([], []) if by_name is not None else self._values(node.widgets, specs)
        at = taken = 0
        while at < len(self.widgets):
            widget = self.widgets[at]
            at += 1
            if by_name is not None:
                if widget.name in by_name and widget.submitted:
                    widget.position = widget.name
                    self._set(widget, by_name[widget.name])
                continue
            if not widget.saved or (widget.control and self._without_control(values, taken, at - 1)):
                continue
            if taken >= len(values):
                # The canvas would save it here, after as many others.
                widget.position = taken
                taken += 1
                continue
            widget.position = positions[taken]
            self._set(widget, values[taken])
            taken += 1
        for widget in list(self.widgets):
            if widget.value is None and (choices := widget.spec.choices):
                self._set(widget, choices[0])

    def _add_undeclared(self, node: Node) -> None:
        """Add what a pack's JavaScript submits beside the definition's inputs, for nodes with flexible inputs."""
        declared = {widget.name for widget in self.widgets}
        for name, value, position in undeclared_values(node):
            if name not in declared:
                spec = Spec(name, "*", {})
                self.widgets.append(Widget(name, value, spec, position, saved=position is not None, fixed=False))

    def _values(self, values: Any, specs: list[Spec]) -> tuple[list[Any], list[int]]:
        """The values with their positions, less those that old files have for inputs that no longer are widgets
        (``forceInput`` before frontend 1.16)."""
        names = {widget.name for widget in self.widgets}
        dummies: list[bool] = []
        for spec in specs:
            forced = bool(spec.options.get("forceInput"))
            if spec.name in names or forced:
                dummies += [forced, False] if _control(spec) else [forced]
        kept = [i for i in range(len(values)) if len(dummies) != len(values) or not dummies[i]]
        return [values[i] for i in kept], kept

    def _without_control(self, values: list[Any], taken: int, at: int) -> bool:
        """Whether a file is from before seeds had a control: it has too few values, and none where one should be."""
        rest = sum(widget.saved for widget in self.widgets[at:])
        return taken < len(values) < taken + rest and _plain(values[taken]) not in _CONTROLS

    def _set(self, widget: Widget, value: Any) -> None:
        widget.value = value
        if widget.spec.type == DYNAMIC_COMBO:
            self._choose(widget, value)
        elif self._type == "CustomCombo" and widget is self.widgets[-1] and value:
            self.widgets.append(_option(len(self.widgets) - 1))

    def _choose(self, combo: Widget, value: Any) -> None:
        """Put the inputs of a dynamic combo's choice in place of those of the choice before."""
        prefix = f"{combo.name}."
        self.widgets[:] = [widget for widget in self.widgets if not widget.name.startswith(prefix)]
        old = {name: each for name, each in self.inputs.items() if name.startswith(prefix)}
        for name in old:
            del self.inputs[name]
        known, mark = list(self.inputs), len(self.widgets)
        for option in dynamic_options(combo.spec):
            if value and option.get("key") == value:
                for spec in nested_specs(option.get("inputs"), prefix):
                    self._add(spec)
                break
        at = next(i for i, widget in enumerate(self.widgets) if widget is combo) + 1
        added = self.widgets[mark:]
        self.widgets[mark:] = []
        self.widgets[at:at] = added
        if combo.name in known:
            new = [name for name in self.inputs if name not in known]
            at = known.index(combo.name) + 1
            self.inputs = {name: self.inputs[name] for name in (*known[:at], *new, *known[at:])}
        for name, each in old.items():
            if name in self.inputs and each.link is not None:
                self.inputs[name].link = each.link
                self._grow_after(name)


def _as_shown(spec: Spec, node: Node) -> Spec:
    """An input as the file shows it: with a widget of a pack's own where it has a value by name or its slot says so."""
    if spec.widget_type is not None or spec.options.get("forceInput") or spec.type in (AUTOGROW, MATCH_TYPE):
        return spec
    has_value = isinstance(node.widgets, dict) and spec.name in node.widgets
    has_widget = any(slot.name == spec.name and slot.widget for slot in node.inputs)
    return replace(spec, custom=True) if has_value or has_widget else spec


def _plain(value: Any) -> Any:
    """A value that can be looked up; 0 and 1 are no controls, though equal to False and True."""
    return value if isinstance(value, str | bool) or value is None else "no control"


def _beside(widget: Widget, node_type: str, has_model_file: bool) -> tuple[list[Widget], list[Widget]]:
    """The widgets that the canvas puts before and after another."""
    spec, kind = widget.spec, widget.spec.widget_type

    def extra(name: str, value: Any, submitted: bool = False, control: bool = False) -> Widget:
        return Widget(name, value, Spec(name, "BUTTON", {}), submitted=submitted, control=control, fixed=widget.fixed)

    if kind in ("IMAGEUPLOAD", "AUDIOUPLOAD"):
        widget.submitted = False
    elif kind == "IMAGECOMPARE":
        widget.saved = False
    elif kind == "BOUNDING_BOX":
        box = widget.value if isinstance(widget.value, Mapping) else {}
        return [], [extra(side, box.get(side)) for side in ("x", "y", "width", "height")]
    elif kind == "AUDIO_RECORD":
        return [], [extra(widget.name, "")]
    elif kind == "LOAD_3D" and has_model_file:
        buttons = {"upload 3d model": "upload3dmodel", "upload extra resources": "uploadExtraResources"}
        return [extra(name, value, submitted=True) for name, value in {**buttons, "clear": "clear"}.items()], []
    elif node_type == "CustomCombo" and kind == "COMBO":
        # Its choices are what the user types into the options; the index of the chosen one follows from them.
        index = Widget("index", UNSET, Spec("index", "INT", {}), fixed=widget.fixed)
        return [], [index, _option(1)]
    control = _control(spec)
    if control and kind in ("INT", "FLOAT", "COMBO"):
        begin = control if isinstance(control, str) else "fixed" if kind == "FLOAT" else "randomize"
        filters = [extra("control_filter_list", "", control=True)] if kind == "COMBO" else []
        return [], [extra("control_after_generate", begin, control=True), *filters]
    return [], []


def _control(spec: Spec) -> Any:
    """What an input's definition says of a control after it; seeds have one unless it says otherwise."""
    control = spec.options.get("control_after_generate")
    return spec.name in ("seed", "noise_seed") if control is None and spec.widget_type == "INT" else control


def _option(number: int) -> Widget:
    return Widget(f"option{number}", "", Spec(f"option{number}", "STRING", {}), fixed=False)
