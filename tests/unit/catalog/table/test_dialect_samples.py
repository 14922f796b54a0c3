"""Each dialect by tables of our own making, in the forms that vendors and their users published."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from packshot.catalog.planning.items import plan_items
from packshot.catalog.table.dialects import PLAIN, dialects
from packshot.catalog.table.read import Table
from support.tables import AKENEO, AMAZON, GOOGLE, MAGENTO


def table_of(*rows: dict[str, str], delimiter: str = ",") -> str:
    """A CSV table of rows by their columns; a column is there where any row names it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def option(n: int, name: str, value: str) -> dict[str, str]:
    return {f"Attribute {n} name": name, f"Attribute {n} value(s)": value, f"Attribute {n} visible": "1"}


WOO = {"Type": "", "SKU": "", "Name": "", "Published": "1", "Images": "", "Parent": ""}
WOO_BY_ID = table_of(
    {"ID": "9", **WOO, "Type": "variation", "Name": "Tee - S", "Parent": "id:7", **option(1, "Size", "S")},
    {"ID": "7", **WOO, "Type": "variable", "Name": "Tee", "Images": "https://x/a.jpg", **option(1, "Size", "S, M")},
    {
        "ID": "10",
        **WOO,
        "Type": "variation",
        "SKU": "T-M",
        "Name": "Tee - M",
        "Parent": "id:7",
        **option(1, "Size", "M"),
    },
    {"ID": "8", **WOO, "Type": "simple, virtual", "Name": "Voucher", "Tags": r"a\, b, c"},
)
WOO_BY_SKU = table_of(
    {**WOO, "Type": "variable", "SKU": "H", "Name": "Hat", "Images": "https://x/w_1,h_2/a.jpg, https://x/b.jpg"},
    {
        **WOO,
        "Type": "variation",
        "SKU": "H-R",
        "Name": "Hat",
        "Images": "https://x/r.jpg",
        "Parent": "H",
        **option(1, "Colour", "Red"),
    },
    {**WOO, "Type": "variation", "SKU": "H-B", "Name": "Hat", "Parent": "H", **option(1, "Colour", "Blue")},
)
BIG_V3 = table_of(
    {
        "Item": "Product",
        "ID": "77",
        "Name": "Tee",
        "Type": "physical",
        "SKU": "T",
        "Options": "",
        "Description": "<p>Soft</p>",
    },
    {
        "Item": "Variant",
        "ID": "1",
        "SKU": "T-R",
        "Options": "Type=Swatch|Name=Colour|Value=Red[#FF0000]Type=Dropdown|Name=Size|Value=S",
    },
    {
        "Item": "Variant",
        "ID": "2",
        "SKU": "T-B",
        "Options": "Type=Rectangle|Name=Size|Value=M",
        "Variant Image URL": "https://x/b.jpg",
    },
    {"Item": "Image", "ID": "5", "Image URL (Import)": "https://x/1.jpg"},
    {"Item": "Image", "ID": "6", "Image URL (Import)": "https://x/2.jpg"},
    {"Item": "Product", "ID": "78", "Name": "Cap", "Type": "physical", "SKU": ""},
)
BIG_V2 = table_of(
    {
        "Item Type": "Product",
        "Product ID": "3",
        "Product Name": "Mug",
        "Product Code/SKU": "M",
        "Product Image URL - 1": "https://x/1.jpg",
        "Product Image URL - 2": "https://x/2.jpg",
    },
    {"Item Type": "  SKU", "Product Name": "[RT]Size=Small,[CS]Colour=Red", "Product Code/SKU": "M-S"},
    {"Item Type": "  SKU", "Product Name": "[RT]Size=Large,[CS]Colour=Blue", "Product Code/SKU": "M-L"},
    {"Item Type": "  Rule", "Product Code/SKU": "M-S", "Product Image URL - 1": "https://x/s.jpg"},
)
PRESTA_LIST = table_of(
    {
        "Product ID": "1",
        "Image": "https://x/1.jpg",
        "Name": "Tee",
        "Reference": "demo_1",
        "Category": "Men",
        "Status": "1",
    },
    {"Product ID": "2", "Image": "https://x/2.jpg", "Name": "Mug", "Reference": "", "Category": "Home", "Status": "0"},
    delimiter=";",
)
PRESTA_IMPORT = table_of(
    {
        "Product ID": "",
        "Active (0/1)": "1",
        "Name *": "Lamp",
        "Categories (x,y,z...)": "Home,Light",
        "Reference #": "L-1",
        "EAN13": "4006381333931",
        "Tags (x,y,z...)": "warm,oak",
        "Image URLs (x,y,z...)": "https://x/1.jpg,https://x/2.jpg",
    },
    delimiter=";",
)
MATRIXIFY = table_of(
    {
        "ID": "1",
        "Handle": "mug",
        "Command": "MERGE",
        "Title": "Mug",
        "Body HTML": "<p>Fine</p>",
        "Tags": "a, b",
        "Image Src": "https://x/1.jpg;https://x/2.jpg",
        "Option1 Name": "Colour",
        "Option1 Value": "Red",
        "Variant SKU": "M-R",
        "Variant Image": "https://x/1.jpg",
    },
    {"ID": "1", "Handle": "mug", "Command": "MERGE", "Option1 Value": "Blue", "Variant SKU": "M-B"},
)
MATRIXIFY_ROWS = table_of(
    {
        "Handle": "cup",
        "Title": "Cup",
        "Top Row": "TRUE",
        "Row #": "1",
        "Image Src": "https://x/1.jpg",
        "Variant SKU": "C",
    },
    {"Handle": "cup", "Top Row": "", "Row #": "2", "Image Src": "https://x/2.jpg"},
)
META = (
    "# Required | The id,# Required | The title,,,\n"
    "id,title,fb_product_category,image_link,additional_image_link,item_group_id,color\n"
    'A,Mug,home,https://x/1.jpg,"https://x/2.jpg,https://x/3.jpg",G,Red\nB,Mug,home,https://x/4.jpg,,G,Blue\n'
)
META_PATHS = (
    "id,title,image[0].url,image[0].tag[0],image[1].url,video[0].url\nA,Mug,https://x/1.jpg,front,https://x/2.jpg,v\n"
)
META_JSON = table_of(
    {
        "id": "A",
        "title": "Mug",
        "availability": "in stock",
        "image": json.dumps([{"url": "https://x/1.jpg", "tag": ["front"]}, {"url": "https://x/2.jpg"}]),
    }
)
AMAZON_UNIFIED = (
    "settings=attributeRow=4&contentLanguageTag=de_DE&dataRow=6\tOnly for Amazon\t\t\t\t\t\t\t\n\t\t\t\t\t\t\t\t\n"
    "SKU\tProdukttyp\tArtikelname\tEbene\tÜbergeordnete SKU\tFarbe\tBild\tBild\tBild\n"
    "contribution_sku#1.value\tproduct_type#1.value\titem_name[marketplace_id=A1][language_tag=de_DE]#1.value"
    "\tparentage_level[marketplace_id=A1]#1.value\tchild_parent_sku_relationship[marketplace_id=A1]#1.parent_sku"
    "\tcolor[marketplace_id=A1][language_tag=de_DE]#1.value\tmain_product_image_locator[marketplace_id=A1]#1.media_location"
    "\tother_product_image_locator_1[marketplace_id=A1]#1.media_location"
    "\tswatch_product_image_locator[marketplace_id=A1]#1.media_location\n"
    "ABC123\tMUG\tBeispiel\t\t\t\t\t\t\n"
    "M-R\tMUG\tBecher rot\tUntergeordnet\tM\tRot\thttps://x/r.jpg\thttps://x/o.jpg\t\n"
    "M\tMUG\tBecher\tÜbergeordnet\t\t\t\t\t\n"
    "M-B\tMUG\tBecher blau\tUntergeordnet\tM\tBlau\thttps://x/b.jpg\t\thttps://x/s.jpg\n"
)
CONTENT_API: Any = {
    "kind": "content#productsListResponse",
    "resources": [
        {
            "kind": "content#product",
            "id": "online:en:GB:0042",
            "offerId": "0042",
            "title": "Mug",
            "imageLink": "https://x/1.jpg",
            "additionalImageLinks": ["https://x/2.jpg", "https://x/3.jpg"],
            "itemGroupId": "G",
            "color": "Red",
            "sizes": ["S"],
            "productTypes": ["Home > Mugs"],
        },
        {"offerId": "0043", "title": "Mug", "imageLink": "https://x/4.jpg", "itemGroupId": "G", "color": "Blue"},
    ],
}
MERCHANT_API: Any = {
    "products": [
        {
            "name": "accounts/1/products/en~GB~A",
            "offerId": "A",
            "productAttributes": {
                "title": "Jug",
                "description": "A jug",
                "imageLink": "https://x/1.jpg",
                "additionalImageLinks": ["https://x/2.jpg"],
                "gtins": ["4006381333931"],
                "brand": "Us",
            },
        }
    ]
}
PRODUCTS_JSON: Any = {
    "products": [
        {
            "id": 1,
            "title": "Mug",
            "handle": "mug",
            "body_html": "<p>Fine</p>",
            "vendor": "Us",
            "product_type": "Cup",
            "tags": ["a", "b"],
            "variants": [
                {
                    "id": 11,
                    "title": "Red",
                    "option1": "Red",
                    "option2": None,
                    "sku": "M-R",
                    "featured_image": {"src": "https://x/1.jpg"},
                },
                {"id": 12, "title": "Blue", "option1": "Blue", "option2": None, "sku": "M-B", "featured_image": None},
            ],
            "images": [{"id": 5, "src": "https://x/1.jpg"}, {"id": 6, "src": "https://x/2.jpg"}],
            "options": [{"name": "Colour", "position": 1, "values": ["Red", "Blue"]}],
        }
    ]
}
ADMIN_API: Any = {
    "products": [
        {
            "handle": "cap",
            "title": "Cap",
            "tags": "x, y",
            "variants": [{"option1": "Default Title", "sku": "C", "image_id": 6, "barcode": "4006381333931"}],
            "images": [{"id": 5, "src": "https://x/1.jpg"}, {"id": 6, "src": "https://x/2.jpg"}],
            "options": [{"name": "Title", "values": ["Default Title"]}],
        }
    ]
}
SHOPIFY = (
    "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Image Src,Variant Image\n"
    "mug,Mug,Colour,Red,M-R,https://x/1.jpg,\nmug,,,Blue,M-B,https://x/2.jpg,https://x/2.jpg\n"
)

