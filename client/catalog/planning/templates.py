"""Templates that turn a product into a value of a workflow's input: Jinja2, sandboxed, with bounded work and output.

A mapping may come from somebody else, and a slip in it must not stop a machine. So beside Jinja2's own sandbox (no
private attributes, nothing mutable) the language is cut down to expressions, ``if`` and ``for``, the harmless filters,
and a few methods of strings and mappings. All work is counted (:mod:`.template_work`); texts and lists have limits.
Without ``set`` and macros no value can be doubled over and over before a limit sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ...errors import CatalogInvalid, nearest
from ..table.products import Product
from .template_work import Metering, TemplateError, WorkMeter, check_length, check_size, scalar

TEMPLATE_LIMIT = 10_000  # characters of a template
_RANGE_LIMIT = 10_000  # numbers
_MARKUP = 4  # times the weight of HTML that is taken apart

_FOR_AND_IF = (nodes.Output, nodes.TemplateData, nodes.For, nodes.If)
# fmt: off
_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items", "join", "last",
    "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "select",
    "selectattr", "sort", "string", "striptags", "title", "trim", "truncate", "unique", "upper",
)
_METHODS: dict[type, set[str]] = {
    str: {"capitalize", "casefold", "endswith", "find", "isdigit", "lower", "lstrip", "rstrip", "split", "startswith",
          "strip", "title", "upper"},
    Mapping: {"get", "items", "keys", "values"},
}
# fmt: on


def is_template(text: str) -> bool:
    """Whether a text has anything in it that Jinja2 would replace."""
    return any(mark in text for mark in ("{{", "{%", "{#"))


class _Undefined(jinja2.StrictUndefined):
    """An unknown name, with the nearest one that there is."""

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        name = str(self._undefined_name)
        known = _names_of(self._undefined_obj)
        if not known:
            return f"there is no '{name}' here"
        return f"there is no '{name}' here; {nearest(name, known)}"


def _names_of(thing: Any) -> list[str]:
    if isinstance(thing, Mapping):
        return [str(key) for key in thing]
    if is_dataclass(thing):
        return [field.name for field in fields(thing) if not field.name.startswith("_")] + [
            name for name, value in vars(type(thing)).items() if isinstance(value, property)
        ]
    return []


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(["+", "*", "%", "**"])

    def __init__(self, meter: WorkMeter) -> None:
        super().__init__(undefined=_Undefined, finalize=_printable, autoescape=False, keep_trailing_newline=True)
        self.meter = meter
        self.globals = {"range": self._range}
        filters = {name: self.filters[name] for name in _FILTERS} | {"join": self._join, "replace": self._replace}
        self.filters = {name: meter.filter(name, function) for name, function in filters.items()}
        self.filters |= {"_counted": meter.counted, "_weighed": meter.weighed, "_concat": self._concat}
        tests: dict[str, Any] = self.tests
        self.tests = {name: meter.test(name, function) for name, function in tests.items()}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if not super().is_safe_attribute(obj, attr, value):
            return False
        return not callable(value) or any(isinstance(obj, kind) and attr in _METHODS[kind] for kind in _METHODS)

    def wrap_str_format(self, _value: Any) -> Callable[..., str] | None:
        """``str.format`` can ask for any width; without this it would be let through beside the list of methods."""
        return None

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            raise TemplateError("'**' is not available in templates")
        if operator != "+" and not all(isinstance(side, int | float) for side in (left, right)):
            raise TemplateError(f"'{operator}' takes numbers only")
        return check_size(self.meter.weighed(super().call_binop(context, operator, left, right)))

    def call(self, context: Context, function: Any, /, *args: Any, **options: Any) -> Any:
        """Call a method, or ``range``, and charge for it."""
        self.meter.method(getattr(function, "__self__", None), [*args, *options.values()])
        return self.meter.made(super().call(context, function, *args, **options))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Charge for what a product computes when it is asked, such as its description without HTML."""
        if isinstance(obj, Product) and attribute == "body":
            self.meter.charge(self.meter.weigh(obj.body_html) * _MARKUP)
        elif isinstance(obj, Product) and attribute == "options":
            self.meter.charge(sum(1 + len(variant.options) for variant in obj.variants))
        return super().getattr(obj, attribute)

    def _range(self, *bounds: int) -> range:
        numbers = range(*bounds)
        if len(numbers) > _RANGE_LIMIT:
            raise TemplateError(f"range() has more than {_RANGE_LIMIT:,} numbers")
        return numbers

    def _concat(self, values: list[Any]) -> Any:
        return self.meter.weighed(self._join(values))

    def _join(self, value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
        texts: list[str] = []
        length = 0
        for item in value:
            texts.append(str(scalar(self.getattr(item, attribute) if attribute else item)))
            length += len(texts[-1]) + len(d)
            check_length(length)
        return d.join(texts)

    def _replace(self, value: str, old: str, new: str, count: int = -1) -> str:
        text = str(value)
        check_length(len(text) + (text.count(old) if count < 0 else count) * max(0, len(new) - len(old)))
        return text.replace(old, new, count)


class Templates:
    """The compiled templates of a mapping.

    Not for several threads at once: the work of a rendering is counted in one place.
    """

    def __init__(
        self, mapping: Mapping[str, str], known: Collection[str], place: str, meter: WorkMeter | None = None
    ) -> None:
        """Compile and check them.

        Args:
            mapping: workflow input -> template.
            known: the variables that will be there.
            place: what the mapping belongs to, for messages.
            meter: of the plan that they are for.

        Raises:
            CatalogInvalid: wrong syntax, a statement or filter that is not available, an unknown variable, too long.
        """
        self._meter = meter or WorkMeter()
        self._environment = _Environment(self._meter)
        self._compiled: dict[str, jinja2.Template | str] = {}
        for name, source in mapping.items():
            try:
                self._compiled[name] = self._compile(source, known)
            except (jinja2.TemplateSyntaxError, TemplateError) as error:
                line = f" (line {error.lineno})" if isinstance(error, jinja2.TemplateSyntaxError) else ""
                raise CatalogInvalid(
                    f"the template is not valid: {str(error).rstrip('.')}{line}",
                    place=f"{place}, input '{name}'",
                    remedy="correct the template",
                ) from error
            except (RecursionError, SyntaxError) as error:  # Python's own limits on what Jinja2 compiles to
                raise CatalogInvalid(
                    "the template is nested too deeply", place=f"{place}, input '{name}'", remedy="simplify it"
                ) from error

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The value of one input.

        Raises:
            TemplateError: a name that is not there, a value of the wrong kind, something unsafe, or a limit.
            CatalogInvalid: the renderings of the plan take too much work together.
        """
        compiled = self._compiled[name]
        if isinstance(compiled, str):
            return compiled
        self._meter.begin()
        parts: list[str] = []
        length = 0
        try:
            for part in compiled.generate(context):
                parts.append(part)
                length += len(part)
                check_length(length)
        except (TemplateError, CatalogInvalid):
            raise
        except SecurityError as error:
            raise TemplateError(f"not allowed in templates: {error}") from error
        except Exception as error:  # an expression may raise anything; it is this row's problem and stops no other
            raise TemplateError(str(error) or type(error).__name__) from error
        return "".join(parts)

    def _compile(self, source: str, known: Collection[str]) -> jinja2.Template | str:
        if len(source) > TEMPLATE_LIMIT:
            raise TemplateError(f"it has more than {TEMPLATE_LIMIT:,} characters")
        if not is_template(source):
            return source  # as it is: Jinja2 would make all line ends alike
        tree = self._environment.parse(source)
        for statement in tree.find_all(nodes.Stmt):
            if not isinstance(statement, _FOR_AND_IF):
                raise TemplateError(
                    f"line {statement.lineno}: of Jinja2's statements only 'if' and 'for' are available"
                )
        for filtered in tree.find_all(nodes.Filter):
            if filtered.name.startswith("_") or filtered.name not in self._environment.filters:
                raise TemplateError(f"there is no filter '{filtered.name}'; {nearest(filtered.name, _FILTERS)}")
        for variable in sorted(meta.find_undeclared_variables(tree) - set(known) - set(self._environment.globals)):
            raise TemplateError(f"there is no variable '{variable}'; {nearest(variable, known)}")
        for loop in tree.find_all(nodes.For):
            if loop.recursive:
                raise TemplateError("recursive loops are not available in templates")
        self._meter.begin()
        return self._environment.from_string(Metering().visit(tree))


def _printable(value: Any) -> Any:
    if not isinstance(value, str | int | float | jinja2.Undefined):
        raise TemplateError(f"a {type(value).__name__} is not a text; name one part of it, or use join()")
    return value
