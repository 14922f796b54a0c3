"""Files of all kinds: a picture or a reason code, never anything else."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from packshot.errors import InputInvalid, PhotographInvalid
from packshot.quality.channels import load_channel
from packshot.quality.checks import Given
from packshot.quality.picture import Picture, read_picture
from packshot.quality.run import check_file, check_picture
from support.planted import PHOTOGRAPHS, encoded, photograph, product, shape

REASONS = {"not-a-picture", "truncated", "broken", "too-many-pixels", "mode-unsupported"}


def png_header(width: int, height: int) -> bytes:
    """A PNG that says to be of this size and holds a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "size", [(20_000, 20_000), (10_001, 10_000), (2**31 - 1, 1), (1_000_000, 1_000_000), (50_000, 9_000)]
)
def test_decompression_bombs(size: tuple[int, int]) -> None:
    with pytest.raises(PhotographInvalid) as refused:
        read_picture(png_header(*size))
    assert refused.value.reason == "too-many-pixels"


def test_a_bomb_in_a_text_chunk() -> None:
    image = Image.new("RGB", (2, 2))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    bomb = zlib.compress(b"a" * 200_000_000, 9)
    data = b"note\0\0" + bomb
    chunk = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    with pytest.raises(PhotographInvalid) as refused:
        read_picture(buffer.getvalue()[:33] + chunk + buffer.getvalue()[33:])
    assert refused.value.reason == "broken"


def test_not_found_and_too_large(tmp_path: Path) -> None:
    with pytest.raises(PhotographInvalid) as refused:
        read_picture(tmp_path / "none.png")
    assert (refused.value.reason, refused.value.slug) == ("not-found", "photograph-invalid")
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(300 * 2**20)
    with pytest.raises(PhotographInvalid) as refused:
        read_picture(tmp_path / "sparse.png")
    assert refused.value.reason == "too-many-bytes"
    with pytest.raises(PhotographInvalid) as refused:
        read_picture(tmp_path)
    assert refused.value.reason == "not-a-file"


def test_a_file_that_is_no_picture_fails_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"<svg/>")
    report = check_file(path, load_channel("amazon-main"))
    assert [(v.id, v.passed, v.reason) for v in report.verdicts] == [("file.readable", False, "not-a-picture")]
    assert not report.passed


def seeds() -> list[bytes]:
    small = product(side=64, box=(9, 9, 50, 50))
    return [
        encoded(small, "JPEG", quality=90),
        encoded(small, "JPEG", quality=90, progressive=True),
        encoded(small, "PNG"),
        encoded(shape(48), "PNG"),
        encoded(small, "WEBP", quality=80),
        encoded(shape(48), "WEBP", lossless=True),
        encoded(small, "GIF"),
        encoded(small, "BMP"),
        encoded(small, "TIFF"),
        encoded(small, "TIFF", compression="tiff_lzw"),
    ]


CHANNEL = load_channel("amazon-main")


@pytest.mark.parametrize("position", range(10))
def test_malformed_files(position: int) -> None:
    """A thousand of each format: cut short, bytes changed, pieces swapped, repeated or put in."""
    source = seeds()[position]
    made = random.Random(position)
    outcomes: dict[str, int] = {}
    for _ in range(1000):
        data = bytearray(source)
        for _ in range(made.choice((1, 1, 2, 5, 30))):
            at = made.randrange(len(data)) if data else 0
            match made.randrange(5):
                case 0:
                    del data[at:]
                case 1:
                    data[at : at + 1] = bytes([made.randrange(256)])
                case 2:
                    data[at : at + 4] = made.choice(
                        (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0")
                    )
                case 3:
                    other = made.randrange(len(data) + 1)
                    data[at:at] = data[other : other + made.randrange(40)]
                case _:
                    del data[at : at + made.randrange(20)]
        try:
            picture = read_picture(bytes(data))
        except PhotographInvalid as error:
            outcome = error.reason
        else:
            assert picture.pixels.dtype == np.uint8
            assert picture.pixels.shape == (picture.height, picture.width, 3)
            outcome = "read"
            if not outcomes.get(outcome, 0) % 10:  # what can be read can be checked, whatever its pixels are
                report = check_picture(picture, CHANNEL, Given(palette={"kelp": "#20302D"}))
                assert all(verdict.passed or verdict.reason for verdict in report.verdicts)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert {"read"} < set(outcomes) <= REASONS | {"read"}
    assert outcomes.get("not-a-picture", 0) + outcomes.get("broken", 0) + outcomes.get("truncated", 0) > 100


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9])
def test_photographs_cut_short(name: str, share: float) -> None:
    data = photograph(name).read_bytes()
    with pytest.raises(PhotographInvalid) as refused:
        read_picture(data[: int(len(data) * share)])
    assert refused.value.reason in REASONS


