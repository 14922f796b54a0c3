"""Product tables: what a shop or a market exports, read as products with variants.

Whose export it is, is told by its columns (:mod:`~.dialects`), in any case and order. In some dialects rows share the
handle of their product (:mod:`~.handles`); the others have a row for each variant and say which belong together
(:mod:`~.variants`).

Drafts and archived products are read like all others, with their status: pictures are needed before a product goes
live, and only the user can say which statuses to leave out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import CatalogInvalid, nearest
from .binary_rows import ParquetRows, WorkbookRows
from .csv_rows import CsvRows
from .dialects import PLAIN, ColumnChoice, Columns, canonical, check_choice, columns_of
from .encoding import misread
from .files import Format, read_source
from .handles import read_handles
from .json_rows import JsonRows
from .products import Product, RowProblem
from .rows import Row, RowFile
from .variants import read_variants
from .xml_rows import XmlRows


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
    dialect: str
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


def open_rows(where: Path | str, chosen: ColumnChoice | None = None, encoding: str | None = None) -> RowFile:
    """The rows of the table at a path or an address, whatever its format.

    Raises:
        CatalogInvalid: it cannot be read, see :func:`~.files.read_source` and the classes of the formats; or an
            encoding is chosen for a file that says its own.
    """
    source = read_source(where)
    if source.format == "csv":
        return CsvRows(source, chosen or {}, encoding)
    if source.format in ("json", "jsonl"):
        return JsonRows(source, chosen or {}, encoding)
    if encoding is not None:
        raise CatalogInvalid(
            f"an encoding is chosen, and a file in {source.format.upper()} says its own",
            place=source.where,
            remedy="leave out --encoding (encoding: in a catalog.yaml)",
        )
    if source.format == "xml":
        return XmlRows(source, chosen or {})
    return (WorkbookRows if source.format == "xlsx" else ParquetRows)(source, chosen or {})


def read_table(where: Path | str, *, columns: ColumnChoice | None = None, encoding: str | None = None) -> Table:
    """Read a product table; its dialect is told by its columns.

    Cells are kept exactly as the file has them; only tags and lists of pictures are split and trimmed.

    Args:
        where: a path, or an address that fsspec knows.
        columns: field (:data:`~.dialects.FIELDS`) -> the column that holds it, before what the dialect knows.
        encoding: of its text; by default it is told from the bytes, and refused where two readings are plausible.

    Raises:
        CatalogInvalid: the file as a whole cannot be used: see :func:`open_rows`; also no rows, a missing
            column, or one that is read and stands there twice.
    """
    chosen = columns or {}
    check_choice(chosen, f"{where}, columns")
    file = open_rows(where, chosen, encoding)
    fields = columns_of(file.columns, chosen)
    _check_columns(file, fields)
    read = read_handles if fields.dialect.layout == "handles" else read_variants
    products, problems = read(file, fields)
    problems += [problem for product in products if (problem := _misread(file, product)) is not None]
    products = [product for product in products if misread(product.title) is None]
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
        dialect=fields.dialect.id,
        sha256=file.source.sha256,
        columns=file.columns,
        mapping=fields.mapping,
        products=tuple(products),
        problems=tuple(problems),
        notes=tuple(_notes(file, products)),
    )


def _misread(file: RowFile, product: Product) -> RowProblem | None:
    """Why a product gets no picture whose title is not what somebody wrote."""
    fault, row = misread(product.title), product.row
    if fault is None:
        return None
    remedy = "correct the title, or export the products again as CSV UTF-8"
    return RowProblem(product.handle, file.place(row.number, row.line), fault, remedy)


_SHORTENED = re.compile(r"[0-9]\.[0-9]+E\+[0-9]{2}")  # what a spreadsheet makes of 4006381333931


def _notes(file: RowFile, products: Sequence[Product]) -> Iterator[str]:
    yield from file.notes
    yield from (f"two columns are named '{column}'; rows have the first" for column in file.twice)
    skus = (variant.sku for product in products for variant in product.variants)
    shortened = next((sku for sku in skus if _SHORTENED.fullmatch(sku)), None)
    if shortened is not None:
        yield f"the SKU '{shortened}' is a number that a spreadsheet shortened; export the products again as text"


_NAMES = {"handle": "Handle", "sku": "SKU", "title": "Title"}


def _check_columns(file: RowFile, columns: Columns) -> None:
    twice = next((column for column in file.twice if column in columns.mapping.values()), None)
    if twice is not None:
        raise CatalogInvalid(
            f"two columns are named '{twice}'", place=file.header_place, remedy="rename or remove one of them"
        )
    if not columns.missing:
        return
    field = columns.missing[0]
    # A Shopify export whose handle column is misspelt has no "SKU" either way; its options give it away.
    if columns.dialect.id == PLAIN and any(canonical(column).startswith("option1 ") for column in file.columns):
        field = "handle"
    name = _NAMES[field]
    raise CatalogInvalid(
        f"there is no column '{name}'",
        place=file.header_place,
        remedy=f"{nearest(name, file.columns)}; say which column holds it: --column {field}=NAME, or have"
        " `packshot catalog inspect TABLE --write-mapping catalog.yaml` propose all of them",
    )
