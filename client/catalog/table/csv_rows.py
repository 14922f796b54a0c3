"""CSV and TSV files, and a clear fault for everything that is not one."""

from __future__ import annotations

import csv
import io
import itertools
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from ...errors import CatalogInvalid
from .dialects import ColumnChoice, header_row, is_comment
from .encoding import decide_encoding
from .files import Source
from .rows import FIRST_RECORDS, Record, RowFile

# Python's reader refuses cells above 128 Ki characters unless told otherwise; a description with pictures inlined as
# base64 is larger. Beyond this limit the cause is a quote that never closes, not a text that somebody wrote.
CELL_LIMIT = 4 * 1024 * 1024
_DELIMITERS = ",;\t|"  # Shopify's own, what a spreadsheet writes in countries with a decimal comma, and what feeds use
_EXCEL_SEPARATOR = re.compile(r"\ufeff?\"?sep=([^\w\"\r\n])\"?[\r\n]*$", re.IGNORECASE)
_EXCEL_TEXT = re.compile(r'="([^"]*)"')  # what keeps a spreadsheet from taking 0042 for a number

_cell_limit_lock = threading.Lock()


class CsvRows(RowFile):
    """A CSV file: in any encoding that can be told for sure, with any line ending; commas, semicolons, tabs or bars, or
    what Excel's first line says (``sep=;``).

    Between tabs, a quote is text unless it opens and closes a whole cell: ``"Best" mug`` is a title. A cell such as
    ``="0042"`` is ``0042``.

    Raises:
        CatalogInvalid: an encoding that cannot be told, NUL bytes, or no header.
    """

    def __init__(self, source: Source, chosen: ColumnChoice, encoding: str | None) -> None:
        self._source = source
        self._encoding = decide_encoding(source, encoding)
        with self._text() as text:
            first = text.readline()
            separator = _EXCEL_SEPARATOR.match(first)
            self._skipped = 1 if separator else 0
            lines = [] if separator else [first, *itertools.islice(text, FIRST_RECORDS * 4)]
        self._delimiter = separator[1] if separator else _delimiter(lines, chosen)
        super().__init__(
            source,
            chosen,
            delimiter=self._delimiter,
            encoding=self._encoding.name,
            notes=[self._encoding.note] if self._encoding.note else [],
        )

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(self._source.data), encoding=self._encoding.codec, newline="")

    def _records(self) -> Iterator[Record]:
        with self._text() as text:
            for _ in range(self._skipped):
                text.readline()
            records = _tab_records(text) if self._delimiter == "\t" else self._quoted_records(text)
            for number, (line, cells) in enumerate(records, 1):
                if any(cell.startswith('="') for cell in cells):
                    cells = [m[1] if (m := _EXCEL_TEXT.fullmatch(cell)) else cell for cell in cells]
                yield number, line + self._skipped, cells

    def _quoted_records(self, text: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(text, delimiter=self._delimiter, strict=True)
        number, line = 1, 1
        while True:
            try:
                with _cell_limit():
                    cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise self._broken(number, line + self._skipped, reader.line_num, str(error)) from error
            yield line, cells
            number, line = number + 1, reader.line_num + 1

    def _broken(self, number: int, line: int, reached: int, said: str) -> CatalogInvalid:
        place = f"{self._source.where}, row {number} (line {line})"
        if "field larger" in said:
            return CatalogInvalid(
                f"a cell has more than {CELL_LIMIT:,} characters",
                place=place,
                remedy="most likely a quote that opens in this row is never closed; close it or remove it",
            )
        if "unexpected end" in said:
            return CatalogInvalid(
                "a quote that opens in this row is never closed; the rest of the file would be one cell",
                place=place,
                remedy='close it, or write a quote that belongs to the text twice ("")',
            )
        return CatalogInvalid(
            f"a stray quote: text goes on after a closing quote on line {reached}",
            place=place,
            remedy='write a quote that belongs to the text twice ("")',
        )


@contextmanager
def _cell_limit() -> Iterator[None]:
    """Python keeps the limit for the whole process, so it is set for one row at a time and put back."""
    with _cell_limit_lock:
        before = csv.field_size_limit(CELL_LIMIT)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _delimiter(lines: Sequence[str], chosen: ColumnChoice) -> str:
    """What parts the cells: by what the header can be told, else what the first line with any of them has most."""
    telling = next((line for line in lines if any(map(line.count, _DELIMITERS)) and not is_comment([line])), "")
    unquoted = re.sub(r'"[^"]*"', "", telling)
    by_count = sorted(_DELIMITERS, key=unquoted.count, reverse=True)
    for delimiter in by_count:
        records = itertools.islice(_lenient(lines, delimiter), FIRST_RECORDS)
        if any(line.count(delimiter) for line in lines) and header_row(list(records), chosen) is not None:
            return delimiter
    return by_count[0]


def _lenient(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            yield next(reader)
        except (StopIteration, csv.Error):
            return


def _tab_records(text: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Records between tabs, each with its line: a quote is text unless it opens and closes a whole cell."""
    lines = list(text)
    width, at = 0, 0
    while at < len(lines):
        literal = lines[at].rstrip("\r\n").split("\t")
        cells, taken = literal, 1
        if any(cell.startswith('"') for cell in literal):
            cells, taken = _unquoted(lines, at, width)
        width = max(width, len(cells))
        yield at + 1, cells
        at += taken


def _unquoted(lines: Sequence[str], at: int, width: int) -> tuple[list[str], int]:
    """The cells of the record that begins on a line, and how many lines it takes.

    Args:
        width: how many cells a record has; 0 where that is not known yet.
    """
    cells: list[str] = []
    pieces, taken = lines[at].split("\t"), 1
    while pieces:
        cell, *rest = pieces
        closed = _closed(pieces, lines, at + taken, width - len(cells)) if cell.startswith('"') else None
        if closed is None:
            cells.append(cell if rest else cell.rstrip("\r\n"))
            pieces = rest
        else:
            text, used, pieces = closed
            cells.append(text)
            taken += used
    return cells, taken


def _closed(
    pieces: Sequence[str], lines: Sequence[str], following: int, width: int
) -> tuple[str, int, list[str]] | None:
    """A cell that a quote opens, up to the quote that closes it; None where it is text.

    Args:
        pieces: the cell's beginning, and the rest of its line.
        following: the next line.
        width: how many cells the record may still have; none above 0 where that is not known.

    Returns:
        The cell's text, how many further lines it takes, and the pieces behind it.
    """
    first, *rest = pieces
    parts, used, length = [first[1:]], 0, 0
    while (end := _closing(parts[-1])) is None:
        length += len(parts[-1])
        whole_row = 1 < width == len(rest) + 1  # every cell is there, so neither a tab nor a line belongs into this one
        if whole_row or length > CELL_LIMIT or _has_quote(parts[-1]):
            return None
        if rest:
            parts.append("\t")
            parts.append(rest.pop(0))
            continue
        line = lines[following + used] if following + used < len(lines) else None
        if line is None or 0 < width <= line.count("\t"):
            return None  # what follows is a row of its own
        used += 1
        head, *rest = line.split("\t")
        parts.append(head)
    parts[-1] = parts[-1][:end]
    return "".join(parts).replace('""', '"'), used, rest


def _closing(part: str) -> int | None:
    """Where a quote closes at the end of a part of a quoted cell; None where none does."""
    bare = part.rstrip("\r\n")
    quotes = len(bare) - len(bare.rstrip('"'))
    return len(bare) - 1 if quotes % 2 and not _has_quote(bare[:-1]) else None


def _has_quote(part: str) -> bool:
    """Whether a quote stands alone in a part: text goes on behind it, so that it closes nothing."""
    return '"' in part.replace('""', "")
