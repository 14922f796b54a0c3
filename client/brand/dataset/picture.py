"""One picture of a data set: whether it can be trained on, and how it is read for training."""

from __future__ import annotations

import errno
import hashlib
import io
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from ..training.recipe import bucket, crop_loss
from .faults import Fault

#: What is taken for a picture; whether it can be read, its bytes tell.
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif",
    ".hif", ".jxl",
)  # fmt: skip
#: What else lies among pictures, by its suffix.
UNREAD = {
    **dict.fromkeys(
        (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".3fr", ".iiq"), "a camera's raw file"
    ),
    **dict.fromkeys((".svg", ".eps", ".ai", ".pdf"), "a drawing"),
    **dict.fromkeys((".psd", ".psb", ".xcf", ".kra"), "a picture in layers"),
    **dict.fromkeys((".mp4", ".mov", ".webm", ".mkv"), "a video"),
    ".jp2": "JPEG 2000",
}
SIDE = 128  # pixels of a thumbnail

_MOST_PIXELS = 120_000_000  # of one picture: a medium-format camera's
_BLURRED = 12.0  # variance of the Laplacian of 8-bit grey values at 512 pixels; a sharp packshot has hundreds
_HEAVY_JPEG = 70  # of 100
_CUT = 0.15  # share of a picture that may be cropped away
_STANDARD_LUMINANCE = 3688  # sum of the luminance table of ITU-T T.81, annex K.1
_GENERATED = (b"trainedAlgorithmicMedia", b"TrainedAlgorithmicMedia")  # IPTC's digital source types
_GENERATORS = ("parameters", "prompt", "workflow")  # PNG text of A1111's web UI and of ComfyUI
_SEARCHED = 1024 * 1024  # bytes at a file's beginning; XMP and C2PA stand before the pixels


@dataclass(frozen=True, slots=True)
class Look:
    """What is remembered of a picture to compare it with the others.

    Attributes:
        sha256: of the file's bytes, in hex.
        size: width and height in pixels, the right way up.
        thumbnail: uint8, [128, 128, 3], sRGB; the proportions are not kept.
    """

    sha256: str
    size: tuple[int, int]
    thumbnail: NDArray[np.uint8]


def look(name: str, path: Path, *, resolution: int, step: int) -> tuple[Look | None, list[Fault]]:
    """Open one picture and find what is wrong with it; no look where it cannot be read.

    Args:
        resolution, step: see :func:`~..training.recipe.bucket`.
    """
    try:
        data = _read(path)
        image = _open(data)
        width, height = image.size
        if width * height > _MOST_PIXELS:
            return None, [_fault("too-large", f"it has {width * height:,} pixels", "make it smaller", name)]
        faults = _check_form(name, image, data)
        if any(fault.severity == "error" for fault in faults):
            return None, faults
        rgb = as_rgb(image)
    except ImageCms.PyCMSError:
        return None, [_fault("profile-invalid", "its colour profile is none of RGB", "save it as sRGB", name)]
    except Image.DecompressionBombError:
        return None, [_fault("too-large", "it has far too many pixels", "make it smaller", name)]
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        remedy = "save it anew as PNG or JPEG, or take it away"
        return None, [_fault("unreadable", f"it cannot be read: {reason}", remedy, name)]
    faults += _check_pixels(name, rgb, resolution, step)
    thumbnail = np.asarray(rgb.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.uint8)
    return Look(hashlib.sha256(data).hexdigest(), rgb.size, thumbnail), faults


def _read(path: Path) -> bytes:
    """Read a whole file; a pipe, which would wait for ever, is none.

    Raises:
        OSError: it is no file, or it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    return path.read_bytes()


def _open(data: bytes) -> Image.Image:
    """Open a picture, whatever its name.

    Raises:
        OSError, ValueError, SyntaxError: it is damaged, or none that can be read here; says which where its first
            bytes tell.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # its size is judged by the caller
            return Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:
        raise ValueError(_kind(data)) from error


def _kind(data: bytes) -> str:
    """What a file is that is no picture to us, in words that follow "it cannot be read: "."""
    if not data:
        return "it is empty"
    if data[4:8] == b"ftyp":
        formats = {b"avi": "AVIF", b"hei": "HEIC", b"hev": "HEIC", b"mif": "HEIC"}
        return f"it is {formats.get(data[8:11], 'a video')}, for which there is no decoder here"
    if data.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL ")):
        return "it is JPEG XL, for which there is no decoder here"
    if data.startswith(b"version https://"):
        return "it is a Git LFS pointer and not the file itself"
    if data.lstrip()[:256].lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<svg")):
        return "it is a web page or a drawing"
    return "it is no picture of a known format"


