from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathvalidate import validate_filename

from packshot.brand import BrandKit
from packshot.catalog.planning.items import DEFAULT_MAPPING, plan_items
from packshot.catalog.planning.names import safe_names
from packshot.catalog.seeds import SEED_LIMIT, item_seed
from packshot.catalog.table.read import read_table
from packshot.errors import CatalogInvalid
from packshot.paths import shipped

EXAMPLES = shipped("examples")
KIT = BrandKit.model_validate(
    {
        "name": "Test Brand",
        "palette": [{"name": "oat", "hex": "#EFE6D6"}, {"name": "ink", "hex": "#101010"}],
        "prompt": {"prefix": "photo of", "suffix": "soft light", "negative": "text"},
    }
)
HEADER = "Handle,Title,Body (HTML),Tags,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU\n"
MUGS = HEADER + (
    'mug,Blue Mug,<p>One</p><p>Two</p>,"a, b",Size,S,Glaze color,Sand,M-S\nmug,,,,,L,,Kelp,M-L\nvase,Vase,,,,,,,\n'
)


@pytest.fixture
def plan(tmp_path: Path):
    def make(content: str, mapping=DEFAULT_MAPPING, *, kit=KIT, base_seed=0, per_variant=False):
        path = tmp_path / "t.csv"
        path.write_bytes(content.encode())
        return plan_items(read_table(path), mapping, kit, base_seed=base_seed, per_variant=per_variant)

    return make


def test_one_picture_per_product_shows_its_first_variant(plan):
    made = plan(MUGS)
    assert made.problems == ()
    assert [(i.sku, i.variant, i.item_id, i.title, i.name) for i in made.items] == [
        ("M-S", "", "M-S", "Blue Mug", "M-S"),
        ("vase", "", "vase", "Vase", "vase"),
    ]
    assert dict(made.items[0].inputs) == {
        "prompt": "photo of Blue Mug, Sand, colour palette of oat, ink, soft light",
        "negative": "text",
    }
    assert made.items[0].place.endswith("row 2 (line 2)")
    assert made.items[0].source["Option2 Value"] == "Sand"


def test_one_picture_per_variant(plan):
    made = plan(MUGS + "pot,Pot,,,Color,Red / Pink,,,\npot,,,,,Blue,,,\n", per_variant=True)
    assert [(i.sku, i.variant, i.item_id) for i in made.items] == [
        ("M-S", "S / Sand", "M-S"),
        ("M-L", "L / Kelp", "M-L"),
        ("vase", "", "vase"),
        ("pot", "Red / Pink", "pot--Red / Pink"),
        ("pot", "Blue", "pot--Blue"),
    ]
    assert made.items[1].source["Option1 Value"] == "L"
    assert "Kelp" in made.items[1].inputs["prompt"]


def test_without_a_kit_the_prompt_is_the_product(plan):
    assert dict(plan(MUGS, kit=None).items[0].inputs) == {"prompt": "Blue Mug, Sand", "negative": ""}


def test_an_option_that_the_title_names_is_not_said_twice(plan):
    made = plan(HEADER + "m,Blue Mug,,,Color,Blue,,,\n", kit=None)
    assert made.items[0].inputs["prompt"] == "Blue Mug"


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


@given(st.text(st.characters(codec="utf-8", exclude_characters='\0\r"'), min_size=1).filter(str.strip))
def test_titles_come_through_byte_for_byte(tmp_path_factory, title):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(f'sku,title\nA,"{title}"\n'.encode())
    (item,) = plan_items(read_table(path), {"p": "{{ product.title }}"}, None, base_seed=0, per_variant=False).items
    assert item.inputs["p"] == title


# ----- problems of a row


def test_a_template_that_fails_for_one_row_is_that_rows_problem(plan):
    made = plan(MUGS, {"p": "{{ variant.options.Size }}"})
    assert [item.sku for item in made.items] == ["M-S"]
    (problem,) = made.problems
    assert (problem.slug, problem.item_id) == ("catalog-invalid", "vase")
    assert problem.place.endswith("row 4 (line 4)")
    assert "'p'" in problem.message
    assert "no 'Size'" in problem.message


def test_a_sku_that_comes_twice(plan):
    content = "Handle,Title,Variant SKU\na,A,X\nb,B,X\nc,C,\n"
    made = plan(content)
    assert [item.sku for item in made.items] == ["X", "c"]
    (problem,) = made.problems
    assert problem.item_id == "X"
    assert problem.place.endswith("row 3 (line 3)")
    assert "row 2" in problem.message
    assert problem.remedy


