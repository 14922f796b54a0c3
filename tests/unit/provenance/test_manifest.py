"""Signed manifests: what no longer holds, and what an edit names."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.errors import InputInvalid
from packshot.provenance.credentials import make_test_credentials
from packshot.provenance.manifest import Ingredient, read_manifest
from packshot.provenance.marking import Statement
from packshot.provenance.writer import WriteOptions, write_picture
from support.planted import STATEMENT, photo, photograph, product

FORMATS = [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")]


@pytest.mark.parametrize(("file_format", "ending"), FORMATS)
@pytest.mark.parametrize("share", [0.2, 0.4, 0.5, 0.7, 0.9])
def test_a_changed_picture_does_not_hold(file_format: str, ending: str, share: float, tmp_path: Path) -> None:
    options = WriteOptions(file_format, credentials=make_test_credentials())
    data = bytearray(
        write_picture(photo("coffee.png").pixels, tmp_path, f"a.{ending}", STATEMENT, options).file.read_bytes()
    )
    data[int(len(data) * share)] ^= 1
    report = read_manifest(bytes(data), file_format)
    assert not report.holds
    assert report.problems


def test_an_edit_names_its_original(tmp_path: Path) -> None:
    statement = Statement("retouched", "Mug")
    options = WriteOptions(
        "JPEG",
        credentials=make_test_credentials(),
        ingredients=[Ingredient(photograph("coffee.png"), "original"), Ingredient(photograph("rocket.jpg"))],
    )
    manifest = write_picture(product(), tmp_path, "a.jpg", statement, options).manifest
    assert manifest is not None
    assert manifest.actions == ("c2pa.opened", "c2pa.edited", "c2pa.placed")
    assert manifest.ingredients == ("coffee.png", "rocket.jpg")
    assert manifest.source_type == statement.source_type
    twice = [Ingredient(photograph("coffee.png"), "original")] * 2
    with pytest.raises(InputInvalid, match="one original"):
        write_picture(
            product(),
            tmp_path,
            "b.jpg",
            statement,
            WriteOptions(credentials=make_test_credentials(), ingredients=twice),
        )
    missing = [Ingredient(tmp_path / "none.png")]
    with pytest.raises(InputInvalid, match="cannot be read"):
        write_picture(
            product(),
            tmp_path,
            "b.jpg",
            statement,
            WriteOptions(credentials=make_test_credentials(), ingredients=missing),
        )