def test_transparency_lies_on_white() -> None:
    picture = read_picture(encoded(shape(64), "PNG"))
    assert picture.alpha is not None
    assert (picture.pixels[picture.alpha == 0] == 255).all()
    assert (picture.pixels[picture.alpha == 255] == shape(64)[..., :3][picture.alpha == 255]).all()


def test_exif_turns_the_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(np.zeros((20, 50, 3), np.uint8), "JPEG", exif=exif)
    picture = read_picture(data)
    assert (picture.width, picture.height) == (20, 50)


def test_sixteen_bits_keep_their_range() -> None:
    levels = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    picture = read_picture(encoded(levels, "PNG"))
    assert picture.pixels[0, 0].tolist() == [0, 0, 0]
    assert picture.pixels[-1, -1].tolist() == [255, 255, 255]


def test_floats_have_no_range() -> None:
    with pytest.raises(PhotographInvalid) as refused:
        read_picture(encoded(np.zeros((8, 8), np.float32), "TIFF"))
    assert refused.value.reason == "mode-unsupported"


def test_profiles() -> None:
    small = product(side=32, box=(4, 4, 20, 20))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert read_picture(encoded(small, "PNG")).profile == "none"
    assert read_picture(encoded(small, "PNG", icc_profile=srgb)).profile == "sRGB"
    assert read_picture(encoded(small, "JPEG", icc_profile=srgb)).profile == "sRGB"
    assert read_picture(encoded(small, "PNG", icc_profile=b"\0" * 200)).profile == "broken"
    assert read_picture(photograph("rocket.jpg")).profile == "Adobe RGB (1998)"


def test_a_wide_gamut_is_shown_in_srgb() -> None:
    with Image.open(photograph("rocket.jpg")) as rocket:
        profile = rocket.info["icc_profile"]
    green = np.full((8, 8, 3), (120, 200, 120), np.uint8)
    shown = read_picture(encoded(green, "PNG", icc_profile=profile)).pixels[0, 0].astype(int)
    # Adobe RGB's primaries reach further than sRGB's in green: the same numbers are a greener colour.
    assert shown[0] < 120 - 20
    assert abs(shown[1] - 200) <= 6


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_arrays(channels: int) -> None:
    floats = np.linspace(0, 1, 6 * 5 * channels, dtype=np.float32).reshape(6, 5, channels)
    picture = Picture.from_array(floats)
    assert (picture.width, picture.height, picture.format) == (5, 6, "")
    assert (picture.alpha is not None) == (channels == 4)


def test_half_floats_as_comfyui_has_them() -> None:
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    half = (levels / 255).astype(np.float16)
    assert (Picture.from_array(half).pixels == levels).all()


@pytest.mark.parametrize(
    "values", [np.zeros((4, 4)), np.zeros((4, 4, 2)), np.zeros((0, 4, 3)), np.zeros((4, 4, 3), np.int32)]
)
def test_what_is_no_picture(values: np.ndarray) -> None:
    with pytest.raises(InputInvalid):
        Picture.from_array(values)