def as_rgb(image: Image.Image) -> Image.Image:
    """The picture the right way up, in sRGB, on white where it is transparent.

    Raises:
        OSError, ValueError, SyntaxError: it is damaged.
        PIL.ImageCms.PyCMSError: its profile is not one of RGB.
    """
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    if "A" in upright.getbands() or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    elif profile and upright.mode == "RGB" and not _is_srgb(profile):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(upright, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        assert converted is not None  # it is only where the picture is changed in place
        upright = converted
    return upright.convert("RGB")


def training_pixels(path: Path, size: tuple[int, int]) -> NDArray[np.float32]:
    """A picture as it is trained: scaled to cover ``size``, cropped around its middle.

    Args:
        size: width and height in pixels.

    Returns:
        float32, [height, width, 3], sRGB from 0 to 1.

    Raises:
        OSError, ValueError, SyntaxError: it cannot be read.
    """
    fitted = ImageOps.fit(as_rgb(_open(_read(path))), size, Image.Resampling.LANCZOS)
    return np.asarray(fitted, dtype=np.float32) / np.float32(255)


def _fault(fault_id: str, message: str, remedy: str, name: str, warning: bool = False) -> Fault:
    return Fault(fault_id, message, remedy, name, "warning" if warning else "error")


def _check_form(name: str, image: Image.Image, data: bytes) -> list[Fault]:
    """What the file says of itself: mode, profile, orientation, compression, origin."""
    faults = []
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # a telephone's JPEG, with a depth map after it
        faults.append(_fault("animated", "it has several frames or pages", "save one of them by itself", name))
    if image.mode not in ("RGB", "RGBA", "P", "PA", "L", "LA"):
        faults.append(
            _fault("wrong-mode", f"its pixels are {image.mode}", "save it as 8-bit RGB with the profile sRGB", name)
        )
    elif image.mode in ("L", "LA"):
        faults.append(_fault("greyscale", "it has no colour", "use it only if grey is meant", name, True))
    if "A" in image.getbands() or "transparency" in image.info:
        faults.append(_fault("transparent", "it is transparent, and is put on white", "flatten it", name, True))
    profile = image.info.get("icc_profile")
    if profile and not _is_srgb(profile):
        message = "its colour profile is not sRGB, and it is converted"
        faults.append(_fault("not-srgb", message, "save it as sRGB to see what is trained", name, True))
    if image.getexif().get(0x0112, 1) != 1:
        message = "its EXIF data turn it, and so does the training"
        faults.append(_fault("rotated", message, "save it the right way up: not every trainer turns it", name, True))
    quality = _jpeg_quality(image)
    if quality is not None and quality < _HEAVY_JPEG:
        message = f"it is a JPEG of quality {quality}, whose blocks are learnt too"
        faults.append(_fault("heavy-jpeg", message, "take it from its source", name, True))
    if any(mark in data[:_SEARCHED] for mark in _GENERATED) or any(key in image.info for key in _GENERATORS):
        message = "a model has made it, as its metadata say"
        remedy = "see whether that model's licence allows training with it: `packshot models licence`"
        faults.append(_fault("generated", message, remedy, name, True))
    return faults


def _check_pixels(name: str, rgb: Image.Image, resolution: int, step: int) -> list[Fault]:
    """What is wrong with the picture itself."""
    faults = []
    wanted = bucket(*rgb.size, resolution, step)
    if rgb.width < wanted[0] or rgb.height < wanted[1]:
        message = f"{rgb.width} x {rgb.height} pixels are trained at {wanted[0]} x {wanted[1]}: they would be blown up"
        faults.append(_fault("too-small", message, "take a larger one, or train at a lower resolution", name))
    cut = crop_loss(rgb.size, wanted)
    if cut > _CUT:
        message = f"{cut:.0%} of it is cropped away: it is longer than 1 : 2"
        faults.append(_fault("cropped", message, "crop it by hand, around what matters", name, True))
    grey = rgb.convert("L")
    grey.thumbnail((512, 512), Image.Resampling.BOX)
    if min(grey.size) >= 3:
        sharpness = _laplacian_variance(np.asarray(grey, dtype=np.float32))
        if sharpness < _BLURRED:
            message = f"it is blurred or empty (variance of its Laplacian {sharpness:.1f}, below {_BLURRED:g})"
            faults.append(_fault("blurred", message, "take a sharp one", name, True))
    return faults


def _laplacian_variance(grey: NDArray[np.float32]) -> float:
    """Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000: low where nothing is sharp."""
    middle = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
    return float(laplacian.var())


def _jpeg_quality(image: Image.Image) -> int | None:
    """The quality of the Independent JPEG Group's encoder that has tables like these; None: no JPEG."""
    tables: dict[int, list[int]] | None = getattr(image, "quantization", None)
    if image.format != "JPEG" or not tables:
        return None
    scale = 100 * sum(tables[0]) / _STANDARD_LUMINANCE
    return max(1, round((200 - scale) / 2 if scale <= 100 else 5000 / scale))


def _is_srgb(profile: bytes) -> bool:
    try:
        described = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return True  # a damaged profile says nothing: browsers, too, take such a picture for sRGB
    return "srgb" in described.lower()
