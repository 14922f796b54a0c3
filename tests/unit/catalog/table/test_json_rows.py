"""JSON as feeds and APIs have it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.catalog.table.read import read_table
from packshot.errors import CatalogInvalid


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


def test_lists_are_lists_and_objects_are_columns_with_dots(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [
        {
            "sku": "A",
            "title": "Mug",
            "image": ["https://x/a.jpg", "https://x/b.jpg"],
            "price": {"amount": 5, "unit": "EUR"},
        },
        {"sku": "B", "title": "Jug", "tags": ["x, y", "z"], "image": [{"src": "https://x/c.jpg", "id": 1}]},
        {"sku": "C", "title": "Cup", "image": "https://x/d.jpg", "tags": "p, q"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    table = read_table(path)
    assert [p.images for p in table.products] == [
        ("https://x/a.jpg", "https://x/b.jpg"),
        ("https://x/c.jpg",),
        ("https://x/d.jpg",),
    ]
    assert [p.tags for p in table.products] == [(), ("x, y", "z"), ("p", "q")]
    assert (table.products[0].row["price.amount"], table.products[0].row["price.unit"]) == ("5", "EUR")
    assert table.products[0].row["image"] == '["https://x/a.jpg", "https://x/b.jpg"]'


@pytest.mark.parametrize(
    ("wrap", "indent"),
    [
        (lambda rows: rows, None),
        (lambda rows: rows, 2),
        (lambda rows: {"kind": "list", "resources": rows}, None),
        (lambda rows: {"data": {"products": {"nodes": rows}}, "page": [1]}, 1),
    ],
)
def test_a_list_is_found_in_what_an_api_answers(tmp_path, wrap, indent):
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(wrap([{"sku": "0042", "title": "Mug"}, {"sku": "1E5", "title": "Jug"}]), indent=indent))
    table = read_table(path)
    assert (table.format, table.problems) == ("json", ())
    assert [p.handle for p in table.products] == ["0042", "1E5"]


@pytest.mark.parametrize(
    "content",
    [
        "[1, 2]",
        '{"sku": "A",',
        "[" * 100_000,
        '{"sku": "A", "title": "a", "x": ' + "[" * 900 + "]" * 900 + "}",
        '{"products": [3]}',
    ],
)
def test_json_that_holds_no_products_is_refused(tmp_path, content):
    path = tmp_path / "answer.json"
    path.write_text(content)
    with pytest.raises(CatalogInvalid) as caught:
        read_table(path)
    assert caught.value.remedy


def test_more_columns_than_a_table_may_have_are_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps({"sku": f"{n}", f"x{n}": 1}) for n in range(16_400)))
    with pytest.raises(CatalogInvalid, match="columns, and 16,384 are the most"):
        read_table(path)
