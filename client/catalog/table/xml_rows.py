"""XML: RSS and Atom feeds of products, and the like of other shop systems."""

from __future__ import annotations

import json
from collections.abc import Iterator
from xml.sax import ContentHandler, SAXException
from xml.sax.expatreader import ExpatLocator
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from ...errors import CatalogInvalid
from .dialects import ColumnChoice
from .files import Source
from .rows import MOST_COLUMNS, ListCell, Record, RowFile

_PRODUCTS = {"item", "entry", "product", "offer", "shopitem", "row", "record"}  # elements that are a row, in lower case
_MOST_DEPTH = 50
_MOST_TEXTS = 5_000_000  # of all elements and attributes in rows; a feed of 100,000 products with 40 each fits
_PART = 1 << 16  # bytes that are parsed at once
_MOST_TAG = 4 << 20  # bytes of one tag or comment, which the parser keeps whole


class XmlRows(RowFile):
    """An XML file: a row for each ``item``, ``entry``, ``product`` …; a column for each element in one.

    Columns are named without the prefix of their namespace; where ``title`` and ``g:title`` are there, ``g:title`` is
    read. An element that comes several times is a list; one inside another has a dot in its name (``shipping.price``).
    Rows are numbered as if a header stood above them.

    Raises:
        CatalogInvalid: it is damaged, holds no such element, declares entities, or has more than a table may have.
    """

    def __init__(self, source: Source, chosen: ColumnChoice) -> None:
        feed = _Feed()
        try:
            _parse(source.data, feed)
        except DefusedXmlException as error:
            raise CatalogInvalid(
                "this XML declares entities of its own, which may unpack to any size",
                place=source.where,
                remedy="export the feed without a document type declaration",
            ) from error
        except (SAXException, ValueError, LookupError) as error:
            raise CatalogInvalid(
                f"this XML cannot be read: {' '.join(str(error).split())}",
                place=source.where,
                remedy="export the feed again",
            ) from error
        if not feed.rows:
            raise CatalogInvalid(
                "this XML holds no products",
                place=source.where,
                remedy="give a feed with an <item>, <entry> or <product> for each, or export the table as CSV UTF-8",
            )
        self._names = list(dict.fromkeys(name for _, row in feed.rows for name in row))
        self._rows = feed.rows
        super().__init__(source, chosen, encoding="")

    def _records(self) -> Iterator[Record]:
        yield 1, 1, self._names
        for number, (line, row) in enumerate(self._rows, 2):
            yield number, line, [row.get(name, "") for name in self._names]


def _parse(data: bytes, feed: _Feed) -> None:
    """Give a document to the parser in parts.

    Raises:
        ValueError: a part of it, or the whole, has more than a table may have.
        SAXException, DefusedXmlException: it is damaged, or declares entities.
    """
    parser = DefusedExpatParser()
    parser.setContentHandler(feed)
    feed.setDocumentLocator(ExpatLocator(parser))
    silent = 0
    for start in range(0, len(data), _PART):
        before = feed.events
        parser.feed(data[start : start + _PART])
        silent = 0 if feed.events != before else silent + _PART
        if silent > _MOST_TAG:
            raise ValueError(f"a tag or a comment has more than {_MOST_TAG >> 20} MiB")
    parser.close()


class _Feed(ContentHandler):
    """Gathers the rows of a document as it is parsed.

    Attributes:
        rows: the line on which each begins, and its texts by name.
        events: how many pieces the parser has told of.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, dict[str, str]]] = []
        self._line = 0
        self._path: list[str] = []  # of the elements in a row; empty outside
        self._texts: list[list[str]] = []
        self._values: dict[str, list[str]] = {}
        self._depth = 0
        self._cells = 0
        self.events = 0

    def setDocumentLocator(self, locator: Locator) -> None:
        """Take what says on which line the parser is."""
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        """Begin a row, or an element in one."""
        self.events += 1
        self._depth += 1
        if self._depth > 2 * _MOST_DEPTH:
            raise ValueError(f"its elements are more than {2 * _MOST_DEPTH} deep")
        if not self._path and _bare(name).casefold() not in _PRODUCTS:
            return
        if not self._path:
            self._line = self._locator.getLineNumber() or 0
            self._values = {key: [value] for key, value in attrs.items() if not key.startswith("xml")}
        if len(self._path) == _MOST_DEPTH:
            raise ValueError(f"its elements are more than {_MOST_DEPTH} deep")
        self._cells += 1 + len(attrs)
        if self._cells > _MOST_TEXTS or len(self._values) > MOST_COLUMNS:
            raise ValueError("it has more than a table may have")
        self._path.append(name)
        self._texts.append([])

    def characters(self, content: str) -> None:
        """Keep the text of the element that is open."""
        self.events += 1
        if self._texts:
            self._texts[-1].append(content)

    def endElement(self, name: str) -> None:  # noqa: ARG002 - the parser knows that it fits
        """End an element, or a row."""
        self.events += 1
        self._depth -= 1
        if not self._path:
            return
        text = "".join(self._texts.pop()).strip()
        path = ".".join(self._path[1:])
        self._path.pop()
        if self._path:
            if text:
                self._values.setdefault(path, []).append(text)
        elif self._values:
            self.rows.append((self._line, _row(self._values)))


def _row(values: dict[str, list[str]]) -> dict[str, str]:
    row: dict[str, str] = {}
    for path in sorted(values, key=lambda path: ":" in path):  # the namespace of a feed goes before RSS's own
        texts = values[path]
        name = ".".join(map(_bare, path.split(".")))
        row[name] = texts[0] if len(texts) == 1 else ListCell.of(json.dumps(texts, ensure_ascii=False), texts)
    return row


def _bare(name: str) -> str:
    return name.rpartition(":")[2]
