"""From a product table to the pictures to make: one item for each, with its inputs, its seed and its file name."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..brand import BrandKit
from ..errors import CatalogInvalid
from ..models.cards import card_ids
from ..workflow.canvas import is_model_file
from .names import safe_names
from .products import Product, RowProblem, Variant
from .sources import Table
from .templates import TemplateError, Templates

# Workflow input -> template, for the inputs that a brand and a product table can fill by themselves.
DEFAULT_MAPPING: Mapping[str, str] = {
    "prompt": (
        "{{ brand.prompt.prefix }}{% if brand.prompt.prefix %} {% endif %}{{ product.title }}"
        "{% for value in variant.look %}, {{ value }}{% endfor %}"
        "{% if brand.palette %}, colour palette of {{ brand.palette | join(', ', 'name') }}{% endif %}"
        "{% if brand.prompt.suffix %}, {{ brand.prompt.suffix }}{% endif %}"
    ),
    "negative": "{{ brand.prompt.negative }}",
}
SEED_LIMIT = 2**50
"""Seeds lie in [0, 2**50): the range in which ComfyUI's canvas draws its own random seeds. A seed widget takes up to
2**64 - 1, but JavaScript keeps integers exactly only below 2**53, and the canvas must show the seed that was used."""

# Words in the name of an option that say how a product looks, in English, German, French, Spanish and Italian.
# fmt: off
_LOOK_WORDS = frozenset({
    "color", "colour", "shade", "tone", "finish", "material", "fabric", "pattern", "print", "wood", "metal", "stone",
    "glaze", "leather", "texture", "farbe", "farbton", "muster", "stoff", "holz", "oberfläche", "couleur", "teinte",
    "matière", "motif", "tissu", "bois", "acabado", "estampado", "madera", "tela", "tejido", "colore", "materiale",
    "finitura", "tessuto", "legno",
})
# fmt: on
_NO_BRAND: Mapping[str, Any] = {"name": "", "palette": (), "prompt": {"prefix": "", "suffix": "", "negative": ""}}


@dataclass(frozen=True, slots=True)
class Item:
    """One picture to make.

    Attributes:
        sku: of the product or variant; its handle where the table has no SKU for it.
        variant: option values ("Sand / Large") of a variant's own picture; empty for a product's picture.
        item_id: unique in the plan and the same on every run: the SKU, or ``handle--values`` where variants have none.
        title: of the product.
        name: file stem, safe on every platform and unique in the plan.
        inputs: workflow input -> rendered text; the runner converts it to the input's type.
        seed: 0 to :data:`SEED_LIMIT` - 1, from SKU, variant and base seed alone.
        place: file, row and line, for messages.
        source: the row's columns as they are.
        workflow: key of the workflow that makes it; empty for the run's own.
        model: the weights that its inputs name; items with the same ones are best made one after the other.
        axes: angle, locale, channel and so on, where the plan has several pictures of one product.
    """

    sku: str
    variant: str
    item_id: str
    title: str
    name: str
    inputs: Mapping[str, Any]
    seed: int
    place: str
    source: Mapping[str, str]
    workflow: str = ""
    model: str = ""
    axes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make, in the table's order, and why some rows make nothing (the table's own problems come first)."""

    items: tuple[Item, ...]
    problems: tuple[RowProblem, ...]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What one picture will show."""

    sku: str
    label: str
    item_id: str
    product: Product
    variant: Variant


def plan_items(
    table: Table, mapping: Mapping[str, str], kit: BrandKit | None, *, base_seed: int, per_variant: bool
) -> Plan:
    """Plan one picture per product, or one per variant.

    Templates see ``product`` (a :class:`~.products.Product`: handle, title, body, body_html, vendor, category, type,
    status, tags, options, images, variants, row), ``variant`` (sku, title, options, image, and look: the option values
    that describe the look and are not already in the title), ``row`` (the row's columns by their header) and
    ``brand`` (name, palette, prompt; all empty without a kit). A product's picture shows its first variant.

    Args:
        table: the products.
        mapping: workflow input -> Jinja2 template, such as :data:`DEFAULT_MAPPING`.
        kit: the brand, if any.
        base_seed: any integer; another one gives every item another seed.
        per_variant: a picture for each variant instead of one for each product.

    Raises:
        CatalogInvalid: a template is wrong in itself, or cannot be rendered for any of the items.
    """
    templates = Templates(mapping, ("product", "variant", "row", "brand"), f"mapping for {table.where}")
    brand = kit.model_dump() if kit else _NO_BRAND
    problems = list(table.problems)
    subjects = list(_distinct(table, per_variant, problems))
    failures: dict[str, list[RowProblem]] = {name: [] for name in mapping}
    rendered: list[tuple[_Subject, dict[str, Any]]] = []
    for subject in subjects:
        context = _context(subject, brand)
        inputs: dict[str, Any] = {}
        for name in mapping:
            try:
                inputs[name] = templates.render(name, context)
            except TemplateError as error:
                message = f"the template of input '{name}' fails: {error}"
                place = table.place(subject.variant.row)
                failures[name].append(
                    RowProblem(subject.item_id, place, message, "correct the template, or this row's cells")
                )
        if len(inputs) == len(mapping):
            rendered.append((subject, inputs))
    for name, failed in failures.items():
        if failed and len(failed) == len(subjects):
            raise CatalogInvalid(
                f"{failed[0].message}; and so it does in every row",
                place=f"mapping for {table.where}, input '{name}'",
                remedy="correct the template",
            )
        problems += failed
    names = safe_names(subject.item_id for subject in subjects)
    items = tuple(
        Item(
            sku=subject.sku,
            variant=subject.label,
            item_id=subject.item_id,
            title=subject.product.title,
            name=names[subject.item_id],
            inputs=inputs,
            seed=item_seed(subject.sku, subject.label, base_seed),
            place=table.place(subject.variant.row),
            source=subject.variant.row,
            model=model_of(inputs),
        )
        for subject, inputs in rendered
    )
    return Plan(items, tuple(problems))


def item_seed(sku: str, variant: str, base_seed: int) -> int:
    """The seed of one item: the first 50 bits of SHA-256 over ``[sku, variant, base_seed]`` as JSON in UTF-8."""
    key = json.dumps([sku, variant, base_seed], ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:8], "big") % SEED_LIMIT


def model_of(inputs: Mapping[str, Any]) -> str:
    """The weights and cards that inputs name, by which a host's loaded model fits or does not."""
    cards = _cards()
    return " ".join(
        sorted(text for value in inputs.values() if (text := str(value).strip()) in cards or is_model_file(text))
    )


@functools.cache
def _cards() -> frozenset[str]:
    return frozenset(card_ids())


def _distinct(table: Table, per_variant: bool, problems: list[RowProblem]) -> Iterator[_Subject]:
    """The subjects of the table without those whose id was used before; these become problems."""
    first: dict[str, int] = {}
    for product in table.products:
        for subject in _variants(product) if per_variant else [_whole(product)]:
            row = subject.variant.row
            if subject.item_id in first:
                what = "SKU" if subject.variant.sku == subject.item_id else "item"
                problems.append(
                    RowProblem(
                        subject.item_id,
                        table.place(row),
                        f"{what} '{subject.item_id}' stands already in row {first[subject.item_id]}",
                        "give each product and variant a SKU of its own",
                    )
                )
                continue
            first[subject.item_id] = row.number
            yield subject


def _whole(product: Product) -> _Subject:
    variant = product.variants[0]
    sku = variant.sku if variant.sku.strip() else product.handle
    return _Subject(sku, "", sku, product, variant)


def _variants(product: Product) -> Iterator[_Subject]:
    for variant in product.variants:
        if variant.sku.strip():
            yield _Subject(variant.sku, variant.title, variant.sku, product, variant)
        else:
            item_id = f"{product.handle}--{'-'.join(variant.options.values())}" if variant.title else product.handle
            yield _Subject(product.handle, variant.title, item_id, product, variant)


def _context(subject: _Subject, brand: Mapping[str, Any]) -> dict[str, Any]:
    product, variant = subject.product, subject.variant
    shown = {
        "sku": variant.sku,
        "title": variant.title,
        "options": variant.options,
        "image": variant.image,
        "look": _look(product, variant),
    }
    return {"product": product, "variant": shown, "row": dict(variant.row), "brand": brand}


def _look(product: Product, variant: Variant) -> tuple[str, ...]:
    title = product.title.casefold()
    return tuple(
        value
        for name, value in variant.options.items()
        if not _LOOK_WORDS.isdisjoint(name.casefold().split()) and value.casefold() not in title
    )
