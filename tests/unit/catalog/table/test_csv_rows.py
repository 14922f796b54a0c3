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


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n"])
def test_excels_own_first_line(table, first):
    read = read_table(table(f"{first}sku;title\nA,1;Mug, blue\n"))
    assert (read.delimiter, read.products[0].title) == (";", "Mug, blue")
    assert read.place(read.products[0].row).endswith("row 2 (line 3)")
    assert read_table(table("sep=^\nsku^title\nA^Mug\n")).products[0].title == "Mug"


@pytest.mark.parametrize(
    "above",
    [
        "# Required | The id,# Required | The title\n",
        "# ref_application_id 1\n# ref_asset_id 2\n\n",
        "Products of 30 November 2026, all\n,\n",
    ],
)
def test_rows_above_the_header(table, above):
    read = read_table(table(f"{above}id;title;image_link\nA;Mug, large;a.jpg\n"))
    assert [(p.handle, p.title) for p in read.products] == [("A", "Mug, large")]


def test_a_sku_is_text(table):
    read = read_table(table('sku,title\n0042,a\n1E5,b\n"=""0007""",c\n1.0,d\n'))
    assert [p.handle for p in read.products] == ["0042", "1E5", "0007", "1.0"]


@pytest.mark.parametrize(
    ("rows", "titles"),
    [
        (['A\t"Best" mug\tx', "B\tJug\ty"], ['"Best" mug', "Jug"]),
        (['A\tMug 5" tall\tx', "B\tJug\ty"], ['Mug 5" tall', "Jug"]),
        (['A\t"Best mug\tx', "B\tJug\ty"], ['"Best mug', "Jug"]),
        (['A\tMug\t"x', "B\tJug\ty"], ["Mug", "Jug"]),
        (['A\t"Mug, ""blue"""\tx', "B\tJug\ty"], ['Mug, "blue"', "Jug"]),
        (['A\t"Mug\nin two lines"\tx', "B\tJug\ty"], ["Mug\nin two lines", "Jug"]),
        (['A\t"Mug\twith a tab"\tx', "B\tJug\ty"], ["Mug\twith a tab", "Jug"]),
        (['A\tMug\t"x\nand more"', "B\tJug\ty"], ["Mug", "Jug"]),
        (['A\t"', "B\tJug"], ['"', "Jug"]),
    ],
)
def test_a_quote_between_tabs_is_text_unless_it_holds_a_whole_cell(table, rows, titles):
    read = read_table(table("\n".join(["sku\ttitle\tnote", *rows]) + "\n"))
    assert [p.title for p in read.products] == titles


def test_many_quotes_that_never_close_take_no_time_that_grows_with_their_number(table):
    rows = "".join(f'A{n}\tx\t"never closed {"x" * 50}\n' for n in range(20_000))
    assert len(read_table(table(f"sku\ttitle\tnote\n{rows}")).products) == 20_000
