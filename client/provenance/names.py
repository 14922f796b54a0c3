"""Names of files for channels: made from a product's identifiers, the same each time, and never a path."""

from __future__ import annotations

import hashlib
import string
import unicodedata
from collections.abc import Mapping

from pathvalidate import sanitize_filename

from ..errors import InputInvalid, nearest

_STEM_BYTES = 180  # of UTF-8: file systems hold 255 with an ending


def file_name(template: str, fields: Mapping[str, str], ending: str) -> str:
    """The name of a file.

    A name that a file system would not take as it is gets what it can hold and eight hex digits of its SHA-256, so that
    two products never share one.

    Args:
        template: such as ``{sku}.{variant}``, ``{asin}.MAIN`` or ``{gtin14}_A1N1``; ``gtin14`` is made from ``gtin``.
        fields: the product's, by name.
        ending: without its dot.

    Raises:
        InputInvalid: the template is not one, a field is missing or empty, or a GTIN's check digit is wrong.
    """
    known = dict(fields)
    parts = []
    try:
        for text, field, spec, conversion in string.Formatter().parse(template):
            parts.append(text)
            if field is None:
                continue
            if spec or conversion or not field.isidentifier():
                raise ValueError(f"{{{field}}} is no plain field")
            if field == "gtin14" and "gtin14" not in known and known.get("gtin"):
                known["gtin14"] = gtin14(known["gtin"])
            parts.append(_field(field, known))
    except ValueError as error:
        raise InputInvalid(
            f"the name cannot be made: {error}", place=f"template '{template}'", remedy="write fields as {sku}"
        ) from error
    wanted = "".join(parts)
    stem = _clean(wanted)
    if stem != wanted:
        stem = f"{stem}-{hashlib.sha256(wanted.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return f"{stem}.{ending}"


def gtin14(code: str) -> str:
    """A GTIN-8, -12, -13 or -14 as 14 digits.

    Source: GS1 General Specifications, 7.9: check digit.

    Raises:
        InputInvalid: it is none.
    """
    digits = code.strip().replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) in (8, 12, 13, 14)):
        raise InputInvalid(f"'{code}' is no GTIN", place="gtin", remedy="give 8, 12, 13 or 14 digits")
    digits = digits.zfill(14)
    check = -sum(int(digit) * (3 if position % 2 == 0 else 1) for position, digit in enumerate(digits[:13])) % 10
    if check != int(digits[13]):
        raise InputInvalid(
            f"the check digit of GTIN '{code}' is {digits[13]} and should be {check}", place="gtin", remedy="correct it"
        )
    return digits


def _field(name: str, known: Mapping[str, str]) -> str:
    value = known.get(name, "").strip()
    if not value:
        raise InputInvalid(
            f"the product has no '{name}'",
            place=f"field '{name}'",
            remedy="give one" if name in known else nearest(name, sorted(known)) or "give one",
        )
    return value


def _clean(text: str) -> str:
    stem = unicodedata.normalize("NFC", text)
    stem = "".join("-" if unicodedata.category(char)[0] in "CZ" else char for char in stem)
    stem = str(sanitize_filename(stem, replacement_text="-", platform="universal"))
    return stem.encode("utf-8", "replace")[:_STEM_BYTES].decode(errors="ignore").strip(". -") or "item"
