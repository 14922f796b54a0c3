"""Files as they are written, read back by Pillow, exiftool and C2PA's validator, and by `packshot verify`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from packshot.errors import InputInvalid, OutputUnwritable
from packshot.provenance.credentials import TEST_ORGANISATION, make_test_credentials
from packshot.provenance.encoding import srgb_profile
from packshot.provenance.manifest import Ingredient
from packshot.provenance.reading import read_account
from packshot.provenance.writer import WriteOptions, write_picture
from support.planted import PHOTOGRAPHS, STATEMENT, photo, photograph, product, shape

FORMATS = [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")]


@pytest.mark.parametrize(("file_format", "ending"), FORMATS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", ["coffee.png", "rocket.jpg"])
def test_a_file_says_what_was_stated(file_format: str, ending: str, signed: bool, name: str, tmp_path: Path) -> None:
    options = WriteOptions(
        file_format,
        credentials=make_test_credentials() if signed else None,
        ingredients=[Ingredient(photograph("chelsea.png"))],
    )
    written = write_picture(photo(name).pixels, tmp_path, f"a.{ending}", STATEMENT, options)
    assert written.file == tmp_path / f"a.{ending}"
    assert written.bytes == written.file.stat().st_size
    assert written.sha256 == hashlib.sha256(written.file.read_bytes()).hexdigest()
    account = read_account(written.file)
    assert account.statement is not None
    assert account.source_type == STATEMENT.source_type
    assert (account.statement.title, account.statement.rights) == (STATEMENT.title, STATEMENT.rights)
    assert account.statement.recipe == STATEMENT.recipe
    assert account.graph == ()
    assert account.problems == ()
    assert account.manifest.state == ("valid" if signed else "absent")
    if signed:
        assert account.manifest.test
        assert account.manifest.signer == TEST_ORGANISATION
        assert account.manifest.actions == ("c2pa.created", "c2pa.placed")
        assert account.manifest.ingredients == ("chelsea.png",)
        assert account.manifest.source_type == STATEMENT.source_type
    with Image.open(written.file) as image:
        image.load()
        assert image.format == file_format
        assert image.info["icc_profile"] == srgb_profile()
        difference = np.abs(np.asarray(image.convert("RGB")).astype(int) - photo(name).pixels)
    assert difference.max() == 0 if file_format == "PNG" else difference.mean() < 3


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize(("file_format", "ending"), FORMATS)
def test_exiftool_reads_the_same(file_format: str, ending: str, tmp_path: Path) -> None:
    options = WriteOptions(file_format, credentials=make_test_credentials())
    written = write_picture(photo("coffee.png").pixels, tmp_path, f"a.{ending}", STATEMENT, options)
    answer = subprocess.run(
        ["exiftool", "-j", "-G1", "-validate", "-all", str(written.file)],
        capture_output=True,
        check=True,
        text=True,
    )
    (said,) = json.loads(answer.stdout)
    assert said["XMP-iptcExt:DigitalSourceType"] == STATEMENT.source_type
    assert said["XMP-dc:Title"] == STATEMENT.title
    assert said["XMP-dc:Rights"] == STATEMENT.rights
    assert said["XMP-dc:Creator"] == "Aldern Quay"
    assert said["File:FileType"].endswith(file_format)  # a WebP with metadata is an "Extended WEBP"
    assert said["ICC-header:ColorSpaceData"] == "RGB "
    assert said["ExifTool:Validate"] == "OK"


def test_a_jpeg_keeps_every_colour_sample_and_white(tmp_path: Path) -> None:
    written = write_picture(product(), tmp_path, "a.jpg", STATEMENT)
    with Image.open(written.file) as image:
        assert image.layer == [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 1)]  # sampling 1x1 of each: 4:4:4
        assert (np.asarray(image)[:30] == 255).all()


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
@pytest.mark.parametrize("signed", [False, True])
def test_the_best_quality_within_a_limit(name: str, file_format: str, signed: bool, tmp_path: Path) -> None:
    pixels = photo(name).pixels
    signing = make_test_credentials() if signed else None
    free = write_picture(pixels, tmp_path, "free.bin", STATEMENT, WriteOptions(file_format, credentials=signing))
    limit = free.bytes * 2 // 3
    within = write_picture(
        pixels, tmp_path, "within.bin", STATEMENT, WriteOptions(file_format, max_bytes=limit, credentials=signing)
    )
    assert within.bytes <= limit
    assert 40 <= within.quality < free.quality == 95
    better = WriteOptions(file_format, quality=within.quality + 1, credentials=signing)
    assert (
        write_picture(pixels, tmp_path, "better.bin", STATEMENT, better).bytes > limit - 50
    )  # a signature's size varies


def test_what_cannot_be_small_enough(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    for file_format in ("JPEG", "PNG", "WEBP"):
        with pytest.raises(InputInvalid, match="the limit is 2,000"):
            write_picture(noise, tmp_path, "a.bin", STATEMENT, WriteOptions(file_format, max_bytes=2000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("file_format", "ending"), FORMATS)
def test_the_same_bytes_again_in_another_process(file_format: str, ending: str, tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np; from pathlib import Path; from packshot.provenance.writer import *;"
        "from packshot.provenance.marking import Statement;"
        f"p = np.load('{tmp_path}/p.npy');"
        f"print(write_picture(p, Path(sys.argv[1]), 'a.{ending}', Statement('generated', recipe={{'b': 1, 'a': 2}}),"
        f" WriteOptions('{file_format}')).sha256)"
    )
    np.save(tmp_path / "p.npy", photo("chelsea.png").pixels)
    runs = [
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / folder)],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": folder},
        ).stdout
        for folder in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1]


def test_transparency(tmp_path: Path) -> None:
    pixels = shape(200)
    kept = write_picture(pixels, tmp_path, "a.png", STATEMENT, WriteOptions("PNG"))
    with Image.open(kept.file) as image:
        assert np.array_equal(np.asarray(image), pixels)
    flat = write_picture(pixels, tmp_path, "a.jpg", STATEMENT, WriteOptions("JPEG", background=(239, 230, 214)))
    with Image.open(flat.file) as image:
        assert np.abs(np.asarray(image)[5, 5].astype(int) - (239, 230, 214)).max() <= 1


def test_the_graph_is_kept_only_when_asked(tmp_path: Path) -> None:
    graph = {"prompt": json.dumps({"1": {"class_type": "KSampler"}}), "workflow": "{}"}
    kept = write_picture(product(), tmp_path, "kept.png", STATEMENT, WriteOptions("PNG", graph=graph))
    assert read_account(kept.file).graph == ("prompt", "workflow")
    with Image.open(kept.file) as image:
        assert json.loads(image.info["prompt"]) == {"1": {"class_type": "KSampler"}}
    with pytest.raises(InputInvalid, match="keeps no graph"):
        write_picture(product(), tmp_path, "a.jpg", STATEMENT, WriteOptions("JPEG", graph=graph))


@pytest.mark.parametrize("name", ["../a.png", "a/b.png", "/etc/x.png", "..", "", ".", "a\\b.png", "a\0.png"])
def test_a_name_that_leads_elsewhere(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="is no name of a file"):
        write_picture(product(), tmp_path / "inside", name, STATEMENT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8)])
def test_what_is_no_picture(pixels: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="is no picture"):
        write_picture(pixels, tmp_path, "a.png", STATEMENT)


def test_a_folder_that_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputUnwritable):
        write_picture(product(), tmp_path / "file", "a.png", STATEMENT, WriteOptions("PNG"))


def test_no_picture_takes_the_place_of_another(tmp_path: Path) -> None:
    pictures = [photo(name).pixels for name in ("coffee.png", "chelsea.png", "rocket.jpg")]
    first = [write_picture(pixels, tmp_path, "MUG.1.jpg", STATEMENT) for pixels in pictures]
    assert [written.file.name for written in first] == ["MUG.1.jpg", "MUG.1-2.jpg", "MUG.1-3.jpg"]
    again = [write_picture(pixels, tmp_path, "MUG.1.jpg", STATEMENT) for pixels in pictures]
    assert again == first
    second = write_picture(product(), tmp_path, "MUG.1.jpg", STATEMENT, number=2)
    assert second.file.name == "MUG.1-4.jpg"
    assert {hashlib.sha256(written.file.read_bytes()).hexdigest() for written in first} == {
        written.sha256 for written in first
    }


def test_an_older_file_stays_when_a_new_one_cannot_be_made(tmp_path: Path) -> None:
    first = write_picture(product(), tmp_path, "a.jpg", STATEMENT)
    with pytest.raises(InputInvalid):
        write_picture(product(), tmp_path, "a.jpg", STATEMENT, WriteOptions(max_bytes=100))
    assert hashlib.sha256(first.file.read_bytes()).hexdigest() == first.sha256
