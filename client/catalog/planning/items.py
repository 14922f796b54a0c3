"""From a product table to the pictures to make: one item for each, with its inputs, its seed and its file name."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...brand import BrandKit
from ...errors import CatalogInvalid
from ...models.cards import card_ids
from ...workflow.canvas.convert import is_model_file
from ..seeds import item_seed
from ..table.products import Product, RowProblem, Variant
from ..table.read import Table
from .names import safe_names
from .template_work import TemplateError, WorkMeter
from .templates import Templates

# Workflow input -> template, for the inputs that a brand and a product table can fill by themselves.
DEFAULT_MAPPING: Mapping[str, str] = {
    "prompt": (
        "{{ brand.prompt.prefix }}{% if brand.prompt.prefix %} {% endif %}{{ product.title }}"
        "{% for value in variant.look %}, {{ value }}{% endfor %}"
        "{% if brand.palette and brand.prompt.colours %}"
        ", colour palette of {{ brand.palette | join(', ', 'name') }}{% endif %}"
        "{% if brand.prompt.suffix %}, {{ brand.prompt.suffix }}{% endif %}"
    ),
    "negative": "{{ brand.prompt.negative }}",
}
PHOTO = "{{ variant.image or product.images | first }}"  # of an input that loads a picture, where the table has some

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
class Rule:
    """Which rows are made otherwise than the rest; the first rule that fits a row holds.

    Attributes:
        when: a Jinja2 expression over what templates see, such as ``product.type == "Lamp"``.
        workflow: key of the workflow that makes these rows.
        mapping: workflow input -> template, all that this workflow needs.
        skip: make nothing of them.
    """

    when: str
    workflow: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Axes:
    """What every product is made in: each angle, in each locale, for each channel, with each seed."""

    angles: Sequence[str] = ("",)
    locales: Sequence[str] = ("",)
    channels: Sequence[str] = ("",)
    seeds: Sequence[int] = (0,)

    def __iter__(self) -> Iterator[dict[str, str]]:
        for angle, locale, channel, seed in itertools.product(self.angles, self.locales, self.channels, self.seeds):
            axes = {"angle": angle, "locale": locale, "channel": channel, "number": str(seed) if seed else ""}
            yield {name: value for name, value in axes.items() if value}


@dataclass(frozen=True, slots=True)
class _Subject:
    """What one picture will show."""

    sku: str
    label: str
    item_id: str
    product: Product
    variant: Variant
    axes: Mapping[str, str] = field(default_factory=dict)


_KNOWN = ("product", "variant", "row", "brand", "angle", "locale", "channel", "number")


def plan_items(
    table: Table,
    mapping: Mapping[str, str],
    kit: BrandKit | None,
    *,
    base_seed: int,
    per_variant: bool,
    rules: Sequence[Rule] = (),
    axes: Axes | None = None,
) -> Plan:
    """Plan one picture per product, or one per variant; and of each as many as there are axes.

    Templates see ``product`` (a :class:`~..table.products.Product`: handle, title, body, body_html, vendor, category,
    type, status, tags, options, images, variants, row; its texts in the item's locale where the table has them),
    ``variant`` (sku, title, options, image, and look: the option values that describe the look and are not already in
    the title), ``row`` (the row's columns by their header), ``brand`` (name, palette, prompt; all empty without a kit),
    and ``angle``, ``locale``, ``channel``, ``number``, which are empty where the plan has none. A product's picture
    shows its first variant.

    Args:
        table: the products.
        mapping: workflow input -> Jinja2 template, such as :data:`DEFAULT_MAPPING`.
        kit: the brand, if any.
        base_seed: any integer; another one gives every item another seed.
        per_variant: a picture for each variant instead of one for each product.
        rules: rows that are made otherwise.
        axes: one picture of each by default. Angle and number change the seed; locale and channel show the same scene.

    Raises:
        CatalogInvalid: a template is wrong in itself, or fails for all of the items.
    """
    problems = list(table.problems)
    subjects = list(_distinct(table, per_variant, axes or Axes(), problems))
    maker = _Maker(table, mapping, rules, kit, WorkMeter(len(subjects)))
    made = [(subject, one) for subject in subjects if (one := maker.make(subject)) is not None]
    problems += maker.problems(len(subjects))
    names = safe_names(subject.item_id for subject in subjects)
    items = tuple(
        Item(
            sku=subject.sku,
            variant=subject.label,
            item_id=subject.item_id,
            title=subject.product.title,
            name=names[subject.item_id],
            inputs=inputs,
            seed=item_seed(subject.sku, _seeded_by(subject), base_seed),
            place=table.place(subject.variant.row),
            source=subject.variant.row,
            workflow=workflow,
            model=model_of(inputs),
            axes=subject.axes,
        )
        for subject, (workflow, inputs) in made
    )
    return Plan(items, tuple(problems))


class _Maker:
    """Renders the templates of items, and remembers which fail."""

    def __init__(
        self, table: Table, mapping: Mapping[str, str], rules: Sequence[Rule], kit: BrandKit | None, meter: WorkMeter
    ) -> None:
        place = f"mapping for {table.where}"
        self._table = table
        self._rules = rules
        self._when = Templates(
            {str(number): f"{{% if {rule.when} %}}1{{% endif %}}" for number, rule in enumerate(rules)},
            _KNOWN,
            f"rules for {table.where}",
            meter,
        )
        self._mappings = [*(rule.mapping for rule in rules), mapping]
        self._templates = [Templates(templates, _KNOWN, place, meter) for templates in self._mappings]
        self._brand = kit.model_dump() if kit else _NO_BRAND
        self._failed: dict[str, list[RowProblem]] = {}

    def make(self, subject: _Subject) -> tuple[str, dict[str, Any]] | None:
        """Workflow and inputs of an item; None where it is not to be made, or cannot be."""
        context = _context(subject, self._brand)
        chosen = len(self._rules)
        for number in range(len(self._rules)):
            fits = self._render(self._when, str(number), f"rule {number + 1}", subject, context)
            if fits is None:
                return None
            if fits:
                chosen = number
                break
        rule = self._rules[chosen] if chosen < len(self._rules) else Rule("")
        if rule.skip:
            return None
        inputs: dict[str, Any] = {}
        for name, template in self._mappings[chosen].items():
            if template == PHOTO and not (subject.variant.image or subject.product.images):
                message = f"input '{name}' takes the product's picture, and the table has none of it"
                self._fail(f"input '{name}'", subject, message, "give it one, or the input a template of its own")
                continue
            text = self._render(self._templates[chosen], name, f"input '{name}'", subject, context)
            if text is not None:
                inputs[name] = text
        return (rule.workflow, inputs) if len(inputs) == len(self._mappings[chosen]) else None

    def _render(
        self, templates: Templates, name: str, what: str, subject: _Subject, context: Mapping[str, Any]
    ) -> str | None:
        try:
            return templates.render(name, context)
        except TemplateError as error:
            message = f"the template of {what} fails: {error}"
            self._fail(what, subject, message, "correct the template, or this row's cells")
            return None

    def _fail(self, what: str, subject: _Subject, message: str, remedy: str) -> None:
        problem = RowProblem(subject.item_id, self._table.place(subject.variant.row), message, remedy)
        self._failed.setdefault(what, []).append(problem)

    def problems(self, subjects: int) -> list[RowProblem]:
        """What failed in some rows; raises CatalogInvalid for a template that failed in all of them."""
        for what, failed in self._failed.items():
            if len(failed) == subjects:
                raise CatalogInvalid(
                    f"{failed[0].message}; and so it does in every row",
                    place=f"mapping for {self._table.where}, {what}",
                    remedy="correct the template",
                )
        return [problem for failed in self._failed.values() for problem in failed]


def model_of(inputs: Mapping[str, Any]) -> str:
    """The weights and cards that inputs name, by which a host's loaded model fits or does not."""
    cards = _cards()
    return " ".join(
        sorted(text for value in inputs.values() if (text := str(value).strip()) in cards or is_model_file(text))
    )


@functools.cache
def _cards() -> frozenset[str]:
    return frozenset(card_ids())


def _distinct(table: Table, per_variant: bool, axes: Axes, problems: list[RowProblem]) -> Iterator[_Subject]:
    """The subjects of the table without those whose id was used before, on every axis; these become problems."""
    first: dict[str, tuple[str, int]] = {}  # item -> of what, in which row
    every = list(axes)
    for product in table.products:
        for subject in _variants(product) if per_variant else [_whole(product)]:
            row = subject.variant.row
            made = [_on_axes(subject, one) if one else subject for one in every]
            twice = next((one.item_id for one in made if one.item_id in first), None)
            if twice is not None:
                what = "SKU" if subject.variant.sku == subject.item_id else "item"
                other, number = first[twice]
                same = f"{what} '{other}' stands already in row {number}"
                problems.append(
                    RowProblem(
                        subject.item_id,
                        table.place(row),
                        same
                        if other == subject.item_id
                        else f"'{twice}' is a picture of '{other}' in row {number} too",
                        "give each product and variant a SKU of its own",
                    )
                )
                continue
            first.update(dict.fromkeys((one.item_id for one in made), (subject.item_id, row.number)))
            yield from made


def _on_axes(subject: _Subject, axes: Mapping[str, str]) -> _Subject:
    """The same subject from one angle, in one locale, and so on."""
    texts = subject.product.locales.get(axes.get("locale", ""), {})
    product = subject.product
    if texts:
        product = replace(
            product, title=texts.get("title", product.title), body_html=texts.get("body", product.body_html)
        )
    return replace(subject, item_id="--".join([subject.item_id, *axes.values()]), product=product, axes=axes)


def _seeded_by(subject: _Subject) -> str:
    own = (subject.label, subject.axes.get("angle", ""), subject.axes.get("number", ""))
    return " / ".join(filter(None, own))


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
    axes = {name: subject.axes.get(name, "") for name in ("angle", "locale", "channel", "number")}
    return {"product": product, "variant": shown, "row": dict(variant.row), "brand": brand, **axes}


def _look(product: Product, variant: Variant) -> tuple[str, ...]:
    title = product.title.casefold()
    return tuple(
        value
        for name, value in variant.options.items()
        if not _LOOK_WORDS.isdisjoint(name.casefold().split()) and value.casefold() not in title
    )
