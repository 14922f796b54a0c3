"""Counts the work of templates: not turns of loops alone, but all that the filters, tests and operators in them do.

A filter over a list inside a loop inside a loop is three small words and a day of work. So each of them is charged by
what it is given: a unit for each item and for each few characters, times the size of its other arguments. What a loop
does in each turn is charged by the size of the loop's body. The parse tree is rewritten so that nothing goes uncounted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

from jinja2 import Undefined, nodes
from jinja2.visitor import NodeTransformer

from ...errors import CatalogInvalid

TEXT_LIMIT = 100_000  # characters of any value that a template makes, or items of a list
RENDER_LIMIT = 200_000  # units of one rendering: 0.2 s at most
_PLAN_LIMIT, _ROW_LIMIT = 10_000_000, 10_000  # units of a whole plan: so many, and so many for each of its pictures
_CHARACTERS = 16  # of a text for one unit
_LOG = 16  # what sorting adds to each item
_DEEPEST = 1024  # bits of a number

# Of these, the work is more than one unit an item.
_FACTORS = {"sort": _LOG, "dictsort": _LOG, "unique": 4, "int": _CHARACTERS, "title": 8, "capitalize": 2}
_TEXT_FILTERS = {
    "capitalize", "lower", "replace", "string", "striptags", "title", "trim", "truncate", "upper",
}  # fmt: skip
_COMPARING = {
    "!=", "<", "<=", "==", ">", ">=", "eq", "equalto", "ge", "greaterthan", "gt", "in", "le", "lessthan", "lt", "ne",
}  # fmt: skip


class TemplateError(Exception):
    """A template that cannot be rendered for one product: ``str()`` says why."""


class WorkMeter:
    """Adds up the units of a rendering, and of all renderings of a plan.

    Args:
        pictures: that the plan has.
    """

    def __init__(self, pictures: int = 1) -> None:
        self._rendering = 0
        self._left = _PLAN_LIMIT + _ROW_LIMIT * pictures

    def begin(self) -> None:
        """Begin a rendering."""
        self._rendering = 0

    def charge(self, units: int) -> None:
        """Count units of work.

        Raises:
            TemplateError: a rendering takes too many.
            CatalogInvalid: the plan does.
        """
        self._rendering += units
        self._left -= min(units, RENDER_LIMIT)
        if self._rendering > RENDER_LIMIT:
            raise TemplateError("it takes more work than a template may: long loops, or filters over long lists")
        if self._left < 0:
            raise CatalogInvalid(
                "the templates take more work than a plan may: long loops, or filters over long lists",
                place="mapping",
                remedy="simplify the templates",
            )

    def weigh(self, value: Any, *, opaque: bool = True) -> int:
        """How many units it takes to walk through a value, with all that lies in it.

        Args:
            opaque: whether a product or a variant counts as one item; otherwise it is refused.

        Raises:
            TemplateError: more than one rendering may have.
        """
        weight = 0
        pending = [value]
        while pending:
            item = pending.pop()
            weight += 1
            if isinstance(item, str):
                weight += len(item) // _CHARACTERS
            elif isinstance(item, range):
                weight += len(item)
            elif isinstance(item, Mapping):
                pending.extend(item)
                pending.extend(item.values())
            elif isinstance(item, list | tuple | set | frozenset):
                pending.extend(item)
            elif not opaque and is_dataclass(item):
                raise TemplateError(f"a {type(item).__name__.lower()} cannot be compared; compare one part of it")
            if weight > RENDER_LIMIT:
                self.charge(weight)
        return weight

    def counted(self, items: Iterable[Any], units: int = 1) -> Iterator[Any]:
        """Charge so many units for each item that is taken."""
        for item in items:
            self.charge(units)
            yield item

    def weighed(self, value: Any, opaque: bool = True) -> Any:
        """Charge for a value as it is made, or as it is compared."""
        self.charge(self.weigh(value, opaque=opaque))
        return value

    def filter(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Make a filter that charges for what it is given and for what it makes."""
        passed = 1 if hasattr(function, "jinja_pass_arg") else 0

        @functools.wraps(function)
        def metered(*args: Any, **options: Any) -> Any:
            before, value, rest = args[:passed], args[passed], args[passed + 1 :]
            if name in _TEXT_FILTERS:
                scalar(value)
            units = (1 + self._sum(rest) + self._sum(options.values())) * _FACTORS.get(name, 1)
            if name == "striptags":  # each tag is cut out of the whole text
                units *= 1 + str(value).count("<") // 8
            return self.made(function(*before, self._input(value, units), *rest, **options))

        return metered

    def test(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Make a test that charges for what it is given."""
        passed = 1 if hasattr(function, "jinja_pass_arg") else 0

        @functools.wraps(function)
        def metered(*args: Any, **options: Any) -> Any:
            values = [*args[passed:], *options.values()]
            self.charge(sum(self.weigh(value, opaque=name not in _COMPARING) for value in values))
            return function(*args, **options)

        return metered

    def method(self, owner: Any, args: Sequence[Any]) -> None:
        """Charge for a method, such as ``split``."""
        self.charge(self.weigh(owner) * (1 + self._sum(args)))

    def made(self, value: Any) -> Any:
        """Charge for a value that a filter or a method makes, and refuse one that is too large."""
        if isinstance(value, Iterator):
            return self.counted(value)
        self.charge(self.weigh(value))
        if not isinstance(value, str):  # a long cell may be cut short by the next filter
            check_size(value)
        return value

    def _sum(self, values: Iterable[Any]) -> int:
        return sum(map(self.weigh, values))

    def _input(self, value: Any, units: int) -> Any:
        """Charge for what a filter walks through: now, or, where it is made as it is taken, then."""
        if isinstance(value, Iterable) and not isinstance(value, str | Mapping | Sequence | set | Undefined):
            return self.counted(value, units)
        self.charge(self.weigh(value) * units)
        return value


class Metering(NodeTransformer):
    """Rewrites a parse tree so that loops, joined texts, comparisons, slices and literals pass a meter."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        """Charge each turn of a loop by the size of its body."""
        size = sum(1 for _ in node.find_all(nodes.Node))
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "_counted", nodes.Const(size))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:
        """Join texts with ``~`` by a filter that looks at their lengths first."""
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "_concat")

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:
        """Charge for both sides of a comparison: ``in`` and ``==`` walk through them."""
        self.generic_visit(node)
        node.expr = _filtered(node.expr, "_weighed", nodes.Const(False))
        for operand in node.ops:
            operand.expr = _filtered(operand.expr, "_weighed", nodes.Const(False))
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:
        """Charge for a slice."""
        self.generic_visit(node)
        return _filtered(node, "_weighed") if isinstance(node.arg, nodes.Slice) else node

    def _visit_literal(self, node: nodes.List | nodes.Tuple | nodes.Dict) -> nodes.Expr:
        """Charge for a list: one of lists of lists is larger than it looks."""
        self.generic_visit(node)
        return node if getattr(node, "ctx", "load") == "store" else _filtered(node, "_weighed")

    visit_List = visit_Tuple = visit_Dict = _visit_literal


def _filtered(node: nodes.Node, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)


def scalar(value: Any) -> Any:
    """Refuse what is no text, number or the like where a text is made of it: others can be of any size as a text.

    Raises:
        TemplateError: with what to write instead.
    """
    if not isinstance(value, str | int | float | Undefined | None):
        raise TemplateError(f"a {type(value).__name__} is not a text; name one part of it, or use join()")
    return value


def check_size(value: Any) -> Any:
    """Refuse a text, a list or a number that is too large.

    Raises:
        TemplateError: it is.
    """
    if isinstance(value, str | list | tuple):
        check_length(len(value))
    elif isinstance(value, int) and value.bit_length() > _DEEPEST:
        raise TemplateError("a number is too large")
    return value


def check_length(length: int) -> None:
    """Refuse so many characters or items.

    Raises:
        TemplateError: they are too many.
    """
    if length > TEXT_LIMIT:
        raise TemplateError(f"it makes more than {TEXT_LIMIT:,} characters or items")
