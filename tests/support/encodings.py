"""One product in every encoding that photographs come in, and what each of them should show."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from scipy.ndimage import gaussian_filter

from packshot.compose.icc import rgb_profile

DATA = Path(__file__).parents[1] / "data" / "photographs"
#: Height and width. The HEIC file has tiles of 128 pixels.
SIZE = (256, 384)

_D65 = (0.3127, 0.3290)
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65)
_ADOBE = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060), _D65)
_PROPHOTO = ((0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105), (0.345704, 0.358540))
_TO_XYZ_SRGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_BRADFORD_D65_D50 = np.array(
    [[1.0478112, 0.0228866, -0.0501270], [0.0295424, 0.9904844, -0.0170491], [-0.0092345, 0.0150436, 0.7521316]]
)


@cache
def product() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A mug with a label before a light ground, as sharp as a lens draws it: uint8 [256, 384, 3], sRGB."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(float)
    pixels = np.full((*SIZE, 3), 236.0)
    body, handle = _parts()
    pixels[body] = np.stack([186 - columns * 0.1, 64 + rows * 0.1, 52 + rows * 0.05], axis=-1)[body]
    pixels[(np.abs(columns - 170) < 50) & (np.abs(rows - 120) < 30)] = (40, 140, 132)
    pixels[handle] = (170, 70, 60)
    pixels[:24, :48] = (70, 80, 160)  # a swatch, by which one sees how it is turned
    return np.rint(gaussian_filter(pixels, (1.5, 1.5, 0))).astype(np.uint8)


def _parts() -> tuple[Any, Any]:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(float)
    body = (np.abs(columns - 170) < 90) & (np.abs(rows - 140) < 90)
    handle = (np.abs(np.hypot(columns - 262, rows - 140) - 44) < 12) & (columns > 255)
    return body, handle


def cut_out() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The opacity that goes with it: the ground is transparent."""
    return np.where(np.logical_or(*_parts()), 255, 0).astype(np.uint8)


def _save(pixels: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def linear(levels: Any) -> Any:
    """IEC 61966-2-1: light from levels of 8 bits."""
    values = np.asarray(levels, float) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded_srgb(light: Any) -> Any:
    values = np.clip(light, 0, 1)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)


def _matrix(primaries: Any) -> Any:
    """To XYZ under the white of the primaries, by their definition alone (SMPTE RP 177)."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    return columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])


def in_space(primaries: Any, gamma: float | None) -> Any:
    """The product's colours as floats 0..1 in another space."""
    xyz = linear(product()) @ _TO_XYZ_SRGB.T
    if primaries is _PROPHOTO:
        xyz = xyz @ _BRADFORD_D65_D50.T
    light = np.clip(xyz @ np.linalg.inv(_matrix(primaries)).T, 0, 1)
    return light ** (1 / gamma) if gamma else encoded_srgb(light)


def _levels(values: Any) -> Any:
    return np.rint(values * 255).astype(np.uint8)


def _png_of(values: Any, bits: int, chunks: dict[bytes, bytes] | None = None, colour: int = 2) -> bytes:
    """A PNG of 8 or 16 bits a channel, by its specification: Pillow writes no colour of 16 bits."""
    raw = np.rint(values * (2**bits - 1)).astype(">u2" if bits == 16 else np.uint8)
    high, wide = raw.shape[:2]
    body = b"".join(b"\0" + row.tobytes() for row in raw)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", wide, high, bits, colour, 0, 0, 0)
    middle = b"".join(chunk(name, data) for name, data in (chunks or {}).items())
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + middle + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    )


def _tiff16(values: Any) -> bytes:
    """An uncompressed TIFF of 16 bits a channel (TIFF 6.0, section 6)."""
    raw = np.rint(values * 65535).astype("<u2").tobytes()
    high, wide = values.shape[:2]
    tags = [
        (256, 4, 1, wide), (257, 4, 1, high), (258, 3, 3, 8 + 12 * 10 + 6), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 8 + 12 * 10 + 12), (277, 3, 1, 3), (278, 4, 1, high), (279, 4, 1, len(raw)), (284, 3, 1, 1),
    ]  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + b"\0\0\0\0"
    return b"II*\0\x08\0\0\0" + directory + struct.pack("<HHH", 16, 16, 16) + raw


