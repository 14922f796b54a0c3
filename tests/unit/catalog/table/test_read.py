from __future__ import annotations

import csv
import io
import json
import os
import string
import uuid
import zipfile

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.planning.items import plan_items
from packshot.catalog.planning.write_plan import write_plan
from packshot.catalog.table.read import read_table
from packshot.errors import CatalogInvalid
from packshot.paths import shipped
from support.tables import fault

EXAMPLE = shipped("examples") / "catalogs" / "aldern-quay.csv"

OLD = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Option1 Name,Option1 Value,Option2 Name,Option2 Value,"
    "Variant SKU,Image Src"
)

NEW = (
    "Title,URL handle,Description,Vendor,Type,Tags,Status,SKU,Option1 name,Option1 value,Product image URL,"
    "Variant image URL"
)

# ----- what a table says


def test_old_shopify_names_variants_and_continuation_rows(table):
    path = table(
        f"{OLD}\n"
        'mug,Mug,"<p>A, B</p>\n<p>C &amp; D</p>",Us,Cup,"new, red",Color,Red,Size,S,M-RS,a.jpg\n'
        "mug,,,,,,,Red,,L,M-RL,\n"
        "mug,,,,,,,,,,,b.jpg\n"
        ",,,,,,,Blue,,S,M-BS,c.jpg\n"
        "vase,Vase,plain,Us,Vase,,Title,Default Title,,,,\n"
    )
    read = read_table(path)
    assert (read.dialect, read.problems) == ("shopify", ())
    mug, vase = read.products
    assert (mug.handle, mug.title, mug.vendor, mug.type, mug.tags) == ("mug", "Mug", "Us", "Cup", ("new", "red"))
    assert mug.body == "A, B\nC & D"
    assert [variant.sku for variant in mug.variants] == ["M-RS", "M-RL", "M-BS"]
    assert [variant.title for variant in mug.variants] == ["Red / S", "Red / L", "Blue / S"]
    assert mug.options == {"Color": ("Red", "Blue"), "Size": ("S", "L")}
    assert mug.images == ("a.jpg", "b.jpg", "c.jpg")
    assert [(v.sku, v.title, dict(v.options)) for v in vase.variants] == [("", "", {})]
    # The description holds a line break, so lines run ahead of rows.
    assert [(v.row.number, v.row.line) for v in mug.variants] == [(2, 2), (3, 4), (5, 6)]
    assert read.place(vase.row) == f"{path}, row 6 (line 7)"


def test_new_shopify_names_and_drafts(table):
    read = read_table(
        table(
            f"{NEW}\n"
            "Lamp,lamp,<b>bo</b>ld,Us,Lamp,,Draft,L-1,Wood,Oak,x.jpg,v1.jpg\n"
            ",lamp,,,,,,L-2,,Walnut,,v2.jpg\n"
            "Old,old,,Us,Lamp,,Archived,O-1,,,,\n"
        )
    )
    lamp, old = read.products
    assert (lamp.status, old.status) == ("Draft", "Archived")
    assert lamp.body == "bold"
    assert [(v.sku, v.image, v.options["Wood"]) for v in lamp.variants] == [
        ("L-1", "v1.jpg", "Oak"),
        ("L-2", "v2.jpg", "Walnut"),
    ]


def test_a_plain_table_needs_only_sku_and_title(table):
    read = read_table(table("Sku;Name;Colour;Note\nA-1;Mug;red;x, y\nB-2;Vase;;\n"))
    assert read.dialect == "plain"
    assert [(p.handle, p.title, dict(p.variants[0].options)) for p in read.products] == [
        ("A-1", "Mug", {"Colour": "red", "Note": "x, y"}),
        ("B-2", "Vase", {}),
    ]


def test_byte_order_mark_crlf_blank_rows_and_short_rows(table):
    read = read_table(table(b'\xef\xbb\xbfsku,title,note\r\n\r\nA,"one\r\ntwo",\r\n,,\r\nB,b\r\n'))
    assert [(p.handle, p.title) for p in read.products] == [("A", "one\r\ntwo"), ("B", "b")]
    assert dict(read.products[1].row) == {"sku": "B", "title": "b", "note": ""}
    assert read.products[1].row.number == 5


