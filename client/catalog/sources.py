"""Product tables: Shopify's product export, and the plain table with a column of SKUs.

Shopify's format (help.shopify.com, "Using CSV files to import and export products") has two sets of column names, the
older "Handle, Body (HTML), Variant SKU, Image Src" and the newer "URL handle, Description, SKU, Product image URL";
both are read, in any case and order. Every row carries the handle of its product. The first one carries the product
and its first variant; the rows that follow carry further variants and further pictures.

Drafts and archived products are read like all others, with their status: pictures are needed before a product goes
live, and only the user can say which statuses to leave out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from bs4 import BeautifulSoup

from ..errors import CatalogInvalid, nearest
from .rows import CsvFile, Row

# What we read -> the headers that hold it, in lower case, by preference.
_HEADERS: dict[str, tuple[str, ...]] = {
    "handle": ("handle", "url handle"),
    "sku": ("variant sku", "sku"),
    "title": ("title", "name"),
    "body": ("body (html)", "description", "body"),
    "vendor": ("vendor", "brand"),
    "category": ("product category", "category"),
    "type": ("type", "product type"),
    "tags": ("tags",),
    "status": ("status",),
    "image": ("image src", "product image url", "image"),
    "variant image": ("variant image", "variant image url"),
    **{f"option{n} {part}": (f"option{n} {part}",) for n in (1, 2, 3) for part in ("name", "value")},
}
_BLOCK_TAGS = re.compile(r"^(?:address|article|blockquote|br|d[dlt]|div|h[1-6r]|li|[ou]l|p|pre|section|table|t[dhr])$")


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant of a product.

    Attributes:
        sku: as in the table; empty where it has none.
        title: its option values as Shopify titles a variant ("Sand / Large"); empty if the product has no options.
        options: option name -> value. In a plain table, every column that has no other meaning.
        image: address of its own picture; empty where it has none.
        row: the row that it was read from.
    """

    sku: str
    title: str
    options: Mapping[str, str]
    image: str
    row: Row


