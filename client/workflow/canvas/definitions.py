"""Node definitions as the host gives them (``/object_info``), read as the canvas reads them."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...errors import InputInvalid

NodeDefinition = Mapping[str, Any]  # one value of /object_info
ObjectInfo = Mapping[str, NodeDefinition]


class _Unset(enum.Enum):
    UNSET = enum.auto()


UNSET: Final = _Unset.UNSET
"""In place of a value that a widget does not have; ``None`` is one that it may have."""

AUTOGROW, DYNAMIC_COMBO, MATCH_TYPE = "COMFY_AUTOGROW_V3", "COMFY_DYNAMICCOMBO_V3", "COMFY_MATCHTYPE_V3"

# The types that the canvas shows as a widget, and the values that they begin with.
_BEGIN: Mapping[str, Any] = {
    "INT": 0,
    "FLOAT": 0,
    "BOOLEAN": False,
    "STRING": "",
    "MARKDOWN": "",
    "TEXTAREA": "",
    "COLOR": "#000000",
    "COLORS": [],
    "PAINTER": "",
    "IMAGECOMPARE": ["", ""],
    "BOUNDING_BOX": {"x": 0, "y": 0, "width": 512, "height": 512},
    "BOUNDING_BOXES": [],
    "CHART": {},
    "GALLERIA": [],
    "CURVE": {"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"},
    "RANGE": {"min": 0.0, "max": 1.0},
    "COMBO": UNSET,
    DYNAMIC_COMBO: UNSET,
    "IMAGEUPLOAD": "image",
    "AUDIOUPLOAD": "",
    "AUDIO_RECORD": "",
    "WEBCAM": "",
    "LOAD_3D": "",
    "LOAD_3D_ADVANCED": "",
    "PREVIEW_3D": "",
}

# What the canvas's own extensions add to core's nodes.
_ADDED: Mapping[str, tuple[str, str]] = {
    "Preview3D": ("image", "PREVIEW_3D"),
    "SaveGLB": ("image", "PREVIEW_3D"),
    "Load3DAdvanced": ("viewport_state", "LOAD_3D_ADVANCED"),
}


@dataclass(frozen=True, slots=True)
class Spec:
    """An input as a node's definition has it.

    Attributes:
        name: the host's name for it.
        type: a type of ComfyUI's; ``COMBO`` for a list of choices.
        options: what the definition says of it; ``options`` has the choices of a COMBO.
        custom: whether a node pack's JavaScript shows a widget of its own for it, whose type the canvas does not know.
    """

    name: str
    type: str
    options: Mapping[str, Any]
    custom: bool = False

    @property
    def widget_type(self) -> str | None:
        """The type of widget that the canvas shows for it; None for a mere socket."""
        if self.custom:
            return self.type
        kind = str(self.options.get("widgetType") or self.type)
        return kind if kind in _BEGIN and not self.options.get("forceInput") else None

    @property
    def choices(self) -> list[Any] | None:
        """What a COMBO offers, as far as the definition lists it; None for other types."""
        options = self.options.get("options")
        if self.type == DYNAMIC_COMBO:
            return [option.get("key") for option in dynamic_options(self)]
        return options if self.type == "COMBO" and isinstance(options, list) else None

    def mismatch(self, value: Any) -> str | None:
        """Say what kind of value the host wants instead of this one; None where the kind is right.

        Ranges and the choices of plain combos, which are often files, are not looked at: they differ from host to host.
        """
        if self.type in ("INT", "FLOAT"):
            try:
                int(value) if self.type == "INT" else float(value)
            except (TypeError, ValueError, OverflowError):
                return "a whole number" if self.type == "INT" else "a number"
        elif self.type == "BOOLEAN":
            fits = isinstance(value, bool | int | float) or str(value).lower() in ("true", "false")
            return None if fits else "true or false"
        elif choices := self.choices:
            # A name that is not in the list of a plain combo may be a file of another host.
            likely = self.type != DYNAMIC_COMBO and (isinstance(value, str | list) or not isinstance(choices[0], str))
            return None if likely or value in choices else "one of its choices"
        return None

    @property
    def begin(self) -> Any:
        """The value that its widget has on a new node; UNSET where it has none."""
        default = self.options.get("default")
        if self.widget_type in ("COMBO", DYNAMIC_COMBO):
            if self.options.get("multi_select"):
                return []
            choices = self.choices
            if default and self.widget_type == "COMBO":
                return default
            return choices[0] if choices else ("Loading..." if self.options.get("remote") else UNSET)
        if self.widget_type in ("CHART", "GALLERIA", "TEXTAREA", "IMAGECOMPARE"):
            return _BEGIN[self.widget_type]
        return _BEGIN.get(self.widget_type or "", UNSET) if default is None else default


def read_object_info(path: Path) -> ObjectInfo:
    """Read node definitions that were saved from a host (``GET /object_info``).

    Raises:
        InputInvalid: it cannot be read, or is not what a host gives.
    """
    remedy = "save it again: curl -o object_info.json http://HOST:PORT/object_info"
    try:
        info = json.loads(path.read_bytes())
    except OSError as error:
        raise InputInvalid(f"cannot be read: {error.strerror}", place=str(path), remedy=remedy) from error
    except (ValueError, RecursionError) as error:
        raise InputInvalid("not JSON", place=str(path), remedy=remedy) from error
    if not isinstance(info, dict) or not all(isinstance(each, dict) and "input" in each for each in info.values()):
        raise InputInvalid("JSON, but no node definitions", place=str(path), remedy=remedy)
    return info


def read_spec(name: str, raw: Any) -> Spec:
    """An input from its form in ``/object_info``: ``[type or choices, options]``."""
    kind = raw[0] if isinstance(raw, list | tuple) and raw else "*"
    options = raw[1] if isinstance(raw, list | tuple) and len(raw) > 1 and isinstance(raw[1], Mapping) else {}
    if isinstance(kind, list):
        return Spec(name, "COMBO", {**options, "options": kind})
    return Spec(name, str(kind), options)


def input_specs(definition: NodeDefinition) -> list[Spec]:
    """A node type's inputs in the canvas's order, those that the canvas itself adds included."""
    specs: list[Spec] = []
    groups = _mapping(definition.get("input"))
    for group in ("required", "optional"):
        declared = _mapping(groups.get(group))
        order = _mapping(definition.get("input_order")).get(group)
        names = (
            [name for name in order if isinstance(name, str) and name in declared]
            if isinstance(order, list)
            else list(declared)
        )
        specs += [read_spec(name, declared[name]) for name in names]
        specs += [read_spec(name, declared[name]) for name in declared if name not in names]
    return specs + list(_added(definition, _mapping(groups.get("required"))))


def input_options(definition: NodeDefinition) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """A node type's inputs by name: (type, options)."""
    return {spec.name: (spec.type, spec.options) for spec in input_specs(definition)}