def test_a_row_that_was_sorted_away_from_its_product_finds_it(table):
    read = read_table(table("Handle,Title,Variant SKU\na,A,A1\nb,B,B1\na,,A2\nb,B,B2\n"))
    assert read.problems == ()
    assert [[v.sku for v in p.variants] for p in read.products] == [["A1", "A2"], ["B1", "B2"]]


def test_the_example_is_read_whole():
    read = read_table(EXAMPLE)
    assert (read.dialect, len(read.products), read.problems) == ("shopify", 10, ())
    titles = " ".join(product.title for product in read.products)
    assert "ü" in titles
    assert "急須" in titles
    assert any("\n" in product.body_html for product in read.products)
    assert any(len(product.images) > len(product.variants) for product in read.products)
    skus = [variant.sku for product in read.products for variant in product.variants]
    assert len(set(skus)) == len(skus) == 19


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)

NASTY = st.one_of(CELLS, st.text(st.sampled_from("\",;\r\n\t 'x急ü<&"), max_size=12))


@given(
    st.lists(st.tuples(NASTY, NASTY, NASTY), min_size=1, max_size=8),
    st.booleans(),
    # Not LF with minimal quoting: there csv.writer leaves a bare CR unquoted.
    st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)]),
)
def test_every_cell_comes_back_exactly(tmp_path_factory, values, mark, style):
    written = [[f"S{number}", f"T{number}", *cells] for number, cells in enumerate(values)]
    text = io.StringIO()
    line_end, quoting = style
    writer = csv.writer(text, lineterminator=line_end, quoting=quoting)
    writer.writerows([["sku", "title", "x", "y", "z"], *written])
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + text.getvalue().encode())
    read = read_table(path)
    assert read.problems == ()
    assert [list(product.row.cells) for product in read.products] == written


# ----- faults of the file


def test_not_there_and_a_folder(tmp_path):
    assert "no such file" in fault(tmp_path / "none.csv").message
    assert "folder" in fault(tmp_path).message


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\r\n,,\n"])
def test_empty(table, content):
    assert "empty" in fault(table(content)).message


def test_header_alone(table):
    assert "no rows" in fault(table("sku,title\n")).message


@pytest.mark.parametrize(
    ("header", "missing", "nearest"),
    [
        ("Handle,Titel,Vendor", "Title", "Titel"),
        ("Handel,Title,Option1 Name,Option1 Value", "Handle", "Handel"),
        ("skuu,title", "SKU", "skuu"),
        ("sku,price", "Title", "sku, price"),
    ],
)
def test_missing_column_names_the_nearest(table, header, missing, nearest):
    error = fault(table(f"{header}\n{'x,' * 5}\n"))
    assert f"'{missing}'" in error.message
    assert nearest in error.remedy
    assert error.place.endswith("row 1 (line 1)")


def test_a_column_twice(table):
    assert "two columns are named 'title'" in fault(table("sku,title,title\na,b,c\n")).message


@pytest.mark.parametrize("text", ["Tasse für 5 €", "Große Vase – „schön“"])
def test_windows_own_encoding_is_read_and_reported(table, text):
    read = read_table(table(f"sku,title\nA,plain\nB,{text}\n".encode("cp1252")))
    assert [product.title for product in read.products] == ["plain", text]
    assert read.encoding == "cp1252"
    (note,) = read.notes
    assert "cp1252" in note
    assert "line 3" in note


def test_a_file_of_two_encodings_is_refused(table):
    error = fault(table("sku,title\nA,schöne Grüße aus der Küche und noch viel mehr\n".encode() + b"B,f\xfcr dich\n"))
    assert "not UTF-8" in error.message
    assert error.place.endswith("line 3")


def test_not_utf8_far_into_a_large_file(table):
    content = b"sku,title\n" + "A,ü\n".encode() * 500_000
    offset = len(content)
    error = fault(table(content + b"B,\xfc\n"))
    assert f"offset {offset + 2}" in error.message
    assert error.place.endswith("line 500002")


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (archive("[Content_Types].xml", "xl/workbook.xml"), "XLSX"),
        (archive("products_export_1.csv"), "ZIP"),
        (b'\n[{"sku": 1}', "JSON"),
        (b"<!DOCTYPE html><title>Log in</title>", "web page"),
        (b"PAR1\x15\x00", "Parquet"),
    ],
    ids=["xlsx", "zip", "json", "page", "parquet"],
)
def test_other_formats_are_named(table, content, kind):
    assert kind in fault(table(content)).message