def _turned(value: int) -> bytes:
    """The product stored as a camera that was held otherwise stores it."""
    back = {
        3: Image.Transpose.ROTATE_180, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = value
    return _save(Image.fromarray(product()).transpose(back[value]), "JPEG", quality=98, subsampling=0, exif=exif)


def _adobe_by_exif() -> bytes:
    """A camera's JPEG in Adobe RGB: no profile, but EXIF says "uncalibrated" and R03 (CIPA DC-008, 4.6.3 and 4.6.8)."""
    zeroth = struct.pack("<HHHIIi", 1, 0x8769, 4, 1, 26, 0)
    exif = struct.pack("<HHHIHHHHIIi", 2, 0xA001, 3, 1, 0xFFFF, 0, 0xA005, 4, 1, 56, 0)
    interoperability = struct.pack("<HHHI4si", 1, 1, 2, 4, b"R03\0", 0)
    data = b"Exif\0\0II*\0\x08\0\0\0" + zeroth + exif + interoperability
    return _save(_levels(in_space(_ADOBE, 563 / 256)), "JPEG", quality=98, subsampling=0, exif=data)


def _gain_map() -> bytes:
    """A phone's JPEG with a second picture behind the first, as gain maps are stored (CIPA DC-007)."""
    second = Image.fromarray(np.full((64, 96, 3), 90, np.uint8))
    return _save(Image.fromarray(product()), "MPO", save_all=True, append_images=[second], quality=98, subsampling=0)


def _cmyk() -> bytes:
    levels = product().astype(float)
    inks = 255 - levels
    black = inks.min(axis=2, keepdims=True)
    cover = np.where(black < 255, (inks - black) * 255 / np.maximum(255 - black, 1), 0)
    pixels = np.rint(np.concatenate([cover, black], axis=2)).astype(np.uint8)
    return _save(Image.fromarray(pixels, "CMYK"), "TIFF")


def _lab() -> bytes:
    srgb, lab = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
    image = ImageCms.profileToProfile(Image.fromarray(product()), srgb, lab, outputMode="LAB")
    assert image is not None
    return _save(image, "TIFF")


def _animation() -> bytes:
    frames = [Image.fromarray(np.full((*SIZE, 3), level, np.uint8)) for level in (200, 20)]
    return _save(Image.fromarray(product()), "WEBP", save_all=True, append_images=frames, lossless=True, duration=80)


def _rgba() -> Any:
    pixels = product().copy()
    pixels[cut_out() == 0] = 0  # what is transparent is black below, as many editors leave it
    return np.dstack([pixels, cut_out()])


def _gamma_png() -> bytes:
    white = [round(value * 100000) for value in _D65]
    rgb = [round(value * 100000) for pair in _ADOBE[:3] for value in pair]
    chunks = {b"gAMA": struct.pack(">I", round(100000 * 256 / 563)), b"cHRM": struct.pack(">8I", *white, *rgb)}
    return _png_of(in_space(_ADOBE, 563 / 256), 8, chunks)


#: Name -> the file's bytes and its ending as its owner may have called it; ``.jpg`` where the name lies.
ENCODINGS: dict[str, tuple[Callable[[], bytes], str]] = {
    "png": (lambda: _save(product(), "PNG"), ".png"),
    "png palette": (lambda: _save(Image.fromarray(product()).quantize(256, dither=Image.Dither.NONE), "PNG"), ".png"),
    "png 16 bit": (lambda: _png_of(product() / 255, 16), ".png"),
    "png 16 bit display p3": (lambda: _png_of(in_space(_P3, None), 16, {b"cICP": bytes([12, 13, 0, 1])}), ".png"),
    "png with primaries and gamma": (_gamma_png, ".png"),
    "png cut out": (lambda: _save(_rgba(), "PNG"), ".png"),
    "jpeg": (lambda: _save(product(), "JPEG", quality=98, subsampling=0), ".jpg"),
    "jpeg progressive": (lambda: _save(product(), "JPEG", quality=98, subsampling=0, progressive=True), ".JPG"),
    "jpeg upside down": (lambda: _turned(3), ".jpg"),
    "jpeg mirrored": (lambda: _turned(5), ".jpg"),
    "jpeg turned right": (lambda: _turned(6), ".jpg"),
    "jpeg turned left": (lambda: _turned(8), ".jpg"),
    "jpeg display p3": (
        lambda: _save(
            _levels(in_space(_P3, None)), "JPEG", quality=98, subsampling=0, icc_profile=rgb_profile(_P3, None)
        ),
        ".jpg",
    ),
    "jpeg adobe rgb": (
        lambda: _save(
            _levels(in_space(_ADOBE, 563 / 256)),
            "JPEG",
            quality=95,
            subsampling=0,
            icc_profile=rgb_profile(_ADOBE, 563 / 256),
        ),
        ".jpg",
    ),
    "jpeg adobe rgb by exif": (_adobe_by_exif, ".jpg"),
    "jpeg with a gain map": (_gain_map, ".jpg"),
    "png prophoto": (
        lambda: _save(_levels(in_space(_PROPHOTO, 1.8)), "PNG", icc_profile=rgb_profile(_PROPHOTO, 1.8)),
        ".png",
    ),
    "tiff": (lambda: _save(product(), "TIFF"), ".tif"),
    "tiff lzw": (lambda: _save(product(), "TIFF", compression="tiff_lzw"), ".tiff"),
    "tiff 16 bit": (lambda: _tiff16(product() / 255), ".tif"),
    "tiff cmyk": (_cmyk, ".tif"),
    "tiff lab": (_lab, ".tif"),
    "tiff cut out": (lambda: _save(_rgba(), "TIFF"), ".tif"),
    "webp lossless": (lambda: _save(product(), "WEBP", lossless=True), ".webp"),
    "webp": (lambda: _save(product(), "WEBP", quality=98), ".webp"),
    "webp animated": (_animation, ".webp"),
    "gif": (lambda: _save(Image.fromarray(product()).quantize(256, dither=Image.Dither.NONE), "GIF"), ".gif"),
    "bmp": (lambda: _save(product(), "BMP"), ".bmp"),
    "avif": (lambda: _save(product(), "AVIF", quality=95, subsampling="4:4:4"), ".avif"),
    "heic of six tiles": (lambda: (DATA / "tiles.heic").read_bytes(), ".heic"),
    "a png that is called jpg": (lambda: _save(product(), "PNG"), ".jpg"),
    "a heic that is called jpg": (lambda: (DATA / "tiles.heic").read_bytes(), ".jpg"),
}
#: Levels by which lossy encodings may differ; those of 8 bits in wider spaces are rounded twice.
LOSSY = 13


def tolerance(name: str) -> int:
    """How far a pixel may be from the product: 13 levels where a codec or 8 bits of Lab throw away, 2 elsewhere."""
    words = name.split()
    lossy = {"jpeg", "webp", "avif", "heic", "gif", "palette", "lab"}
    return LOSSY if lossy & set(words) and "lossless" not in words and "animated" not in words else 2


def write_encoding(name: str, folder: Path) -> Path:
    """The product in one encoding, as a file."""
    make, ending = ENCODINGS[name]
    file = folder / f"{name.replace(' ', '-')}{ending}"
    file.write_bytes(make())
    return file


def shown(name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """What every door should show of it: uint8 [256, 384, 3], a cut-out over white."""
    pixels = product().copy()
    if "cut out" in name:
        pixels[cut_out() == 0] = 255
    return pixels
