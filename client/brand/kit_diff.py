"""What differs between two kits, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two kits.

    Attributes:
        what: what happened to the field.
        where: the field, as ``palette[oat].hex``; an entry of a list goes by its name.
        before, after: the values; None where there was or is none.
    """

    what: Literal["added", "removed", "changed"]
    where: str
    before: Any
    after: Any


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Find what differs between what two kits say, as mappings of their sections.

    Returns:
        The differences in the order of the sections; the order of entries that have names does not count.
    """
    first, second = _flat("", before), _flat("", after)
    changes = []
    for where in dict.fromkeys((*first, *second)):
        old, new = first.get(where), second.get(where)
        if old != new:
            what: Literal["added", "removed", "changed"] = (
                "added" if where not in first else "removed" if where not in second else "changed"
            )
            changes.append(Change(what, where, old, new))
    return changes


def _flat(place: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, inner in value.items():
            found |= _flat(f"{place}.{key}" if place else str(key), inner)
        return found
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, Mapping) for item in value):
        found = {}
        for number, item in enumerate(value):
            name = next((item[key] for key in ("name", "term", "family", "by") if key in item), number)
            found |= _flat(f"{place}[{name}]", item)
        return found
    return {place: value}