# ----- faults of a row


@pytest.mark.parametrize(
    ("content", "message", "item_id", "place", "left"),
    [
        ("Handle,Title\n,\n,Lost\na,A\n", "no handle", "", "row 3 (line 3)", ["a"]),
        ("Handle,Title\na,A\n,Lost\n,\nb,B\n", "no handle", "", "row 3 (line 3)", ["a", "b"]),
        ("Handle,Title\na,A\nb,B\na,Other\n", "comes back with another title", "a", "row 4 (line 4)", ["a", "b"]),
        ("Handle,Title\na,  \nb,B\n", "no title", "a", "row 2 (line 2)", ["b"]),
        ("Handle,Title\na,A, or B\nb,B\n", "1 more cell than", "a", "row 2 (line 2)", ["b"]),
        ("sku,title\n ,A\nb,B\n", "no SKU", "", "row 2 (line 2)", ["b"]),
        ("sku,title\na,\nb,B\n", "no title", "a", "row 2 (line 2)", ["b"]),
    ],
)
def test_a_bad_row_is_one_problem_and_stops_no_other(table, content, message, item_id, place, left):
    read = read_table(table(content))
    assert [product.handle for product in read.products] == left
    (problem,) = read.problems
    assert message in problem.message
    assert (problem.slug, problem.item_id) == ("catalog-invalid", item_id)
    assert problem.place.endswith(place)
    assert problem.remedy


def test_rows_that_continue_a_refused_product_go_with_it(table):
    read = read_table(table("Handle,Title,Variant SKU\na,A,A1\nb,B,b,1\nb,,B2\n,,B3\nc,C,C1\n"))
    assert [[v.sku for v in p.variants] for p in read.products] == [["A1"], ["C1"]]
    assert len(read.problems) == 1


def test_a_hundred_thousand_rows(table):
    lines = (f"h{n // 2},{'T' if n % 2 == 0 else ''},{string.ascii_letters},S{n}" for n in range(100_000))
    read = read_table(table("Handle,Title,Body (HTML),Variant SKU\n" + "\n".join(lines)))
    assert (len(read.products), read.problems) == (50_000, ())


# ----- damaged files: a refusal or rows, and nothing else

PRODUCTS = [{"sku": f"S{n}", "title": f"Mug {n} ü", "price": n * 1.5, "tags": "a,b"} for n in range(40)]


def _workbook() -> bytes:
    book = Workbook()
    book.active.append(list(PRODUCTS[0]))
    for product in PRODUCTS:
        book.active.append(list(product.values()))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _parquet(compression: str) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(PRODUCTS), file, compression=compression)
    return file.getvalue()


WHOLE = {
    "csv": b"sku,title,tags\n" + "".join(f'S{n},"Mug {n} ü","a,b"\n' for n in range(40)).encode(),
    "jsonl": "".join(json.dumps(product, ensure_ascii=False) + "\n" for product in PRODUCTS).encode(),
    "xlsx": _workbook(),
    **{f"parquet, {compression}": _parquet(compression) for compression in ("none", "snappy", "gzip", "zstd")},
}


