"""What is wrong with a kit, in the words of its YAML file and never in those of the library that found it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ..errors import BrandInvalid, nearest

_SHOWN = 60  # characters of a value in a message

# What pydantic found -> what is wrong, and what to do. Its own sentences speak of Python's types.
_PLAIN = {
    "string_type": ("{value} is no text", "put it in quotes"),
    "string_too_short": ("the text is empty", "write it, or take the line out"),
    "tuple_type": ("{value} is no list", "write each entry on a line of its own that begins with '- '"),
    "dict_type": ("{value} is no section", "write its entries below it, each as 'name: value'"),
    "model_type": ("{value} is no section", "write its fields below it, each as 'name: value'"),
    "bool_type": ("{value} is neither true nor false", "write true or false, without quotes"),
    "int_type": ("{value} is no whole number", "write a whole number such as 64, without quotes"),
    "float_type": ("{value} is no number", "write a number such as 0.25, without quotes"),
    "greater_than_equal": ("{value} is less than {ge:g}", "write {ge:g} or more"),
    "less_than_equal": ("{value} is more than {le:g}", "write {le:g} or less"),
    "date_type": ("{value} is no date", "write it as 2026-11-30, without quotes"),
    "date_parsing": ("{value} is no date", "write it as 2026-11-30"),
}
_DIGITS = ("{value} is no SHA-256", "give all of its 64 digits, from 0 to 9 and from a to f")
_PATTERNS = {  # by the last field of the place
    "[key]": ("{value} is no language", "write it as de or pt-BR"),
    "channels": ("{value} is no id of a channel", "write an id such as amazon-main"),
    "sha256": _DIGITS,
    "of": _DIGITS,
}
_BLANK = ("the text is blank", "write it")


def refused(kit: type[BaseModel], place: str, error: ValidationError) -> BrandInvalid:
    """Make the refusal of a kit from the first fault that pydantic found; the others are counted.

    Args:
        kit: the class of the kit, whose fields are offered where a name is misspelt.
        place: of the file.
    """
    problems = error.errors(include_url=False)
    location = problems[0]["loc"]
    parts = location[:-2] if location[-1:] == ("[key]",) else location
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    message, remedy = _said(kit, problems[0])
    more = len(problems) - 1
    if more:
        message += f"; {more} more problem{'s' if more > 1 else ''} in this file"
    return BrandInvalid(message, place=f"{place}, {field}" if field else place, remedy=remedy)


def _said(kit: type[BaseModel], fault: Mapping[str, Any]) -> tuple[str, str]:
    """What is wrong and what to do."""
    location, kind, value = fault["loc"], fault["type"], fault["input"]
    if not location:
        return "the file holds no fields", "begin the kit with 'name:' and the brand's name"
    if kind == "extra_forbidden":
        return f"there is no field '{location[-1]}'", nearest(str(location[-1]), _fields_at(kit, location[:-1]))
    if kind == "missing":
        return "this field is missing", f"add '{location[-1]}:' with its value"
    if location[-1] == "hex" and kind == "value_error":
        colour = fault["ctx"]["error"].__cause__
        return colour.message, colour.remedy
    if location[-1] == "hex":
        message = f"{_shown(value)} is not a colour" if value is not None else "the colour is empty"
        return message, 'write it in quotes, as in hex: "#1A2B3C"; without them YAML takes it for a comment or a number'
    if kind == "literal_error":
        return f"{_shown(value)} is not one of the choices", nearest(str(value), _choices(kit, location))
    if location[-1] == "[key]" and not isinstance(value, str):
        return f"the key {value!r} is no text", "put it in quotes; YAML takes no, yes, on and off for false and true"
    if kind == "value_error":
        return str(fault["ctx"]["error"]), "correct the value"
    if value is None:
        return "the field is empty", "write its value, or take the line out"
    if kind in ("too_long", "string_too_long"):
        return _too_long(kind, value, fault["ctx"]["max_length"])
    if isinstance(value, float) and math.isnan(value):
        kind = "float_type"
    if kind == "string_pattern_mismatch":
        fields = [part for part in location if isinstance(part, str)]
        plain = _PATTERNS.get(fields[-1], _BLANK)
    else:
        plain = _PLAIN.get(kind, ("{value} does not fit this field", "correct the value"))
    message, remedy = (text.format(value=_shown(value), **fault.get("ctx", {})) for text in plain)
    return message, remedy


def _too_long(kind: str, value: Any, limit: int) -> tuple[str, str]:
    over = len(value) - limit
    if kind == "string_too_long":
        return f"the text has {len(value):,} characters; it may have {limit:,}", f"shorten it by {over:,}"
    return f"the list has {len(value):,} entries; it may have {limit:,}", f"take {over:,} of them out"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _fields_at(kit: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    section = _section_at(kit, location)
    return list(section.model_fields) if section is not None else []


def _choices(kit: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    section = _section_at(kit, location[:-1])
    field = section.model_fields.get(str(location[-1])) if section is not None else None
    return [choice for choice in get_args(field.annotation) if isinstance(choice, str)] if field is not None else []


def _section_at(kit: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The section that a place in the file belongs to; None where it is in none."""
    section = kit
    inside: Any = None  # what the last field named holds: a section, or a list or mapping of sections
    for part in location:
        if inside is not None and (isinstance(part, int) or get_origin(inside) is dict):
            found = _sections_in(inside)
            inside = None
            if not found:
                return None
            section = found[0]
            continue
        field = section.model_fields.get(str(part))
        if field is None:
            return None
        inside = field.annotation
        if isinstance(inside, type) and issubclass(inside, BaseModel):
            section, inside = inside, None
    return section


def _sections_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _sections_in(argument)]
