"""The product tables that shops and markets write, as data: which columns hold what, and by what a dialect is known.

Sources: Shopify's "Using CSV files to import and export products"; Google's product data specification; Amazon's
inventory files ("flat files"), whose field names stand below one or two rows of their own; Adobe Commerce's (Magento's)
product CSV; Akeneo's product export, whose attributes carry a locale and a channel in their names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .rows import field_name

DialectName = Literal["shopify", "google", "amazon", "magento", "akeneo", "plain"]

_OPTIONS = {f"option{n} {part}": (f"option{n} {part}",) for n in (1, 2, 3) for part in ("name", "value")}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of table is read.

    Attributes:
        headers: what we read -> the headers that hold it, in lower case, by preference.
        options: headers of columns that tell variants apart -> the name of the option. None: every column that has no
            other meaning is one.
        known_by: sets of headers; a table that has all of one set is of this dialect.
        tags: between what the tags are split.
    """

    name: DialectName
    headers: Mapping[str, tuple[str, ...]]
    options: Mapping[str, str] | None
    known_by: tuple[frozenset[str], ...]
    tags: str = ","


def _dialect(
    name: DialectName,
    headers: Mapping[str, tuple[str, ...]],
    options: Mapping[str, str] | None,
    *known_by: Collection[str],
    tags: str = ",",
) -> Dialect:
    return Dialect(name, headers, options, tuple(frozenset(group) for group in known_by), tags)


SHOPIFY = _dialect(
    "shopify",
    {
        "handle": ("handle", "url handle"),
        "sku": ("variant sku", "sku"),
        "title": ("title", "name"),
        "body": ("body (html)", "description", "body"),
        "vendor": ("vendor", "brand"),
        "category": ("product category", "category"),
        "type": ("type", "product type"),
        "tags": ("tags",),
        "status": ("status",),
        "gtin": ("variant barcode", "barcode"),
        "image": ("image src", "product image url", "image"),
        "variant image": ("variant image", "variant image url"),
        **_OPTIONS,
    },
    {},
    {"handle"},
    {"url handle"},
)
GOOGLE = _dialect(
    "google",
    {
        "group": ("item_group_id", "item group id"),
        "sku": ("id",),
        "title": ("title",),
        "body": ("description",),
        "vendor": ("brand",),
        "category": ("google_product_category", "google product category"),
        "type": ("product_type", "product type"),
        "status": ("availability",),
        "gtin": ("gtin",),
        "image": ("image_link", "image link"),
        "images": ("additional_image_link", "additional image link"),
    },
    {name: name for name in ("color", "size", "material", "pattern", "age_group", "gender")}
    | {"age group": "age_group"},
    {"id", "title", "image_link"},
    {"id", "title", "image link"},
    {"id", "title", "item_group_id"},
    {"id", "title", "google_product_category"},
)
AMAZON = _dialect(
    "amazon",
    {
        "group": ("parent_sku", "child_parent_sku_relationship.parent_sku"),
        "sku": ("item_sku", "contribution_sku"),
        "title": ("item_name",),
        "body": ("product_description",),
        "vendor": ("brand_name", "brand"),
        "category": ("recommended_browse_nodes", "recommended_browse_nodes1"),
        "type": ("feed_product_type", "product_type", "item_type", "item_type_name"),
        "tags": ("generic_keywords", "generic_keyword"),
        "gtin": ("external_product_id",),
        "level": ("parent_child", "parentage", "parentage_level"),
        "image": ("main_image_url", "main_product_image_locator"),
        "variant image": ("swatch_image_url",),
        **{f"image{n}": (f"other_image_url{n}", f"other_product_image_locator_{n}") for n in range(1, 9)},
    },
    {
        **{f"{name}{suffix}": name for name in ("color", "size", "style", "pattern") for suffix in ("_name", "")},
        **dict.fromkeys(("material", "material_type", "material_type1", "fabric_type"), "material"),
    },
    {"item_sku"},
    {"contribution_sku"},
    tags=";",
)
MAGENTO = _dialect(
    "magento",
    {
        "sku": ("sku",),
        "store": ("store_view_code",),
        "title": ("name",),
        "body": ("description", "short_description"),
        "vendor": ("manufacturer", "brand"),
        "category": ("categories",),
        "type": ("attribute_set_code",),
        "status": ("product_online", "status"),
        "attributes": ("additional_attributes",),
        "variations": ("configurable_variations",),
        "image": ("base_image",),
        "images": ("additional_images",),
        "variant image": ("swatch_image",),
    },
    {name: name for name in ("color", "size", "material", "pattern")},
    {"sku", "attribute_set_code"},
    {"sku", "store_view_code"},
    {"sku", "base_image", "name"},
)
AKENEO = _dialect(
    "akeneo",
    {
        "group": ("parent",),
        "sku": ("sku", "identifier"),
        "title": ("name", "title", "label", "product_name", "erp_name"),
        "body": ("description", "long_description", "short_description"),
        "vendor": ("brand", "manufacturer"),
        "category": ("categories",),
        "type": ("family",),
        "status": ("enabled",),
        "gtin": ("ean", "gtin"),
        "image": ("image", "picture", "main_image", "packshot"),
        "variant image": ("variation_image", "variant_image"),
    },
    None,
    {"sku", "family", "categories"},
    {"sku", "family", "enabled"},
    {"identifier", "family", "categories"},
    {"identifier", "family", "enabled"},
)
PLAIN = _dialect(
    "plain",
    {
        **{what: names for what, names in SHOPIFY.headers.items() if what != "handle"},
        "gtin": ("gtin", "ean", "barcode"),
    },
    None,
)
DIALECTS = (SHOPIFY, AMAZON, AKENEO, MAGENTO, GOOGLE)  # the plain table is what is left

