"""Tables that are no text with delimiters: JSON Lines, Excel workbooks, Parquet."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import Any

from openpyxl import load_workbook

from ...errors import CatalogInvalid
from .csv_rows import CsvRows
from .files import Format, Source, read_source
from .rows import Record, RowFile

_HALF, _WHOLE = re.compile("[\ud800-\udfff]"), "\ufffd"


def open_rows(where: Any) -> RowFile:
    """The rows of the table at a path or an address, whatever its format.

    Raises:
        CatalogInvalid: it cannot be read, see :func:`~.files.read_source` and the classes of the formats.
    """
    source = read_source(where)
    kinds: dict[Format, Callable[[Source], RowFile]]
    kinds = {"csv": CsvRows, "jsonl": JsonRows, "xlsx": WorkbookRows, "parquet": ParquetRows}
    return kinds[source.format](source)


class JsonRows(RowFile):
    """JSON Lines: an object a line; the columns are all their names, in the order in which they first appear.

    Row and line are both the line of the file. What is not text is written as JSON, and null as an empty cell. Half a
    character, which JSON can carry and no other file, is read as U+FFFD and noted.

    Raises:
        CatalogInvalid: a line that is not an object, or not UTF-8.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        names: dict[str, None] = {}
        notes: list[str] = []
        for number, record in self._objects():
            names.update(dict.fromkeys(record))
            if not notes and _HALF.search(json.dumps(record, ensure_ascii=False)):
                notes.append(f"half a character on line {number}, and read as {_WHOLE!r}")
        self._names = list(names)
        super().__init__(source, notes=notes)

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in enumerate(io.BytesIO(self._source.data.removeprefix(b"\xef\xbb\xbf")), 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line.decode())
            except ValueError as error:
                raise self._broken(number, f"not JSON: {error}") from error
            if not isinstance(record, dict):
                raise self._broken(number, "a line must be one JSON object")
            yield number, record

    def _broken(self, number: int, message: str) -> CatalogInvalid:
        return CatalogInvalid(
            message, place=f"{self._source.where}, line {number}", remedy="write one JSON object a line, in UTF-8"
        )

    def _records(self) -> Iterator[Record]:
        yield 1, 1, [_text(name) for name in self._names]
        for number, record in self._objects():
            yield number, number, [_text(record.get(name)) for name in self._names]


class WorkbookRows(RowFile):
    """The first sheet of an XLSX workbook; formulas count as the values that the spreadsheet last computed.

    Raises:
        CatalogInvalid: the workbook is damaged.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        super().__init__(source, encoding="")

    def _records(self) -> Iterator[Record]:
        try:
            book = load_workbook(io.BytesIO(self._source.data), read_only=True, data_only=True)
            try:
                sheet = book.worksheets[0]
                sheet.reset_dimensions()  # some programs write a wrong size, by which rows would be cut off
                for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
                    yield number, number, [_text(cell) for cell in cells]
            finally:
                book.close()
        except Exception as error:  # openpyxl, zipfile, zlib and expat have many of their own for damaged files
            raise CatalogInvalid(
                f"this XLSX workbook cannot be read: {str(error) or type(error).__name__}",
                place=self._source.where,
                remedy="open it and save it again, or save it as CSV UTF-8",
            ) from error


class ParquetRows(RowFile):
    """A Parquet file; its rows are numbered as if a header stood above them.

    Raises:
        CatalogInvalid: it is damaged, or pyarrow is not installed.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        super().__init__(source, encoding="")

    def _records(self) -> Iterator[Record]:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise CatalogInvalid(
                "reading Parquet needs pyarrow", place=self._source.where, remedy="pip install 'packshot[parquet]'"
            ) from error
        try:
            file = pq.ParquetFile(pa.BufferReader(self._source.data))
            names = list(file.schema_arrow.names)
            yield 1, 1, names
            number = 1
            for batch in file.iter_batches(batch_size=4096):
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    yield number, number, [_text(cell) for cell in cells]
        except (pa.ArrowException, OSError, ValueError) as error:  # the latter for damaged pages and text
            raise CatalogInvalid(
                f"this Parquet file cannot be read: {error}", place=self._source.where, remedy="export the table again"
            ) from error


def _text(value: Any) -> str:
    """A cell as a CSV file would have it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _HALF.sub(_WHOLE, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))  # a spreadsheet keeps every number as a fraction, article numbers too
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, int | float):
        return str(value)
    return _HALF.sub(_WHOLE, json.dumps(value, ensure_ascii=False, default=str))
