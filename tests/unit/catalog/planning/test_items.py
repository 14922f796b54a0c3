"""From rows to items: prompts, names and seeds."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from packshot.brand import BrandKit
from packshot.catalog.planning.items import DEFAULT_MAPPING, plan_items
from packshot.catalog.table.encoding import misread
from packshot.catalog.table.read import read_table
from packshot.paths import shipped
from support.tables import HEADER, MUGS

EXAMPLES = shipped("examples")


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


@given(st.text(st.characters(codec="utf-8", exclude_characters='\0\r"'), min_size=1).filter(str.strip))
def test_titles_come_through_byte_for_byte(tmp_path_factory, title):
    assume(misread(title) is None)  # "Â\xa0" is refused: it is what a space becomes in a wrong encoding
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(f'sku,title\nA,"{title}"\n'.encode())
    (item,) = plan_items(read_table(path), {"p": "{{ product.title }}"}, None, base_seed=0, per_variant=False).items
    assert item.inputs["p"] == title


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


def test_a_sku_alone_gets_the_seed_and_name_it_gets_among_others(plan):
    among = {item.sku: item for item in plan(MUGS, base_seed=3).items}
    alone = plan(HEADER + "vase,Vase,,,,,,,\n", base_seed=3).items[0]
    assert (alone.seed, alone.name) == (among["vase"].seed, among["vase"].name)
    assert plan(MUGS, base_seed=4).items[0].seed != among["M-S"].seed


def test_the_example_plans_without_a_problem():
    kit = BrandKit.load(EXAMPLES / "brands" / "aldern-quay")
    table = read_table(EXAMPLES / "catalogs" / "aldern-quay.csv")
    for per_variant, count in [(False, 10), (True, 19)]:
        made = plan_items(table, DEFAULT_MAPPING, kit, base_seed=0, per_variant=per_variant)
        assert (len(made.items), made.problems) == (count, ())
        assert all(item.inputs["prompt"].startswith(kit.prompt.prefix) for item in made.items)
        assert len({item.seed for item in made.items}) == count
