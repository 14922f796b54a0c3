"""Damaged cells, and the limit of the reader."""

from __future__ import annotations

import csv

import pytest

from packshot.catalog.table.csv_rows import CELL_LIMIT
from packshot.catalog.table.read import read_table
from support.tables import fault


@pytest.mark.parametrize(
    ("content", "message", "place"),
    [
        (b"sku,title\nA,a\0b\n", "NUL", "line 2"),
        (b'sku,title\nA,a\nB,"b" c\nC,c\n', "stray quote", "row 3 (line 3)"),
        (b'sku,title\nA,"x\ny"\nB,"never closed\nC,c\n', "never closed", "row 3 (line 4)"),
        (b"sku,title\nA,a\nB,%s\n" % (b"x" * (CELL_LIMIT + 1)), "more than", "row 3 (line 3)"),
    ],
)
def test_damaged_cells(table, content, message, place):
    error = fault(table(content))
    assert message in error.message
    assert error.place.endswith(place)


def test_the_readers_cell_limit_is_put_back(table):
    before = csv.field_size_limit()
    assert len(read_table(table(f"sku,title\nA,{'x' * (before + 1)}\n")).products[0].title) == before + 1
    assert csv.field_size_limit() == before
