"""`packshot catalog inspect`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from packshot.cli.main import app
from packshot.errors import HostUnreachable, InputUnknown
from support.tables import AKENEO, AMAZON, GOOGLE, MAGENTO


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


def test_inspect_refuses_what_a_run_of_the_same_file_would(load_catalog, tmp_path):
    load_catalog(
        "brand: kit\nseeds: 2\nmapping: {prompt: '{{ product.title }} by {{ brand.name }}'}\n"
        "rules:\n  - {when: 'product.type == \"mugs\"', mapping: {prompt: '{{ row.color.nothing.at_all }}'}}\n"
    )
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "brand.yaml").write_text("name: Salt\n")
    done = CliRunner().invoke(app, ["catalog", "inspect", str(tmp_path / "catalog.yaml"), "--json"])
    answer = json.loads(done.stdout)
    assert done.exit_code == 3
    assert (answer["pictures"], answer["workflows"]) == (2, {"product-shot": 2})
    assert answer["templates"]["prompt"] == "{{ product.title }} by {{ brand.name }}"
    assert [problem["item_id"] for problem in answer["refused"]] == ["M", "M--1"]
    dry = CliRunner().invoke(app, ["catalog", "run", str(tmp_path / "catalog.yaml"), "--dry-run", "--json"])
    said = json.loads(dry.stdout)
    assert [problem["message"] for problem in said["problems"]] == [one["message"] for one in answer["refused"]]
    assert len(said["items"]) == answer["pictures"]


def test_inspect_says_when_no_host_was_asked_for_the_values(load_catalog, tmp_path):
    load_catalog("mapping: {width: wide}\n")
    done = CliRunner().invoke(app, ["catalog", "inspect", str(tmp_path / "catalog.yaml"), "--json"])
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["host"], answer["refused"]) == (0, None, [])
    assert "no host was asked which values its nodes take: give --host" in answer["notes"][-1]
    load_catalog("hosts: ['http://127.0.0.1:9']\n")
    done = CliRunner().invoke(app, ["catalog", "inspect", str(tmp_path / "catalog.yaml"), "--json"])
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["host"]) == (0, None)
    assert "[host-unreachable] http://127.0.0.1:9" in answer["notes"][-1]
    named = ["--host", "http://127.0.0.1:9"]
    done = CliRunner().invoke(app, ["catalog", "inspect", str(tmp_path / "catalog.yaml"), *named])
    assert isinstance(done.exception, HostUnreachable)


def test_inspect_knows_the_workflow_that_it_is_asked_for(tmp_path):
    (tmp_path / "table.csv").write_text("sku,title\nA,Mug\n")
    command = ["catalog", "inspect", str(tmp_path / "table.csv"), "--set", "colour=1"]
    done = CliRunner().invoke(app, [*command, "--workflow", "white-background"])
    assert isinstance(done.exception, InputUnknown)
    assert "white-background has no input 'colour'" in str(done.exception)


@pytest.mark.parametrize("options", [["--dry-run"], ["--dry-run", "--json"]])
def test_what_was_unusual_about_a_table_is_said_before_it_runs(tmp_path, options):
    (tmp_path / "table.csv").write_bytes("sku,title\nA,Teller gr\u00f6\u00dfer\n".encode("cp1252"))
    done = CliRunner().invoke(app, ["catalog", "run", str(tmp_path / "table.csv"), *options])
    assert done.exit_code == 0
    assert "note: not UTF-8 but cp1252" in done.stderr
    if "--json" in options:
        assert json.loads(done.stdout)["notes"][0].startswith("not UTF-8 but cp1252")


EXPORT = "Kod;Nazwa;Foto;Foto 2\nA;dzień;a.jpg;b.jpg\n"


def test_columns_and_encoding_can_be_said(tmp_path):
    path = tmp_path / "export.csv"
    path.write_bytes(EXPORT.encode("cp1250"))
    options = ["--column", "sku=Kod", "--column", "title=Nazwa", "--column", "images=Foto", "--column", "images=Foto 2"]
    refused = CliRunner().invoke(app, ["catalog", "inspect", str(path), *options])
    assert "'dzień' in cp1250" in str(refused.exception)
    options += ["--encoding", "cp1250"]
    done = CliRunner().invoke(app, ["catalog", "inspect", str(path), *options, "--json"])
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["encoding"], answer["mapping"]["title"]) == (0, "cp1250", "Nazwa")
    dry = CliRunner().invoke(app, ["catalog", "run", str(path), *options, "--dry-run", "--json"])
    assert [item["inputs"]["prompt"] for item in json.loads(dry.stdout)["items"]] == ["dzień"]


def test_a_mapping_is_proposed_and_looked_at(tmp_path):
    path, written = tmp_path / "export.csv", tmp_path / "catalog.yaml"
    path.write_text(EXPORT, "utf-8")
    unknown = CliRunner().invoke(app, ["catalog", "inspect", str(path)])
    assert "--write-mapping" in str(unknown.exception)
    done = CliRunner().invoke(app, ["catalog", "inspect", str(path), "--write-mapping", str(written), "--json"])
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["pictures"]) == (0, 1)
    assert (answer["mapping"]["sku"], answer["mapping"]["image"]) == ("Kod", "Foto")
    again = CliRunner().invoke(app, ["catalog", "inspect", str(written), "--json"])
    assert json.loads(again.stdout)["mapping"] == answer["mapping"]
