"""The one door for photographs: whatever a file holds, its picture whole, upright, in sRGB; or a reason why not.

Every photograph passes here: what a client sends, what *Packshot Load Photo* reads, what a check, a verification or a
training set looks at. Nothing that a file holds raises anything but :class:`~..errors.PhotographInvalid`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin, UnidentifiedImageError, features

from ..budget import IrregularFile, OverBudget, read_regular
from ..errors import PhotographInvalid
from .file_kind import describe_file, picture_format
from .icc import ColourSpace, colour_space, to_srgb

Levels = npt.NDArray[np.uint8]

MAX_BYTES = 256 * 1024 * 1024
MAX_PIXELS = 160_000_000  # the largest back of a camera that is sold has 151 million
MAX_SIDE = 30_000

#: Formats that every loader of a host reads as this module does. A picture in another one is sent as PNG.
_COMMON = ("JPEG", "PNG", "WEBP")
#: Of :attr:`PhotographRecord.changes`, what leaves the pixels as every other loader shows them.
_HARMLESS = frozenset(("assumed-srgb", "broken-profile"))

_NAMES = {"HEIF": "HEIC", "JXL": "JPEG XL"}  # as people call them
_CHUNK = "packshot:photograph"  # keyword of the PNG text that tells where a sent picture comes from
# What undoes each value of EXIF's orientation but for the upright one (CIPA DC-008, 4.6.5.1).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION, _SUBFILE, _BITS, _DNG = 0x0112, 0x00FE, 0x0102, 0xC612  # tags of TIFF and EXIF


@dataclass(frozen=True, slots=True)
class PhotographRecord:
    """What a photograph was and what was done to it; goes into the record of each picture that is made of it.

    Attributes:
        file: its name.
        sha256: of the file as its owner has it, in hexadecimal.
        format: ``JPEG PNG WEBP TIFF GIF BMP HEIF AVIF JXL``.
        width, height: in pixels, upright.
        profile: ``sRGB``, the name of another colour space that it was converted from, ``none`` or ``broken``.
        changes: what was done, in order: ``first-frame`` (the rest of an animation or of a file of several pages is
            left out), ``base-picture`` (a gain map, a depth map or a second picture is left out), ``eight-bit`` (from
            more), ``upright`` (turned as EXIF says), ``converted`` (to sRGB, from ``profile``), ``cmyk`` (from the inks
            by plain subtraction, as there is no profile), ``assumed-srgb`` (the file says nothing of its colours) and
            ``broken-profile`` (what it says cannot be read, and is left aside).
    """

    file: str
    sha256: str
    format: str
    width: int
    height: int
    profile: str
    changes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The record as it stands in answers, manifests and pictures."""
        return {name: getattr(self, name) for name in self.__slots__} | {"changes": list(self.changes)}


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph as Packshot works with it.

    Attributes:
        record: what the file is, and what was done to it here.
        origin: the record of the owner's file, where a client has sent this one in its place; else ``record``.
        pixels: uint8 ``[height, width, 3]``, sRGB, upright; where it is transparent, as stored below.
        alpha: uint8 ``[height, width]``; None where all of it is opaque.
        mode: Pillow's mode as stored, such as ``RGB``, ``CMYK`` or ``RGBA``.
        size: of the file in bytes.
        frames: 1, or 2 for several.
        plain: whether every loader shows these very pixels of the file itself.
        xmp: the packet of XMP that the file holds; empty where it holds none.
        texts: the names of the texts in a PNG, and of what else the file says of itself.
    """

    record: PhotographRecord
    origin: PhotographRecord
    pixels: Levels
    alpha: Levels | None
    mode: str
    size: int
    frames: int
    plain: bool
    xmp: bytes
    texts: frozenset[str]

    @property
    def on_white(self) -> Levels:
        """The pixels over white, as a shop's page shows them: uint8 ``[height, width, 3]``."""
        return over_white(self.pixels, self.alpha)

    def as_png(self) -> bytes:
        """Encode it, with its record, as a PNG that every loader shows alike."""
        values = self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha])
        text = PngImagePlugin.PngInfo()
        text.add(b"sRGB", b"\0")
        text.add_itxt(_CHUNK, json.dumps(self.origin.as_dict()))
        buffer = io.BytesIO()
        # The lowest level: photographs hardly shrink more at higher ones, which take ten times as long.
        Image.fromarray(values).save(buffer, "PNG", pnginfo=text, compress_level=1)
        return buffer.getvalue()


