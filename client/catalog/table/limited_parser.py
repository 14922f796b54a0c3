"""Reads workbooks and Parquet in a process of its own, which may take so much memory and time and no more.

Their parsers are made of other people's machine code. They keep a cell for each place up to the last one, or as much as
a page says that it unpacks to, and where memory runs out they end the process. So this file runs as a script, beside
the program that asks, and imports nothing of Packshot: it begins in a few hundredths of a second.

It reads the file's bytes from standard input and writes JSON lines: ``{"sheet": name, "first": bool}`` before the rows
of each sheet of a workbook, and a list of texts for each row.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

HALF, WHOLE = re.compile("[\ud800-\udfff]"), "\ufffd"  # half a character, and what it is read as
DAMAGED, LACKING, TOO_LARGE = 3, 4, 5  # exit codes; a message stands on standard error


class TooLarge(Exception):
    """A file has more than a table may have; ``str()`` says what."""


def cell_of(value: Any) -> str:
    """A value of a format with types as a CSV file would have it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return HALF.sub(WHOLE, value)
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
    return HALF.sub(WHOLE, json.dumps(value, ensure_ascii=False, default=str))


def main() -> None:
    """Do what the command line says: the format, and a JSON object of limits and of where modules lie."""
    options = json.loads(sys.argv[2])
    sys.path[:] = options["path"]
    data = sys.stdin.buffer.read()
    _limit(options)
    try:
        lines = _workbook(data, options) if sys.argv[1] == "xlsx" else _parquet(data, options)
        for line in lines:
            sys.stdout.buffer.write(json.dumps(line).encode() + b"\n")
        sys.stdout.buffer.flush()
    except ModuleNotFoundError as error:
        _end(LACKING, error)
    except (TooLarge, MemoryError, ImportError) as error:  # the last where memory is short before it begins
        _end(TOO_LARGE, error)
    except Exception as error:  # what malformed files make parsers raise is of many kinds
        _end(TOO_LARGE if "alloc" in str(error) or getattr(error, "errno", None) == 27 else DAMAGED, error)


def _end(code: int, error: Exception) -> None:
    print(" ".join(str(error).split())[:300] or type(error).__name__, file=sys.stderr)
    sys.exit(code)


def _limit(options: dict[str, Any]) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the process that asks ends this one when its time is up
        return
    limits = {
        resource.RLIMIT_AS: options["memory"],
        resource.RLIMIT_CPU: options["seconds"],
        resource.RLIMIT_FSIZE: options["output"],
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        ceiling = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (ceiling, hard))
        except (ValueError, OSError):  # macOS takes no limit of the address space
            continue


def _workbook(data: bytes, options: dict[str, Any]) -> Iterator[Any]:
    from python_calamine import CalamineWorkbook, SheetVisibleEnum

    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    names = [sheet.name for sheet in book.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible]
    cells = 0
    for name in names or book.sheet_names:
        sheet = book.get_sheet_by_name(name)
        rows, columns = (place + 1 for place in sheet.end or (0, 0))
        cells += rows * columns
        if rows > options["rows"] or cells > options["cells"]:
            raise TooLarge(f"reaches to row {rows:,} and column {columns:,}")
        yield {"sheet": name, "first": name == book.sheet_names[0]}
        for row in sheet.to_python(skip_empty_area=False):
            yield [cell_of(cell) for cell in row]


def _parquet(data: bytes, options: dict[str, Any]) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data))
    rows, names = file.metadata.num_rows, list(file.schema_arrow.names)
    if rows > options["rows"] or len(names) > options["columns"] or rows * len(names) > options["cells"]:
        raise TooLarge(f"has {rows:,} rows and {len(names):,} columns")
    yield names
    for batch in file.iter_batches(batch_size=1024, use_threads=False):
        for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield [cell_of(cell) for cell in cells]


if __name__ == "__main__":
    main()
