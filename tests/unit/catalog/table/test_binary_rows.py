"""Excel workbooks and Parquet, beside the same table in JSON Lines."""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packshot.catalog.table import binary_rows as module
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


@pytest.mark.parametrize("write", [write_xlsx, write_parquet])
def test_a_file_cut_short_is_refused(tmp_path, write):
    path = tmp_path / "t"
    write(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CatalogInvalid, match="cannot be read"):
        read_table(path)


def workbook(**sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_the_sheet_with_the_products_is_read(tmp_path):
    notes, products = [["Read this first"], ["sku"]], [["Artikel", "Name"], ["0042", "Mug"], ["1E5", "Jug"]]
    path = tmp_path / "t.xlsx"
    path.write_bytes(
        workbook(Instructions=notes, Data=[["SKU", "Title"], ["0042", "Mug"], ["1E5", "Jug"]], Other=products)
    )
    table = read_table(path)
    assert [p.handle for p in table.products] == ["0042", "1E5"]
    assert table.notes == ("read from the sheet 'Data', which is not the first",)
    assert [p.handle for p in read_table(path, columns={"sku": "Artikel", "title": "Name"}).products] == ["0042", "1E5"]


def test_amazons_template_is_read_from_its_sheet(tmp_path):
    template = [
        ["settings=attributeRow=3&dataRow=5", None],
        ["SKU", "Name"],
        ["contribution_sku#1.value", "item_name[marketplace_id=X]#1.value"],
        ["ABC", "An example"],
        ["M", "Mug"],
    ]
    path = tmp_path / "t.xlsm"
    path.write_bytes(workbook(Anleitung=[["sku", "title"], ["A", "B"]], Vorlage=template))
    table = read_table(path)
    assert (table.dialect, [(p.handle, p.title) for p in table.products]) == ("amazon", [("M", "Mug")])


def repacked(data: bytes, name: str, content: bytes) -> bytes:
    """A workbook with another content of one of its parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, content if part == name else old.read(part))
    return file.getvalue()


def test_a_workbook_that_reaches_to_the_last_cell_is_refused(tmp_path):
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "sku", "x"
    path = tmp_path / "t.xlsx"
    book.save(path)
    with pytest.raises(CatalogInvalid, match="reaches to row 1,048,576 and column 16,384"):
        read_table(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_UNPACKED", 8 << 20)
    data = repacked(workbook(a=[["sku", "title"], ["A", "Mug"]]), "xl/styles.xml", b"<a>" + b" " * (32 << 20))
    assert len(data) < 200_000
    path = tmp_path / "t.xlsx"
    path.write_bytes(data)
    with pytest.raises(CatalogInvalid, match="unpacks to more than 8 MiB"):
        read_table(path)
    at = data.rindex(b"xl/styles.xml") - 46  # its entry in the list at the end of the archive
    lying = data[: at + 24] + (10).to_bytes(4, "little") + data[at + 28 :]  # the size that it says it has
    path.write_bytes(lying)
    with pytest.raises(CatalogInvalid, match="unpacks to more than 8 MiB"):
        read_table(path)
