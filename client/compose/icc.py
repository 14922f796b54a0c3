"""Colours of a photograph to sRGB: by its ICC profile, or by what else a file says of its colours."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from ..errors import PhotographInvalid

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_SAME = 2  # levels: profiles of sRGB by different makers differ by rounding
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}  # colour space of a profile -> Pillow's mode
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L")

# Chromaticities x, y of red, green, blue and white, by the numbers of ITU-T H.273, table 2.
_D65 = (0.3127, 0.3290)
_PRIMARIES: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}
_PRIMARY_NAMES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
# Table 3: what a still picture shows by the curve of sRGB. Browsers show video's own (1, 6, 14, 15) by it, too.
_SRGB_CURVES = frozenset((1, 2, 6, 13, 14, 15))
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
_HDR = {16: "PQ", 18: "HLG"}

_ADOBE_RGB = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060), _D65)
_ADOBE_GAMMA = 563 / 256  # Adobe RGB (1998) Color Image Encoding, 4.3.1.2

# Bradford cone response, and the white of the profile connection space (ICC.1:2022, annex E and 6.3.4.3).
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """What a file says of its colours.

    Attributes:
        name: ``sRGB``, ``none`` where it says nothing, ``broken`` where it cannot be read, or the profile's own name.
        profile: the ICC profile to convert from; None where the numbers are taken as sRGB.
    """

    name: str
    profile: bytes | None = None


def colour_space(image: Image.Image, codes: tuple[int, int] | None = None) -> ColourSpace:
    """Tell the colour space of an opened picture.

    An ICC profile goes before the codes of H.273, those before PNG's own primaries and gamma, and those before the
    camera's word in EXIF that it is Adobe RGB (DCF 2.0, option file).

    Args:
        codes: colour primaries and transfer characteristics by ITU-T H.273, where the file holds them.

    Raises:
        PhotographInvalid: high dynamic range (PQ or HLG), which no shop's picture has, and which no table says how to
            show.
    """
    if image.mode == "LAB":
        return ColourSpace("Lab", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes())
    if data := image.info.get("icc_profile"):
        return _named(image, data)
    if codes is not None:
        return _by_codes(*codes)
    if "srgb" in image.info:
        return ColourSpace("sRGB")
    if (space := _by_png(image.info)) is not None:
        return space
    return ColourSpace("Adobe RGB (by EXIF)", rgb_profile(_ADOBE_RGB, _ADOBE_GAMMA)) if _is_adobe(image) else _NONE


_NONE = ColourSpace("none")


def to_srgb(image: Image.Image, space: ColourSpace) -> Image.Image:
    """Convert to RGB in sRGB, by the profile's perceptual rendering; alpha is not kept.

    Args:
        image: in any mode of 8 bits.

    Returns:
        mode RGB.
    """
    if space.profile is None:
        return image.convert("RGB")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(space.profile))
    mode = _MODES[str(profile.profile.xcolor_space).strip()]
    return _convert(image if image.mode == mode else image.convert(mode), profile)


def rgb_profile(primaries: tuple[tuple[float, float], ...], gamma: float | None, name: str = "RGB") -> bytes:
    """Make an ICC profile of a display.

    Args:
        primaries: x, y of red, green, blue and white.
        gamma: exponent of the curve; None for sRGB's.
        name: of the colour space, in ASCII.

    Returns:
        a version 2 matrix profile (ICC.1:2001-04, 6.3.1).
    """
    colourants = _adapted(primaries)
    curve = _curve(gamma)
    tags = {b"wtpt": _xyz(_D50), b"cprt": b"text\0\0\0\0none\0", b"desc": _description(name)}
    for number, letter in enumerate((b"r", b"g", b"b")):
        tags[letter + b"XYZ"] = _xyz(colourants[:, number])
        tags[letter + b"TRC"] = curve
    return _profile(tags)


def _named(image: Image.Image, data: bytes) -> ColourSpace:
    """The space of an embedded profile; two are the same where they give the same colours."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        name = ImageCms.getProfileDescription(profile).strip() or "unnamed"
        space = str(profile.profile.xcolor_space).strip()
        if not _fits(space, image.mode):
            return ColourSpace("broken")
        if space == "RGB":
            grid = np.stack(np.meshgrid(*[np.arange(0, 256, 51, dtype=np.uint8)] * 3), axis=-1).reshape(6, 36, 3)
            shown = np.asarray(_convert(Image.fromarray(grid), profile)).astype(int)
            if np.abs(shown - grid).max() <= _SAME:
                return ColourSpace("sRGB")
        elif space == "GRAY":
            _convert(Image.new("L", (1, 1)), profile)  # a profile without a curve is found here, not half way
    except (ImageCms.PyCMSError, OSError, ValueError):
        return ColourSpace("broken")
    return ColourSpace(name, data)


