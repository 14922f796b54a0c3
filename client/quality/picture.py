"""Opening a picture that anyone may have made: what its file says, and its pixels as a shop would show them.

Whatever is wrong with a file has a reason code; nothing that a file holds raises anything but :class:`PictureRefused`.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from ..errors import InputInvalid
from .colour import Bytes

#: Pillow's decoders that may be used: those of pictures, and none that starts another program.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP")
MAX_PIXELS = 100_000_000  # Amazon's largest side squared; 300 MB decoded
MAX_BYTES = 256 * 1024 * 1024

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_SAME = 2  # levels: profiles of sRGB by different makers differ by rounding


class PictureRefused(InputInvalid):
    """A file is no picture that can be looked at.

    Attributes:
        reason: ``not-found``, ``unreadable``, ``too-many-bytes``, ``not-a-picture``, ``too-many-pixels``,
            ``mode-unsupported``, ``truncated`` or ``broken``.
    """

    def __init__(self, reason: str, message: str, place: str) -> None:
        remedy = _REMEDIES.get(reason, "open it in an image editor and save it anew")
        super().__init__(message, place=place, remedy=remedy)
        self.reason = reason


_REMEDIES = {
    "not-found": "check the path",
    "unreadable": "check the file and its permissions",
    "not-a-picture": "give a JPEG, PNG, WebP, TIFF, GIF or BMP file",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Attributes:
        name: of its file; empty where there is none.
        format: ``JPEG``, ``PNG``, ``WEBP``, ``TIFF``, ``GIF`` or ``BMP``; empty where there is no file.
        size: of the file in bytes.
        mode: Pillow's mode as stored, such as ``RGB``, ``CMYK`` or ``RGBA``.
        frames: 1, or 2 for several.
        profile: ``sRGB``, the description of another ICC profile, ``broken``, or ``none``.
        pixels: uint8 [H, W, 3], sRGB, turned as EXIF says, transparent parts on white.
        alpha: uint8 [H, W]; None where the picture has none.
        not_finite: how many values were NaN or infinite, in a picture that came as floats.
    """

    name: str
    format: str
    size: int
    mode: str
    frames: int
    profile: str
    pixels: Bytes
    alpha: Bytes | None = None
    not_finite: int = 0

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @classmethod
    def from_array(cls, values: npt.NDArray[Any], name: str = "") -> Picture:
        """A picture that is not in a file.

        Args:
            values: [H, W, C] with C of 1, 3 or 4: uint8, or floats in 0..1, as ComfyUI's IMAGE has them.

        Raises:
            InputInvalid: another shape or dtype.
        """
        if values.ndim != 3 or values.shape[2] not in (1, 3, 4) or 0 in values.shape:
            raise InputInvalid(
                f"an array of shape {list(values.shape)} is no picture", remedy="give [height, width, 1, 3 or 4]"
            )
        bad = 0
        if np.issubdtype(values.dtype, np.floating):
            finite = np.isfinite(values)
            bad = int(values.size - np.count_nonzero(finite))
            known = np.where(finite, values, 0) if bad else values
            values = np.clip(np.rint(known * np.float32(255)), 0, 255).astype(np.uint8)
        elif values.dtype != np.uint8:
            raise InputInvalid(f"{values.dtype} is no kind of pixel", remedy="give uint8, or floats in 0..1")
        alpha = values[..., 3].copy() if values.shape[2] == 4 else None
        pixels = np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values[..., :3]
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[values.shape[2]]
        opaque = _on_white(np.ascontiguousarray(pixels), alpha)
        return cls(name, "", 0, mode, 1, "sRGB", opaque, alpha, bad)


