"""A mapping that is proposed for a table of any shape."""

from __future__ import annotations

import pytest

from packshot.catalog.planning.catalog_file import Catalog, CatalogFile
from packshot.catalog.planning.proposal import propose_columns, write_mapping
from packshot.catalog.table.read import open_rows
from packshot.errors import CatalogInvalid

GERMAN = (
    "Artikelnummer;Bezeichnung;Preis;Hersteller;Bild 1;Bild 2;EAN;Langtext\n"
    "0042;Becher blau;4,50;Nord;https://x/a.jpg;https://x/b.jpg;4006381333931;Ein Becher\n"
    "0043;Becher rot;4,50;Nord;https://x/c.jpg;;4006381333948;Noch einer\n"
)


@pytest.mark.parametrize(
    ("content", "proposed"),
    [
        (
            GERMAN,
            {
                "sku": "Artikelnummer",
                "title": "Bezeichnung",
                "body": "Langtext",
                "vendor": "Hersteller",
                "gtin": "EAN",
                "image": "Bild 1",
                "images": ["Bild 2"],
            },
        ),
        ("Référence,Désignation,Prix\nR1,Tasse bleue,4\n", {"sku": "Référence", "title": "Désignation"}),
        ("x,y,z\nA-1,A mug in blue,9\nA-2,A mug in red,9\n", {"sku": "x", "title": "y"}),
        ("Products of 2026\n\nCode,Nombre\nA,Taza\nB,Jarra\n", {"sku": "Code", "title": "Nombre"}),
        ("sku,Bezeichnung\nA,Mug\n", {"sku": "sku", "title": "Bezeichnung"}),
        ("id,title,image_link,g\nA,Mug,https://x/a.jpg,1\n", {"sku": "id", "title": "title", "image": "image_link"}),
    ],
)
def test_what_is_proposed(tmp_path, content, proposed):
    path = tmp_path / "t.csv"
    path.write_text(content)
    assert propose_columns(open_rows(path)) == proposed


def test_a_proposal_runs_as_it_is_written(tmp_path):
    (tmp_path / "export").mkdir()
    table, path = tmp_path / "export" / "t.csv", tmp_path / "catalog.yaml"
    table.write_bytes(GERMAN.replace("blau", "blau für 5 €").encode("cp1252"))
    write_mapping(str(table), path, {"title": "Langtext"}, "cp1252")
    assert "table: export/t.csv" in path.read_text()
    assert "# Not read: Bezeichnung | Preis\n" in path.read_text()
    catalog = Catalog(CatalogFile.load(path))
    assert [(p.handle, p.title) for p in catalog.table.products] == [("0042", "Ein Becher"), ("0043", "Noch einer")]
    with pytest.raises(CatalogInvalid, match="there already"):
        write_mapping(str(table), path)
    with pytest.raises(CatalogInvalid, match="this is a catalogue"):
        write_mapping(str(path), tmp_path / "other.yaml")
    with pytest.raises(CatalogInvalid, match="cannot be written"):
        write_mapping(str(table), tmp_path / "none" / "catalog.yaml")
