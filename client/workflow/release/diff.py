"""What changed between two versions of a workflow, by meaning, and which version number the change asks for.

Semantic versioning, seen by whoever calls the workflow: an input or output that is gone, or takes less than before, is
major; one that is new, or takes more, is minor; all else is a patch. Layout is no change at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ...errors import PackshotError, WorkflowInvalid
from ..app_mode import read_app_mode
from ..canvas.convert import ApiGraph, convert, is_model_file
from ..canvas.definitions import ObjectInfo, input_specs
from ..contract import InputSpec, read_block, read_input, read_names, read_requires
from ..workflow import Workflow
from .matching import match
from .semantics import Part, Piece, named_alike, read_parts, same

Level = Literal["none", "patch", "minor", "major"]
LEVELS: tuple[Level, ...] = ("none", "patch", "minor", "major")


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        level: ``patch``, ``minor`` or ``major``.
        what: its kind: ``input removed``, ``default``, ``value``, ``wire``, ``model``, ``note`` and so on.
        where: the input, the output, or the node and its widget.
        before, after: None where there was nothing, or is nothing now.
    """

    level: Level
    what: str
    where: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Diff:
    """All changes, the weightiest first, and the level that they ask for together."""

    level: Level
    changes: tuple[Change, ...]

    def as_dict(self) -> dict[str, Any]:
        """The difference as ``packshot workflow diff --json`` prints it."""
        return {"level": self.level, "changes": [asdict(change) for change in self.changes]}


def diff_workflows(before: str | Path, after: str | Path, info: ObjectInfo | None = None) -> Diff:
    """Say what changed between two versions of a workflow, by meaning, and which version number that asks for.

    Args:
        before, after: names of the library, with or without ``@version``, or paths of files.
        info: node definitions, see :func:`diff`.

    Raises:
        WorkflowInvalid: one of them is not there, is no workflow, or is nested too deeply to be compared.
    """
    return diff(Workflow.load(before), Workflow.load(after), info)


def diff(before: Workflow, after: Workflow, info: ObjectInfo | None = None) -> Diff:
    """Compare two versions of a workflow.

    Args:
        info: node definitions. With them widgets have their names for certain, and it shows when an input takes less or
            more than before; without them only a change of its type does.

    Raises:
        WorkflowInvalid: a file is nested too deeply to be compared.
    """
    try:
        found = list(_Comparison(before, after, info).changes())
    except RecursionError as error:
        place = f"{before.place}, {after.place}"
        raise WorkflowInvalid("nested too deeply: not a workflow", place=place) from error
    found.sort(key=lambda change: -LEVELS.index(change.level))
    return Diff(found[0].level if found else "none", tuple(found))


_Widget = tuple[str, str, str]  # the id of a subgraph (or none), of a node in it, and the name of a widget