def xmp_packet(image: Image.Image) -> bytes:
    """The packet of XMP of a loaded picture; empty where it has none."""
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return packet.encode(errors="replace") if isinstance(packet, str) else bytes(packet)


def over_white(pixels: Levels, alpha: Levels | None) -> Levels:
    """Put pixels over white.

    Args:
        pixels: uint8 ``[height, width, 3]``.
        alpha: uint8 ``[height, width]``; None where all of it is opaque.

    Returns:
        uint8 ``[height, width, 3]``, rounded to the nearest level.
    """
    if alpha is None or alpha.min() == 255:
        return pixels
    cover = alpha[..., None].astype(np.uint16)
    return ((pixels * cover + (255 - cover) * np.uint16(255) + 127) // 255).astype(np.uint8)


def read_photograph(
    source: Path | bytes, name: str = "", *, place: str = "", max_pixels: int = MAX_PIXELS
) -> Photograph:
    """Decode a file, or the bytes of one.

    Args:
        name: what to call it; by default the file's name.
        place: what an error names; by default the file's path, or the name.
        max_pixels: refused above.

    Raises:
        PhotographInvalid: it cannot be used, with the reason.
    """
    data = source if isinstance(source, bytes) else read_bytes(source, place)
    place = place or (name if isinstance(source, bytes) else str(source))
    name = name or ("" if isinstance(source, bytes) else source.name)
    with _opened(data, place, max_pixels) as file:
        return _decode(file, data, name, place)


def inspect_photograph(path: Path, name: str = "") -> PhotographRecord:
    """Tell what a photograph was and what is done with it, without decoding its pixels.

    Raises:
        PhotographInvalid: as :func:`read_photograph`, as far as the file's head tells.
    """
    data = read_bytes(path)
    with _opened(data, str(path), MAX_PIXELS) as file:
        return _sent(file.image) or _record(file, data, name or path.name)[0]


def read_bytes(path: Path, place: str = "") -> bytes:
    """Read a file of at most 256 MiB.

    Args:
        place: what an error names; by default the path.

    Raises:
        PhotographInvalid: there is no regular file, it cannot be read, or is larger.
    """
    place = place or str(path)
    try:
        return read_regular(path, MAX_BYTES)
    except OverBudget as error:
        raise PhotographInvalid(
            f"the file has more than {MAX_BYTES:,} bytes, or takes too long to read",
            place=place,
            remedy="export it smaller: no shop shows more than 100 megapixels",
            reason="too-many-bytes",
        ) from error
    except IrregularFile as error:
        kind = "a folder" if path.is_dir() else "no regular file (a pipe, a socket or a device)"
        raise PhotographInvalid(f"this is {kind}", place=place, remedy="name a picture", reason="not-a-file") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PhotographInvalid(
            "there is no such file", place=place, remedy="check the path", reason="not-found"
        ) from error
    except (OSError, ValueError) as error:
        raise PhotographInvalid(
            f"the file cannot be read: {getattr(error, 'strerror', None) or error}",
            place=place,
            remedy="check the file and its permissions",
            reason="unreadable",
        ) from error


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was opened and not decoded yet."""

    image: Image.Image
    format: str
    several: bool
    base_only: bool
    bits: int
    codes: tuple[int, int] | None


@contextlib.contextmanager
def _opened(data: bytes, place: str, max_pixels: int) -> Iterator[_File]:
    """Open a file by its bytes; whatever goes wrong while the block lasts is a reason."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of damaged metadata and of many pixels; the first does no harm, the second is refused below.
            warnings.simplefilter("ignore")
            file = _open(data, place)
            _check_size(file.image.size, place, max_pixels)
            with file.image:
                yield file
    except PhotographInvalid as error:
        raise error if error.place else _placed(error, place) from error
    except Image.DecompressionBombError as error:
        raise PhotographInvalid(
            str(error), place=place, remedy="export it smaller", reason="too-many-pixels"
        ) from error
    except Exception as error:
        # What malformed files make decoders raise is of a dozen kinds, and of more with each release.
        raise _damaged(error, picture_format(data) or "", place) from error


def _placed(error: PhotographInvalid, place: str) -> PhotographInvalid:
    return PhotographInvalid(error.message, place=place, remedy=error.remedy, reason=error.reason)


def _damaged(error: Exception, kind: str, place: str) -> PhotographInvalid:
    """An error of a decoder. Pillow has one class for all of them, and only its words tell the two kinds apart."""
    short = isinstance(error, EOFError) or "truncated" in str(error).lower()
    words = "its form is damaged, or a rare one" if isinstance(error, UnidentifiedImageError) else str(error)
    return PhotographInvalid(
        f"the {_NAMES.get(kind, kind)} picture cannot be decoded: {words or type(error).__name__}",
        place=place,
        remedy="fetch or copy the file again; it ends too early"
        if short
        else "open it in an image editor and save it anew",
        reason="truncated" if short else "broken",
    )


def _open(data: bytes, place: str) -> _File:
    kind = picture_format(data)
    if kind is None:
        raise PhotographInvalid(
            f"this is {describe_file(data)}, and no picture",
            place=place,
            remedy="give the photograph itself, as JPEG, PNG, WebP, TIFF, HEIC or AVIF",
            reason="not-a-picture",
        )
    if kind in ("HEIF", "AVIF"):
        _check_boxes(data)
    if kind == "HEIF":
        return _open_heif(data, place)
    if kind == "JXL" and _decoder("pillow_jxl") is None:
        raise _undecodable("JPEG XL", "pillow-jxl-plugin", place)
    if kind == "AVIF" and not features.check("avif"):
        raise _undecodable("AVIF", "'pillow>=11.3'", place)
    image = Image.open(io.BytesIO(data), formats=("JPEG", "MPO") if kind == "JPEG" else (kind,))
    several = bool(getattr(image, "n_frames", 1) > 1)
    if kind == "TIFF":
        _check_tiff(image, place)
    codes = {"PNG": _png_codes, "AVIF": _box_codes}.get(kind, lambda _: None)(data)
    base_only = image.format == "MPO" and several
    return _File(image, kind, several and not base_only, base_only, _bits(image, kind, data), codes)


def _open_heif(data: bytes, place: str) -> _File:
    """The primary picture of a HEIC file, of all its tiles."""
    pi_heif = _decoder("pi_heif")
    if pi_heif is None:
        raise _undecodable("HEIC", "pi-heif", place)
    opened = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
    primary = opened[opened.primary_index]
    _check_size(primary.size, place, MAX_PIXELS)
    image = primary.to_pillow()
    profile = image.info.get("nclx_profile") or {}
    codes = (int(profile["color_primaries"]), int(profile["transfer_characteristics"])) if profile else None
    extra = len(opened) > 1 or bool(image.info.get("aux") or image.info.get("depth_images"))
    return _File(image, "HEIF", False, extra, int(image.info.get("bit_depth", 8)), codes)


def _decoder(package: str) -> Any:
    """Load a decoder, only for a file that needs it; None where it is not installed."""
    try:
        return importlib.import_module(package)
    except ImportError:
        return None


def _undecodable(kind: str, package: str, place: str) -> PhotographInvalid:
    return PhotographInvalid(
        f"this is a {kind} picture, and no decoder for it is installed here",
        place=place,
        remedy=f"run `pip install {package}` in the Python that reads it, or export the photograph as JPEG or PNG",
        reason="decoder-missing",
    )


def _check_size(size: tuple[int, int], place: str, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels or max(size) > MAX_SIDE:
        raise PhotographInvalid(
            f"the picture has {width:,} x {height:,} pixels; at most {max_pixels:,}, and {MAX_SIDE:,} a side, are read",
            place=place,
            remedy="export it smaller",
            reason="too-many-pixels",
        )


def _check_boxes(data: bytes) -> None:
    """Refuse a file of boxes that ends within one: its decoder would leave the tiles that are missing grey.

    Raises:
        EOFError: the last box says to be longer than the file (ISO/IEC 14496-12, 4.2).
    """
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:
            return  # to the end of the file, however long that was
        at += max(size, 8)
    if at > len(data):
        raise EOFError("the file ends within its pixels")


def _check_tiff(image: Image.Image, place: str) -> None:
    """Refuse what a camera writes as TIFF: its first page is a small preview of the picture."""
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    if _DNG in tags or int(tags.get(_SUBFILE, 0)) & 1:
        raise PhotographInvalid(
            "this is a camera's raw file, of which only a preview can be read",
            place=place,
            remedy="develop it, and export it as JPEG, TIFF or PNG",
            reason="preview-only",
        )


def _bits(image: Image.Image, kind: str, data: bytes) -> int:
    if kind == "PNG":
        return data[24]
    if kind == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(_BITS, (8,))
        return int(max(bits)) if isinstance(bits, tuple) else int(bits)
    return 8


def _png_codes(data: bytes) -> tuple[int, int] | None:
    """The codes of H.273 in a PNG's chunk cICP (PNG 3rd edition, 11.3.2.6), which stands before its pixels."""
    at = 8
    while at + 12 <= len(data) and data[at + 4 : at + 8] not in (b"IDAT", b"IEND"):
        if data[at + 4 : at + 8] == b"cICP":
            return data[at + 8], data[at + 9]
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return None


def _box_codes(data: bytes) -> tuple[int, int] | None:
    """The codes of H.273 in the colour box of an AVIF file (ISO/IEC 14496-12, 12.1.5)."""
    at = data.find(b"colrnclx")
    return (
        None
        if at < 0
        else (int.from_bytes(data[at + 8 : at + 10], "big"), int.from_bytes(data[at + 10 : at + 12], "big"))
    )


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 where there is none or EXIF is damaged: the picture itself may be whole."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return 1


def _record(file: _File, data: bytes, name: str) -> tuple[PhotographRecord, ColourSpace, int]:
    """What is done with an opened file: its record, the space of its colours, and its orientation."""
    image = file.image
    turn = _orientation(image)
    space = colour_space(image, file.codes)
    cmyk = image.mode == "CMYK" and space.profile is None
    changes = {
        "first-frame": file.several,
        "base-picture": file.base_only,
        "eight-bit": file.bits > 8,
        "upright": turn in _UPRIGHT,
        "converted": space.profile is not None,
        "cmyk": cmyk,
        "assumed-srgb": space.name == "none" and not cmyk,
        "broken-profile": space.name == "broken",
    }
    width, height = image.size[::-1] if turn in (5, 6, 7, 8) else image.size
    record = PhotographRecord(
        name,
        hashlib.sha256(data).hexdigest(),
        file.format,
        width,
        height,
        space.name,
        tuple(change for change, done in changes.items() if done),
    )
    return record, space, turn


def _sent(image: Image.Image) -> PhotographRecord | None:
    """The record of a picture that a client has sent by :meth:`Photograph.as_png`; None for every other."""
    text = image.info.get(_CHUNK)
    if not isinstance(text, str):
        return None
    try:
        fields = json.loads(text)
        record = PhotographRecord(**{**fields, "changes": tuple(map(str, fields["changes"]))})
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return record if (record.width, record.height) == image.size else None


def _decode(file: _File, data: bytes, name: str, place: str) -> Photograph:
    mode = file.image.mode
    record, space, turn = _record(file, data, name)
    image = file.image
    image.load()
    if turn in _UPRIGHT:
        image = image.transpose(_UPRIGHT[turn])
    image = _eight_bits(image, file.format, place)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA" if image.mode not in ("LA", "La") else "LA")
        alpha = np.asarray(image.getchannel("A")).copy()
        image = image.convert("L" if image.mode == "LA" else "RGB")
        if alpha.min() == 255:
            alpha = None
    elif image.mode in ("P", "RGBX", "YCbCr", "HSV", "1"):
        image = image.convert("RGB")
    pixels = np.asarray(to_srgb(image, space)).copy()
    plain = (
        file.format in _COMMON
        and not set(record.changes) - _HARMLESS
        and mode in ("RGB", "L", "RGBA")
        and (alpha is None) == (mode != "RGBA")
    )
    return Photograph(
        record,
        _sent(file.image) or record,
        pixels,
        alpha,
        mode,
        len(data),
        2 if file.several else 1,
        plain,
        xmp_packet(file.image),
        frozenset(map(str, file.image.info)),
    )


def _eight_bits(image: Image.Image, kind: str, place: str) -> Image.Image:
    """A picture of 16 bits a channel with its upper 8. Pillow has already cut colour down; grey it keeps."""
    if image.mode.startswith("I;16") or (image.mode == "I" and kind == "PNG"):
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise PhotographInvalid(
            f"pixels of mode {image.mode} have no range that is known",
            place=place,
            remedy="export it with 8 or 16 bits",
            reason="mode-unsupported",
        )
    return image
