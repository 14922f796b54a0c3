"""Secrets of addresses stand in the ledger's private table alone, and only until the picture is made."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hostile.tampering import accept

from packshot import CatalogRun, PackshotError
from packshot.catalog.planning.catalog_file import Catalog, CatalogFile

SIGNED = "https://ann:s3cret@shop.example/{}.png?w=300&X-Amz-Signature=s3cret{}&token=s3cret"


def write_table(folder: Path, signature: str) -> Path:
    table = folder / "products.csv"
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["SKU", "Title", "Image Src"])
        rows.writerows([name, f"Thing {SIGNED.format('t', '')}", SIGNED.format(name, signature)] for name in "AB")
    return table


def catalog_of(folder: Path, signature: str = "1") -> Catalog:
    photos = {"headers": {"shop.example": {"Authorization": "Bearer s3cret"}}, "roots": ["https://a:s3cret@r.example/"]}
    options = {"workflow": "product-scene", "photos": photos}
    return Catalog(CatalogFile.of(str(write_table(folder, signature)), {}, **options))


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and "ledger" not in path.name)


def test_no_file_of_a_run_holds_a_secret(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with CatalogRun(out, create=True) as run:
        run.plan(catalog_of(tmp_path))
        item = run.ledger.item("A")
        assert item.inputs["image"] == "https://shop.example/A.png?w=300&X-Amz-Signature=***&token=***"
        assert item.texts["image"] == SIGNED.format("A", "1")
        assert "s3cret" not in repr(item)
        places = run._photo_places(run.ledger.facts())
        assert places.headers == {"shop.example": {"Authorization": "Bearer s3cret"}}
        run.report()
        assert b"s3cret" not in written(out)
        for item_id in "AB":
            accept(run, item_id)
        assert run.ledger.private("A") == {}
        run.run(["http://127.0.0.1:9"])
        assert run.ledger.private() == {}
    assert b"s3cret" not in written(out) + (out / "ledger.sqlite").read_bytes()


def test_another_signature_is_no_other_row(tmp_path: Path) -> None:
    with CatalogRun(tmp_path / "run", create=True) as run:
        run.plan(catalog_of(tmp_path))
        accept(run, "A")
        run.plan(catalog_of(tmp_path, "2"))
        assert run.ledger.pending() == ["B"]
        assert run.ledger.item("B").texts["image"] == SIGNED.format("B", "2")
        assert run.ledger.private("A") == {}


def test_a_fetch_that_fails_names_no_secret(tmp_path: Path) -> None:
    with CatalogRun(tmp_path / "run", create=True) as run:
        run.plan(catalog_of(tmp_path))
        with pytest.raises(PackshotError) as refused:
            run.run(["http://ann:s3cret@127.0.0.1:9"])
        assert "s3cret" not in json.dumps(refused.value.as_dict())
