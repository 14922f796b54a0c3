"""The door for photographs: one product in every encoding is one picture, and what is no picture is named."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from packshot.compose.icc import rgb_profile
from packshot.compose.photograph import inspect_photograph, read_photograph
from packshot.errors import PhotographInvalid
from support.encodings import ENCODINGS, SIZE, product, shown, tolerance, write_encoding

CHANGES = {
    "png": {"assumed-srgb"},
    "png 16 bit": {"eight-bit", "assumed-srgb"},
    "png 16 bit display p3": {"eight-bit", "converted"},
    "png with primaries and gamma": {"converted"},
    "png prophoto": {"converted"},
    "jpeg turned right": {"upright", "assumed-srgb"},
    "jpeg display p3": {"converted"},
    "jpeg adobe rgb by exif": {"converted"},
    "jpeg with a gain map": {"base-picture", "assumed-srgb"},
    "tiff 16 bit": {"eight-bit", "assumed-srgb"},
    "tiff cmyk": {"cmyk"},
    "tiff lab": {"converted"},
    "webp animated": {"first-frame", "assumed-srgb"},
    "heic of six tiles": {"assumed-srgb"},
}


def far(pixels: np.ndarray, name: str) -> float:
    """How far pixels are from the product: all of them, or 99.5 % of a lossy picture, whose edges ring."""
    difference = np.abs(pixels.astype(int) - shown(name)).max(axis=2)
    return float(difference.max() if tolerance(name) <= 2 else np.quantile(difference, 0.995))


@pytest.mark.parametrize("name", ENCODINGS)
def test_one_product_in_every_encoding_is_one_picture(name: str, tmp_path: Path) -> None:
    file = write_encoding(name, tmp_path)
    photograph = read_photograph(file)
    assert photograph.pixels.shape == (*SIZE, 3)
    assert far(photograph.on_white, name) <= tolerance(name)
    assert (photograph.alpha is not None) == ("cut out" in name)
    assert (photograph.record.width, photograph.record.height) == (SIZE[1], SIZE[0])
    assert set(photograph.record.changes) == CHANGES.get(name, set(photograph.record.changes))
    assert inspect_photograph(file) == photograph.record


@pytest.mark.parametrize("name", ENCODINGS)
def test_what_is_sent_shows_the_same_and_remembers_where_it_comes_from(name: str, tmp_path: Path) -> None:
    photograph = read_photograph(write_encoding(name, tmp_path))
    sent = read_photograph(photograph.as_png())
    assert sent.plain
    assert (sent.pixels == photograph.pixels).all()
    assert sent.record.profile == "sRGB"
    assert sent.origin == photograph.record
    with Image.open(io.BytesIO(photograph.as_png())) as image:  # what a loader shows that knows nothing of colours
        assert (np.asarray(image.convert("RGB")) == photograph.pixels).all()


def test_only_what_every_loader_shows_alike_goes_as_it_is(tmp_path: Path) -> None:
    plain = {name for name in ENCODINGS if read_photograph(write_encoding(name, tmp_path)).plain}
    assert plain == {
        "png",
        "jpeg",
        "jpeg progressive",
        "webp lossless",
        "webp",
        "a png that is called jpg",
        "png cut out",
    }


def _save(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def test_a_profile_of_another_kind_of_colour_than_the_pixels_is_left_aside_and_said() -> None:
    for image, profile in (
        (Image.fromarray(product()), _profile("LAB")),
        (Image.fromarray(product()), b"\0" * 300),
        (Image.fromarray(product()).convert("CMYK"), _profile("sRGB")),
    ):
        photograph = read_photograph(_save(image, "TIFF", icc_profile=profile))
        assert "broken-profile" in photograph.record.changes
        assert np.abs(photograph.pixels.astype(int) - product()).max() <= 2


def test_a_grey_picture_may_have_a_profile_of_colour() -> None:
    grey = Image.fromarray(product()).convert("L")
    p3 = rgb_profile(((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.3127, 0.3290)), 2.2)
    photograph = read_photograph(_save(grey, "JPEG", quality=95, icc_profile=p3))
    assert photograph.record.changes == ("converted",)
    spread = photograph.pixels.astype(int)
    assert (spread.max(axis=2) - spread.min(axis=2)).max() <= 1, "neutral stays neutral"


def test_damaged_exif_does_not_cost_the_picture() -> None:
    data = bytearray(_save(Image.fromarray(product()), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    assert read_photograph(bytes(data)).pixels.shape == (*SIZE, 3)


OTHERS = {
    "a web page": b"<!DOCTYPE html><html><body>hotlinking is not allowed</body></html>",
    "a web page without its beginning": b"\n\n<html><head><title>403</title></head></html>",
    "an SVG drawing": b'<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg"/>',
    "an XML file": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3",
    "an answer in JSON": b'{"error": "not found"}',
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "a ZIP archive": b"PK\x03\x04\x14\0\0\0",
    "a Photoshop file": b"8BPS\0\x01",
    "a video": struct.pack(">I", 24) + b"ftypisom\0\0\0\0isomavc1",
    "a camera's raw file": b"II*\0\x10\0\0\0CR\x02\0",
    "a text file": b"no photograph yet",
    "an empty file": b"",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_picture_is_named(kind: str) -> None:
    with pytest.raises(PhotographInvalid) as refused:
        read_photograph(OTHERS[kind], "mug.jpg")
    assert refused.value.reason == "not-a-picture"
    assert refused.value.message.startswith(f"this is {kind.removesuffix(' without its beginning')}")
    assert (refused.value.place, bool(refused.value.remedy)) == ("mug.jpg", True)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "gif", "bmp", "avif", "heic of six tiles"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_file_that_ends_too_early_is_refused(name: str, share: float, tmp_path: Path) -> None:
    data = write_encoding(name, tmp_path).read_bytes()
    with pytest.raises(PhotographInvalid) as refused:
        read_photograph(data[: int(len(data) * share)])
    assert refused.value.reason in ("truncated", "broken")


def test_a_camera_s_raw_file_is_not_taken_by_its_preview() -> None:
    image = Image.fromarray(product())
    for tags in ({254: 1}, {50706: (1, 4, 0, 0)}):
        with pytest.raises(PhotographInvalid) as refused:
            read_photograph(_save(image, "TIFF", tiffinfo=tags))
        assert refused.value.reason == "preview-only"


def test_high_dynamic_range_is_refused() -> None:
    png = _save(Image.fromarray(product()), "PNG")
    body = b"cICP" + bytes([9, 16, 0, 1])
    pq = png[:33] + struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body)) + png[33:]
    with pytest.raises(PhotographInvalid) as refused:
        read_photograph(pq, "mug.png")
    assert (refused.value.reason, refused.value.place) == ("hdr", "mug.png")


@pytest.mark.parametrize("size", [(60_000, 60_000), (60_000, 100), (20_000, 20_000)])
def test_a_picture_of_very_many_pixels_is_refused_by_its_head(size: tuple[int, int]) -> None:
    head = b"IHDR" + struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    crc = zlib.crc32
    data = b"IDAT" + b"\0" * 9
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", crc(head))
    png += struct.pack(">I", 9) + data + struct.pack(">I", crc(data))
    with pytest.raises(PhotographInvalid) as refused:
        read_photograph(png)
    assert refused.value.reason == "too-many-pixels"


def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for file, reason in (
        (tmp_path / "pipe.jpg", "not-a-file"),
        (Path("/dev/zero"), "not-a-file"),
        (tmp_path, "not-a-file"),
        (tmp_path / "none.jpg", "not-found"),
        (tmp_path / "a\0b.jpg", "unreadable"),
    ):
        with pytest.raises(PhotographInvalid) as refused:
            read_photograph(file)
        assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("name", "package"), [("heic of six tiles", "pi_heif"), ("a heic that is called jpg", "pi_heif")]
)
def test_without_its_decoder_a_format_is_refused_by_name(
    name: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PhotographInvalid, match="HEIC") as refused:
        read_photograph(write_encoding(name, tmp_path))
    assert refused.value.reason == "decoder-missing"
    assert "pip install pi-heif" in refused.value.remedy


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"file": 1}', "{" * 5000, json.dumps({"changes": 5})])
def test_a_forged_record_is_no_record(text: str) -> None:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_itxt("packshot:photograph", text)
    photograph = read_photograph(_save(Image.fromarray(product()), "PNG", pnginfo=info))
    assert photograph.origin == photograph.record


@given(st.binary(max_size=200), st.sampled_from(sorted(ENCODINGS)), st.integers(0, 400))
def test_no_bytes_raise_anything_else(junk: bytes, name: str, at: int) -> None:
    data = bytearray(_cached(name))
    data[at : at + len(junk)] = junk
    try:
        photograph = read_photograph(bytes(data))
    except PhotographInvalid:
        pass
    else:
        assert photograph.pixels.shape == (photograph.record.height, photograph.record.width, 3)


_FILES: dict[str, bytes] = {}


def _cached(name: str) -> bytes:
    if name not in _FILES:
        _FILES[name] = ENCODINGS[name][0]()
    return _FILES[name]