def test_problems_of_the_table_come_first(plan):
    made = plan("sku,title\na,\nb,B\nb,B\n")
    assert [problem.item_id for problem in made.problems] == ["a", "b"]


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


# ----- seeds

UTF8 = st.text(st.characters(codec="utf-8"))


@given(UTF8, UTF8, st.integers())
def test_seeds_lie_where_the_canvas_keeps_them(sku, variant, base):
    seed = item_seed(sku, variant, base)
    assert 0 <= seed < SEED_LIMIT
    assert int(float(seed)) == seed


def test_seeds_are_what_the_formula_says_and_differ():
    digest = hashlib.sha256('["Tasse-ü","Rot",7]'.encode()).digest()
    assert item_seed("Tasse-ü", "Rot", 7) == int.from_bytes(digest[:8], "big") % 2**50
    seeds = {item_seed(*key) for key in [("a", "b", 0), ("ab", "", 0), ("", "ab", 0), ("a", "b", 1), ("a", "b", 10)]}
    assert len(seeds) == 5


def test_a_sku_alone_gets_the_seed_and_name_it_gets_among_others(plan):
    among = {item.sku: item for item in plan(MUGS, base_seed=3).items}
    alone = plan(HEADER + "vase,Vase,,,,,,,\n", base_seed=3).items[0]
    assert (alone.seed, alone.name) == (among["vase"].seed, among["vase"].name)
    assert plan(MUGS, base_seed=4).items[0].seed != among["M-S"].seed


# ----- names

SKUS = st.one_of(
    st.text(max_size=200),
    st.text(st.sampled_from('./\\:*?"<>| -_aAäÄ\u0308\u202e\r\n\t\0'), max_size=12),
    st.sampled_from(
        ["CON", "con.txt", "nul", "COM1 .x", "CONIN$", "aux.tar.gz", "..", ".", "", "item", "lpt¹", "a" * 400]
    ),
)


@given(st.lists(SKUS, max_size=12))
def test_names_never_leave_the_folder_and_never_meet(skus):
    names = safe_names(skus)
    assert set(names) == set(skus)
    for name in names.values():
        validate_filename(f"{name}.png", platform="universal", max_len=255)
        assert Path("out", f"{name}.png").resolve().parent == Path("out").resolve()
        assert 0 < len(name.encode()) <= 185
        assert name == unicodedata.normalize("NFC", name)
        assert name[0] not in ".- "
        assert name.partition(".")[0].strip().upper() not in {"CON", "NUL", "AUX", "PRN", "COM1", "LPT1", "CONIN$"}
    folded = {unicodedata.normalize("NFKD", name).casefold() for name in names.values()}
    assert len(folded) == len(names)
    assert safe_names(reversed(skus)) == names


def test_good_names_stay_as_they_are():
    for sku in ["AQ-MUG-01", "Blütenvase 3", "急須", "a.b_c"]:
        assert safe_names([sku, "other"])[sku] == sku


def test_changed_names_carry_a_hash_of_the_sku():
    for sku, stem in [("../../x", "x"), ("a/b", "a-b"), ("CON", "CON_"), ("", "item"), ("x.", "x")]:
        assert safe_names([sku])[sku] == f"{stem}-{hashlib.sha256(sku.encode()).hexdigest()[:8]}"


def test_skus_that_differ_in_case_only_both_get_a_hash_whatever_their_order():
    names = safe_names(["A-1", "a-1"])
    assert {name[:4] for name in names.values()} == {"A-1-", "a-1-"}
    taken = safe_names(["a/b"])["a/b"]
    both = safe_names(["a/b", taken])
    assert len({name.casefold() for name in both.values()}) == 2


def test_the_example_plans_without_a_problem():
    kit = BrandKit.load(EXAMPLES / "brands" / "aldern-quay")
    table = read_table(EXAMPLES / "catalogs" / "aldern-quay.csv")
    for per_variant, count in [(False, 10), (True, 19)]:
        made = plan_items(table, DEFAULT_MAPPING, kit, base_seed=0, per_variant=per_variant)
        assert (len(made.items), made.problems) == (count, ())
        assert all(item.inputs["prompt"].startswith(kit.prompt.prefix) for item in made.items)
        assert len({item.seed for item in made.items}) == count
