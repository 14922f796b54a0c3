"""The rows of a product table, with their places: what every format of table has in common.

Rows are numbered as a spreadsheet numbers them (the header is row 1); lines are those of the file itself, which differ
where a quoted cell holds a line break.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from ...errors import CatalogInvalid
from .dialects import ColumnChoice, chosen_headers, header_row, is_comment
from .files import Source
from .limited_parser import cell_of

Record = tuple[int, int, Sequence[str]]
"""Row number, line, cells."""

# What a table may have; more is refused before the memory is full. A catalogue of 100,000 rows by 200 columns fits.
MOST_COLUMNS = 16_384
MOST_ROWS = 1_048_576  # as many as a sheet of Excel
MOST_CELLS = 20_000_000
_MOST_MEMORY = 512 << 20  # bytes of all cells, about
_POINTER, _TEXT = 8, 49  # bytes that a cell takes, and a text beside its characters

_ADDRESSES = (
    "src",
    "url",
    "href",
    "link",
    "image_link",
    "imageUrl",
)  # where a picture that is an object has its address
FIRST_RECORDS = 10  # among which the header is looked for, below comments and a vendor's own rows


class ListCell(str):
    """A list that JSON or XML has where a CSV file has one text: its JSON text, and its entries beside it."""

    entries: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str, entries: Sequence[str]) -> ListCell:
        """Make a cell of a list's JSON text and its entries."""
        cell = cls(text)
        cell.entries = tuple(entries)
        return cell


@dataclass(frozen=True, slots=True, eq=False)
class Row(Mapping[str, str]):
    """One row of the table as a mapping from column header to cell, without a copy of the headers.

    Attributes:
        number: as a spreadsheet counts, the header being row 1.
        line: the line of the file on which the row begins, from 1.
        cells: the cells in the order of the columns, exactly as the file has them.
    """

    number: int
    line: int
    cells: tuple[str, ...]
    _index: Mapping[str, int] = field(repr=False)

    def __getitem__(self, column: str) -> str:
        return self.cells[self._index[column]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


class RowFile(ABC):
    """A table that was read up to its header.

    Attributes:
        source: the file.
        columns: the headers that are not blank, in order; one that stands there twice only once.
        twice: the headers that stand there twice.
        delimiter: what parts the cells of a CSV file; empty for other formats.
        encoding: of its text.
        notes: what was unusual and yet could be read.

    Args:
        chosen: the columns that the user names.

    Raises:
        CatalogInvalid: no header, no column that the user names, or more columns than a table may have.
    """

    def __init__(
        self,
        source: Source,
        chosen: ColumnChoice,
        *,
        delimiter: str = "",
        encoding: str = "utf-8",
        notes: Sequence[str] = (),
    ) -> None:
        self.source = source
        self.delimiter = delimiter
        self.encoding = encoding
        self.notes = tuple(notes)
        first = list(itertools.islice(self._records(), FIRST_RECORDS))
        at, self._start = _header_and_start(first, chosen)
        number, line, header = first[at] if first else (1, 1, [])
        self._width = len(header)
        self._index: dict[str, int] = {}
        for position, name in enumerate(header):
            if name.strip():
                self._index.setdefault(name, position)
        self.columns = tuple(self._index)
        self.twice = tuple(name for at, name in enumerate(header) if name.strip() and self._index[name] != at)
        self.header_place = self.place(number, line)
        self._check_header(chosen)

    def _check_header(self, chosen: ColumnChoice) -> None:
        if not self.columns:
            raise CatalogInvalid(
                "the first row names no columns", place=self.header_place, remedy="the first row must be the header"
            )
        if self._width > MOST_COLUMNS:
            raise CatalogInvalid(
                f"the table has {self._width:,} columns, and {MOST_COLUMNS:,} are the most that are read",
                place=self.header_place,
                remedy="remove the columns that no picture needs",
            )
        stripped = {column.strip() for column in self.columns}
        for name, header in chosen_headers(chosen):
            if header.strip() not in stripped:
                raise CatalogInvalid(
                    f"there is no column '{header}', which is chosen for '{name}'",
                    place=self.header_place,
                    remedy=f"choose one of: {', '.join(self.columns)}",
                )

    @abstractmethod
    def _records(self) -> Iterator[Record]:
        """Every record of the file, the header included."""

    def place(self, number: int, line: int) -> str:
        """``file, row N (line M)``, for messages."""
        return f"{self.source.where}, row {number} (line {line})"

    def rows(self) -> Iterator[tuple[Row, int]]:
        """Every row below the header that is not blank, and how many cells more than columns it has (0 if none).

        Rows with fewer cells are filled up with empty ones, as spreadsheets leave trailing empty cells out.

        Raises:
            CatalogInvalid: a record is broken so that nothing after it can be read, or there are too many.
        """
        width = self._width
        most = min(MOST_ROWS, MOST_CELLS // width)
        memory = 0
        for count, (number, line, cells) in enumerate(itertools.islice(self._records(), self._start, None)):
            filled = len(cells) - cells.count("")
            memory += _POINTER * width + _TEXT * filled + sum(map(len, cells))
            if count >= most or memory > _MOST_MEMORY:
                what = f"{MOST_ROWS:,} rows or {MOST_CELLS:,} cells" if count >= most else "a table may hold"
                raise CatalogInvalid(
                    f"the table has more than {what}",
                    place=self.place(number, line),
                    remedy="split the table, or remove the columns that no picture needs",
                )
            if not any(cells):
                continue
            extra = len(cells) - width
            if extra > 0:
                extra = extra if any(cells[width:]) else 0
                cells = cells[:width]
            elif extra < 0:
                cells = [*cells, *[""] * -extra]
                extra = 0
            yield Row(number, line, tuple(cells), self._index), extra


def _header_and_start(first: Sequence[Record], chosen: ColumnChoice) -> tuple[int, int]:
    """Which record is the header, and which is the first below it that holds a product, both from 0."""
    rows = [cells for _, _, cells in first]
    if (settings := _amazon_settings(rows[0] if rows else ())) and settings[0] < len(rows):
        return settings
    at = header_row(rows, chosen)
    if at is None:
        # Of a title above the table, such as "Products of 2026", one cell is filled.
        filled = [0 if is_comment(cells) else sum(bool(cell.strip()) for cell in cells) for cells in rows]
        at = next((position for position, count in enumerate(filled) if count >= min(2, max(filled))), 0)
    return at, at + 1


def _amazon_settings(cells: Sequence[str]) -> tuple[int, int] | None:
    """Where a template of Amazon says that its field names and its products are: rows between them are examples."""
    text = next((cell for cell in cells if cell.startswith("settings=")), "")
    settings = parse_qs(text.removeprefix("settings="))
    numbers = [settings.get(name, [""])[0] for name in ("attributeRow", "dataRow")]
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        return None
    attributes, data = map(int, numbers)
    return (attributes - 1, data - 1) if 0 < attributes < data else None


def list_cell(entries: Sequence[Any]) -> ListCell:
    """A cell of a list; of an entry that is an object, as Shopify and Meta list pictures, its address."""
    addresses = [
        next((entry[name] for name in _ADDRESSES if isinstance(entry.get(name), str)), entry)
        if isinstance(entry, dict)
        else entry
        for entry in entries
    ]
    return ListCell.of(cell_of(entries), [cell_of(address) for address in addresses])
