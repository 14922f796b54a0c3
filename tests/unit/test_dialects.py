"""Tables of other shops, markets and formats."""

from __future__ import annotations

import csv
import datetime
import json
import uuid
from pathlib import Path

import fsspec
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from packshot.catalog.planning.items import plan_items
from packshot.catalog.table.dialects import columns_of
from packshot.catalog.table.read import read_table
from packshot.cli.main import app
from packshot.errors import CatalogInvalid

GOOGLE = (
    "id\ttitle\tdescription\tlink\timage link\tadditional image link\tbrand\tgtin\titem group id\tcolor\tsize\n"
    "M-S\tBlue mug\tA mug\thttps://x/m\thttps://x/1.jpg\thttps://x/2.jpg,https://x/3.jpg\tUs\t4006381333931\tMUG\tSand\tS\n"
    "M-L\tBlue mug, large\tA mug\thttps://x/m\thttps://x/4.jpg\t\tUs\t\tMUG\tKelp\tL\n"
    "V\tVase\tTall\thttps://x/v\thttps://x/v.jpg\t\tUs\t\t\t\t\n"
)
AMAZON = (
    "TemplateType=fptcustom\tVersion=2026.0101\tThe top 3 rows are for Amazon.com use only.\t\t\t\t\t\t\n"
    "Product Type\tSeller SKU\tProduct Name\tBrand\tParentage\tParent SKU\tMain Image\tOther Image\tColour\n"
    "feed_product_type\titem_sku\titem_name\tbrand_name\tparent_child\tparent_sku\tmain_image_url"
    "\tother_image_url1\tcolor_name\n"
    "shirt\tP\tShirt\tUs\tparent\t\thttps://x/p.jpg\t\t\n"
    "shirt\tC-R\tShirt, red\tUs\tchild\tP\thttps://x/r.jpg\thttps://x/r2.jpg\tRed\n"
    "shirt\tC-B\tShirt, blue\tUs\tchild\tP\thttps://x/b.jpg\t\tBlue\n"
    "hat\tH\tHat\tUs\t\t\thttps://x/h.jpg\t\tBlack\n"
)
MAGENTO = (
    "sku,store_view_code,attribute_set_code,product_type,name,description,base_image,additional_images,"
    "additional_attributes,configurable_variations\n"
    'T-R,,Top,simple,Tee red,,/r.jpg,"/r1.jpg,/r2.jpg","color=Red,size=S,note=a, b",\n'
    'T-B,,Top,simple,Tee blue,,/b.jpg,,"color=Blue,size=S",\n'
    'T,,Top,configurable,Tee,<p>Soft</p>,/t.jpg,,,"sku=T-R,color=Red|sku=T-B,color=Blue"\n'
    "T,de,,,Hemd,<p>Weich</p>,,,,\n"
    "C,,Cup,simple,Cup,,/c.jpg,,,\n"
)
AKENEO = (
    "sku;family;parent;categories;enabled;name-en_US;name-de_DE;description-de_DE-ecommerce;color;image\n"
    "A-1;mugs;mug;cups,home;1;Mug;Becher;Ein Becher;sand;files/a.jpg\n"
    "A-2;mugs;mug;cups,home;1;;Becher gross;;kelp;\n"
    "B;vases;;home;0;;Vase;;;files/b.jpg\n"
)


@pytest.fixture
def read(tmp_path: Path):
    def write(content: str):
        path = tmp_path / "table.txt"
        path.write_text(content, "utf-8")
        return read_table(path)

    return write


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


# ----- formats

ROWS = [
    {"sku": "A-1", "title": "Mug, «急須»", "price": 12.0, "stock": 3, "made": datetime.date(2026, 1, 2), "sold": True},
    {"sku": "0042", "title": "Vase\nin two lines", "price": 7.5, "stock": None, "made": None, "sold": False},
]
CELLS = [
    ["A-1", "Mug, «急須»", "12", "3", "2026-01-02", "true"],
    ["0042", "Vase\nin two lines", "7.5", "", "", "false"],
]


def write_xlsx(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(list(ROWS[0]))
    for row in ROWS:
        sheet.append(list(row.values()))
    book.save(path)


def write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path)


def write_jsonl(path: Path) -> None:
    path.write_text("\n\n".join(json.dumps(row, default=str, ensure_ascii=False) for row in ROWS), "utf-8")


@pytest.mark.parametrize(("name", "write"), [("xlsx", write_xlsx), ("parquet", write_parquet), ("jsonl", write_jsonl)])
def test_other_formats_give_the_same_cells(tmp_path, name, write):
    path = tmp_path / f"products.{name}"
    write(path)
    table = read_table(path)
    assert (table.format, table.dialect, table.problems) == (name, "plain", ())
    cells = [[cell.partition("T00:")[0] for cell in product.row.cells] for product in table.products]
    assert cells == CELLS


