"""Excel workbooks and Parquet."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ...errors import CatalogInvalid
from .dialects import ColumnChoice, dialects, header_row
from .files import Source
from .limited_parser import DAMAGED, LACKING
from .rows import FIRST_RECORDS, MOST_CELLS, MOST_COLUMNS, MOST_ROWS, Record, RowFile

_MOST_UNPACKED = 512 << 20  # bytes of all parts of a workbook together
_MOST_PARTS = 10_000
_PIECE, _PACKED = 1 << 20, 1 << 16  # bytes that are looked at at once
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,7})["']""")
# What the parsers may take. A sheet of 100,000 rows and 40 columns takes a third of it.
_LIMITS = {
    "memory": 1400 << 20, "output": 512 << 20, "seconds": 20, "rows": MOST_ROWS, "columns": MOST_COLUMNS,
    "cells": MOST_CELLS,
}  # fmt: skip
_PATIENCE = 25.0  # seconds
# One heap and no pool: both would ask for more addresses than memory.
_LEAN = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}


class WorkbookRows(RowFile):
    """A sheet of an XLSX or XLSM workbook; formulas count as the values that the spreadsheet last computed.

    It is the sheet that a dialect knows by its name (Amazon's *Template*), else the first whose header can be told,
    else the first that can be seen. What it unpacks to is measured before anything is parsed.

    Raises:
        CatalogInvalid: the workbook is damaged, or larger than a table may be.
    """

    def __init__(self, source: Source, chosen: ColumnChoice) -> None:
        self._source = source
        _measure(source)
        self._lines = _parse(source)
        weakref.finalize(self, self._lines.close)
        self._start_of_sheet, name, first = _sheet(self._lines, source, chosen)
        notes = [] if first else [f"read from the sheet '{name}', which is not the first"]
        super().__init__(source, chosen, encoding="", notes=notes)

    def _records(self) -> Iterator[Record]:
        for number, cells in enumerate(_rows_from(self._lines, self._start_of_sheet), 1):
            yield number, number, cells


def _rows_from(lines: IO[bytes], start: int) -> Iterator[list[str]]:
    """The rows that begin at a place, up to the next sheet; several readers may take turns."""
    while True:
        lines.seek(start)
        line = lines.readline()
        start += len(line)
        if not line or line.startswith(b"{"):
            return
        yield json.loads(line)


def _sheet(lines: IO[bytes], source: Source, chosen: ColumnChoice) -> tuple[int, str, bool]:
    """Where the rows of the sheet that holds the products begin, its name, and whether it is the workbook's first."""
    of_dialects = {name.casefold() for dialect in dialects().values() for name in dialect.sheets}
    sheets: list[tuple[int, str, bool]] = []
    lines.seek(0)
    while line := lines.readline():
        if line.startswith(b"{"):
            sheet = json.loads(line)
            sheets.append((lines.tell(), sheet["sheet"], sheet["first"]))
    if not sheets:
        raise _damaged(source, "it has no sheet")
    for sheet in sorted(sheets, key=lambda sheet: sheet[1].casefold() not in of_dialects):
        rows = list(itertools.islice(_rows_from(lines, sheet[0]), FIRST_RECORDS))
        if header_row(rows, chosen) is not None:
            return sheet
    return sheets[0]


def _parse(source: Source) -> IO[bytes]:
    """Have a workbook or a Parquet file read by a limited process; the file of JSON lines that it wrote.

    Raises:
        CatalogInvalid: it is damaged or too large, or what reads it is not there.
    """
    lines = tempfile.TemporaryFile(prefix="packshot-")  # noqa: SIM115 - it is read as long as the table is
    try:
        _run_parser(source, lines)
    except BaseException:
        lines.close()
        raise
    return lines


def _run_parser(source: Source, lines: IO[bytes]) -> None:
    script = Path(__file__).with_name("limited_parser.py")
    options = json.dumps({"path": sys.path, **_LIMITS})
    command = [sys.executable, "-I", "-S", str(script), source.format, options]
    with tempfile.TemporaryFile(prefix="packshot-") as complaint:
        try:
            code = subprocess.run(
                command,
                input=source.data,
                stdout=lines,
                stderr=complaint,
                timeout=_PATIENCE,
                env={**os.environ, **_LEAN},
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise _too_large(source, "takes too long to read") from error
        complaint.seek(0)
        why = complaint.read(2000).decode(errors="replace").strip()
    if code == LACKING:
        raise CatalogInvalid(
            "reading Parquet needs pyarrow", place=source.where, remedy="pip install 'packshot[parquet]'"
        )
    if code in (1, DAMAGED):
        raise _damaged(source, why if code == DAMAGED else "its form is damaged, or a rare one")
    if code:
        sizes = why.startswith(("has ", "reaches "))
        raise _too_large(source, why if sizes else "takes too much memory or time to read")


def _measure(source: Source) -> None:
    """Refuse a workbook whose parts unpack to more than a table may be; what it says of itself counts for nothing."""
    unpacked = 0
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            parts = archive.infolist()
            if len(parts) > _MOST_PARTS:
                raise _too_large(source, f"has {len(parts):,} parts")
            for part in parts:
                rows, columns, cells = 0, 0, 0
                for piece in _inflated(source.data, part):
                    unpacked += len(piece)
                    if unpacked > _MOST_UNPACKED:
                        raise _too_large(source, f"unpacks to more than {_MOST_UNPACKED >> 20:,} MiB")
                    if part.filename.casefold().startswith("xl/worksheets/"):
                        rows, columns = _extent(piece, rows, columns)
                        cells += piece.count(b"<c")
                        if rows > MOST_ROWS or rows * columns > MOST_CELLS or cells > MOST_CELLS:
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
        f"this {_NAMES[source.format]} {what}, which is more than a table may have",
        place=source.where,
        remedy="delete the empty rows and columns below and beside the table, or save it as CSV UTF-8",
    )


def _damaged(source: Source, why: str) -> CatalogInvalid:
    return CatalogInvalid(
        f"this {_NAMES[source.format]} cannot be read: {why}",
        place=source.where,
        remedy="open it and save it again, or save it as CSV UTF-8",
    )


_NAMES = {"xlsx": "XLSX workbook", "parquet": "Parquet file"}


class ParquetRows(RowFile):
    """A Parquet file; its rows are numbered as if a header stood above them.

    Raises:
        CatalogInvalid: it is damaged or too large, or pyarrow is not installed.
    """

    def __init__(self, source: Source, chosen: ColumnChoice) -> None:
        self._lines = _parse(source)
        weakref.finalize(self, self._lines.close)
        super().__init__(source, chosen, encoding="")

    def _records(self) -> Iterator[Record]:
        for number, cells in enumerate(_rows_from(self._lines, 0), 1):
            yield number, number, cells
