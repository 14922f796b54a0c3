"""CSV and TSV files, and a clear fault for everything that is not one."""

from __future__ import annotations

import codecs
import csv
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from charset_normalizer import from_bytes

from ...errors import CatalogInvalid
from .files import Source
from .rows import Record, RowFile

# Python's reader refuses cells above 128 Ki characters unless told otherwise; a description with pictures inlined as
# base64 is larger. Beyond this limit the cause is a quote that never closes, not a text that somebody wrote.
CELL_LIMIT = 4 * 1024 * 1024
_DELIMITERS = ",;\t|"  # Shopify's own, what a spreadsheet writes in countries with a decimal comma, and what feeds use

# What shops and spreadsheets really write; a guess among all of Python's codecs names exotic ones for short texts.
_ENCODINGS = ["cp1252", "cp1250", "cp1251", "utf_16", "mac_roman", "cp932", "gb18030", "big5", "euc_kr"]
_WINDOWS = "cp1252"

_cell_limit_lock = threading.Lock()


class CsvRows(RowFile):
    """A CSV file: UTF-8, with or without a byte order mark, or Windows' Western encoding, which is noted; any line
    ending; commas, semicolons, tabs or bars.

    Raises:
        CatalogInvalid: another encoding, NUL bytes, no header, or a header twice.
    """

    def __init__(self, source: Source) -> None:
        fault = _not_utf8(source)
        notes = []
        self._encoding = "utf-8-sig"
        if fault is not None:
            self._encoding = _WINDOWS
            notes.append(f"not UTF-8 but {_WINDOWS}, and read as that: {fault}")
        self._source = source
        _refuse_nul(source)
        with self._text() as text:
            first = text.readline()
        self._delimiter = max(_DELIMITERS, key=first.count)
        super().__init__(
            source,
            delimiter=self._delimiter,
            encoding=self._encoding.removesuffix("-sig"),
            notes=notes,
        )

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(self._source.data), encoding=self._encoding, newline="")

    def _records(self) -> Iterator[Record]:
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


def _refuse_nul(source: Source) -> None:
    nul = source.data.find(b"\0")
    if nul >= 0:
        line = source.data.count(b"\n", 0, nul) + 1
        raise CatalogInvalid(
            f"a NUL byte stands at offset {nul}",
            place=f"{source.where}, line {line}",
            remedy="the file is damaged or binary; export the products again as CSV UTF-8",
        )


def _not_utf8(source: Source) -> str | None:
    """Where a file is not UTF-8, when it can be read as Windows' Western encoding all the same; None for UTF-8.

    Raises:
        CatalogInvalid: it is not UTF-8, and what it is nobody can be sure of.
    """
    data = source.data
    piece = 1 << 20  # the whole text at once would need up to four times the bytes
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), piece):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + piece], final=start + piece >= len(data))
        except UnicodeDecodeError as error:
            return _other_encoding(source, start - pending + error.start)
    return None


def _other_encoding(source: Source, offset: int) -> str:
    data = source.data
    sample = data[max(0, offset - 8192) : offset + 8192]
    matches = from_bytes(sample, cp_isolation=_ENCODINGS)
    plausible = [name for match in matches for name in (match.encoding, *match.could_be_from_charset)]
    # A few accents among plain letters fit several encodings; spreadsheets on Windows write this one.
    accents = sum(byte > 0x7F for byte in sample)
    western = _WINDOWS in plausible and accents < len(sample) / 5
    encoding = _WINDOWS if western else next(iter(plausible), None)
    line = data.count(b"\n", 0, offset) + 1
    message = f"not UTF-8: byte {data[offset]:#04x} at offset {offset}"
    remedy = "save the table as 'CSV UTF-8'"
    if encoding:
        around = " ".join(data[max(0, offset - 12) : offset + 12].decode(encoding, "replace").split())
        if western and b"\0" not in data and _wholly_windows(data):
            return f"line {line}, {around!r}"
        message += f"; most likely {encoding}, which reads {around!r} there"
        remedy += f", or run: iconv -f {encoding.replace('_', '-')} -t UTF-8 '{source.name}' > utf8.csv"
    raise CatalogInvalid(message, place=f"{source.where}, line {line}", remedy=remedy)


def _wholly_windows(data: bytes) -> bool:
    """Whether all of a file is in Windows' encoding, and none of it in UTF-8, which it may be mixed with."""
    try:
        data.decode(_WINDOWS)
    except UnicodeDecodeError:
        return False
    return all(char < "\x80" or "\udc80" <= char <= "\udcff" for char in data.decode("utf-8", "surrogateescape"))
