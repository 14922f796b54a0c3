"""The bytes of a product table, from a path or from any address that fsspec knows, and what kind of file they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from ...errors import CatalogInvalid
from .addresses import Unfetched, parts

Format = Literal["csv", "jsonl", "xlsx", "parquet"]

_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (XLS)", "open it and save it as XLSX or CSV UTF-8"),
    (b"\x1f\x8b", "a gzip archive", "unpack it and give the table inside"),
    (b"%PDF", "a PDF document", "export the table as CSV UTF-8"),
    (b"\x89PNG", "a picture", "give the product table itself"),
    (b"\xff\xd8\xff", "a picture", "give the product table itself"),
)
_OPENINGS = (
    (("<!doctype", "<html", "<?xml"), "a web page or XML", "download the export itself, as a table"),
    (("[",), "JSON in one list", "write one JSON object a line (JSON Lines), or export the table as CSV UTF-8"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read whole.

    Attributes:
        where: its path or address as given, for messages.
        name: its last part.
        data: its bytes.
        sha256: of its bytes, in hex.
        format: told from the bytes; whatever is none of the others is taken for CSV.
    """

    where: str
    name: str
    data: bytes
    sha256: str
    format: Format


def read_source(where: Path | str) -> Source:
    """Read a file; ``where`` is a path, or an address with a scheme such as ``s3://bucket/products.csv``.

    Raises:
        CatalogInvalid: not there, not to be read, empty, or plainly something else than a table.
    """
    shown = str(where)
    remote = isinstance(where, str) and "://" in where
    data = _fetch(shown) if remote else _read(Path(where))
    filler = b"\xef\xbb\xbf\r\n\t ,;"
    if not data[:4096].strip(filler) and not data.strip(filler):
        raise CatalogInvalid("the file is empty", place=shown, remedy="export the products again")
    name = urlsplit(shown).path.rpartition("/")[2] if remote else Path(where).name
    return Source(shown, name or shown, data, hashlib.sha256(data).hexdigest(), _format(shown, data))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise CatalogInvalid("there is no such file", place=str(path), remedy="check the path") from error
    except IsADirectoryError as error:
        raise CatalogInvalid("this is a folder", place=str(path), remedy="give the table's file itself") from error
    except OSError as error:
        raise CatalogInvalid(
            f"cannot be read: {error.strerror}", place=str(path), remedy="check the file and its permissions"
        ) from error


def _fetch(url: str) -> bytes:
    try:
        return b"".join(parts(url))
    except Unfetched as error:
        raise CatalogInvalid(
            f"cannot be read: {error}", place=url, remedy="check the address and your access to it"
        ) from error


def _format(where: str, data: bytes) -> Format:
    if data.startswith(b"PK\x03\x04"):
        if b"[Content_Types].xml" in data[:4096] or b"xl/" in data:
            return "xlsx"
        raise CatalogInvalid(
            "this is a ZIP archive, not a table", place=where, remedy="unpack it and give the table inside"
        )
    if data.startswith(b"PAR1"):
        return "parquet"
    for signature, kind, remedy in _SIGNATURES:
        if data.startswith(signature):
            raise CatalogInvalid(f"this is {kind}, not a table", place=where, remedy=remedy)
    opening = data[:64].decode("utf-8-sig", "replace").lstrip().casefold()
    for openings, kind, remedy in _OPENINGS:
        if opening.startswith(openings):
            raise CatalogInvalid(f"this is {kind}, not a table", place=where, remedy=remedy)
    return "jsonl" if opening.startswith("{") else "csv"
