"""Which inputs a workflow could have: what its App Mode shows, or else a proposal from the widgets that it has.

A proposal is made of what people change from picture to picture: pictures to upload, texts, the model, sizes, the seed,
and how the sampler works. Everything else stays as the artist set it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import PackshotError
from .app_mode import identifier, read_app_mode
from .canvas.convert import ApiGraph, Field, is_model_file
from .canvas.definitions import ObjectInfo
from .contract import NamedInput, find_field, read_block, read_input, read_names, read_requires

_KINDS = (
    ("picture", re.compile(r"")),
    ("text", re.compile(r"text|prompt|positive|negative|product")),
    ("model", re.compile(r"card|ckpt_name|unet_name|kit")),
    ("size", re.compile(r"width|height|batch_size|length")),
    ("seed", re.compile(r"seed|noise_seed")),
    ("sampling", re.compile(r"steps|cfg|guidance|denoise|strength")),
)
_NOT_TEXT = re.compile(r"filename|prefix|path|folder")


@dataclass(frozen=True, slots=True)
class Proposed:
    """An input that a workflow could have.

    Attributes:
        name: an identifier; no two are the same.
        node, widget: what it sets.
        kind: ``picture``, ``text``, ``model``, ``size``, ``seed`` or ``sampling``; ``app`` where App Mode shows it.
        title: the node that it is on, for people.
        help: what it is for, where the file says so.
    """

    name: str
    node: str
    widget: str
    kind: str
    title: str
    help: str


def propose(data: Mapping[str, Any], api: ApiGraph) -> list[Proposed]:
    """The inputs that a workflow has, and after them those that it could have, in the order of a form."""
    found = list(_named(data, api))
    taken = {each.name for each in found}
    fields = {id(find_field(api, each.node, each.widget)) for each in found}
    for kind, field in sorted(_candidates(api), key=lambda each: [k for k, _ in _KINDS].index(each[0])):
        if id(field) in fields:
            continue
        fields.add(id(field))
        title = field.node.node.title or field.node.node.type
        short = identifier(field.widget.name)
        clear = identifier(f"{title}_{field.widget.name}" if short in taken or short == "text" else short)
        name = next(n for n in (clear, *(f"{clear}_{number}" for number in range(2, len(taken) + 3))) if n not in taken)
        taken.add(name)
        found.append(Proposed(name, field.full_id, field.widget.name, kind, title, ""))
    return found


def _named(data: Mapping[str, Any], api: ApiGraph) -> Iterator[Proposed]:
    """What App Mode shows, by the names that the file has for it; without App Mode, what the file names."""
    names, app = read_names(data), read_app_mode(data)
    said = {id(find_field(api, each.node, each.widget)): each for each in names.inputs}
    shown = app.inputs if app is not None else names.inputs
    for each in shown:
        field = find_field(api, each.node, each.widget)
        if field is None:
            continue
        own = said.get(id(field))
        title = field.node.node.title or field.node.node.type
        name, help_ = (own.name, own.help) if own else (each.name, each.help)
        yield Proposed(name, each.node, field.widget.name, "app", title, help_)


def _candidates(api: ApiGraph) -> Iterator[tuple[str, Field]]:
    for (node, widget), field in api.fields.items():
        if node != field.full_id or not _settable(api, field):
            continue
        spec, name = field.widget.spec, widget.rpartition(".")[2].casefold()
        if any(spec.options.get(f"{media}_upload") for media in ("image", "video", "audio")):
            yield "picture", field
        elif spec.type == "STRING":
            if not _NOT_TEXT.search(name) and (spec.options.get("multiline") or _KINDS[1][1].fullmatch(name)):
                yield "text", field
        elif spec.choices is not None:
            value = field.widget.value
            if _KINDS[2][1].fullmatch(name) and (not is_model_file(value) or len(spec.choices) > 1):
                yield "model", field
        elif spec.type in ("INT", "FLOAT"):
            for kind, words in _KINDS[3:]:
                if words.fullmatch(name):
                    yield kind, field


def _settable(api: ApiGraph, field: Field) -> bool:
    try:
        read_input(NamedInput("x", field.full_id, field.widget.name, ""), api, "")
    except PackshotError:
        return False
    return True


def outputs_of(data: Mapping[str, Any], api: ApiGraph, info: ObjectInfo) -> dict[str, str]:
    """The results of a workflow by name: those that it names, or else all nodes that save something."""
    named = read_names(data).outputs
    if named:
        return dict(named)
    nodes = [id_ for id_, node in api.nodes.items() if info[node["class_type"]].get("output_node")]
    saving = [id_ for id_ in nodes if "Preview" not in api.nodes[id_]["class_type"]] or nodes
    return {("image" if len(saving) == 1 else f"image_{identifier(id_)}"): id_ for id_ in saving}


def with_contract(
    data: Mapping[str, Any], name: str, summary: str, inputs: list[Proposed], outputs: Mapping[str, str]
) -> dict[str, Any]:
    """A workflow file with a contract and an App Mode that name the same widgets in the same order.

    The version is what it was, unless the name is another, and so is what the file says that it requires.
    """
    before = read_block(data) or {}
    block: dict[str, Any] = {"name": name}
    if before.get("name") == name and isinstance(before.get("version"), str):
        block["version"] = before["version"]
    block["summary"] = summary or str(before.get("summary") or "")
    block["inputs"] = {
        each.name: {"node": _id(each.node), "widget": each.widget, **({"help": each.help} if each.help else {})}
        for each in inputs
    }
    block["outputs"] = {each: {"node": _id(node)} for each, node in outputs.items()}
    if requires := read_requires(data):
        block["requires"] = requires
    extra = data.get("extra")
    linear = {
        "inputs": [[_id(each.node), each.widget] for each in inputs],
        "outputs": [_id(node) for node in outputs.values()],
    }
    kept = dict(extra) if isinstance(extra, Mapping) else {}
    return {**data, "extra": {**kept, "linearMode": True, "linearData": linear, "packshot": block}}


def _id(node: str) -> int | str:
    """A node's id as the canvas writes it."""
    return int(node) if node.isdecimal() else node