class _Comparison:
    def __init__(self, before: Workflow, after: Workflow, info: ObjectInfo | None) -> None:
        self._flows = (before, after)
        self._info = info
        self._named = [{named.name: named for named in read_names(flow.data).inputs} for flow in self._flows]
        self._apis = [_converted(flow, info) for flow in self._flows]
        old, new = read_parts(before, info), read_parts(after, info)
        self._subgraphs = _match_subgraphs(old, new)
        self._old = old
        self._new = {self._subgraphs.get(id_, id_): _with_types(part, self._subgraphs) for id_, part in new.items()}
        common = [id_ for id_ in self._old if id_ in self._new]
        self._pairs = {id_: match(self._old[id_], self._new[id_]) for id_ in common}
        for id_, pairs in self._pairs.items():
            olds, news = dict(self._old[id_].pieces), dict(self._new[id_].pieces)
            for one, other in pairs.items():
                olds[one], news[other] = named_alike(olds[one], news[other])
            self._old[id_] = replace(self._old[id_], pieces=olds)
            self._new[id_] = replace(self._new[id_], pieces=news)
        self._inputs: set[_Widget] = set()  # widgets that are an input of the same name in both: of the older version

    def changes(self) -> Iterator[Change]:
        yield from self._header()
        yield from self._contract()
        for id_, part in self._old.items():
            if id_ in self._pairs:
                yield from self._part(id_)
            else:
                yield Change("patch", "subgraph removed", f"subgraph '{part.name}'", part.name, None)
        for id_, part in self._new.items():
            if id_ not in self._old:
                yield Change("patch", "subgraph added", f"subgraph '{part.name}'", None, part.name)
        yield from self._packs()

    # -- what the file says of itself ----------------------------------------------------------------------------------

    def _header(self) -> Iterator[Change]:
        old, new = (flow.data for flow in self._flows)
        names = [(read_block(data) or {}).get("name") for data in (old, new)]
        if all(names) and names[0] != names[1]:
            yield Change("major", "name", "the workflow", *names)
        if self._flows[0].summary != self._flows[1].summary:
            yield Change("patch", "summary", "the workflow", self._flows[0].summary, self._flows[1].summary)
        needs = read_requires(old), read_requires(new)
        for key in dict.fromkeys((*needs[0], *needs[1])):
            if not same(needs[0].get(key), needs[1].get(key)):
                yield Change("patch", "requires", str(key), needs[0].get(key), needs[1].get(key))

    def _packs(self) -> Iterator[Change]:
        """Node packs whose version the canvas noted anew; a pack that was not there before shows in its nodes."""
        versions: list[dict[str, set[str]]] = [{}, {}]
        for found, parts in zip(versions, (self._old, self._new), strict=True):
            for part in parts.values():
                for piece in part.pieces.values():
                    if all(piece.pack):
                        found.setdefault(piece.pack[0], set()).add(piece.pack[1])
        for pack, old in versions[0].items():
            new = versions[1].get(pack, old)
            if new != old:
                yield Change("patch", "pack version", pack, ", ".join(sorted(old)), ", ".join(sorted(new)))

    # -- the contract --------------------------------------------------------------------------------------------------

    def _contract(self) -> Iterator[Change]:
        old, new = (read_names(flow.data) for flow in self._flows)
        olds, news = {each.name: each for each in old.inputs}, {each.name: each for each in new.inputs}
        for name in (name for name in olds if name not in news):
            yield Change("major", "input removed", f"input '{name}'", self._sets(0, name), None)
        for name in (name for name in news if name not in olds):
            yield Change("minor", "input added", f"input '{name}'", None, self._sets(1, name))
        kept = [name for name in olds if name in news]
        for name in kept:
            yield from self._input(name)
            if olds[name].help != news[name].help:
                yield Change("patch", "help", f"input '{name}'", olds[name].help, news[name].help)
        order = [name for name in news if name in olds]
        if kept != order:
            yield Change("patch", "order of inputs", "the inputs", ", ".join(kept), ", ".join(order))
        for name in dict.fromkeys((*old.outputs, *new.outputs)):
            if name not in new.outputs:
                yield Change("major", "output removed", f"output '{name}'", old.outputs[name], None)
            elif name not in old.outputs:
                yield Change("minor", "output added", f"output '{name}'", None, new.outputs[name])
            else:
                ends = self._find(0, old.outputs[name]), self._find(1, new.outputs[name])
                if self._moved(*ends):
                    places = self._place(0, ends[0]), self._place(1, ends[1])
                    yield Change("patch", "output moved", f"output '{name}'", *places)
        yield from self._app()

    def _input(self, name: str) -> Iterator[Change]:
        """How an input of one name differs: the widget it sets, the type, what it takes, its default, its label."""
        where = f"input '{name}'"
        (old, old_piece), (new, new_piece) = self._bound(0, name), self._bound(1, name)
        if self._moved(old[:2] if old else None, new[:2] if new else None) or (old and new and old[2] != new[2]):
            yield Change("patch", "input moved", where, self._sets(0, name), self._sets(1, name))
        elif old is not None:
            self._inputs.add(old)
        specs = self._spec(0, name), self._spec(1, name)
        if specs[0] is not None and specs[1] is not None:
            yield from _range(where, specs[0], specs[1])
            defaults = specs[0].default, specs[1].default
        else:
            kinds = _kind(old, old_piece), _kind(new, new_piece)
            if all(kinds) and kinds[0] != kinds[1]:
                yield _type_change(where, *kinds)
            defaults = (
                old_piece.values.get(old[2]) if old_piece and old else None,
                new_piece.values.get(new[2]) if new_piece and new else None,
            )
        if not same(*defaults):
            what = "model" if any(map(is_model_file, defaults)) else "default"
            yield Change("patch", what, where, *defaults)

    def _spec(self, side: int, name: str) -> InputSpec | None:
        """An input as node definitions have it; None without definitions, or where the file is not in order."""
        flow, api = self._flows[side], self._apis[side]
        named = self._named[side][name]
        try:
            return read_input(named, api, flow.place) if api is not None else None
        except PackshotError:
            return None  # `check` says why

    def _app(self) -> Iterator[Change]:
        """What App Mode shows besides: whether the file opens in it, the fields, and what they are called."""
        apps = [read_app_mode(flow.data) for flow in self._flows]
        active = [app is not None and app.active for app in apps]
        if active[0] != active[1]:
            yield Change("patch", "opens as", "App Mode", *("form" if each else "graph" for each in active))
        fields: list[dict[str, str]] = []
        for side, flow in enumerate(self._flows):
            app = apps[side]
            names = {(each.node, each.widget): each.name for each in read_names(flow.data).inputs}
            shown = app.inputs if app is not None else ()
            fields.append({names.get((e.node, e.widget), e.name): e.label or e.widget for e in shown})
        for name in (name for name in fields[0] if name in fields[1]):
            if fields[0][name] != fields[1][name]:
                yield Change("patch", "label", f"input '{name}'", fields[0][name], fields[1][name])
        contract = [{each.name for each in read_names(flow.data).inputs} for flow in self._flows]
        only = [", ".join(sorted(set(fields[side]) - contract[side])) for side in (0, 1)]
        hidden = [", ".join(sorted(contract[side] - set(fields[side]))) for side in (0, 1)]
        if only[0] != only[1] or hidden[0] != hidden[1]:
            yield Change("patch", "App Mode", "fields", only[0] or hidden[0], only[1] or hidden[1])

    # -- where a contract's names lead ---------------------------------------------------------------------------------

    def _parts(self, side: int) -> Mapping[str, Part]:
        return (self._old, self._new)[side]

    def _find(self, side: int, full_id: str) -> tuple[str, str] | None:
        """The graph and the node that an id leads to: through subgraphs (``98:22``), or a node's own in any of them."""
        parts, at = self._parts(side), ""
        steps = full_id.split(":")
        if len(steps) == 1 and full_id not in parts[""].pieces:
            return next(((id_, full_id) for id_, part in parts.items() if full_id in part.pieces), None)
        for step in steps[:-1]:
            piece = parts[at].pieces.get(step)
            if piece is None or piece.type not in parts:
                return None
            at = piece.type
        return (at, steps[-1]) if steps[-1] in parts[at].pieces else None

    def _bound(self, side: int, name: str) -> tuple[_Widget | None, Piece | None]:
        named = self._named[side][name]
        found = self._find(side, named.node)
        if found is None:
            return None, None
        return (*found, named.widget), self._parts(side)[found[0]].pieces[found[1]]

    def _moved(self, old: tuple[str, str] | None, new: tuple[str, str] | None) -> bool:
        """Whether two ends are different nodes."""
        if old is None or new is None:
            return old is not new
        return old[0] != new[0] or self._pairs.get(old[0], {}).get(old[1]) != new[1]

    def _place(self, side: int, found: tuple[str, str] | None) -> str | None:
        return self._parts(side)[found[0]].pieces[found[1]].place if found else None

    def _sets(self, side: int, name: str) -> str:
        widget, piece = self._bound(side, name)
        return f"'{widget[2]}' of {piece.place}" if widget and piece else "a widget that is not there"

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def _part(self, id_: str) -> Iterator[Change]:
        old, new, pairs = self._old[id_], self._new[id_], self._pairs[id_]
        inside = f"subgraph '{new.name}', " if id_ else ""
        if old.name != new.name:
            yield Change("patch", "title", f"subgraph '{new.name}'", old.name, new.name)
        for piece in old.pieces.values():
            if piece.id not in pairs:
                what = "note removed" if piece.note else "node removed"
                yield Change("patch", what, f"{inside}{piece.place}", _shown(piece), None)
        partners = set(pairs.values())
        for piece in new.pieces.values():
            if piece.id not in partners:
                what = "note added" if piece.note else "node added"
                yield Change("patch", what, f"{inside}{piece.place}", None, _shown(piece))
        for one, other in pairs.items():
            yield from self._node(id_, old.pieces[one], new.pieces[other], inside)

    def _is_added_default(self, old: Piece, new: Piece, name: str) -> bool:
        """Whether a value is that of a widget younger than the old file, with which the canvas has filled it up."""
        if name in old.values or self._info is None or new.type not in self._info:
            return False
        specs = {spec.name: spec for spec in input_specs(self._info[new.type])}
        return (
            name in specs
            and "default" in specs[name].options
            and same(specs[name].options["default"], new.values[name])
        )

    def _node(self, id_: str, old: Piece, new: Piece, inside: str) -> Iterator[Change]:
        where = f"{inside}{new.place}"
        if old.title != new.title:
            yield Change("patch", "title", where, old.title or None, new.title or None)
        if old.mode != new.mode:
            yield Change("patch", "mode", where, old.mode, new.mode)
        for name in dict.fromkeys((*old.values, *new.values)):
            values = old.values.get(name), new.values.get(name)
            if same(*values) or (id_, old.id, name) in self._inputs or self._is_added_default(old, new, name):
                continue
            what = "note" if new.note else "model" if any(map(is_model_file, values)) else "value"
            yield Change("patch", what, where if new.note else f"{where}, {name}", *values)
        pairs = self._pairs[id_]
        for name in dict.fromkeys((*old.sources, *new.sources)):
            before, after = old.sources.get(name), new.sources.get(name)
            if (before and (pairs.get(before[0]), before[1])) != after:
                ends = (_source(self._old[id_], before), _source(self._new[id_], after))
                yield Change("patch", "wire", f"{where}, {name}", *ends)


