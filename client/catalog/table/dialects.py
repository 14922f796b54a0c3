"""The product tables that shops and markets write, as data: which columns hold what, and by what a dialect is known.

One YAML file per dialect in ``dialects/``, with the vendors' own pages as sources. What no dialect knows is a plain
table; a user's choice of columns (``columns:`` in a ``catalog.yaml``, ``--column``) goes before any dialect.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from ...errors import CatalogInvalid, nearest

ColumnChoice = Mapping[str, str | Sequence[str]]
"""Field -> the header of the column that holds it; of several columns for ``images``."""

#: What a user may say the column of; the rest only dialects know.
FIELDS = (
    *("sku", "title", "body", "vendor", "category", "type", "tags", "status", "gtin"),
    *("handle", "group", "image", "images", "variant image"),
)
PLAIN = "plain"

_SHIPPED = Path(__file__).resolve().parent / "dialects"
_FROZEN = ConfigDict(extra="forbid", frozen=True)
_MOST_NUMBERED = 50  # `other_image_url{n}`: n from 0 to this
_LOCALISED = re.compile(r"^(?P<name>.+?)-(?P<locale>[a-z]{2,3}_[a-z]{2})(?:-(?P<scope>[^-]+))?$")


class DialectSource(BaseModel):
    """Where the names of a dialect's columns come from, and when that was looked at."""

    model_config = _FROZEN

    source: str
    checked: date


class Levels(BaseModel):
    """What the column ``level`` says of a row: the words of each kind, in lower case."""

    model_config = _FROZEN

    parent: tuple[str, ...] = ()
    child: tuple[str, ...] = ()
    picture: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


class Dialect(BaseModel):
    """How one kind of table is read. Headers are compared by :func:`canonical`.

    Attributes:
        layout: ``handles``: rows that share a handle are a product, and rows may bring a picture alone. ``variants``: a
            row for each variant.
        known_by: sets of headers; a table that has all of one set is of this dialect.
        below: prefixes that headers may have, such as ``productattributes.`` of the Merchant API.
        columns: field -> the headers that hold it, by preference; of ``images`` all are read. ``{n}`` is a number.
        options: headers of columns that tell variants apart -> the name of the option. None: every column that has no
            other meaning is one.
        option_pairs: headers of an option's name and of its value.
        attribute_patterns: find names and values (groups 1 and 2) in the column ``attributes``; none: ``a=1,b=2``.
        levels: what the rows are, where a column says so.
        tags: between what the tags are split.
        localised: whether headers end in a locale and a channel (``name-de_DE-ecommerce``).
        sheets: names of the sheet of a workbook that holds the products.
    """

    model_config = _FROZEN

    id: str
    layout: Literal["handles", "variants"]
    known_by: tuple[tuple[str, ...], ...]
    below: tuple[str, ...] = ()
    columns: dict[str, tuple[str, ...]]
    options: dict[str, str] | None = None
    option_pairs: tuple[tuple[str, str], ...] = ()
    attribute_patterns: tuple[str, ...] = ()
    levels: Levels = Levels()
    tags: str = ","
    localised: bool = False
    sheets: tuple[str, ...] = ()
    sources: tuple[DialectSource, ...]

    def fit(self, names: Mapping[str, str]) -> int:
        """How many headers of the largest set that ``names`` has whole; 0 where the dialect is another."""
        bare = set(names).union(name.removeprefix(prefix) for prefix in self.below for name in names)
        groups = [{canonical(header) for header in group} for group in self.known_by]
        return max((len(group) for group in groups if group <= bare), default=0)

    @property
    def required(self) -> tuple[str, ...]:
        """The fields without which no row can be read."""
        return ("handle", "title") if self.layout == "handles" else ("sku", "title")


