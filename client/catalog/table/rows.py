"""The rows of a product table, with their places: what every format of table has in common.

Rows are numbered as a spreadsheet numbers them (the header is row 1); lines are those of the file itself, which differ
where a quoted cell holds a line break.
"""

from __future__ import annotations

import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...errors import CatalogInvalid
from .files import Source

Record = tuple[int, int, list[str]]
"""Row number, line, cells."""

_BANNER_ROWS = 6  # an Amazon flat file has up to this many rows before and with its field names
_FIELD_NAMES = {"item_sku", "contribution_sku"}  # one of them stands in the row of an Amazon file that is its header


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
        columns: the headers that are not blank, in order.
        delimiter: what parts the cells of a CSV file; empty for other formats.
        encoding: of its text.
        notes: what was unusual and yet could be read.

    Raises:
        CatalogInvalid: no header, or a header twice.
    """

    def __init__(
        self, source: Source, *, delimiter: str = "", encoding: str = "utf-8", notes: Sequence[str] = ()
    ) -> None:
        self.source = source
        self.delimiter = delimiter
        self.encoding = encoding
        self.notes = tuple(notes)
        first = list(itertools.islice(self._records(), _BANNER_ROWS))
        self._header, (number, line, header) = next(
            ((at, record) for at, record in enumerate(first) if _FIELD_NAMES & set(map(field_name, record[2]))),
            (0, first[0] if first else (1, 1, [])),
        )
        self._width = len(header)
        self._index = {name: position for position, name in enumerate(header) if name.strip()}
        self.columns = tuple(self._index)
        place = self.place(number, line)
        if not self.columns:
            raise CatalogInvalid(
                "the first row names no columns", place=place, remedy="the first row must be the header"
            )
        twice = [name for position, name in enumerate(header) if name.strip() and self._index[name] != position]
        if twice:
            raise CatalogInvalid(
                f"two columns are named '{twice[0]}'", place=place, remedy="rename or remove one of them"
            )
        self.header_place = place

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
            CatalogInvalid: a record is broken so that nothing after it can be read.
        """
        width = self._width
        for number, line, cells in itertools.islice(self._records(), self._header + 1, None):
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


def field_name(header: str) -> str:
    """A header in lower case without what Amazon adds: ``item_name[marketplace_id=A1]#1.value`` is ``item_name``."""
    return re.sub(r"\[[^\]]*\]|#\d+(\.\w+)*$", "", header.strip()).casefold()
