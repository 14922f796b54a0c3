"""The rows of a CSV file, with their places, and a clear fault for everything that is not one.

Rows are numbered as a spreadsheet numbers them (the header is row 1); lines are those of the file itself, which differ
where a quoted cell holds a line break.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from charset_normalizer import from_bytes

from ..errors import CatalogInvalid

# Python's reader refuses cells above 128 Ki characters unless told otherwise; a description with pictures inlined as
# base64 is larger. Beyond this limit the cause is a quote that never closes, not a text that somebody wrote.
CELL_LIMIT = 4 * 1024 * 1024
_DELIMITERS = ",;\t"  # Shopify's own, and what a spreadsheet writes in countries with a decimal comma

_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (XLS)", "open it and save it as CSV UTF-8"),
    (b"\x1f\x8b", "a gzip archive", "unpack it and give the CSV file inside"),
    (b"PAR1", "a Parquet file", "export the table as CSV UTF-8"),
    (b"%PDF", "a PDF document", "export the table as CSV UTF-8"),
    (b"\x89PNG", "a picture", "give the product table as a CSV file"),
    (b"\xff\xd8\xff", "a picture", "give the product table as a CSV file"),
)
_OPENINGS = (
    (("<!doctype", "<html", "<?xml"), "a web page or XML", "download the export itself, not a page"),
    (("{", "["), "JSON", "export the table as CSV UTF-8"),
)
# What shops and spreadsheets really write; a guess among all of Python's codecs names exotic ones for short texts.
_ENCODINGS = ["cp1252", "cp1250", "cp1251", "utf_16", "mac_roman", "cp932", "gb18030", "big5", "euc_kr"]

_cell_limit_lock = threading.Lock()


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


class CsvFile:
    """A CSV file that was read whole: UTF-8, with or without a byte order mark, any line ending, `,` `;` or tab.

    Attributes:
        path: as given.
        sha256: of the file's bytes, in hex.
        columns: the headers that are not blank, in order.
    """

    def __init__(self, path: Path) -> None:
        """Read and check the file up to its header.

        Raises:
            CatalogInvalid: not there, empty, not a CSV file, not UTF-8, NUL bytes, no header, or a header twice.
        """
        self.path = path
        self._data = _bytes(path)
        self.sha256 = hashlib.sha256(self._data).hexdigest()
        _refuse_other_formats(path, self._data)
        _refuse_other_encodings(path, self._data)
        with self._text() as text:
            first = text.readline()
        self._delimiter = max(_DELIMITERS, key=first.count)
        header = next(self._records())[2]
        self._width = len(header)
        self._index = {name: position for position, name in enumerate(header) if name.strip()}
        self.columns = tuple(self._index)
        if not self.columns:
            raise CatalogInvalid(
                "the first row names no columns", place=self.place(1, 1), remedy="the first row must be the header"
            )
        twice = [name for position, name in enumerate(header) if name.strip() and self._index[name] != position]
        if twice:
            raise CatalogInvalid(
                f"two columns are named '{twice[0]}'", place=self.place(1, 1), remedy="rename or remove one of them"
            )

    def place(self, number: int, line: int) -> str:
        """``file, row N (line M)``, for messages."""
        return f"{self.path}, row {number} (line {line})"

    def rows(self) -> Iterator[tuple[Row, int]]:
        """Every row below the header that is not blank, and how many cells more than columns it has (0 if none).

        Rows with fewer cells are filled up with empty ones, as spreadsheets leave trailing empty cells out.

        Raises:
            CatalogInvalid: the quotes of a row are broken, or a cell is longer than :data:`CELL_LIMIT`.
        """
        width = self._width
        records = self._records()
        next(records)
        for number, line, cells in records:
            if not any(cells):
                continue
            extra = len(cells) - width
            if extra > 0:
                extra = extra if any(cells[width:]) else 0
                cells = cells[:width]
            elif extra < 0:
                cells += [""] * -extra
                extra = 0
            yield Row(number, line, tuple(cells), self._index), extra

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(self._data), encoding="utf-8-sig", newline="")

    def _records(self) -> Iterator[tuple[int, int, list[str]]]:
        """(row number, line, cells) of every record, the header included."""
        with self._text() as text:
            reader = csv.reader(text, delimiter=self._delimiter, strict=True)
            number, line = 1, 1
            while True:
                try:
                    with _cell_limit():
                        cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    raise self._broken(number, line, reader.line_num, str(error)) from error
                yield number, line, cells
                number, line = number + 1, reader.line_num + 1

    def _broken(self, number: int, line: int, reached: int, said: str) -> CatalogInvalid:
        place = self.place(number, line)
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


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise CatalogInvalid("there is no such file", place=str(path), remedy="check the path") from error
    except IsADirectoryError as error:
        raise CatalogInvalid("this is a folder", place=str(path), remedy="give the CSV file itself") from error
    except OSError as error:
        raise CatalogInvalid(
            f"cannot be read: {error.strerror}", place=str(path), remedy="check the file and its permissions"
        ) from error
    filler = b"\xef\xbb\xbf\r\n\t ,;"
    if not data[:4096].strip(filler) and not data.strip(filler):
        raise CatalogInvalid("the file is empty", place=str(path), remedy="export the products again")
    return data


def _refuse_other_formats(path: Path, data: bytes) -> None:
    if data.startswith(b"PK\x03\x04"):
        if b"[Content_Types].xml" in data[:4096] or b"xl/" in data:
            raise CatalogInvalid(
                "this is an Excel workbook (XLSX), not a CSV file", place=str(path), remedy="save it as CSV UTF-8"
            )
        raise CatalogInvalid(
            "this is a ZIP archive, not a CSV file", place=str(path), remedy="unpack it and give the CSV file inside"
        )
    for signature, kind, remedy in _SIGNATURES:
        if data.startswith(signature):
            raise CatalogInvalid(f"this is {kind}, not a CSV file", place=str(path), remedy=remedy)
    opening = data[:64].decode("utf-8-sig", "replace").lstrip().casefold()
    for openings, kind, remedy in _OPENINGS:
        if opening.startswith(openings):
            raise CatalogInvalid(f"this is {kind}, not a CSV file", place=str(path), remedy=remedy)


def _refuse_other_encodings(path: Path, data: bytes) -> None:
    piece = 1 << 20  # the whole text at once would need up to four times the bytes
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), piece):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + piece], final=start + piece >= len(data))
        except UnicodeDecodeError as error:
            raise _not_utf8(path, data, start - pending + error.start) from error
    nul = data.find(b"\0")
    if nul >= 0:
        line = data.count(b"\n", 0, nul) + 1
        raise CatalogInvalid(
            f"a NUL byte stands at offset {nul}",
            place=f"{path}, line {line}",
            remedy="the file is damaged or binary; export the products again as CSV UTF-8",
        )


def _not_utf8(path: Path, data: bytes, offset: int) -> CatalogInvalid:
    sample = data[max(0, offset - 8192) : offset + 8192]
    matches = from_bytes(sample, cp_isolation=_ENCODINGS)
    plausible = [name for match in matches for name in (match.encoding, *match.could_be_from_charset)]
    # A few accents among plain letters fit several encodings; spreadsheets on Windows write this one.
    accents = sum(byte > 0x7F for byte in sample)
    western = "cp1252" in plausible and accents < len(sample) / 5
    encoding = "cp1252" if western else next(iter(plausible), None)
    line = data.count(b"\n", 0, offset) + 1
    message = f"not UTF-8: byte {data[offset]:#04x} at offset {offset}"
    remedy = "save the table as 'CSV UTF-8'"
    if encoding:
        around = data[max(0, offset - 12) : offset + 12].decode(encoding, "replace")
        message += f"; most likely {encoding}, which reads {' '.join(around.split())!r} there"
        remedy += f", or run: iconv -f {encoding.replace('_', '-')} -t UTF-8 '{path.name}' > utf8.csv"
    return CatalogInvalid(message, place=f"{path}, line {line}", remedy=remedy)
