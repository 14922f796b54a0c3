"""Tables in other formats than CSV, and from any address."""

from __future__ import annotations

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

from packshot.catalog.table.read import read_table
from packshot.errors import CatalogInvalid

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
