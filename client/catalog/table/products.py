"""Products and their variants, as every dialect of product table is read."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import CatalogInvalid
from .addresses import split_addresses
from .rows import ListCell, Row, list_cell

# HTML is taken apart by expressions that look at each character once: a parser takes seconds for a hostile description.
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\b[^<>]*>|\Z)", re.IGNORECASE | re.DOTALL)
_BLOCK_TAG = re.compile(
    r"</?(?:address|article|blockquote|br|d[dlt]|div|h[1-6r]|li|[ou]l|p|pre|section|table|t[dhr])\b[^<>]*>",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[a-z!?][^<>]*>", re.IGNORECASE)
_NO_TEXTS: Mapping[str, Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant of a product.

    Attributes:
        sku: as in the table; empty where it has none.
        title: its option values as Shopify titles a variant ("Sand / Large"); empty if the product has no options.
        options: option name -> value. In a plain table, every column that has no other meaning.
        image: address or path of its own picture, the first that its cell names; empty where it has none.
        row: the row that it was read from.
        gtin: its barcode's number as in the table; empty where it has none.
    """

    sku: str
    title: str
    options: Mapping[str, str]
    image: str
    row: Row
    gtin: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """One product: what Shopify knows by a handle, what its variants name as their parent, or one row of a plain table.

    Attributes:
        handle: the handle, the parent's SKU, or the SKU in a plain table; ``id:44`` where only an id is there.
        title, body_html, vendor, category, type, status: the cells as they are; empty where the table has none.
        tags: split at commas, or as the dialect does.
        options: option name -> the values that its variants have, in order.
        images: addresses or paths of its pictures, in the table's order; a cell may name several.
        variants: at least one, in the table's order.
        row: its first row.
        locales: locale or store view -> the texts that it has there: ``title``, ``body``.
    """

    handle: str
    title: str
    body_html: str
    vendor: str
    category: str
    type: str
    status: str
    tags: tuple[str, ...]
    images: tuple[str, ...]
    variants: tuple[Variant, ...]
    row: Row
    locales: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: _NO_TEXTS)

    @property
    def body(self) -> str:
        """The description as plain text, one line per paragraph."""
        return plain_text(self.body_html)

    @property
    def options(self) -> dict[str, tuple[str, ...]]:
        values: dict[str, dict[str, None]] = {}
        for variant in self.variants:
            for name, value in variant.options.items():
                values.setdefault(name, {})[value] = None
        return {name: tuple(distinct) for name, distinct in values.items()}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why one row, or one product, gets no picture while the others do.

    Attributes:
        item_id: the SKU or handle concerned; empty where the row names none.
        place: file, row and line.
        message: what is wrong.
        remedy: what to do about it.
        slug: of the error that it would be.
    """

    item_id: str
    place: str
    message: str
    remedy: str
    slug: str = CatalogInvalid.slug


def plain_text(markup: str) -> str:
    """The text of an HTML fragment: a line per block, white space collapsed, no scripts or styles."""
    if "<" in markup:
        shown = _TAG.sub("", _BLOCK_TAG.sub("\n", _HIDDEN.sub("", markup)))
        lines = html.unescape(shown).split("\n")
    else:
        lines = html.unescape(markup).splitlines()
    return "\n".join(text for line in lines if (text := " ".join(line.split())))


def cell_text(cell: str) -> str:
    """A cell as one text; the entries of a list with commas between them."""
    return ", ".join(cell.entries) if isinstance(cell, ListCell) else cell


def picture_texts(cell: str) -> tuple[str, ...]:
    """The pictures that a cell names: the entries of a list, or else what :func:`.split_addresses` finds."""
    entries = _entries(cell)
    if entries is None:
        return split_addresses(cell)
    return tuple(address for entry in entries if (address := html.unescape(entry).strip()))


def tag_texts(cell: str, separator: str) -> tuple[str, ...]:
    """The tags of a cell: the entries of a list, else the parts between separators.

    A separator after a backslash is text, as WooCommerce writes it.
    """
    entries = _entries(cell)
    if entries is not None:
        return tuple(filter(str.strip, entries))
    parts = re.split(rf"(?<!\\){re.escape(separator)}", cell)
    return tuple(text for part in parts if (text := part.replace(f"\\{separator}", separator).strip()))


def _entries(cell: str) -> tuple[str, ...] | None:
    """The texts of a list, also of one that a cell holds as JSON, as Meta's feeds may; None where it is none."""
    if isinstance(cell, ListCell):
        return cell.entries
    if not cell.startswith(("[{", '["')):
        return None
    try:
        listed = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return list_cell(listed).entries if isinstance(listed, list) else None


def torn(extra: int) -> tuple[str, str]:
    """Message and remedy for a row with more cells than columns."""
    return (
        f"the row has {extra} more cell{'s' if extra > 1 else ''} than there are columns",
        "put a text that holds a comma in double quotes",
    )
