"""What a logo in SVG may not hold: it comes with a kit from anyone, and browsers and renderers act on what it says."""

from __future__ import annotations

import re
from typing import NoReturn
from xml.parsers import expat

from ..budget import Budget, OverBudget

_MOST_BYTES = 8 << 20
_MOST_ELEMENTS = 100_000
_DEEPEST = 256
_LONGEST_SIDE = 100_000  # pixels
_SVG = "http://www.w3.org/2000/svg"
_LOADED = re.compile(r"@import|url\(\s*['\"]?\s*(?!#|data:|['\")\s])", re.IGNORECASE)  # in styles
_NUMBER = re.compile(r"\s*([0-9.eE+-]{1,40})\s*(?:px|pt|mm|cm|in|em|%)?\s*$")


def svg_fault(content: bytes) -> str:
    """Say why a file is no picture that only shows itself; empty where it is one.

    Args:
        content: of the file; nothing that it refers to is read.
    """
    if len(content) > _MOST_BYTES:
        return f"has {len(content):,} bytes; a logo in SVG has at most {_MOST_BYTES:,}"
    try:
        return _Reader().fault(content)
    except expat.ExpatError as error:
        return f"is no SVG picture: {error}"
    except OverBudget as error:
        return f"is no logo that can be drawn: {error}"


class _Fault(Exception):
    pass


class _Reader:
    def __init__(self) -> None:
        self._budget = Budget(most_items=_MOST_ELEMENTS)
        self._names: list[str] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.EntityDeclHandler = self._entity
        self._parser.ProcessingInstructionHandler = self._instruction

    def fault(self, content: bytes) -> str:
        try:
            self._parser.Parse(content, True)
        except _Fault as fault:
            return str(fault)
        return ""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, element = name.rpartition(" ")
        self._budget.take_items()
        if not self._names and (space not in ("", _SVG) or element != "svg"):
            raise _Fault("is no SVG picture")
        if not self._names:
            _enforce_size(attributes)
        self._names.append(element)
        if len(self._names) > _DEEPEST:
            raise OverBudget("depth", _DEEPEST)
        if element in ("script", "foreignObject", "iframe"):
            raise _Fault(f"holds a <{element}>, which a picture has no use for")
        for full, value in attributes.items():
            attribute = full.rpartition(" ")[2]
            if attribute.lower().startswith("on"):
                raise _Fault(f"holds a script, in '{attribute}'")
            if attribute in ("href", "src") and element != "a" and not value.strip().startswith(("#", "data:")):
                raise _Fault(f"refers to another file: {value.strip()[:80]}")
            _enforce_style(value)

    def _end(self, _: str) -> None:
        self._names.pop()

    def _text(self, text: str) -> None:
        if "style" in self._names:
            _enforce_style(text)

    def _entity(self, *_: object) -> NoReturn:
        raise _Fault("defines entities of its own; save it as plain SVG")

    def _instruction(self, target: str, _: str) -> None:
        if target == "xml-stylesheet":
            raise _Fault("refers to a stylesheet in another file")


def _enforce_style(text: str) -> None:
    if reference := _LOADED.search(text):
        raise _Fault(f"refers to another file: {text[reference.start() : reference.start() + 80]}")


def _enforce_size(attributes: dict[str, str]) -> None:
    box = re.split(r"[\s,]+", attributes.get("viewBox", "").strip())[2:4]
    for value in (attributes.get("width", ""), attributes.get("height", ""), *box):
        number = _NUMBER.match(value)
        try:
            side = float(number[1]) if number else 0.0
        except ValueError:
            side = 0.0
        if not side <= _LONGEST_SIDE:
            raise _Fault(f"is {value[:40]} large; a side has at most {_LONGEST_SIDE:,}")