def read_picture(source: Path | bytes, name: str = "") -> Picture:
    """Decode a file, or the bytes of one.

    Raises:
        PictureRefused: it cannot be looked at, with the reason code of why.
    """
    data = source if isinstance(source, bytes) else _read(source)
    name = name or ("" if isinstance(source, bytes) else source.name)
    place = name if isinstance(source, bytes) else str(source)
    try:
        with warnings.catch_warnings():
            # Pillow warns of damaged metadata and of many pixels; the first does no harm, the second is refused below.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return _decode(image, len(data), name, place)
    except PictureRefused:
        raise
    except UnidentifiedImageError as error:
        raise PictureRefused("not-a-picture", "not a picture in a format that is known", place) from error
    except Image.DecompressionBombError as error:
        raise PictureRefused("too-many-pixels", str(error), place) from error
    except Exception as error:
        # What malformed files make Pillow's decoders raise is of a dozen kinds, and of more with each release.
        reason = "truncated" if "truncated" in str(error).lower() else "broken"
        raise PictureRefused(reason, f"cannot be decoded: {error or type(error).__name__}", place) from error


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise PictureRefused("too-many-bytes", f"{size:,} bytes; at most {MAX_BYTES:,} are read", str(path))
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PictureRefused("not-found", "there is no such file", str(path)) from error
    except OSError as error:
        raise PictureRefused("unreadable", f"cannot be read: {error.strerror}", str(path)) from error


def _decode(image: Image.Image, size: int, name: str, place: str) -> Picture:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureRefused("too-many-pixels", f"{width} x {height} pixels; at most {MAX_PIXELS:,} are read", place)
    mode, kind = image.mode, str(image.format)
    frames = 2 if getattr(image, "is_animated", False) and kind != "MPO" else 1
    profile = _profile_of(image)
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    if mode.startswith("I;16"):
        levels = np.asarray(image)
        image = Image.fromarray((levels >> 8).astype(np.uint8))
    elif mode in ("I", "F"):
        raise PictureRefused("mode-unsupported", f"pixels of mode {mode} have no range that is known", place)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A")).copy()
    pixels = np.asarray(_to_srgb(image, profile)).copy()
    stored = "JPEG" if kind == "MPO" else kind
    return Picture(name, stored, size, mode, frames, profile, _on_white(pixels, alpha), alpha)


def _on_white(pixels: Bytes, alpha: Bytes | None) -> Bytes:
    """Pixels over white, rounded to the nearest level."""
    if alpha is None or alpha.min() == 255:
        return pixels
    cover = alpha[..., None].astype(np.uint16)
    return ((pixels * cover + (255 - cover) * np.uint16(255) + 127) // 255).astype(np.uint8)


def _profile_of(image: Image.Image) -> str:
    """What :attr:`Picture.profile` says; two profiles are the same where they give the same colours."""
    data = image.info.get("icc_profile")
    if not data:
        return "sRGB" if "srgb" in image.info else "none"
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        description = ImageCms.getProfileDescription(profile).strip()
        if image.mode in ("RGB", "RGBA"):
            grid = np.stack(np.meshgrid(*[np.arange(0, 256, 51, dtype=np.uint8)] * 3), axis=-1).reshape(6, 36, 3)
            shown = ImageCms.profileToProfile(Image.fromarray(grid), profile, _SRGB)
            if shown is not None and np.abs(np.asarray(shown).astype(int) - grid).max() <= _SAME:
                return "sRGB"
        return description or "unnamed"
    except (ImageCms.PyCMSError, OSError, ValueError):
        return "broken"


def _to_srgb(image: Image.Image, profile: str) -> Image.Image:
    """RGB as a viewer that manages colours shows it."""
    if profile in ("sRGB", "none", "broken"):
        return image.convert("RGB")
    opened = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    base = image.convert("RGB") if image.mode == "RGBA" else image
    try:
        shown = ImageCms.profileToProfile(base, opened, _SRGB, outputMode="RGB")
    except ImageCms.PyCMSError:  # the profile is of another kind of colour than the pixels
        return image.convert("RGB")
    return shown if shown is not None else image.convert("RGB")