_LOCALISED = re.compile(r"^(?P<name>.+?)-(?P<locale>[a-z]{2,3}_[a-z]{2})(?:-(?P<scope>[^-]+))?$")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where one table has what its dialect knows.

    Attributes:
        of: what -> column; empty for what the table does not have.
        options: column -> name of the option.
        localised: what ("title" or "body") -> locale as written, such as ``de_DE`` -> column.
    """

    dialect: Dialect
    of: Mapping[str, str]
    options: Mapping[str, str]
    localised: Mapping[str, Mapping[str, str]]

    @property
    def found(self) -> dict[str, str]:
        """What -> column, for what the table has."""
        return {what: column for what, column in self.of.items() if column}


def columns_of(columns: Sequence[str]) -> Columns:
    """Tell the dialect of a table by its columns, and where everything is."""
    by_name = {field_name(column): column for column in reversed(columns)}
    dialect = next((d for d in DIALECTS if any(group <= by_name.keys() for group in d.known_by)), PLAIN)
    localised: dict[str, dict[str, str]] = {}
    if dialect is AKENEO:
        # A column without a locale goes first; then the languages in the table's own order.
        by_name, localised = _without_locales(columns, by_name)
    of = {
        what: next((by_name[header] for header in headers if header in by_name), "")
        for what, headers in dialect.headers.items()
    }
    if dialect.options is None:
        taken = {*of.values(), *(column for columns in localised.values() for column in columns.values())}
        options = {column: column for column in columns if column not in taken}
    else:
        options = {by_name[header]: name for header, name in dialect.options.items() if header in by_name}
    return Columns(dialect, of, options, localised)


def _without_locales(
    columns: Sequence[str], by_name: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Akeneo's attributes by their bare names, and titles and descriptions by locale."""
    bare = dict(by_name)
    localised: dict[str, dict[str, str]] = {}
    for column in columns:
        match = _LOCALISED.match(column.strip().casefold())
        if match is None:
            continue
        bare.setdefault(match["name"], column)
        for what in ("title", "body"):
            if match["name"] in AKENEO.headers[what]:
                language, _, country = match["locale"].partition("_")
                localised.setdefault(what, {}).setdefault(f"{language}_{country.upper()}", column)
    return bare, localised
