"""Excel workbooks and Parquet."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from ...errors import CatalogInvalid
from .dialects import ColumnChoice, dialects, header_row
from .files import Source
from .rows import FIRST_RECORDS, MOST_CELLS, Record, RowFile, cell_of

_MOST_UNPACKED = 2 << 30  # bytes of all parts of a workbook together
_MOST_PARTS = 10_000
_PIECE, _PACKED = 1 << 20, 1 << 16  # bytes that are looked at at once
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,7})["']""")


class WorkbookRows(RowFile):
    """A sheet of an XLSX or XLSM workbook; formulas count as the values that the spreadsheet last computed.

    It is the sheet that a dialect knows by its name (Amazon's *Template*), else the first whose header can be told,
    else the first that can be seen. calamine keeps a cell for every place up to the last row and column, and ends the
    process when there is no memory for them, so the file is measured before.

    Raises:
        CatalogInvalid: the workbook is damaged, or larger than a table may be.
    """

    def __init__(self, source: Source, chosen: ColumnChoice) -> None:
        self._source = source
        _measure(source)
        try:
            book = CalamineWorkbook.from_filelike(io.BytesIO(source.data))
            sheets = [s.name for s in book.sheets_metadata if s.visible == SheetVisibleEnum.Visible] or book.sheet_names
            name, self._cells = _sheet(book, sheets, chosen)
        except (CalamineError, OSError, ValueError) as error:
            raise _damaged(source, str(error)) from error
        notes = [f"read from the sheet '{name}', which is not the first"] if name != book.sheet_names[0] else []
        super().__init__(source, chosen, encoding="", notes=notes)

    def _records(self) -> Iterator[Record]:
        for number, cells in enumerate(self._cells, 1):
            yield number, number, [cell_of(cell) for cell in cells]


def _sheet(book: CalamineWorkbook, names: Sequence[str], chosen: ColumnChoice) -> tuple[str, list[list[Any]]]:
    """The sheet that holds the products, and its cells from the first row and column on."""
    of_dialects = {name.casefold() for dialect in dialects().values() for name in dialect.sheets}
    first: tuple[str, list[list[Any]]] | None = None
    for name in sorted(names, key=lambda name: name.casefold() not in of_dialects):
        cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        if header_row([[cell_of(cell) for cell in row] for row in cells[:FIRST_RECORDS]], chosen) is not None:
            return name, cells
        first = first if first and first[0] == names[0] else (name, cells)
    if first is None:
        raise ValueError("it has no sheet")
    return first


def _measure(source: Source) -> None:
    """Refuse a workbook whose parts unpack to more than a table may be; what it says of itself counts for nothing."""
    unpacked = 0
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            parts = archive.infolist()
            if len(parts) > _MOST_PARTS:
                raise _too_large(source, f"has {len(parts):,} parts")
            for part in parts:
                rows, columns = 0, 0
                for piece in _inflated(source.data, part):
                    unpacked += len(piece)
                    if unpacked > _MOST_UNPACKED:
                        raise _too_large(source, f"unpacks to more than {_MOST_UNPACKED >> 20:,} MiB")
                    if part.filename.casefold().startswith("xl/worksheets/"):
                        rows, columns = _extent(piece, rows, columns)
                        if rows * columns > MOST_CELLS:
                            raise _too_large(source, f"reaches to row {rows:,} and column {columns:,}")
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(source, str(error)) from error


def _inflated(data: bytes, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a part in pieces that overlap by a cell's reference, however many its header says there are."""
    header = part.header_offset
    begin = header + 30 + int.from_bytes(data[header + 26 : header + 28], "little")
    begin += int.from_bytes(data[header + 28 : header + 30], "little")
    packed = memoryview(data)[begin : begin + part.compress_size]
    if part.compress_type == zipfile.ZIP_STORED:
        yield bytes(packed)
        return
    if part.compress_type != zipfile.ZIP_DEFLATED:
        raise ValueError(f"{part.filename} is packed by another method than Excel's")
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    last = b""
    for start in range(0, len(packed), _PACKED):
        pending = bytes(packed[start : start + _PACKED])
        while pending and not inflate.eof:
            piece = inflate.decompress(pending, _PIECE)
            pending = inflate.unconsumed_tail
            yield last + piece
            last = piece[-32:]


def _extent(xml: bytes, rows: int, columns: int) -> tuple[int, int]:
    """The last row and column that the references of cells name, with those that came before."""
    for letters, number in set(_REFERENCE.findall(xml)):
        rows = max(rows, int(number))
        column = 0
        for letter in letters.upper():
            column = column * 26 + letter - 64
        columns = max(columns, column)
    return rows, columns


def _too_large(source: Source, what: str) -> CatalogInvalid:
    return CatalogInvalid(
        f"this XLSX workbook {what}, which is more than a table may have",
        place=source.where,
        remedy="delete the empty rows and columns below and beside the table, or save it as CSV UTF-8",
    )


def _damaged(source: Source, why: str) -> CatalogInvalid:
    return CatalogInvalid(
        f"this XLSX workbook cannot be read: {why}",
        place=source.where,
        remedy="open it and save it again, or save it as CSV UTF-8",
    )


class ParquetRows(RowFile):
    """A Parquet file; its rows are numbered as if a header stood above them.

    Raises:
        CatalogInvalid: it is damaged, or pyarrow is not installed.
    """

    def __init__(self, source: Source, chosen: ColumnChoice) -> None:
        self._source = source
        super().__init__(source, chosen, encoding="")

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
                    yield number, number, [cell_of(cell) for cell in cells]
        except (pa.ArrowException, OSError, ValueError) as error:  # the latter for damaged pages and text
            raise CatalogInvalid(
                f"this Parquet file cannot be read: {error}", place=self._source.where, remedy="export the table again"
            ) from error