def _added(definition: NodeDefinition, required: Mapping[str, Any]) -> Iterator[Spec]:
    for name in required:
        spec = read_spec(name, required[name])
        kinds = ("image_upload", "video_upload", "animated_image_upload")
        if spec.type == "COMBO" and any(spec.options.get(kind) is True for kind in kinds):
            yield Spec("upload", "IMAGEUPLOAD", {})
            break
        if name == "audio" and spec.options.get("audio_upload") is True:
            yield Spec("upload", "AUDIOUPLOAD", {})
            break
    added = _ADDED.get(str(definition.get("name")))
    if added is not None:
        yield Spec(*added, {})


def dynamic_options(spec: Spec) -> list[Mapping[str, Any]]:
    """What a dynamic combo offers: ``{"key", "inputs"}`` for each choice."""
    options = spec.options.get("options")
    return [option for option in options if isinstance(option, Mapping)] if isinstance(options, list) else []


def nested_specs(inputs: Any, prefix: str = "") -> list[Spec]:
    """The inputs inside a dynamic combo's choice or an autogrow template, named ``prefix`` and their own name."""
    groups = _mapping(inputs)
    return [
        read_spec(f"{prefix}{name}", raw)
        for group in ("required", "optional")
        for name, raw in _mapping(groups.get(group)).items()
    ]


def output_type(definition: NodeDefinition, output: int) -> str | None:
    """The type of an output, ``*`` where it follows an input; None where the definition has no such output."""
    outputs = definition.get("output")
    if not isinstance(outputs, list) or not 0 <= output < len(outputs):
        return None
    kind = outputs[output]
    return "COMBO" if isinstance(kind, list) else "*" if kind == MATCH_TYPE else str(kind)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
