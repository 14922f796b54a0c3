"""One picture of a data set: whether it can be trained on, and how it is read for training."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ...compose.photograph import Photograph, read_bytes, read_photograph
from ...errors import PhotographInvalid
from ..training.recipe import bucket, crop_loss
from .faults import Fault

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

_BLURRED = 12.0  # variance of the Laplacian of 8-bit grey values at 512 pixels; a sharp packshot has hundreds
_HEAVY_JPEG = 70  # of 100
_CUT = 0.15  # share of a picture that may be cropped away
_STANDARD_LUMINANCE = 3688  # sum of the luminance table of ITU-T T.81, annex K.1
_GENERATED = (b"trainedAlgorithmicMedia", b"TrainedAlgorithmicMedia")  # IPTC's digital source types
_GENERATORS = frozenset(("parameters", "prompt", "workflow"))  # PNG text of A1111's web UI and of ComfyUI
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
        data = read_bytes(path)
        photograph = read_photograph(data, name, place=str(path))
    except PhotographInvalid as error:
        fault_id = "too-large" if error.reason in ("too-many-pixels", "too-many-bytes") else "unreadable"
        return None, [_fault(fault_id, f"it cannot be read: {error.message}", error.remedy, name)]
    faults = _check_form(name, photograph, data)
    if any(fault.severity == "error" for fault in faults):
        return None, faults
    rgb = Image.fromarray(photograph.on_white)
    faults += _check_pixels(name, rgb, resolution, step)
    thumbnail = np.asarray(rgb.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.uint8)
    return Look(photograph.record.sha256, rgb.size, thumbnail), faults


def training_pixels(path: Path, size: tuple[int, int]) -> NDArray[np.float32]:
    """A picture as it is trained: scaled to cover ``size``, cropped around its middle.

    Args:
        size: width and height in pixels.

    Returns:
        float32, [height, width, 3], sRGB from 0 to 1, on white where it is transparent.

    Raises:
        PhotographInvalid: it cannot be read.
    """
    fitted = ImageOps.fit(Image.fromarray(read_photograph(path).on_white), size, Image.Resampling.LANCZOS)
    return np.asarray(fitted, dtype=np.float32) / np.float32(255)


def _fault(fault_id: str, message: str, remedy: str, name: str, warning: bool = False) -> Fault:
    return Fault(fault_id, message, remedy, name, "warning" if warning else "error")


def _check_form(name: str, photograph: Photograph, data: bytes) -> list[Fault]:
    """What the file says of itself: frames, mode, profile, orientation, compression, origin."""
    changes, faults = photograph.record.changes, []
    if "first-frame" in changes:
        faults.append(_fault("animated", "it has several frames or pages", "save one of them by itself", name))
    if photograph.mode == "1":
        faults.append(_fault("wrong-mode", "it is black and white, without greys", "take it from its source", name))
    elif photograph.mode == "CMYK" or "eight-bit" in changes:
        message = f"its pixels are {'CMYK' if photograph.mode == 'CMYK' else 'of 16 bits'}, and they are converted"
        faults.append(_fault("wrong-mode", message, "save it as 8-bit sRGB to see what is trained", name, True))
    elif photograph.mode in ("L", "LA"):
        faults.append(_fault("greyscale", "it has no colour", "use it only if grey is meant", name, True))
    if photograph.alpha is not None:
        faults.append(_fault("transparent", "it is transparent, and is put on white", "flatten it", name, True))
    if "broken-profile" in changes:
        message = "its colour profile cannot be used, and it is taken as sRGB"
        faults.append(_fault("profile-invalid", message, "save it as sRGB", name, True))
    elif "converted" in changes:
        message = f"its colours are {photograph.record.profile}, and they are converted to sRGB"
        faults.append(_fault("not-srgb", message, "save it as sRGB to see what is trained", name, True))
    if "upright" in changes:
        message = "its EXIF data turn it, and so does the training"
        faults.append(_fault("rotated", message, "save it the right way up: not every trainer turns it", name, True))
    quality = _jpeg_quality(data) if photograph.record.format == "JPEG" else None
    if quality is not None and quality < _HEAVY_JPEG:
        message = f"it is a JPEG of quality {quality}, whose blocks are learnt too"
        faults.append(_fault("heavy-jpeg", message, "take it from its source", name, True))
    if any(mark in data[:_SEARCHED] for mark in _GENERATED) or photograph.texts & _GENERATORS:
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


def _jpeg_quality(data: bytes) -> int | None:
    """The quality of the Independent JPEG Group's encoder that has tables like these; None: it has no tables."""
    with Image.open(io.BytesIO(data), formats=("JPEG", "MPO")) as image:
        tables: dict[int, list[int]] | None = getattr(image, "quantization", None)
    if not tables:
        return None
    scale = 100 * sum(tables[0]) / _STANDARD_LUMINANCE
    return max(1, round((200 - scale) / 2 if scale <= 100 else 5000 / scale))