@dataclass(frozen=True, slots=True)
class Product:
    """One product: what Shopify knows by a handle, or one row of a plain table.

    Attributes:
        handle: the handle, or the SKU in a plain table.
        title, body_html, vendor, category, type, status: the cells as they are; empty where the table has none.
        tags: split at commas.
        options: option name -> the values that its variants have, in order.
        images: addresses of its pictures, in the table's order.
        variants: at least one, in the table's order.
        row: its first row.
    """

    handle: str
    title: str
    body_html: str
    vendor: str
    category: str
    type: str
    status: str
    tags: tuple[str, ...]
    images: tuple[str, ...]
    variants: tuple[Variant, ...]
    row: Row

    @property
    def body(self) -> str:
        """The description as plain text, one line per paragraph."""
        return plain_text(self.body_html)

    @property
    def options(self) -> dict[str, tuple[str, ...]]:
        values: dict[str, dict[str, None]] = {}
        for variant in self.variants:
            for name, value in variant.options.items():
                values.setdefault(name, {})[value] = None
        return {name: tuple(distinct) for name, distinct in values.items()}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why one row, or one product, gets no picture while the others do.

    Attributes:
        item_id: the SKU or handle concerned; empty where the row names none.
        place: file, row and line.
        message: what is wrong.
        remedy: what to do about it.
    """

    slug: ClassVar[str] = CatalogInvalid.slug

    item_id: str
    place: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Table:
    """A product table that was read whole.

    Attributes:
        path: as given.
        dialect: "shopify", or "plain" for a table with one product a row.
        sha256: of the file's bytes, in hex.
        columns: the headers.
        products: in the order in which they first appear.
        problems: rows that could not be used.
    """

    path: Path
    dialect: Literal["shopify", "plain"]
    sha256: str
    columns: tuple[str, ...]
    products: tuple[Product, ...]
    problems: tuple[RowProblem, ...]

    def place(self, row: Row) -> str:
        """``file, row N (line M)``, for messages."""
        return f"{self.path}, row {row.number} (line {row.line})"


def read_table(path: Path) -> Table:
    """Read a product table; its dialect is told by its columns.

    Cells are kept exactly as the file has them; only tags are split and trimmed.

    Raises:
        CatalogInvalid: the file as a whole cannot be used: see :class:`~.rows.CsvFile`; also a missing column, no rows.
    """
    return _Reader(CsvFile(path)).read()


def plain_text(markup: str) -> str:
    """The text of an HTML fragment: a line per block, white space collapsed, no scripts or styles."""
    if "<" in markup:
        soup = BeautifulSoup(markup, "html.parser")
        for hidden in soup(["script", "style"]):
            hidden.decompose()
        for block in soup(_BLOCK_TAGS):
            block.insert_before("\n")
            block.insert_after("\n")
        lines = soup.get_text().split("\n")
    else:
        lines = html.unescape(markup).splitlines()
    return "\n".join(text for line in lines if (text := " ".join(line.split())))


@dataclass(slots=True)
class _Draft:
    """A product while its rows are still coming in."""

    handle: str
    title: str
    rows: list[Row] = field(default_factory=list)


class _Reader:
    def __init__(self, file: CsvFile) -> None:
        self._file = file
        by_name = {column.strip().casefold(): column for column in reversed(file.columns)}
        self._columns = {
            what: next((by_name[header] for header in headers if header in by_name), "")
            for what, headers in _HEADERS.items()
        }
        self._shopify = bool(self._columns["handle"])
        self._problems: list[RowProblem] = []
        self._require_columns()

    def read(self) -> Table:
        drafts = self._shopify_drafts() if self._shopify else self._plain_drafts()
        products = [product for draft in drafts if (product := self._finish(draft))]
        if not products and not self._problems:
            raise CatalogInvalid(
                "the table has a header but no rows", place=str(self._file.path), remedy="export the products again"
            )
        return Table(
            path=self._file.path,
            dialect="shopify" if self._shopify else "plain",
            sha256=self._file.sha256,
            columns=self._file.columns,
            products=tuple(products),
            problems=tuple(self._problems),
        )

    def _require_columns(self) -> None:
        needed = {"title": "Title"} if self._shopify else {"sku": "SKU", "title": "Title"}
        missing = [name for what, name in needed.items() if not self._columns[what]]
        if not missing:
            return
        wanted = missing[0]
        # A Shopify export whose handle column is misspelt has no "SKU" either way; its options give it away.
        if not self._shopify and (self._columns["option1 name"] or self._columns["option1 value"]):
            wanted = "Handle"
        raise CatalogInvalid(
            f"there is no column '{wanted}'",
            place=self._file.place(1, 1),
            remedy=f"{nearest(wanted, self._file.columns)}; a Shopify export has 'Handle' (or 'URL handle')"
            " and 'Title', any other table needs 'SKU' and 'Title'",
        )

    def _cell(self, row: Row, what: str) -> str:
        column = self._columns[what]
        return row[column] if column else ""

    def _problem(self, item: str, row: Row, message: str, remedy: str) -> None:
        self._problems.append(RowProblem(item, self._file.place(row.number, row.line), message, remedy))

    def _torn(self, item: str, row: Row, extra: int) -> None:
        self._problem(
            item,
            row,
            f"the row has {extra} more cell{'s' if extra > 1 else ''} than there are columns",
            "put a text that holds a comma in double quotes",
        )

    def _shopify_drafts(self) -> Iterator[_Draft]:
        drafts: dict[str, _Draft] = {}
        refused: set[str] = set()  # handles (or none) whose first row is a problem: what only continues it says no more
        above = ""
        for row, extra in self._file.rows():
            own, title = self._cell(row, "handle"), self._cell(row, "title")
            handle = own if own.strip() else above
            draft = drafts.get(handle)
            titled = bool(title.strip())
            if extra:
                self._torn(handle, row, extra)
                if draft is None:
                    refused.add(handle)
            elif handle in refused and not titled:
                continue
            elif not handle or (draft and titled and not own.strip() and title != draft.title):
                self._problem("", row, "the row has no handle", "give every row the handle of its product")
                refused.add(handle := "")
            elif draft is None:
                drafts[handle] = _Draft(handle, title, [row])
            elif titled and draft.title.strip() and title != draft.title:
                self._problem(
                    handle,
                    row,
                    f"handle '{handle}' comes back with another title;"
                    f" row {draft.rows[0].number} calls it '{draft.title}'",
                    "give each product a handle of its own",
                )
            else:
                draft.title = draft.title if draft.title.strip() else title
                draft.rows.append(row)
            above = handle
        yield from drafts.values()

    def _plain_drafts(self) -> Iterator[_Draft]:
        for row, extra in self._file.rows():
            sku = self._cell(row, "sku")
            if extra:
                self._torn(sku, row, extra)
            elif not sku.strip():
                self._problem("", row, "the row has no SKU", f"fill in the column '{self._columns['sku']}'")
            else:
                yield _Draft(sku, self._cell(row, "title"), [row])

    def _finish(self, draft: _Draft) -> Product | None:
        rows = draft.rows
        if not draft.title.strip():
            self._problem(draft.handle, rows[0], "the product has no title", "give it a title")
            return None

        def first(what: str) -> str:
            return next((cell for row in rows if (cell := self._cell(row, what)).strip()), "")

        names = [first(f"option{n} name") for n in (1, 2, 3)]
        return Product(
            handle=draft.handle,
            title=draft.title,
            body_html=first("body"),
            vendor=first("vendor"),
            category=first("category"),
            type=first("type"),
            status=first("status"),
            tags=tuple(tag for part in first("tags").split(",") if (tag := part.strip())),
            images=tuple(cell for row in rows if (cell := self._cell(row, "image")).strip()),
            variants=tuple(self._shopify_variants(rows, names) if self._shopify else [self._plain_variant(rows[0])]),
            row=rows[0],
        )

    def _shopify_variants(self, rows: Sequence[Row], names: Sequence[str]) -> Iterator[Variant]:
        for row in rows:
            values = [self._cell(row, f"option{n} value") for n in (1, 2, 3)]
            sku = self._cell(row, "sku")
            # Every row after the first that has neither only brings a further picture.
            if row is not rows[0] and not sku.strip() and not any(value.strip() for value in values):
                continue
            # A product without options carries the option "Title" with the value "Default Title".
            options = {
                name or f"Option{n}": value
                for n, name, value in zip((1, 2, 3), names, values, strict=True)
                if value.strip() and not (name in ("Title", "") and value == "Default Title")
            }
            yield Variant(sku, " / ".join(options.values()), options, self._cell(row, "variant image"), row)

    def _plain_variant(self, row: Row) -> Variant:
        known = set(self._columns.values())
        options = {column: cell for column, cell in row.items() if column not in known and cell.strip()}
        return Variant(self._cell(row, "sku"), "", options, self._cell(row, "variant image"), row)
