"""Opening a picture that anyone may have made: what its file says, and its pixels as a shop would show them.

Files come in by :mod:`~..compose.photograph`, the one door for photographs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compose.photograph import over_white, read_photograph
from ..errors import InputInvalid
from .colour import Bytes

MAX_PIXELS = 100_000_000  # Amazon's largest side squared


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Attributes:
        name: of its file; empty where there is none.
        format: ``JPEG PNG WEBP TIFF GIF BMP HEIF AVIF JXL``; empty where there is no file.
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
        opaque = over_white(np.ascontiguousarray(pixels), alpha)
        return cls(name, "", 0, mode, 1, "sRGB", opaque, alpha, bad)


def read_picture(source: Path | bytes, name: str = "") -> Picture:
    """Decode a file, or the bytes of one.

    Raises:
        PhotographInvalid: it cannot be looked at, with the reason code of why.
    """
    photograph = read_photograph(source, name, max_pixels=MAX_PIXELS)
    record = photograph.record
    return Picture(
        record.file,
        record.format,
        photograph.size,
        photograph.mode,
        photograph.frames,
        record.profile,
        photograph.on_white,
        photograph.alpha,
    )