@functools.cache
def dialects() -> Mapping[str, Dialect]:
    """All dialects by id, the plain one last."""
    files = sorted(_SHIPPED.glob("*.yaml"), key=lambda path: (path.stem == PLAIN, path.stem))
    return {path.stem: Dialect.model_validate(yaml.safe_load(path.read_text("utf-8"))) for path in files}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where one table has what its dialect knows.

    Attributes:
        of: field -> column; only for what the table has.
        pictures: the columns of further pictures, in the dialect's order.
        options: column -> name of the option.
        pairs: the columns of an option's name and of its value.
        localised: field ("title" or "body") -> locale as written, such as ``de_DE`` -> column.
    """

    dialect: Dialect
    of: Mapping[str, str]
    pictures: tuple[str, ...]
    options: Mapping[str, str]
    pairs: tuple[tuple[str, str], ...]
    localised: Mapping[str, Mapping[str, str]]

    @property
    def missing(self) -> tuple[str, ...]:
        """The required fields that the table lacks; an identity of another kind stands in for a SKU."""
        return tuple(f for f in self.dialect.required if f not in self.of and not (f == "sku" and "key" in self.of))

    @property
    def mapping(self) -> dict[str, str]:
        """Field -> column, for what the table has; further pictures are numbered from 2."""
        pairs = {f"option{n} {part}": pair[at] for n, pair in enumerate(self.pairs, 1) for at, part in _PARTS}
        return {**self.of, **{f"image {n}": column for n, column in enumerate(self.pictures, 2)}, **pairs}


_PARTS = ((0, "name"), (1, "value"))


def columns_of(columns: Sequence[str], chosen: ColumnChoice | None = None) -> Columns:
    """Tell the dialect of a table by its columns, and where everything is.

    Args:
        chosen: what the user says; goes before what the dialect knows.
    """
    names = _by_name(columns)
    by_id = dialects()
    dialect = max((d for d in by_id.values() if d.id != PLAIN), key=lambda d: d.fit(names))
    if not dialect.fit(names):
        dialect = by_id["shopify" if "handle" in (chosen or {}) else PLAIN]
    localised: dict[str, dict[str, str]] = {}
    if dialect.localised:
        # A column without a locale goes first; then the languages in the table's own order.
        names, localised = _without_locales(columns, names, dialect)
    of = {
        field: column
        for field, headers in dialect.columns.items()
        if field != "images" and (column := next(_held(headers, names, dialect.below), ""))
    }
    pictures = tuple(_held(dialect.columns.get("images", ()), names, dialect.below))
    of, pictures = _with_chosen(of, pictures, columns, chosen or {})
    pictures = tuple(column for column in dict.fromkeys(pictures) if column != of.get("image"))
    pairs = tuple(_pairs_held(dialect, names))
    if dialect.options is None:
        taken = {*of.values(), *pictures, *(name for by_locale in localised.values() for name in by_locale.values())}
        options = {column: column for column in columns if column not in taken}
    else:
        options = {
            column: name
            for header, name in dialect.options.items()
            for column in _held((header,), names, dialect.below)
            if column not in of.values()
        }
    return Columns(dialect, of, pictures, options, pairs, localised)


def header_row(records: Sequence[Sequence[str]], chosen: ColumnChoice) -> int | None:
    """Which of a table's first records is its header, from 0; None where that cannot be told.

    It is the first that has the columns that the user names, else the first that has all that a dialect needs; a plain
    table's is looked for last, as Amazon has names for people above its own.
    """
    headers = [[cell.strip() for cell in cells if cell.strip()] for cells in records]
    choice = {header.strip() for _, header in chosen_headers(chosen)}
    if choice:
        return next((position for position, row in enumerate(headers) if choice <= set(row)), None)
    shop = (position for position, row in enumerate(headers) if _is_header(row, plain=False))
    plain = (position for position, row in enumerate(headers) if _is_header(row, plain=True))
    return next(itertools.chain(shop, plain), None)


def is_comment(cells: Sequence[str]) -> bool:
    """Whether a record above the header is a comment, as Meta's template has them (``# Required | …``), or blank."""
    first = next((cell for cell in cells if cell.strip()), "#")
    return first.lstrip().startswith("#")


def chosen_headers(chosen: ColumnChoice) -> Iterator[tuple[str, str]]:
    """Each field with each header that the user names for it."""
    for field, headers in chosen.items():
        yield from ((field, header) for header in ([headers] if isinstance(headers, str) else headers))


@functools.lru_cache(4096)
def canonical(header: str) -> str:
    """A header as it is compared: in lower case, `_` as a space, without marks that shops add.

    Amazon's ``item_name[marketplace_id=A1]#1.value`` is ``item name``, PrestaShop's ``Name *`` is ``name``.
    """
    bare = re.sub(r"\[[^\[\]=]*=[^\[\]]*\]|#\d+|\.value$", "", header.strip().casefold())
    return re.sub(r"[\s_]+", " ", bare.removeprefix("g:")).strip(" *:")


def check_choice(chosen: ColumnChoice, place: str) -> None:
    """Refuse a field that there is not.

    Raises:
        CatalogInvalid: with the nearest field.
    """
    for field in chosen:
        if field not in FIELDS:
            raise CatalogInvalid(
                f"'{field}' is nothing that a column can hold", place=place, remedy=nearest(field, FIELDS)
            )


def _is_header(headers: Sequence[str], *, plain: bool) -> bool:
    """Whether a row names all columns that a dialect, or a plain table, needs."""
    names = _by_name(headers)
    if not any(dialect.fit(names) for dialect in dialects().values() if (dialect.id == PLAIN) == plain):
        return False
    return not columns_of(headers).missing


def _by_name(columns: Sequence[str]) -> dict[str, str]:
    return {canonical(column): column for column in reversed(columns)}


def _held(headers: Iterable[str], names: Mapping[str, str], below: Iterable[str]) -> Iterator[str]:
    """The columns that a dialect's headers name, where the table has them."""
    for header in headers:
        numbered = (header.replace("{n}", str(n)) for n in range(_MOST_NUMBERED)) if "{n}" in header else (header,)
        for name in map(canonical, numbered):
            yield from (names[prefix + name] for prefix in ("", *below) if prefix + name in names)


def _pairs_held(dialect: Dialect, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for pair in dialect.option_pairs:
        for n in range(_MOST_NUMBERED):
            name, value = (canonical(header.replace("{n}", str(n))) for header in pair)
            if value in names:
                yield names.get(name, ""), names[value]


def _with_chosen(
    of: Mapping[str, str], pictures: tuple[str, ...], columns: Sequence[str], chosen: ColumnChoice
) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the dialect knows, with what the user says before it."""
    exact = {column.strip(): column for column in reversed(columns)}
    choice = [(field, exact[header.strip()]) for field, header in chosen_headers(chosen) if header.strip() in exact]
    single = {field: column for field, column in choice if field != "images"}
    rest = {field: column for field, column in of.items() if column not in single.values()}
    return {**rest, **single}, tuple(column for field, column in choice if field == "images") or pictures


def _without_locales(
    columns: Sequence[str], names: Mapping[str, str], dialect: Dialect
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Attributes by their bare names, and titles and descriptions by locale."""
    bare = dict(names)
    localised: dict[str, dict[str, str]] = {}
    for column in columns:
        match = _LOCALISED.match(column.strip().casefold())
        if match is None:
            continue
        name = canonical(match["name"])
        bare.setdefault(name, column)
        for field in ("title", "body"):
            if name in map(canonical, dialect.columns[field]):
                language, _, country = match["locale"].partition("_")
                localised.setdefault(field, {}).setdefault(f"{language}_{country.upper()}", column)
    return bare, localised
