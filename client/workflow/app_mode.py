"""App Mode: what a canvas file shows as a form (``extra.linearData``), and names for it that a program can use."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Shown:
    """A widget in the form.

    Attributes:
        name: an identifier made of its label, or of the widget's own name where it has none; no two are the same.
        node, widget: the ids by which the file names it.
        label: what the form calls it; empty where that is the widget's own name.
        help: what the form says of it, may be empty.
    """

    name: str
    node: str
    widget: str
    label: str
    help: str


@dataclass(frozen=True, slots=True)
class AppMode:
    """The form.

    Attributes:
        active: whether the file opens as a form.
        inputs: its fields, from top to bottom.
        outputs: the ids of the nodes whose results it shows.
        odd: how many entries have another form than the canvas writes; they are in neither list.
    """

    active: bool
    inputs: tuple[Shown, ...]
    outputs: tuple[str, ...]
    odd: int


# How newer frontends name a widget: the file's id, the node's, and the widget's name, each URI-encoded.
_WIDGET_ID = re.compile(r"[^:]*-[^:]*:([^:]+):([^:]+)")


def read_app_mode(data: Mapping[str, Any]) -> AppMode | None:
    """The form of a file in UI format; None for a file that has none."""
    extra = _mapping(data.get("extra"))
    linear = extra.get("linearData")
    if not isinstance(linear, Mapping):
        return None
    labels = _labels(data)
    entries, outputs = _list(linear.get("inputs")), _list(linear.get("outputs"))
    inputs: list[Shown] = []
    taken: set[str] = set()
    for entry in entries:
        if not isinstance(entry, list) or len(entry) < 2 or not all(isinstance(e, int | str) for e in entry[:2]):
            continue
        node, widget = str(entry[0]), str(entry[1])
        if long := _WIDGET_ID.fullmatch(node):
            node, widget = unquote(long[1]), unquote(long[2])
        label = labels.get((node, widget), "")
        name = _unique(identifier(label or widget), node, taken)
        taken.add(name)
        options = _mapping(entry[2]) if len(entry) > 2 else {}
        said = options.get("description")
        inputs.append(Shown(name, node, widget, label, said if isinstance(said, str) else ""))
    named = tuple(dict.fromkeys(str(node) for node in outputs if isinstance(node, int | str)))
    odd = len(entries) - len(inputs) + sum(not isinstance(node, int | str) for node in outputs)
    return AppMode(bool(extra.get("linearMode")), tuple(inputs), named, odd)


def identifier(label: str) -> str:
    """A label as a Python identifier in lower case: ``"CFG scale"`` is ``cfg_scale``.

    Letters of any script stay; what begins with a digit is ``input_…``.
    """
    folded = unicodedata.normalize("NFKC", label).casefold()
    # Python's names take fewer characters than a regular expression's words: no numbers such as ⅓.
    text = re.sub(r" +", "_", "".join(char if f"_{char}".isidentifier() else " " for char in folded)).strip("_")
    if not text.isidentifier():
        text = f"input_{text}".strip("_")
    return f"{text}_" if keyword.iskeyword(text) else text


def _unique(name: str, node: str, taken: set[str]) -> str:
    """The name, or, where an earlier field has it, the name and the node's id, numbered where even that is taken."""
    with_node = f"{name}_{identifier(node).removeprefix('input_')}"
    numbered = (f"{with_node}_{number}" for number in range(2, len(taken) + 3))
    return next(each for each in (name, with_node, *numbered) if each not in taken)


def _labels(data: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """What the user called widgets, by node and name; where two graphs share a node id, the workflow's own counts."""
    labels: dict[tuple[str, str], str] = {}
    subgraphs = [_mapping(each) for each in _list(_mapping(data.get("definitions")).get("subgraphs"))]
    ports = {each.get("id"): _named_labels(each.get("inputs")) for each in subgraphs}
    for part in (data, *subgraphs):
        for node in map(_mapping, _list(part.get("nodes"))):
            kind = node.get("type")
            promoted = ports.get(kind, {}) if isinstance(kind, str) else {}
            for name, label in {**promoted, **_named_labels(node.get("inputs"))}.items():
                labels.setdefault((str(node.get("id")), name), label)
    return labels


def _named_labels(slots: Any) -> dict[str, str]:
    return {
        str(slot.get("name")): slot["label"]
        for slot in map(_mapping, _list(slots))
        if isinstance(slot.get("label"), str) and slot["label"].strip()
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