MAGENTO_SIMPLE = table_of(
    {
        "sku": "M",
        "name": "Mug",
        "base_image": "/m/u/mug.jpg",
        "additional_images": "/m/u/1.jpg,/m/u/2.jpg",
        "color": "Red",
    },
    {"sku": "J", "name": "Jug", "base_image": "", "additional_images": "", "color": ""},
)
AKENEO_BY_IDENTIFIER = table_of(
    {
        "identifier": "A",
        "family": "mugs",
        "enabled": "1",
        "parent": "",
        "label-fr_FR": "Tasse",
        "picture": "files/a.jpg",
    },
    {"identifier": "B", "family": "mugs", "enabled": "1", "parent": "", "label-fr_FR": "Bol", "picture": ""},
    delimiter=";",
)

X = "https://x/"
# Sample -> dialect; handle, pictures and variants (SKU, title, own picture) of each product.
SAMPLES: dict[str, tuple[str, str, list[tuple[str, str, list[tuple[str, str, str]]]]]] = {
    "Woo by id": (
        WOO_BY_ID,
        "woocommerce",
        [("id:7", "a", [("", "S", ""), ("T-M", "M", "")]), ("id:8", "", [("", "", "")])],
    ),
    "Woo by SKU": (WOO_BY_SKU, "woocommerce", [("H", "w_1,h_2/a b r", [("H-R", "Red", "r"), ("H-B", "Blue", "")])]),
    "BigCommerce v3": (
        BIG_V3,
        "bigcommerce",
        [("T", "1 2", [("T-R", "Red / S", ""), ("T-B", "M", "b")]), ("id:78", "", [("", "", "")])],
    ),
    "BigCommerce v2": (
        BIG_V2,
        "bigcommerce",
        [("M", "1 2", [("M-S", "Small / Red", ""), ("M-L", "Large / Blue", "")])],
    ),
    "PrestaShop list": (
        PRESTA_LIST,
        "prestashop",
        [("demo_1", "1", [("demo_1", "", "")]), ("id:2", "2", [("", "", "")])],
    ),
    "PrestaShop import": (PRESTA_IMPORT, "prestashop", [("L-1", "1 2", [("L-1", "", "")])]),
    "Matrixify": (MATRIXIFY, "matrixify", [("mug", "1 2", [("M-R", "Red", "1"), ("M-B", "Blue", "")])]),
    "Matrixify by rows": (MATRIXIFY_ROWS, "matrixify", [("cup", "1 2", [("C", "", "")])]),
    "Meta": (META, "meta", [("G", "1 2 3 4", [("A", "Red", "1"), ("B", "Blue", "4")])]),
    "Meta by paths": (META_PATHS, "meta", [("A", "1 2", [("A", "", "")])]),
    "Meta by JSON": (META_JSON, "meta", [("A", "1 2", [("A", "", "")])]),
    "Amazon unified": (AMAZON_UNIFIED, "amazon", [("M", "r o b", [("M-R", "Rot", "r"), ("M-B", "Blau", "s")])]),
    "Content API": (
        json.dumps(CONTENT_API, indent=1),
        "google",
        [("G", "1 2 3 4", [("0042", "Red / S", "1"), ("0043", "Blue", "4")])],
    ),
    "Merchant API": (json.dumps(MERCHANT_API), "google", [("A", "1 2", [("A", "", "")])]),
    "products.json": (
        json.dumps(PRODUCTS_JSON),
        "shopify",
        [("mug", "1 2", [("M-R", "Red", "1"), ("M-B", "Blue", "")])],
    ),
    "Admin API": (json.dumps(ADMIN_API), "shopify", [("cap", "1 2", [("C", "", "2")])]),
    "Magento": (
        MAGENTO,
        "magento",
        [("T", "/t /r /r1 /r2 /b", [("T-R", "Red", "/r"), ("T-B", "Blue", "/b")]), ("C", "/c", [("C", "", "")])],
    ),
    "Magento, simple": (
        MAGENTO_SIMPLE,
        "magento",
        [("M", "/m/u/mug /m/u/1 /m/u/2", [("M", "", "")]), ("J", "", [("J", "", "")])],
    ),
    "Akeneo": (
        AKENEO,
        "akeneo",
        [("mug", "files/a", [("A-1", "", "files/a"), ("A-2", "", "")]), ("B", "files/b", [("B", "", "")])],
    ),
    "Akeneo by identifier": (
        AKENEO_BY_IDENTIFIER,
        "akeneo",
        [("A", "files/a", [("A", "", "")]), ("B", "", [("B", "", "")])],
    ),
    "Google": (
        GOOGLE,
        "google",
        [("MUG", "1 2 3 4", [("M-S", "Sand / S", "1"), ("M-L", "Kelp / L", "4")]), ("V", "v", [("V", "", "")])],
    ),
    "Amazon": (
        AMAZON,
        "amazon",
        [("P", "p r r2 b", [("C-R", "Red", "r"), ("C-B", "Blue", "b")]), ("H", "h", [("H", "", "")])],
    ),
    "Shopify": (SHOPIFY, "shopify", [("mug", "1 2", [("M-R", "Red", ""), ("M-B", "Blue", "2")])]),
}