def _converted(flow: Workflow, info: ObjectInfo | None) -> ApiGraph | None:
    try:
        return convert(flow.graph, info, flow.place) if info is not None else None
    except WorkflowInvalid:
        return None  # `check` says why


def _kind(widget: _Widget | None, piece: Piece | None) -> str:
    """The type of a widget as far as the file tells it."""
    return piece.types.get(widget[2], "") if widget is not None and piece is not None else ""


def _match_subgraphs(old: Mapping[str, Part], new: Mapping[str, Part]) -> dict[str, str]:
    """The ids of the older version by those of the newer one: the same, else of the same name."""
    pairs = {id_: id_ for id_ in new if id_ in old}
    alone: dict[str, list[str]] = {}  # by their names, the last one first
    for id_ in reversed([id_ for id_ in old if id_ not in new]):
        alone.setdefault(old[id_].name, []).append(id_)
    for id_, part in new.items():
        if id_ not in pairs and alone.get(part.name):
            pairs[id_] = alone[part.name].pop()
    return pairs


def _with_types(part: Part, subgraphs: Mapping[str, str]) -> Part:
    """A graph whose nodes stand for subgraphs by the ids that those have in the older version."""
    pieces = {id_: replace(piece, type=subgraphs.get(piece.type, piece.type)) for id_, piece in part.pieces.items()}
    return replace(part, pieces=pieces)