def _fits(space: str, mode: str) -> bool:
    """Whether a profile's colour space can be that of pixels; a grey picture may have a profile of RGB."""
    if space == "RGB":
        return mode != "CMYK"
    return (space == "GRAY" and mode in _GREY) or (space == "CMYK" and mode == "CMYK")


def _by_codes(primaries: int, transfer: int) -> ColourSpace:
    if transfer in _HDR:
        raise PhotographInvalid(
            f"the picture is of high dynamic range ({_HDR[transfer]})",
            remedy="export it in sRGB, with 8 bits",
            reason="hdr",
        )
    if transfer in _SRGB_CURVES and primaries not in _PRIMARY_NAMES:
        return ColourSpace("sRGB")
    name = _PRIMARY_NAMES.get(primaries, "sRGB's primaries, another curve")
    return ColourSpace(name, rgb_profile(_PRIMARIES.get(primaries, _PRIMARIES[1]), _GAMMAS.get(transfer)))


def _by_png(info: dict[str | tuple[int, int], Any]) -> ColourSpace | None:
    """The space of PNG's chunks cHRM and gAMA; None where there is none, or it is that of sRGB."""
    gamma, chromaticity = info.get("gamma"), info.get("chromaticity")
    if not gamma and not chromaticity:
        return None
    primaries = _PRIMARIES[1]
    if chromaticity and len(chromaticity) == 8 and all(chromaticity[1::2]):
        white, *colours = ((chromaticity[at], chromaticity[at + 1]) for at in range(0, 8, 2))
        primaries = (*colours, white)
    exponent = 1 / gamma if gamma else 2.2
    near = np.allclose(primaries, _PRIMARIES[1], atol=0.002) and abs(exponent - 2.2) < 0.02
    return None if near else ColourSpace("PNG's primaries and gamma", rgb_profile(primaries, exponent))


def _is_adobe(image: Image.Image) -> bool:
    """Whether a camera says so: EXIF's ColorSpace is "uncalibrated", and its interoperability index R03."""
    exif = image.getexif()
    return exif.get_ifd(0x8769).get(0xA001) == 0xFFFF and exif.get_ifd(0xA005).get(1) == "R03"


def _convert(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    shown = ImageCms.profileToProfile(image, profile, _SRGB, outputMode="RGB")
    assert shown is not None  # it is only where the picture is changed in place
    return shown


def _adapted(primaries: tuple[tuple[float, float], ...]) -> npt.NDArray[np.float64]:
    """The columns XYZ of red, green and blue under D50 (Lindbloom, "RGB/XYZ Matrices", "Chromatic Adaptation")."""
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
    white = columns[:, 3]
    scaled = columns[:, :3] * np.linalg.solve(columns[:, :3], white)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: npt.NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ scaled
    return adapted


@lru_cache(maxsize=4)
def _curve(gamma: float | None) -> bytes:
    steps = np.linspace(0, 1, 4096)
    values = steps**gamma if gamma else np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    levels = np.rint(values * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", len(levels)) + levels.tobytes()


def _xyz(values: npt.NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _description(text: str) -> bytes:
    ascii_text = text.encode("ascii") + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(ascii_text)) + ascii_text + b"\0" * (4 + 4 + 2 + 1 + 67)


def _profile(tags: dict[bytes, bytes]) -> bytes:
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = at + len(body)
    head = struct.pack(
        ">I4s4s4s4s4s12s4s", size, b"\0\0\0\0", b"\x02\x10\0\0", b"mntr", b"RGB ", b"XYZ ", b"\0" * 12, b"acsp"
    )
    head += b"\0" * 28 + struct.pack(">3i", *(round(float(value) * 65536) for value in _D50))
    return head.ljust(128, b"\0") + table + body
