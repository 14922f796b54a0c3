"""The bytes of a product table, from a path or from any address that fsspec knows, and what kind of file they are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from ...budget import Budget, IrregularFile, OverBudget, deadline, read_regular
from ...errors import AddressRefused, CatalogInvalid
from ...secrets import public_address
from .addresses import NotNamed, Reach, Unfetched, parts

Format = Literal["csv", "json", "jsonl", "xlsx", "parquet", "xml"]

MOST_BYTES = 256 << 20  # of a table's file; a table is read whole
_SECONDS = 25.0  # for a table at an address

_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (XLS)", "open it and save it as XLSX or CSV UTF-8"),
    (b"\x1f\x8b", "a gzip archive", "unpack it and give the table inside"),
    (b"%PDF", "a PDF document", "export the table as CSV UTF-8"),
    (b"\x89PNG", "a picture", "give the product table itself"),
    (b"\xff\xd8\xff", "a picture", "give the product table itself"),
)
_LISTS = ("products", "resources", "items", "entries", "data", "nodes")  # where answers of APIs keep their products
_PAGES = ("<!doctype html", "<html")


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
    shown = public_address(str(where))  # it goes into the places of all rows, and so into the records
    remote = isinstance(where, str) and "://" in where
    data = _fetch(str(where)) if remote else _read(Path(where))
    filler = b"\xef\xbb\xbf\r\n\t ,;"
    if not data[:4096].strip(filler) and not data.strip(filler):
        raise CatalogInvalid("the file is empty", place=shown, remedy="export the products again")
    name = urlsplit(shown).path.rpartition("/")[2] if remote else Path(where).name
    return Source(shown, name or shown, data, hashlib.sha256(data).hexdigest(), _format(shown, data))


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, MOST_BYTES)
    except OverBudget as error:
        raise CatalogInvalid(
            f"the file is larger than {MOST_BYTES >> 20:,} MiB",
            place=str(path),
            remedy="split the table, or remove the columns that no picture needs",
        ) from error
    except FileNotFoundError as error:
        raise CatalogInvalid("there is no such file", place=str(path), remedy="check the path") from error
    except IrregularFile as error:
        what, remedy = "a pipe or a device, not a file", "write the table into a file first"
        if path.is_dir():
            what, remedy = "a folder", "give the table's file itself"
        raise CatalogInvalid(f"this is {what}", place=str(path), remedy=remedy) from error
    except OSError as error:
        raise CatalogInvalid(
            f"cannot be read: {error.strerror}", place=str(path), remedy="check the file and its permissions"
        ) from error


def _fetch(url: str) -> bytes:
    """What lies at an address that the owner of the run has named; where it redirects to is held to less."""
    try:
        with deadline(_SECONDS):
            return b"".join(parts(url, Reach.of([url]), Budget(most_bytes=MOST_BYTES)))
    except NotNamed as error:
        raise AddressRefused(
            f"the table is not fetched: {error}", place=url, remedy="give the address behind the redirection itself"
        ) from error
    except Unfetched as error:
        raise CatalogInvalid(
            f"cannot be read: {error}",
            place=url,
            remedy="check the address and your access to it, or download the table and give its path",
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
    opening = _opening(data)
    if opening.startswith(_PAGES):
        raise CatalogInvalid(
            "this is a web page, not a table", place=where, remedy="download the export itself, as a table"
        )
    if opening.startswith("<"):
        return "xml"
    if opening.startswith("[") and opening[1:].lstrip()[:1] in ("{", "]", "[", ""):
        return "json"
    if opening.startswith("{"):
        return _json_format(data)
    return "csv"


def _opening(data: bytes) -> str:
    """The first characters, in lower case; JSON and XML in UTF-16 are told by their byte order mark."""
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return data[:512].decode("utf-16" if utf16 else "utf-8-sig", "replace").lstrip().casefold()


def _json_format(data: bytes) -> Format:
    """JSON Lines where the first line is an object by itself, and not all that an API answered."""
    line, _, rest = data.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return "json"
    return "jsonl" if rest.strip() or not inner_list(record) else "json"


def inner_list(document: Any) -> list[Any] | None:
    """The list of products in what an API answers: ``{"products": […]}``, also some levels down; None without one."""
    while isinstance(document, dict) and "sku" not in document and "title" not in document:
        inner = next((document[name] for name in _LISTS if isinstance(document.get(name), list | dict)), None)
        if isinstance(inner, list):
            return inner
        document = inner
    return None