@pytest.mark.parametrize("kind", WHOLE)
@settings(deadline=None, max_examples=15)  # a process for each workbook
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    whole = WHOLE[kind]
    cut = data.draw(st.integers(1, len(whole)), "cut")
    damaged = bytearray(whole[:cut] if data.draw(st.booleans(), "shorter") else whole)
    for bit in data.draw(st.lists(st.integers(0, len(damaged) * 8 - 1), max_size=4), "flipped"):
        damaged[bit // 8] ^= 1 << bit % 8
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(bytes(damaged))
    try:
        read = read_table(path)
    except CatalogInvalid:
        fault(path)
    else:
        plan_items(read, {"prompt": "{{ product.title }}"}, None, base_seed=0, per_variant=True)


def test_half_a_character_is_read_as_none_and_noted(tmp_path):
    path = tmp_path / "table.jsonl"
    path.write_text(json.dumps({"sku": "A\ud800", "title": "Mug", "x\udfff": ["\ud800"]}) + "\n")
    read = read_table(path)
    assert read.notes == ("half a character on line 1, and read as '\ufffd'",)
    (product,) = read.products
    assert (product.handle, dict(product.row)["x\ufffd"]) == ("A\ufffd", '["\ufffd"]')
    plan = plan_items(read, {"prompt": "{{ product.title }}"}, None, base_seed=0, per_variant=False)
    with Ledger(tmp_path / "run", create=True) as ledger:
        write_plan(ledger, plan)
        assert ledger.pending() == ["A\ufffd"]


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


def test_a_pipe_is_not_waited_for(tmp_path):
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    assert "a pipe or a device" in fault(path).message


def test_a_column_that_is_not_read_may_stand_there_twice(table):
    read = read_table(table("Item Type,Product ID,Product Name,Product Code/SKU,File,File\nProduct,1,Mug,M,a,b\n"))
    assert (read.dialect, read.products[0].row["File"]) == ("bigcommerce", "a")
    assert read.notes == ("two columns are named 'File'; rows have the first",)


def test_the_user_says_which_column_is_which(table):
    path = table("Artikel;Bezeichnung;Bild;Bild 2;Farbe\n0042;Becher;a.jpg;b.jpg;rot\n")
    error = fault(path)
    assert "--column sku=NAME" in error.remedy
    chosen = {"sku": "Artikel", "title": "Bezeichnung", "image": "Bild", "images": ["Bild 2"]}
    read = read_table(path, columns=chosen)
    (product,) = read.products
    assert (product.handle, product.title, product.images) == ("0042", "Becher", ("a.jpg", "b.jpg"))
    assert dict(product.variants[0].options) == {"Farbe": "rot"}
    assert read.mapping["title"] == "Bezeichnung"
    with pytest.raises(CatalogInvalid, match="no column 'Artikle', which is chosen for 'sku'"):
        read_table(path, columns={"sku": "Artikle"})
    with pytest.raises(CatalogInvalid, match="'skuu' is nothing that a column can hold") as caught:
        read_table(path, columns={"skuu": "Artikel"})
    assert "did you mean 'sku'?" in caught.value.remedy


def test_a_chosen_column_goes_before_the_dialects_own(table):
    content = "Handle,Title,SEO Title,Variant SKU\na,A,A fine mug,A1\n"
    read = read_table(table(content), columns={"title": "SEO Title"})
    assert (read.dialect, read.products[0].title) == ("shopify", "A fine mug")


def test_a_plain_table_can_be_grouped(table):
    content = "Nr,Name,Familie,Farbe\nA,Mug,M,red\nB,Mug blue,M,blue\nC,Jug,,\n"
    read = read_table(table(content), columns={"sku": "Nr", "group": "Familie"})
    assert [(p.handle, [v.sku for v in p.variants]) for p in read.products] == [("M", ["A", "B"]), ("C", ["C"])]


@pytest.mark.parametrize(
    ("title", "message"),
    [
        ("Größe".encode().decode("cp1252"), "'GrÃ¶ÃŸe' is 'Größe'"),
        ("żółty kubek".encode().decode("cp1250"), "is 'żółty kubek'"),
        ("Gr\ufffd\ufffde", "letters of"),
    ],
)
def test_a_title_that_was_misread_before_gets_no_picture(table, title, message):
    read = read_table(table(f"sku,title\nA,{title}\nB,Größe – «ça» 5 m²\nC,NESCAFÉ® żółty\nD,CAFÉ—BAR\n"))
    assert [p.handle for p in read.products] == ["B", "C", "D"]
    (problem,) = read.problems
    assert message in problem.message
    assert problem.place.endswith("row 2 (line 2)")


def test_a_sku_that_a_spreadsheet_shortened_is_noted(table):
    read = read_table(table("sku,title\n4.00638E+12,a\n1E5,b\n"))
    assert [p.handle for p in read.products] == ["4.00638E+12", "1E5"]
    assert len(read.notes) == 1
    assert "'4.00638E+12' is a number that a spreadsheet shortened" in read.notes[0]


def test_plain_lists_of_pictures(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [
        {"sku": "A", "title": "a", "images": ["https://x/1.jpg", "https://x/2.jpg"]},
        {"sku": "B", "title": "b", "image": "https://x/3.jpg", "additional_images": ["https://x/4.jpg", None]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [p.images for p in read_table(path).products] == [
        ("https://x/1.jpg", "https://x/2.jpg"),
        ("https://x/3.jpg", "https://x/4.jpg"),
    ]
