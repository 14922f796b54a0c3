"""Templates of prompts: what they see, and how they are bounded."""

from __future__ import annotations

import pytest

from packshot.catalog.planning import template_work
from packshot.errors import CatalogInvalid
from support.tables import MUGS


def test_templates_see_product_variant_row_and_brand(plan):
    mapping = {
        "a": "{{ product.title }}|{{ product.body }}|{{ product.tags | join('+') }}|{{ product.handle }}",
        "b": "{{ variant.options['Glaze color'] | default('none') }}|{{ row['Title'] }}|{{ row.Tags }}",
        "c": "{{ brand.name }}|{{ brand.palette[1].hex }}|{{ product.options.get('Size', ()) | join(' ') }}",
        "d": "{% if product.tags %}{% for tag in product.tags %}<{{ tag | upper }}>{% endfor %}{% else %}-{% endif %}",
        "plain": "no template: 100 % 'as it is'\r\n{",
    }
    first, second = plan(MUGS, mapping).items
    assert dict(first.inputs) == {
        "a": "Blue Mug|One\nTwo|a+b|mug",
        "b": "Sand|Blue Mug|a, b",
        "c": "Test Brand|#101010|S L",
        "d": "<A><B>",
        "plain": mapping["plain"],
    }
    assert second.inputs["b"] == "none|Vase|"


# ----- problems of a row


def test_a_template_that_fails_for_one_row_is_that_rows_problem(plan):
    made = plan(MUGS, {"p": "{{ variant.options.Size }}"})
    assert [item.sku for item in made.items] == ["M-S"]
    (problem,) = made.problems
    assert (problem.slug, problem.item_id) == ("catalog-invalid", "vase")
    assert problem.place.endswith("row 4 (line 4)")
    assert "'p'" in problem.message
    assert "no 'Size'" in problem.message


# ----- errors of a template


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ product.title", "unexpected end"),
        ("{% if %}", "line 1"),
        ("{{ produkt.title }}", "did you mean 'product'?"),
        ("{{ product.titel }}", "did you mean 'title'?"),
        ("{{ row['Titel'] }}", "did you mean 'Title'?"),
        ("{{ product.title | uper }}", "did you mean 'upper'?"),
        ("{{ product.tags }}", "join()"),
    ],
)
def test_a_wrong_template_is_refused_with_the_nearest_name(plan, template, said):
    with pytest.raises(CatalogInvalid) as caught:
        plan(MUGS, {"prompt": template})
    error = caught.value
    assert said in error.message
    assert "input 'prompt'" in error.place
    assert error.remedy


@pytest.mark.parametrize(
    "template",
    [
        "{{ product.__class__ }}",
        "{{ product['__class__'] }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ [product] | map(attribute='__class__') | first }}",
        "{{ [product] | join('', '__class__') }}",
        "{{ product.title | attr('__class__') }}",
        "{{ '{0.__class__}'.format(product) }}",
        "{{ brand.load('/') }}",
        "{{ self._TemplateReference__context }}",
        "{{ lipsum(n=100) }}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{{ namespace(a=1).a }}",
    ],
)
def test_the_sandbox_holds(plan, template):
    with pytest.raises(CatalogInvalid):
        plan(MUGS, {"prompt": template})


@pytest.mark.parametrize(
    "template",
    [
        "{{ range(10**9) | join }}",
        "{{ range(1000000000) | list | length }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 'a' * 1000000000 }}",
        "{{ product.tags * 1000000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ [1] | batch(1000000000, 'x') | list }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% for a in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
        "{% for a in range(9999) %}0123456789abcdef{% endfor %}",
        "{% set a = 'aa' %}{{ a }}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ (range(9999) | join) | replace('1', range(9999) | join) }}",
        "{{ range(9999) | join(range(9999) | join) }}",
        "{{ (range(9999) | join ~ range(9999) | join ~ range(9999) | join) | length }}",
        "{% for a in 'ab' %}" * 30 + "{% endfor %}" * 30,
        "{{" + "(" * 3000 + "1" + ")" * 3000 + "}}",
        "{{ " + "9999999999 * " * 200 + "1 }}",
        "x" * 10_001,
    ],
)
def test_runaway_templates_are_bounded(plan, template):
    with pytest.raises(CatalogInvalid) as caught:
        plan(MUGS, {"prompt": template})
    assert "input 'prompt'" in caught.value.place


NESTED = "{% for a0 in [[1]] %}" + "".join(
    f"{{% for a{n} in [[a{n - 1}, a{n - 1}, a{n - 1}, a{n - 1}, a{n - 1}, a{n - 1}, a{n - 1}, a{n - 1}]] %}}"
    for n in range(1, 13)
)
LONG = "{% for t in [range(9999) | join] %}{% for i in range(9999) %}"


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(9999) %}{% if range(9999) | sort | last == 1 %}{% endif %}{% endfor %}",
        "{% for i in range(9999) %}{{ range(9999) | map('string') | sort | first | length }}{% endfor %}",
        "{% for i in range(9999) %}{{ 1 if range(9999) | select('none') | first is defined }}{% endfor %}",
        "{{ range(9999) | select('in', range(9999) | list) | list | length }}",
        "{{ range(9999) | map('string') | map(attribute='" + ".".join("0" * 1500) + "') | list | length }}",
        NESTED + "{{ a12 | length }}" + "{% endfor %}" * 13,
        "{% for a in [range(999) | list] %}{{ range(999) | map('d', a, 1) | map('length') | join }}{% endfor %}",
        "{% for a in [range(9999) | list] %}{% for i in range(9999) %}{{ 1 if a == a[:] }}{% endfor %}{% endfor %}",
        LONG + "{{ 1 if t.strip(t) }}{% endfor %}{% endfor %}",
        LONG + "{{ 1 if t.split('1') }}{% endfor %}{% endfor %}",
        LONG + "{{ 1 if 'zz' in t }}{% endfor %}{% endfor %}",
        LONG + "{{ 1 if (t ~ t) }}{% endfor %}{% endfor %}",
        LONG + "{{ 1 if t[::-1] }}{% endfor %}{% endfor %}",
        LONG + "{{ 1 if t | title }}{% endfor %}{% endfor %}",
        "{% for i in range(9999) %}" + "{% if i + i + i + i %}{% endif %}" * 300 + "{% endfor %}",
        "{% for i in range(9999) %}{{ 1 if product.body }}{% if row | dictsort %}{% endif %}{% endfor %}" * 3,
        "{{ 1 if product.variants[0] == product.variants[0] }}",
        "{{ [product] | string | length }}",
        "{{ (product ~ '') | length }}",
    ],
)
def test_work_is_counted_and_not_turns_alone(plan, template):
    with pytest.raises(CatalogInvalid) as caught:
        plan(MUGS, {"prompt": template})
    assert "input 'prompt'" in caught.value.place


def test_a_plan_has_a_budget_of_work(plan, monkeypatch):
    table = "sku,title\n" + "".join(f"S{number},Mug\n" for number in range(50))
    mapping = {"prompt": "{% for i in range(999) %}{{ loop.index }}{% endfor %}"}
    assert len(plan(table, mapping).items) == 50
    monkeypatch.setattr(template_work, "_PLAN_LIMIT", 0)
    monkeypatch.setattr(template_work, "_ROW_LIMIT", 1000)
    with pytest.raises(CatalogInvalid, match="more work than a plan may"):
        plan(table, mapping)
