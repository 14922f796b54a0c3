"""Writes ``docs/api.md``, the page of all that ``packshot`` offers: ``python docs/make_api.py docs``.

It is made from ``packshot.__all__`` and the docstrings. A constructor is shown where its arguments are documented, or
are the fields of a record; the methods are those of Packshot's own classes.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

import packshot
from packshot.paths import write_text

_HEAD = """\
# Python API

<!-- `make docs` writes this page from `packshot.__all__` and the docstrings. Do not edit it. -->

Import every name on this page from `packshot` itself: `from packshot import Client`. These names are the whole API.
Inner modules may move between versions. [The Python client](client.md) shows the names at work.
"""
# Title of a group -> the rooms whose names are in it, the longest match of a module's path first.
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Jobs and hosts": ("run", "comfy", "host"),
    "Events": ("comfy.events",),
    "Workflows": ("workflow",),
    "Models": ("models",),
    "Brand": ("brand",),
    "Catalogue": ("catalog",),
    "Checks": ("quality", "compose", "provenance"),
    "Errors": ("errors",),
    "Package": ("",),
}
_SECTIONS = ("Args", "Attributes", "Returns", "Raises")
_WIDTH = 100


@dataclasses.dataclass(frozen=True)
class Documentation:
    """A docstring taken apart: its first paragraph, and the entries of its sections, as Markdown."""

    summary: str
    sections: Mapping[str, list[tuple[str, str]]]

    def lines(self, *sections: str) -> Iterator[str]:
        """Yield an item for each entry of the sections."""
        for section in sections:
            verb = {"Raises": "raises ", "Returns": "returns "}.get(section, "")
            for names, text in self.sections.get(section, ()):
                shown = ", ".join(f"`{name.strip()}`" for name in names.split(",")) if names else ""
                yield f"- {verb}{shown}: {text}" if shown else f"- {verb}{text}"


def main() -> None:
    """Write the page."""
    write_text(Path(sys.argv[1]) / "api.md", api_page())


def api_page() -> str:
    """Return the page as Markdown: a heading for each group, and in it an entry for each name."""
    values = {name: getattr(packshot, name) for name in packshot.__all__ if name != "errors"}
    groups: dict[str, list[str]] = {title: [] for title in _GROUPS}
    for name, value in values.items():
        groups[_group(value)].append(name)
    parts = [_HEAD]
    for title, names in groups.items():
        if not names:
            continue
        parts.append(f"## {title}\n")
        members = {name: values[name] for name in names}
        if title == "Events":
            parts.append(_event_table(members))
        elif title == "Errors":
            parts += _entry("PackshotError", members["PackshotError"])
            parts.append(_error_table())
        else:
            for name, value in members.items():
                parts += _entry(name, value)
    return "\n".join(parts)


def _group(value: object) -> str:
    home = str(getattr(value, "__module__", "packshot"))
    if not inspect.isroutine(value) and not inspect.isclass(value):
        members = filter(inspect.isclass, get_args(value))  # of an alias for several classes
        home = next((member.__module__ for member in members), "packshot")
    path = home.removeprefix("packshot").removeprefix(".")
    homes = [(room, title) for title, rooms in _GROUPS.items() for room in rooms]
    return max((room, title) for room, title in homes if not room or f"{path}.".startswith(f"{room}."))[1]


def _entry(name: str, value: object) -> Iterator[str]:
    yield f"### `{name}`\n"
    if inspect.isclass(value):
        yield from _class(name, value)
    elif members := get_args(value):  # an alias
        yield f"`{' | '.join(getattr(member, '__name__', repr(member)) for member in members)}`\n"
    elif callable(value):
        yield from _function(name, value, _documentation(value))
    else:
        yield f"A value of type `{type(value).__name__}`.\n"


def _class(name: str, cls: type) -> Iterator[str]:
    documentation = _documentation(cls)
    arguments = next((text for base in _bases(cls) if (text := _documentation(base)).sections.get("Args")), None)
    if arguments or dataclasses.is_dataclass(cls) or issubclass(cls, BaseModel):
        yield _code(_signature(name, cls))
    yield f"{documentation.summary}\n"
    items = [*documentation.lines("Attributes"), *(arguments or documentation).lines("Args", "Raises")]
    if items:
        yield "\n".join(items) + "\n"
    members = dict(_members(cls))
    properties = [
        f"- `{member}`: {_documentation(value).summary}" for member, value in members.items() if not _is_method(value)
    ]
    if properties:
        yield "\n".join(("Properties:\n", *properties)) + "\n"
    for member, value in members.items():
        if _is_method(value):
            yield f"#### `{name}.{member}`\n"
            method = getattr(cls, member)
            yield from _function(
                f"{name}.{member}", method, _documentation(method), drop_first=inspect.isfunction(value)
            )


def _is_method(value: object) -> bool:
    return inspect.isfunction(value) or isinstance(value, classmethod | staticmethod)


def _function(
    name: str, function: Callable[..., Any], documentation: Documentation, *, drop_first: bool = False
) -> Iterator[str]:
    yield _code(_signature(name, function, drop_first=drop_first))
    yield f"{documentation.summary}\n"
    items = list(documentation.lines("Args", "Returns", "Raises"))
    if items:
        yield "\n".join(items) + "\n"


def _event_table(events: Mapping[str, Any]) -> str:
    rows = ["`Job.events()` yields them.\n", "| event | meaning |", "|---|---|"]
    for name, value in events.items():
        if inspect.isclass(value):
            rows.append(f"| `{_signature(name, value)}` | {_documentation(value).summary} |")
        else:
            rows.append(f"| `{name}` | Any of these events, for annotations. |")
    return "\n".join(rows) + "\n"


def _error_table() -> str:
    rows = [
        "### `errors`\n",
        "The module `packshot.errors` holds one class for each kind. All of these are a `PackshotError`.\n",
        "| error | slug | exit code | meaning |",
        "|---|---|---|---|",
    ]
    kinds = {name: value for name, value in vars(packshot.errors).items() if inspect.isclass(value)}
    errors = {name: value for name, value in sorted(kinds.items()) if issubclass(value, packshot.PackshotError)}
    errors.pop("PackshotError")
    for name, value in errors.items():
        rows.append(f"| `{name}` | `{value.slug}` | {value.exit_code} | {_documentation(value).summary} |")
    return "\n".join(rows) + "\n"


def _bases(cls: type) -> Iterator[type]:
    return (base for base in cls.__mro__ if base.__module__.startswith("packshot"))


def _members(cls: type) -> Iterator[tuple[str, object]]:
    """Yield the public methods and properties of a class and of its bases in Packshot, in the order of the source."""
    seen = set[str]()
    for base in _bases(cls):
        for name, value in vars(base).items():
            shown = _is_method(value) or isinstance(value, property | functools.cached_property)
            if shown and not name.startswith("_") and name not in seen and name not in _model_hooks(cls):
                seen.add(name)
                yield name, value


def _model_hooks(cls: type) -> set[str]:
    """The names that pydantic puts into its models; none for any other class."""
    return set(dir(BaseModel)) if issubclass(cls, BaseModel) else set()


class _Written:
    """An annotation as the source spells it; ``inspect`` would put a string into quotes."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _signature(name: str, value: Callable[..., Any], *, drop_first: bool = False) -> str:
    signature = inspect.signature(value)
    parameters = list(signature.parameters.values())[1 if drop_first else 0 :]
    if inspect.isclass(value) and issubclass(value, BaseModel):
        annotations = {
            key: text for base in reversed(value.__mro__) for key, text in vars(base).get("__annotations__", {}).items()
        }
        parameters = [parameter.replace(annotation=annotations[parameter.name]) for parameter in parameters]
    written = [parameter.replace(annotation=_written(parameter.annotation)) for parameter in parameters]
    returns = inspect.Signature.empty if inspect.isclass(value) else _written(signature.return_annotation)
    whole = signature.replace(parameters=written, return_annotation=returns)
    text = _tidy(f"{name}{whole}")
    if len(text) <= _WIDTH:
        return text
    marks = _with_marks(written)
    end = "" if whole.return_annotation is inspect.Signature.empty else f" -> {whole.return_annotation!r}"
    return _tidy(f"{name}(\n" + "".join(f"    {mark},\n" for mark in marks) + f"){end}")