def bare(address: str) -> str:
    return address.removeprefix(X).removesuffix(".jpg")


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_gives_its_products(read: Any, sample: str) -> None:
    content, dialect, products = SAMPLES[sample]
    table: Table = read(content)
    assert (table.dialect, table.problems) == (dialect, ())
    shown = [
        (
            p.handle,
            " ".join(map(bare, p.images)).replace("a.jpg", "a"),
            [(v.sku, v.title, bare(v.image)) for v in p.variants],
        )
        for p in table.products
    ]
    assert shown == products
    plan = plan_items(table, {"p": "{{ product.title }}"}, None, base_seed=0, per_variant=True)
    assert plan.problems == ()
    assert len(plan.items) == sum(len(product.variants) for product in table.products)


def test_the_rest_of_what_samples_say(read: Any) -> None:
    voucher = read(WOO_BY_ID).products[1]
    assert voucher.tags == ("a, b", "c")
    tee = read(BIG_V3).products[0]
    assert (tee.title, tee.body, dict(tee.variants[0].options)) == ("Tee", "Soft", {"Colour": "Red", "Size": "S"})
    lamp = read(PRESTA_IMPORT).products[0]
    assert (lamp.tags, lamp.variants[0].gtin) == (("warm", "oak"), "4006381333931")
    jug = read(json.dumps(MERCHANT_API)).products[0]
    assert (jug.body, jug.vendor, jug.variants[0].gtin) == ("A jug", "Us", "4006381333931")
    mug = read(json.dumps(PRODUCTS_JSON)).products[0]
    assert (mug.body, mug.type, mug.tags) == ("Fine", "Cup", ("a", "b"))
    assert read(json.dumps(ADMIN_API)).products[0].variants[0].gtin == "4006381333931"


def test_each_dialect_has_two_samples_and_its_sources() -> None:
    samples = [dialect for _, dialect, _ in SAMPLES.values()]
    for dialect in dialects().values():
        assert dialect.sources, dialect.id
        assert dialect.id == PLAIN or samples.count(dialect.id) >= 2, dialect.id