def _range(where: str, old: InputSpec, new: InputSpec) -> Iterator[Change]:
    """Whether an input takes less than before, or more: the type, the bounds, the choices."""
    if old.type != new.type or old.uploads != new.uploads:
        yield _type_change(where, old.type, new.type)
        return
    less, more = False, False
    for before, after, sign in ((old.minimum, new.minimum, 1), (old.maximum, new.maximum, -1)):
        low = -float("inf") if before is None else sign * before
        high = -float("inf") if after is None else sign * after
        less, more = less or high > low, more or high < low
    if old.choices is not None and new.choices is not None:
        less = less or any(choice not in new.choices for choice in old.choices)
        more = more or any(choice not in old.choices for choice in new.choices)
    if less or more:
        level: Level = "major" if less else "minor"
        yield Change(level, "input narrowed" if less else "input widened", where, _limits(old), _limits(new))


def _type_change(where: str, old: str, new: str) -> Change:
    """A whole number is a number too; any other change of type refuses what was taken before."""
    wider = (old, new) == ("INT", "FLOAT")
    return Change("minor" if wider else "major", "input widened" if wider else "input narrowed", where, old, new)


def _limits(spec: InputSpec) -> str:
    if spec.choices is not None:
        return ", ".join(map(str, spec.choices[:20])) + (" …" if len(spec.choices) > 20 else "")
    return f"{spec.minimum} to {spec.maximum}"


def _shown(piece: Piece) -> Any:
    return piece.values.get("text", piece.title) if piece.note else piece.type


def _source(part: Part, source: tuple[str, int] | None) -> str | None:
    if source is None:
        return None
    piece = part.pieces.get(source[0])
    return f"output {source[1]} of {piece.place if piece else f'node {source[0]}'}"