def _with_marks(parameters: list[inspect.Parameter]) -> Iterator[str]:
    """Yield each parameter as text, with ``/`` and ``*`` where they belong."""
    kinds = [parameter.kind for parameter in parameters]
    for position, parameter in enumerate(parameters):
        before = kinds[position - 1] if position else None
        if before is parameter.POSITIONAL_ONLY and parameter.kind is not parameter.POSITIONAL_ONLY:
            yield "/"
        if parameter.kind is parameter.KEYWORD_ONLY and before not in (
            parameter.KEYWORD_ONLY,
            parameter.VAR_POSITIONAL,
        ):
            yield "*"
        yield str(parameter)
    if kinds and kinds[-1] is inspect.Parameter.POSITIONAL_ONLY:
        yield "/"


def _written(annotation: Any) -> Any:
    return _Written(annotation) if isinstance(annotation, str) else annotation


def _tidy(text: str) -> str:
    """Defaults as a person writes them: no class of this machine's paths, no address of an object."""
    return re.sub(r"= <[^>]*>", "= ...", re.sub(r"\b(Posix|Windows)Path\(", "Path(", text))


def _code(text: str) -> str:
    # Not "python": what has that mark in docs/ is an example, and is run by the tests.
    return f"```py\n{text}\n```\n"


def _documentation(value: object) -> Documentation:
    text = inspect.getdoc(value) or ""
    blocks = re.split(rf"^({'|'.join(_SECTIONS)}):$", text, flags=re.MULTILINE)
    sections = {title: list(_entries(title, body)) for title, body in zip(blocks[1::2], blocks[2::2], strict=True)}
    return Documentation(_markdown(blocks[0].strip().split("\n\n")[0]), sections)


def _entries(title: str, body: str) -> Iterator[tuple[str, str]]:
    """Yield the names and the text of each entry in a section; lines that follow one are indented further."""
    if title == "Returns":
        yield "", _continued(body)
        return
    indented = [line for line in body.splitlines() if line.startswith("    ")]
    for entry in re.split(r"^    (?=\S)", "\n".join(indented), flags=re.MULTILINE)[1:]:
        names, colon, text = entry.partition(": ")
        yield (names, _markdown(text)) if colon else ("", _continued(entry))


def _continued(text: str) -> str:
    """A text that goes on after a verb."""
    line = _markdown(text)
    return line[:1].lower() + line[1:]


def _markdown(text: str) -> str:
    """A paragraph in one line, with the marks of Sphinx as those of Markdown."""
    line = " ".join(text.split())
    line = re.sub(r":\w+:`~[\w.]*?(\w+)`", r"`\1`", line)
    line = re.sub(r":\w+:`([^`]+)`", lambda role: f"`{role[1].lstrip('.')}`", line)
    return line.replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    main()
