"""What differs between two kits, field by field, and a kit to begin with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .kit import BrandKit


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


def diff(before: BrandKit, after: BrandKit) -> list[Change]:
    """The differences, in the order of the kit's sections; the order of entries that have names does not count."""
    first, second = (_flat("", kit.model_dump(mode="json", exclude_defaults=True)) for kit in (before, after))
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


def template(name: str, colours: Mapping[str, str], logo: str = "", logo_sha256: str = "") -> str:
    """The text of a new ``brand.yaml``, with a comment for each section that is still to be filled in.

    Args:
        colours: name -> ``#RRGGBB``.
        logo: file of the logo below the kit's folder; empty: none yet.
    """
    roles = ["background", "surface", "primary", "secondary", "accent"]
    swatches = [
        f"  - {{name: {_quoted(colour)}, hex: {_quoted(code)}, role: {roles[min(number, len(roles) - 1)]}}}"
        for number, (colour, code) in enumerate(colours.items())
    ]
    logos = f"""
logos:
  - name: logo
    file: {_quoted(logo)}
    sha256: "{logo_sha256}"
    clear_space: 0.25    # kept free on every side, in heights of the logo
    min_width: 120       # pixels
"""
    return _TEMPLATE.format(
        name=_quoted(name), palette="\n".join(["palette:", *swatches] if swatches else ["palette: []"]),
        logos=logos if logo else "\n# logos: - {name: logo, file: logo.png}\n",
    )  # fmt: skip


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a YAML string


_TEMPLATE = """\
name: {name}
version: "0.1.0"

# name: the word for it in prompts. role: background, surface, primary, secondary, accent or text.
{palette}
{logos}
photography:
  background: ""   # "seamless paper, no horizon"
  light: ""        # "one large window from the left, soft shadow"
  camera: ""       # "eye level, 85 mm"

prompt:
  prefix: studio packshot of
  suffix: ""       # what every picture has: background, light, lens
  negative: text, watermark

products:
  keep_pixels: true   # the product's own photograph stays as it is; only what is around it is made
"""