@given(st.lists(st.dictionaries(st.sampled_from("xyz"), st.text(st.characters(codec="utf-8"))), min_size=1, max_size=5))
def test_json_lines_come_back_exactly(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("json") / "t.jsonl"
    written = [{"sku": f"S{number}", "title": "T", **record} for number, record in enumerate(records)]
    path.write_text("\n".join(json.dumps(record) for record in written))
    read = [{name: cell for name, cell in product.row.items() if cell} for product in read_table(path).products]
    assert read == [{name: cell for name, cell in record.items() if cell} for record in written]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"sku": "A", "title": "T"}\n{"sku": \n', "not JSON"),
        (b'{"sku": "A", "title": "T"}\n[1]\n', "one JSON object"),
        (b'{"sku": "A", "title": "\xff"}\n', "not JSON"),
    ],
)
def test_a_broken_line_of_json_says_where(tmp_path, content, message):
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    with pytest.raises(CatalogInvalid, match=message) as caught:
        read_table(path)
    assert f"{path}, line {content[:-1].count(bytes([10])) + 1}" == caught.value.place


@pytest.mark.parametrize("write", [write_xlsx, write_parquet])
def test_a_file_cut_short_is_refused(tmp_path, write):
    path = tmp_path / "t"
    write(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CatalogInvalid, match="cannot be read"):
        read_table(path)


def test_any_address_of_fsspec():
    url = f"memory://{uuid.uuid4().hex}/products.csv"
    with fsspec.open(url, "wb") as file:
        file.write(b"sku,title\nA,Mug\n")
    table = read_table(url)
    assert (table.name, table.where, len(table.products)) == ("products.csv", url, 1)
    with pytest.raises(CatalogInvalid, match="no such file"):
        read_table(url + "x")
    with pytest.raises(CatalogInvalid, match="cannot be read"):
        read_table("nosuchscheme://x/y.csv")


@given(st.lists(st.text(min_size=1, max_size=30).filter(str.strip), min_size=1, max_size=12, unique=True))
def test_any_headers_have_a_dialect(headers):
    columns = columns_of(headers)
    assert set(columns.found.values()) <= set(headers)
    assert set(columns.options) <= set(headers)


def test_inspect_says_how_a_table_is_read_and_what_is_refused(tmp_path):
    path = tmp_path / "feed.tsv"
    path.write_text(GOOGLE + "M-S\tAgain\t\t\t\t\t\t\t\t\t\n\tNone\n", "utf-8")
    done = CliRunner().invoke(app, ["catalog", "inspect", str(path), "--per-variant", "--json"])
    answer = json.loads(done.stdout)
    assert done.exit_code == 3
    assert (answer["dialect"], answer["format"], answer["delimiter"], answer["pictures"]) == ("google", "csv", "\t", 3)
    assert answer["mapping"]["image"] == "image link"
    assert answer["other_columns"] == ["link", "color", "size"]
    assert "product.title" in answer["templates"]["prompt"]
    assert [problem["place"].rpartition(", ")[2] for problem in answer["refused"]] == [
        "row 6 (line 6)",
        "row 5 (line 5)",
    ]
    shown = CliRunner().invoke(app, ["catalog", "inspect", str(path), "--per-variant"])
    assert "dialect google (csv, utf-8, tab)" in shown.stdout
    assert "rows refused: 2" in shown.stderr


SHOPIFY = (
    "Handle,Title,Vendor,Type,Tags,Option1 Name,Option1 Value,Variant SKU,Image Src\n"
    "mug,Mug,Us,Cup,new,Color,Red,M-R,a.jpg\nmug,,,,,,Blue,M-B,\nvase,Vase,Us,Vase,,Title,Default Title,V,v.jpg\n"
)
PLAIN = "sku,title,colour\nA,Mug,red\nB,Vase,blue\n"
TABLES = {
    # Dialect: table, delimiter, how many products and variants.
    "shopify": (SHOPIFY, ",", 2, 3),
    "google": (GOOGLE, "\t", 2, 3),
    "amazon": (AMAZON, "\t", 2, 3),
    "magento": (MAGENTO, ",", 2, 3),
    "akeneo": (AKENEO, ";", 2, 3),
    "plain": (PLAIN, ",", 2, 2),
}


def write_as(path: Path, kind: str, content: str, delimiter: str) -> None:
    """The same table in another format; the cells are text in all of them."""
    rows = list(csv.reader(content.splitlines(), delimiter=delimiter))
    if kind == "csv":
        path.write_text(content, "utf-8")
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)
    else:
        header = next(at for at, row in enumerate(rows) if not row[0].startswith(("TemplateType", "Product Type")))
        records = [dict(zip(rows[header], row, strict=False)) for row in rows[header + 1 :]]
        if kind == "jsonl":
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
        else:
            pq.write_table(pa.Table.from_pylist(records), path)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "xlsx", "parquet"])
@pytest.mark.parametrize("dialect", TABLES)
def test_inspect_knows_every_dialect_in_every_format(tmp_path, dialect, kind):
    content, delimiter, products, variants = TABLES[dialect]
    path = tmp_path / f"table.{kind}"
    write_as(path, kind, content, delimiter)
    for more, pictures in ([], products), (["--per-variant"], variants):
        done = CliRunner().invoke(app, ["catalog", "inspect", str(path), *more, "--json"])
        answer = json.loads(done.stdout)
        assert (done.exit_code, answer["refused"]) == (0, [])
        assert (answer["dialect"], answer["format"]) == (dialect, kind)
        assert (answer["products"], answer["variants"], answer["pictures"]) == (products, variants, pictures)
    shown = CliRunner().invoke(app, ["catalog", "inspect", str(path)])
    assert shown.exit_code == 0
    assert f"dialect {dialect} ({kind}" in shown.stdout
