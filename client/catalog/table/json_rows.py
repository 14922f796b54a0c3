"""JSON: an object a line (JSON Lines), a list of objects, or what an API answers around one."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import CatalogInvalid
from .dialects import ColumnChoice
from .files import Source, inner_list
from .limited_parser import HALF, WHOLE, cell_of
from .rows import Record, RowFile, list_cell

_MOST_DEPTH = 50
_MOST_MEMORY = 768 << 20  # bytes of a document once it is read, about
_REMEDY = "write one JSON object a line, or one list of objects, in UTF-8"


class JsonRows(RowFile):
    """JSON; the columns are all names of its objects, in the order in which they first appear.

    Row and line are both the line of the file; for a list of objects, the place in the list, below a header. A list is
    a list, and an object inside another one gives columns with dots in their names (``price.amount``). What is not text
    is written as JSON, and null as an empty cell. Half a character, which JSON can carry and no other file, is read as
    U+FFFD and noted. A product of Shopify's own JSON gives the rows that its CSV export would have.

    Raises:
        CatalogInvalid: something that is no JSON, no object, or not in UTF-8.
    """

    def __init__(self, source: Source, chosen: ColumnChoice, encoding: str | None) -> None:
        self._source = source
        self._encoding = encoding
        names: dict[str, None] = {}
        notes: list[str] = []
        for number, record in self._objects():
            names.update(dict.fromkeys(record))
            if not notes and HALF.search(json.dumps(record, ensure_ascii=False)):
                notes.append(f"half a character on line {number}, and read as {WHOLE!r}")
        self._names = list(names)
        super().__init__(source, chosen, encoding=encoding or "utf-8", notes=notes)

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        numbered = self._lines() if self._source.format == "jsonl" else self._listed()
        for number, record in numbered:
            if not isinstance(record, dict):
                raise self._broken(number, "a line must be one JSON object")
            if _is_deep(record):
                raise self._broken(number, f"objects and lists in one another more than {_MOST_DEPTH} deep")
            for row in _shopify_rows(record):
                yield number, dict(_flat(row))

    def _lines(self) -> Iterator[tuple[int, Any]]:
        for number, line in enumerate(io.BytesIO(self._source.data.removeprefix(b"\xef\xbb\xbf")), 1):
            if line.strip():
                yield number, self._load(number, line)

    def _listed(self) -> Iterator[tuple[int, Any]]:
        document = self._load(1, self._source.data)
        listed = document if isinstance(document, list) else inner_list(document)
        yield from enumerate([document] if listed is None else listed, 2)

    def _load(self, number: int, text: bytes) -> Any:
        if _memory(text) > _MOST_MEMORY:
            raise self._broken(number, "more objects, lists and values than a table may have")
        try:
            return json.loads(text.decode(self._encoding) if self._encoding else text)
        except (ValueError, LookupError, RecursionError) as error:
            raise self._broken(number, f"not JSON: {error}") from error

    def _broken(self, number: int, message: str) -> CatalogInvalid:
        return CatalogInvalid(message, place=f"{self._source.where}, line {number}", remedy=_REMEDY)

    def _records(self) -> Iterator[Record]:
        yield 1, 1, [cell_of(name) for name in self._names]
        for number, record in self._objects():
            yield number, number, [_cell(record.get(name)) for name in self._names]


def _memory(text: bytes) -> int:
    """About how many bytes the objects, lists and values of a JSON text take in memory, at most."""
    return 2 * len(text) + 232 * text.count(b"{") + 88 * text.count(b"[") + 60 * text.count(b",")


def _is_deep(record: Mapping[str, Any]) -> bool:
    """Whether values lie in one another more often than anything that walks through them can follow."""
    values: list[Any] = [record]
    for _ in range(_MOST_DEPTH):
        values = [
            inner
            for value in values
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not values:
            return False
    return True


def _flat(record: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The values of an object, those of the objects in it with dots in their names."""
    for name, value in record.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _cell(value: Any) -> str:
    return list_cell(value) if isinstance(value, list) else cell_of(value)


def _shopify_rows(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a product with its variants in it, in the columns of Shopify's CSV; any other object as it is."""
    variants = record.get("variants")
    if "handle" not in record or not isinstance(variants, list) or not all(isinstance(v, dict) for v in variants):
        yield record
        return
    whole = {name: value for name, value in record.items() if name not in ("variants", "options", "image", "images")}
    pictures = [picture for picture in record.get("images") or () if isinstance(picture, dict)]
    options = [option for option in record.get("options") or () if isinstance(option, dict)]
    whole |= {f"Option{n} Name": option.get("name") for n, option in enumerate(options, 1)}
    whole["Image Src"] = [picture.get("src") for picture in pictures]
    for position, variant in enumerate(variants or [{}]):
        values = {f"Option{n} Value": variant.get(f"option{n}") for n in (1, 2, 3)}
        first = whole if position == 0 else {"handle": record["handle"]}
        yield {
            **first,
            **values,
            "Variant SKU": variant.get("sku"),
            "Variant Barcode": variant.get("barcode"),
            "Variant Image": _variant_image(variant, pictures),
        }


def _variant_image(variant: Mapping[str, Any], pictures: list[dict[str, Any]]) -> Any:
    featured = variant.get("featured_image")
    if isinstance(featured, dict):
        return featured.get("src")
    image = variant.get("image_id")
    return next((picture.get("src") for picture in pictures if image and picture.get("id") == image), None)
