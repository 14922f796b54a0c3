"""Product tables: what a shop or a market exports, read as products with variants.

Shopify's format has two sets of column names, the older "Handle, Body (HTML), Variant SKU, Image Src" and the newer
"URL handle, Description, SKU, Product image URL"; both are read, in any case and order. Every row carries the handle of
its product. The first one carries the product and its first variant; the rows that follow carry further variants and
further pictures. The other dialects (:mod:`~.dialects`) have a row for each variant and say which belong together.

Drafts and archived products are read like all others, with their status: pictures are needed before a product goes
live, and only the user can say which statuses to leave out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import CatalogInvalid, nearest
from .dialects import PLAIN, SHOPIFY, Columns, DialectName, columns_of
from .files import Format
from .other_rows import open_rows
from .products import Product, RowProblem, Variant, split_pictures, torn
from .rows import Row, RowFile
from .variants import read_variants


@dataclass(frozen=True, slots=True)
class Table:
    """A product table that was read whole.

    Attributes:
        where: its path or address as given; ``name`` is the last part of it.
        format: of the file.
        encoding, delimiter: of its text; empty where it has none.
        dialect: whose export it is; "plain" for a table with one product a row.
        sha256: of the file's bytes, in hex.
        columns: the headers.
        mapping: what -> the column that it is read from.
        products: in the order in which they first appear.
        problems: rows that could not be used.
        notes: what was unusual and yet could be read.
    """

    where: str
    name: str
    format: Format
    encoding: str
    delimiter: str
    dialect: DialectName
    sha256: str
    columns: tuple[str, ...]
    mapping: Mapping[str, str]
    products: tuple[Product, ...]
    problems: tuple[RowProblem, ...]
    notes: tuple[str, ...]

    @property
    def folder(self) -> Path | None:
        """Where it lies on this machine, which paths in its rows are relative to; None for one at an address."""
        return None if "://" in self.where else Path(self.where).absolute().parent

    def place(self, row: Row) -> str:
        """``file, row N (line M)``, for messages."""
        return f"{self.where}, row {row.number} (line {row.line})"


def read_table(where: Path | str) -> Table:
    """Read a product table; its dialect is told by its columns.

    Cells are kept exactly as the file has them; only tags and lists of pictures are split and trimmed.

    Args:
        where: a path, or an address that fsspec knows.

    Raises:
        CatalogInvalid: the file as a whole cannot be used: see :func:`~.other_rows.open_rows`; also no rows,
            or a missing column.
    """
    file = open_rows(where)
    columns = columns_of(file.columns)
    _require_columns(file, columns)
    reader = _Reader(file, columns) if columns.dialect in (SHOPIFY, PLAIN) else None
    products, problems = reader.read() if reader else read_variants(file, columns)
    if not products and not problems:
        raise CatalogInvalid(
            "the table has a header but no rows", place=file.source.where, remedy="export the products again"
        )
    return Table(
        where=file.source.where,
        name=file.source.name,
        format=file.source.format,
        encoding=file.encoding,
        delimiter=file.delimiter,
        dialect=columns.dialect.name,
        sha256=file.source.sha256,
        columns=file.columns,
        mapping=columns.found,
        products=tuple(map(split_pictures, products)),
        problems=tuple(problems),
        notes=file.notes,
    )


@dataclass(slots=True)
class _Draft:
    """A product while its rows are still coming in."""

    handle: str
    title: str
    rows: list[Row] = field(default_factory=list)


def _require_columns(file: RowFile, columns: Columns) -> None:
    names = {"title": "Title"} if columns.dialect is SHOPIFY else {"sku": "SKU", "title": "Title"}
    missing = [name for what, name in names.items() if not columns.of[what]]
    if not missing:
        return
    wanted = missing[0]
    # A Shopify export whose handle column is misspelt has no "SKU" either way; its options give it away.
    if columns.dialect is PLAIN and (columns.of["option1 name"] or columns.of["option1 value"]):
        wanted = "Handle"
    raise CatalogInvalid(
        f"there is no column '{wanted}'",
        place=file.header_place,
        remedy=f"{nearest(wanted, file.columns)}; a Shopify export has 'Handle' (or 'URL handle')"
        " and 'Title', any other table needs 'SKU' and 'Title'",
    )


class _Reader:
    def __init__(self, file: RowFile, columns: Columns) -> None:
        self._file = file
        self._columns = columns
        self._shopify = columns.dialect is SHOPIFY
        self._problems: list[RowProblem] = []

    def read(self) -> tuple[list[Product], list[RowProblem]]:
        drafts = self._shopify_drafts() if self._shopify else self._plain_drafts()
        products = [product for draft in drafts if (product := self._finish(draft))]
        return products, self._problems

    def _cell(self, row: Row, what: str) -> str:
        column = self._columns.of[what]
        return row[column] if column else ""

    def _problem(self, item: str, row: Row, message: str, remedy: str) -> None:
        self._problems.append(RowProblem(item, self._file.place(row.number, row.line), message, remedy))

    def _torn(self, item: str, row: Row, extra: int) -> None:
        self._problem(item, row, *torn(extra))

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
                self._problem("", row, "the row has no SKU", f"fill in the column '{self._columns.of['sku']}'")
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
            picture, gtin = self._cell(row, "variant image"), self._cell(row, "gtin")
            yield Variant(sku, " / ".join(options.values()), options, picture, row, gtin)

    def _plain_variant(self, row: Row) -> Variant:
        options = {name: cell for column, name in self._columns.options.items() if (cell := row[column]).strip()}
        picture, gtin = self._cell(row, "variant image"), self._cell(row, "gtin")
        return Variant(self._cell(row, "sku"), "", options, picture, row, gtin)
