"""Tables with a row for each variant: Google Merchant, Amazon, Magento and Akeneo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .dialects import AMAZON, MAGENTO, Columns
from .products import Product, RowProblem, Variant, torn
from .rows import Row, RowFile


@dataclass(slots=True)
class _Group:
    """Rows that belong to one product."""

    handle: str
    parent: Row | None = None
    rows: list[Row] = field(default_factory=list)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    children: dict[str, dict[str, str]] = field(default_factory=dict)  # SKU -> options, as a Magento parent lists them


def read_variants(file: RowFile, columns: Columns) -> tuple[list[Product], list[RowProblem]]:
    """The products of such a table, in the order in which they first appear, and the rows that cannot be used."""
    return _Variants(file, columns).read()


class _Variants:
    def __init__(self, file: RowFile, columns: Columns) -> None:
        self._file = file
        self._columns = columns
        self._problems: list[RowProblem] = []

    def read(self) -> tuple[list[Product], list[RowProblem]]:
        groups = self._groups()
        if self._columns.dialect is MAGENTO:
            self._join_configurables(groups)
        products = [product for group in groups.values() if (product := self._finish(group))]
        return products, self._problems

    def _cell(self, row: Row, what: str) -> str:
        column = self._columns.of.get(what, "")
        return row[column] if column else ""

    def _problem(self, item: str, row: Row, message: str, remedy: str) -> None:
        self._problems.append(RowProblem(item, self._file.place(row.number, row.line), message, remedy))

    def _groups(self) -> dict[str, _Group]:
        groups: dict[str, _Group] = {}
        for row, extra in self._file.rows():
            sku = self._cell(row, "sku")
            if extra:
                self._problem(sku, row, *torn(extra))
            elif not sku.strip():
                column = self._columns.of["sku"]
                self._problem("", row, "the row has no SKU", f"fill in the column '{column}'")
            elif self._columns.dialect is AMAZON and self._cell(row, "level").strip().casefold() == "parent":
                groups.setdefault(sku, _Group(sku)).parent = row
            elif store := self._cell(row, "store").strip():
                # Magento repeats a product for each store view that has texts of its own.
                texts = {what: self._cell(row, what) for what in ("title", "body")}
                groups.setdefault(sku, _Group(sku)).texts[store] = {
                    w: text for w, text in texts.items() if text.strip()
                }
            else:
                handle = self._cell(row, "group").strip() or sku
                groups.setdefault(handle, _Group(handle)).rows.append(row)
        return groups

    def _join_configurables(self, groups: dict[str, _Group]) -> None:
        """Put the simple products that a configurable one lists into it as its variants."""
        for handle in list(groups):
            group = groups.get(handle)
            row = group.rows[0] if group and group.rows else None
            if group is None or row is None or not (listed := self._cell(row, "variations").strip()):
                continue
            for part in listed.split("|"):
                options = _pairs(part)
                sku = options.pop("sku", "")
                child = groups.get(sku)
                if child is not None and child is not group and child.rows:
                    group.children[sku] = options
                    group.rows += child.rows
                    del groups[sku]
            if group.children:
                group.parent = group.rows.pop(0)

    def _finish(self, group: _Group) -> Product | None:
        rows = group.rows or ([group.parent] if group.parent else [])
        if not rows:
            return None  # only texts of store views, for a product that is not in the table
        first = group.parent or rows[0]
        candidates = [first, *rows]

        def text(what: str) -> str:
            return next((cell for row in candidates if (cell := self._cell(row, what)).strip()), "")

        locales = {store: dict(texts) for store, texts in group.texts.items()}
        for what, by_locale in self._columns.localised.items():
            for locale, column in by_locale.items():
                if (cell := next((row[column] for row in candidates if row[column].strip()), "")).strip():
                    locales.setdefault(locale, {})[what] = cell
        title = text("title") or next((t["title"] for t in locales.values() if t.get("title")), "")
        if not title.strip():
            self._problem(self._cell(rows[0], "sku"), rows[0], "the product has no title", "give it a title")
            return None
        variants = tuple(self._variant(row, group) for row in rows)
        return Product(
            handle=group.handle,
            title=title,
            body_html=text("body"),
            vendor=text("vendor"),
            category=text("category"),
            type=text("type"),
            status=text("status"),
            tags=tuple(tag for part in text("tags").split(self._columns.dialect.tags) if (tag := part.strip())),
            images=tuple(dict.fromkeys(image for row in candidates for image in self._images(row))),
            variants=variants,
            row=first,
            locales=locales,
        )

    def _variant(self, row: Row, group: _Group) -> Variant:
        options = {name: cell for column, name in self._columns.options.items() if (cell := row[column]).strip()}
        sku = self._cell(row, "sku")
        attributes = _pairs(self._cell(row, "attributes"))
        told_apart = group.children.get(sku, {})
        options = {**attributes, **options, **told_apart}
        shown = told_apart or options
        # What all variants share does not tell one of them apart.
        title = " / ".join(shown.values()) if len(group.rows) > 1 and self._columns.dialect.options is not None else ""
        own = self._cell(row, "variant image") or (
            self._cell(row, "image") if group.parent or len(group.rows) > 1 else ""
        )
        return Variant(sku, title, options, own, row, self._cell(row, "gtin"))

    def _images(self, row: Row) -> Iterator[str]:
        yield from filter(str.strip, [self._cell(row, "image")])
        yield from (image for part in self._cell(row, "images").split(",") if (image := part.strip()))
        yield from (image for n in range(1, 9) if (image := self._cell(row, f"image{n}")).strip())


def _pairs(text: str) -> dict[str, str]:
    """Magento's lists: ``color=Red,size=XS``; a comma that no ``name=`` follows belongs to the value before it."""
    parts = re.split(r",(?=[\w.-]+=)", text.strip())
    return {name.strip(): value for part in parts if part for name, found, value in [part.partition("=")] if found}
