"""Tables with a row for each variant: those of markets, of most shop systems, and plain ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .dialects import Columns
from .products import Product, RowProblem, Variant, cell_text, picture_texts, tag_texts, torn
from .rows import Row, RowFile


@dataclass(slots=True)
class _Group:
    """Rows that belong to one product.

    Attributes:
        own: the row of the product itself, whose SKU or key the group has.
        rows: those of its variants.
        pictures: rows that bring a picture alone.
        texts: store view -> texts.
        listed: SKU -> options, as the product's own row lists its variants.
    """

    handle: str
    own: Row | None = None
    rows: list[Row] = field(default_factory=list)
    pictures: list[Row] = field(default_factory=list)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    listed: dict[str, dict[str, str]] = field(default_factory=dict)


def read_variants(file: RowFile, columns: Columns) -> tuple[list[Product], list[RowProblem]]:
    """The products of such a table, in the order in which they first appear, and the rows that cannot be used."""
    return _Variants(file, columns).read()


class _Variants:
    def __init__(self, file: RowFile, columns: Columns) -> None:
        self._file = file
        self._columns = columns
        self._dialect = columns.dialect
        self._problems: list[RowProblem] = []
        self._groups: dict[str, _Group] = {}
        self._handles: dict[str, str] = {}  # ``id:44`` -> handle
        self._above: _Group | None = None

    def read(self) -> tuple[list[Product], list[RowProblem]]:
        for row, extra in self._file.rows():
            if extra:
                self._problem(self._cell(row, "sku"), row, *torn(extra))
            else:
                self._place(row)
        self._join_by_key()
        if "variations" in self._columns.of:
            self._join_listed()
        products = [product for group in self._groups.values() if (product := self._finish(group))]
        return products, self._problems

    def _raw(self, row: Row, what: str) -> str:
        column = self._columns.of.get(what)
        return row[column] if column else ""

    def _cell(self, row: Row, what: str) -> str:
        column = self._columns.of.get(what)
        return cell_text(row[column]) if column else ""

    def _problem(self, item: str, row: Row, message: str, remedy: str) -> None:
        self._problems.append(RowProblem(item, self._file.place(row.number, row.line), message, remedy))

    def _level(self, row: Row) -> str:
        if "level" not in self._columns.of:
            return ""
        word = self._cell(row, "level").partition(",")[0].strip().casefold()  # WooCommerce: ``variation, virtual``
        levels = self._dialect.levels
        return next((kind for kind in ("parent", "child", "picture", "ignored") if word in getattr(levels, kind)), "")

    def _place(self, row: Row) -> None:
        """Put a row into the product that it belongs to."""
        level, sku, key = self._level(row), self._cell(row, "sku"), self._cell(row, "key").strip()
        parent = self._cell(row, "group").strip()
        if level == "ignored":
            return
        if level == "picture":
            if self._above is not None:
                self._above.pictures.append(row)
        elif level == "child" and self._above is not None and "group" not in self._columns.of:
            self._above.rows.append(row)
        elif level == "child" and parent:
            self._group(parent).rows.append(row)
        elif not sku.strip() and not key:
            column = self._columns.of.get("sku", "SKU")
            self._problem("", row, "the row has no SKU", f"fill in the column '{column}'")
        elif store := self._cell(row, "store").strip():
            # Magento repeats a product for each store view that has texts of its own.
            texts = {what: text for what in ("title", "body") if (text := self._cell(row, what)).strip()}
            self._group(sku).texts[store] = texts
        elif parent and level != "parent":
            self._group(parent).rows.append(row)
        else:
            self._above = self._own(row, sku if sku.strip() else f"id:{key}")
            if key:
                self._handles.setdefault(f"id:{key}", self._above.handle)

    def _group(self, handle: str) -> _Group:
        return self._groups.setdefault(handle, _Group(handle))

    def _own(self, row: Row, handle: str) -> _Group:
        """The group of which a row is the product; one of its own where a row with the same SKU came before."""
        group = self._group(handle)
        if group.own is not None:
            group = self._groups[f"{handle}\n{row.number}"] = _Group(handle)
        group.own = row
        return group

    def _join_by_key(self) -> None:
        """Bring variants to the product that they name by its key and not by its SKU, as WooCommerce's ``id:44``."""
        for key, handle in self._handles.items():
            if key != handle and (by_key := self._groups.pop(key, None)):
                self._groups[handle].rows += by_key.rows

    def _join_listed(self) -> None:
        """Put the simple products that a configurable one lists into it as its variants."""
        for handle in list(self._groups):
            group = self._groups.get(handle)
            if group is None or group.own is None:
                continue
            for part in self._cell(group.own, "variations").split("|"):
                options = _pairs(part)
                child = self._groups.get(options.pop("sku", ""))
                if child is not None and child is not group and child.own is not None:
                    sku = child.handle
                    group.listed[sku] = options
                    group.rows += [child.own, *child.rows]
                    del self._groups[sku]

    def _finish(self, group: _Group) -> Product | None:
        rows = group.rows or ([group.own] if group.own else [])
        if not rows:
            return None  # only texts of store views, for a product that is not in the table
        first = group.own or rows[0]
        candidates = [first, *group.rows]

        def text(what: str) -> str:
            if what not in self._columns.of:  # asked of every row, and most tables have a few fields
                return ""
            return next((cell for row in candidates if (cell := self._cell(row, what)).strip()), "")

        locales = self._locales(group, candidates)
        title = text("title") or next((t["title"] for t in locales.values() if t.get("title")), "")
        if not title.strip():
            self._problem(
                self._cell(rows[0], "sku") or group.handle, rows[0], "the product has no title", "add a title"
            )
            return None
        pictured = [first, *group.pictures, *group.rows]
        return Product(
            handle=group.handle,
            title=title,
            body_html=text("body"),
            vendor=text("vendor"),
            category=text("category"),
            type=text("type"),
            status=text("status"),
            tags=next((tags for row in candidates if (tags := self._tags(row))), ()),
            images=tuple(dict.fromkeys(image for row in pictured for image in self._images(row))),
            variants=tuple(self._variant(row, group) for row in rows),
            row=first,
            locales=locales,
        )

    def _locales(self, group: _Group, candidates: list[Row]) -> dict[str, dict[str, str]]:
        locales = {store: dict(texts) for store, texts in group.texts.items()}
        for what, by_locale in self._columns.localised.items():
            for locale, column in by_locale.items():
                if (cell := next((row[column] for row in candidates if row[column].strip()), "")).strip():
                    locales.setdefault(locale, {})[what] = cell
        return locales

    def _variant(self, row: Row, group: _Group) -> Variant:
        sku = self._cell(row, "sku")
        told_apart = group.listed.get(sku, {})
        options = {**self._options(row), **told_apart}
        shown = told_apart or options
        several = len(group.rows) > 1 or (group.own is not None and bool(group.rows))
        # What all variants share does not tell one of them apart.
        title = " / ".join(shown.values()) if len(group.rows) > 1 and self._dialect.options is not None else ""
        images = self._pictures(row, "variant image") or (self._pictures(row, "image") if several else ())
        return Variant(sku, title, options, next(iter(images), ""), row, self._cell(row, "gtin"))

    def _options(self, row: Row) -> dict[str, str]:
        options: dict[str, str] = {}
        if attributes := self._cell(row, "attributes"):
            patterns = self._dialect.attribute_patterns
            pairs = (pair for pattern in patterns for pair in re.findall(pattern, attributes))
            options |= {n.strip(): v.strip() for n, v in pairs} if patterns else _pairs(attributes)
        if self._level(row) != "parent":  # whose row lists the values of all its variants
            for name, value in self._columns.pairs:
                if name and row[name].strip() and row[value].strip():
                    options[cell_text(row[name])] = cell_text(row[value])
        options |= {
            name: cell_text(cell) for column, name in self._columns.options.items() if (cell := row[column]).strip()
        }
        return options

    def _tags(self, row: Row) -> tuple[str, ...]:
        return tag_texts(self._raw(row, "tags"), self._dialect.tags)

    def _pictures(self, row: Row, what: str) -> tuple[str, ...]:
        return picture_texts(self._raw(row, what))

    def _images(self, row: Row) -> Iterator[str]:
        yield from self._pictures(row, "image")
        for column in self._columns.pictures:
            yield from picture_texts(row[column])


def _pairs(text: str) -> dict[str, str]:
    """Magento's lists: ``color=Red,size=XS``; a comma that no ``name=`` follows belongs to the value before it."""
    parts = re.split(r",(?=[\w.-]+=)", text.strip())
    return {name.strip(): value for part in parts if part for name, found, value in [part.partition("=")] if found}
