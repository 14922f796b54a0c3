"""Tables as shops and marketplaces export them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.catalog.planning.items import plan_items
from packshot.catalog.table.dialects import columns_of
from support.tables import AKENEO, AMAZON, GOOGLE, MAGENTO


def test_google_merchant_groups_variants(read):
    table = read(GOOGLE)
    assert (table.dialect, table.delimiter, table.problems) == ("google", "\t", ())
    mug, vase = table.products
    assert (mug.handle, mug.title, mug.vendor) == ("MUG", "Blue mug", "Us")
    assert mug.images == ("https://x/1.jpg", "https://x/2.jpg", "https://x/3.jpg", "https://x/4.jpg")
    assert [(v.sku, v.title, v.image, v.gtin) for v in mug.variants] == [
        ("M-S", "Sand / S", "https://x/1.jpg", "4006381333931"),
        ("M-L", "Kelp / L", "https://x/4.jpg", ""),
    ]
    assert (vase.handle, vase.variants[0].sku, vase.variants[0].title) == ("V", "V", "")


def test_an_amazon_flat_file_is_read_below_its_header_rows(read):
    table = read(AMAZON)
    assert (table.dialect, table.problems) == ("amazon", ())
    shirt, hat = table.products
    assert (shirt.handle, shirt.title, shirt.type) == ("P", "Shirt", "shirt")
    assert [(v.sku, v.title) for v in shirt.variants] == [("C-R", "Red"), ("C-B", "Blue")]
    assert shirt.images == ("https://x/p.jpg", "https://x/r.jpg", "https://x/r2.jpg", "https://x/b.jpg")
    assert shirt.variants[0].row.number == 5
    assert dict(hat.variants[0].options) == {"color": "Black"}


def test_amazons_newer_field_names(read):
    name = "item_name[marketplace_id=A1F83G8C2ARO7P][language_tag=en_GB]#1.value"
    table = read(
        f"settings=x\t\t\nSKU\tName\tColour\ncontribution_sku#1.value\t{name}\tcolor[marketplace_id=A1]#1.value\nX\tMug\tred\n"
    )
    (product,) = table.products
    assert (table.dialect, product.title, product.variants[0].sku) == ("amazon", "Mug", "X")
    assert dict(product.variants[0].options) == {"color": "red"}


def test_magento_joins_configurable_products_and_keeps_store_views(read):
    table = read(MAGENTO)
    assert (table.dialect, table.problems) == ("magento", ())
    tee, cup = table.products
    assert (tee.handle, tee.title, tee.body) == ("T", "Tee", "Soft")
    assert tee.locales == {"de": {"title": "Hemd", "body": "<p>Weich</p>"}}
    assert [(v.sku, v.title) for v in tee.variants] == [("T-R", "Red"), ("T-B", "Blue")]
    assert tee.variants[0].options == {"color": "Red", "size": "S", "note": "a, b"}
    assert tee.images == ("/t.jpg", "/r.jpg", "/r1.jpg", "/r2.jpg", "/b.jpg")
    assert cup.variants[0].sku == "C"


def test_akeneo_reads_attributes_by_locale(read):
    table = read(AKENEO)
    assert (table.dialect, table.delimiter, table.problems) == ("akeneo", ";", ())
    mug, vase = table.products
    assert (mug.handle, mug.title, mug.type, mug.category) == ("mug", "Mug", "mugs", "cups,home")
    assert mug.locales == {"en_US": {"title": "Mug"}, "de_DE": {"title": "Becher", "body": "Ein Becher"}}
    assert [v.sku for v in mug.variants] == ["A-1", "A-2"]
    assert (vase.title, vase.status) == ("Vase", "0")


@pytest.mark.parametrize(
    ("content", "message", "left"),
    [
        ("id\ttitle\timage_link\n\tA\tx\nb\tB\ty\n", "no SKU", ["b"]),
        ("id\ttitle\timage_link\na\t\tx\nb\tB\ty\n", "no title", ["b"]),
        ("id,title,image_link\na,A,x,y\nb,B,y\n", "1 more cell", ["b"]),
        ("sku,family,enabled,name\n,f,1,A\nb,f,1,B\n", "no SKU", ["b"]),
    ],
)
def test_a_bad_row_is_one_problem(read, content, message, left):
    table = read(content)
    assert [product.handle for product in table.products] == left
    (problem,) = table.problems
    assert message in problem.message
    assert problem.place.endswith("row 2 (line 2)")


def test_every_dialect_can_be_planned(read):
    for content in (GOOGLE, AMAZON, MAGENTO, AKENEO):
        table = read(content)
        plan = plan_items(table, {"p": "{{ product.title }}"}, None, base_seed=0, per_variant=True)
        assert plan.problems == ()
        assert len(plan.items) == sum(len(product.variants) for product in table.products)


@given(st.lists(st.text(min_size=1, max_size=30).filter(str.strip), min_size=1, max_size=12, unique=True))
def test_any_headers_have_a_dialect(headers):
    columns = columns_of(headers)
    assert set(columns.mapping.values()) <= set(headers)
    assert set(columns.options) <= set(headers)
