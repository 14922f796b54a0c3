"""Writing a picture for a channel: encoded, marked, signed, read back, and only then put in its place."""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..compose.photograph import xmp_packet
from ..errors import InputInvalid, OutputUnwritable
from ..paths import write_new
from ..version import version
from .credentials import Credentials
from .encoding import Encoded, encode
from .manifest import Ingredient, ManifestReport, read_manifest, sign
from .marking import Statement
from .xmp import read_xmp, write_xmp

FileFormat = Literal["JPEG", "PNG", "WEBP"]


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a file is written.

    Attributes:
        file_format: ``JPEG``, ``PNG`` or ``WEBP``.
        quality: of JPEG and WebP, 1..100: the highest that is tried.
        max_bytes: the quality goes down until the file, with all that is in it, is no larger.
        background: sRGB levels that transparent parts lie on in a JPEG.
        graph: ComfyUI's graph by keyword (``prompt``, ``workflow``) as JSON, to keep in a PNG; by default it is not.
        credentials: sign a C2PA manifest with them; None writes none.
        ingredients: what the picture was made from, for the manifest.
        version: of Packshot, as the picture is to say it; empty where Packshot is installed, which then says it itself.
    """

    file_format: FileFormat = "JPEG"
    quality: int = 95
    max_bytes: int | None = None
    background: tuple[int, int, int] = (255, 255, 255)
    graph: Mapping[str, str] | None = None
    credentials: Credentials | None = None
    ingredients: Sequence[Ingredient] = ()
    version: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written and read back.

    Attributes:
        file: where it is. Its name ends in a number where another picture had the one that was asked for.
        quality: that it was encoded with; 0 for PNG.
        manifest: what C2PA's validator says of it; None where none was asked for.
    """

    file: Path
    sha256: str
    bytes: int
    quality: int
    manifest: ManifestReport | None

    def as_dict(self) -> dict[str, Any]:
        """For records and reports."""
        return {
            "file": str(self.file),
            "sha256": self.sha256,
            "bytes": self.bytes,
            "quality": self.quality,
            "c2pa": self.manifest.state if self.manifest else None,
        }


def write_picture(
    pixels: npt.NDArray[np.uint8],
    folder: Path,
    name: str,
    statement: Statement,
    options: WriteOptions | None = None,
    number: int = 1,
) -> Written:
    """Write a picture into a folder. No file is replaced: where another picture has the name, a number is added to it.

    A file with the very same bytes is not written again.

    Args:
        pixels: uint8 [H, W, 3] or [H, W, 4], sRGB; a JPEG's transparent parts are laid on the background.
        name: of the file with its ending, as :func:`.names.file_name` makes it.
        statement: what the picture says of itself, in XMP and in the manifest.
        number: of the picture among those that ask for this name; from the second on, the name has it.

    Raises:
        InputInvalid: the name leads elsewhere, the graph is to be kept in another format than PNG, the file cannot be
            small enough, or the picture cannot be signed.
        OutputUnwritable: the folder or the disk refuses, or gives back other bytes than were written.
    """
    options = options or WriteOptions()
    _check_name(folder, name)
    if options.graph and options.file_format != "PNG":
        raise InputInvalid(
            f"a {options.file_format} keeps no graph",
            place=name,
            remedy="save as PNG, or keep the graph beside the picture",
        )
    image = _image(pixels, options)
    encoded, data = _within_limit(image, statement, options)
    manifest = _verified(data, image, statement, options)
    file = next(path for path in _numbered(folder, name, number) if write_new(path, data) or _holds(path, data))
    if file.read_bytes() != data:
        raise OutputUnwritable(
            "the file does not hold what was written", place=str(file), remedy="check the disk it lies on"
        )
    return Written(file, hashlib.sha256(data).hexdigest(), len(data), encoded.quality, manifest)


def _check_name(folder: Path, name: str) -> None:
    if not name or name in (".", "..") or name != Path(name).name or "\\" in name or "\0" in name:
        raise InputInvalid(f"'{name}' is no name of a file", place=str(folder), remedy="give a name without folders")


def _numbered(folder: Path, name: str, first: int) -> Iterator[Path]:
    """``stem.ext``, ``stem-2.ext``, ``stem-3.ext`` and so on, from a number on."""
    stem, dot, ending = name.rpartition(".")
    for number in itertools.count(first):
        yield folder / (name if number == 1 else f"{stem}-{number}{dot}{ending}")


def _holds(file: Path, data: bytes) -> bool:
    return file.is_file() and file.stat().st_size == len(data) and file.read_bytes() == data


def _image(pixels: npt.NDArray[np.uint8], options: WriteOptions) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise InputInvalid(
            f"an array of {pixels.dtype} {list(pixels.shape)} is no picture",
            remedy="give uint8 [height, width, 3 or 4]",
        )
    image = Image.fromarray(pixels)
    if image.mode == "RGBA" and options.file_format == "JPEG":
        flat = Image.new("RGB", image.size, options.background)
        flat.paste(image, mask=image.getchannel("A"))
        return flat
    return image


def _within_limit(image: Image.Image, statement: Statement, options: WriteOptions) -> tuple[Encoded, bytes]:
    """The file's bytes, manifest and all: the room that a manifest takes is known when it is signed."""
    tool = ("Packshot", options.version or version())
    xmp = write_xmp(statement, " ".join(tool))
    limit = options.max_bytes
    while True:
        encoded = encode(
            image, options.file_format, xmp=xmp, quality=options.quality, max_bytes=limit, texts=options.graph
        )
        if options.credentials is None:
            return encoded, encoded.data
        data = sign(
            encoded.data,
            options.file_format,
            statement,
            options.credentials,
            tool=tool,
            ingredients=options.ingredients,
        )
        if options.max_bytes is None or len(data) <= options.max_bytes:
            return encoded, data
        limit = min(options.max_bytes - (len(data) - len(encoded.data)), len(encoded.data) - 1)


def _verified(data: bytes, image: Image.Image, statement: Statement, options: WriteOptions) -> ManifestReport | None:
    """Read the bytes back as anyone would; a fault here is one of Packshot or of a library, and no file is written."""
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        same = opened.format == options.file_format and opened.size == image.size
        if options.file_format == "PNG":
            same = same and opened.mode == image.mode and opened.tobytes() == image.tobytes()
        packet = xmp_packet(opened)
    said = read_xmp(packet) if packet else None
    if not same or said is None or said.source_type != statement.source_type or said.recipe != dict(statement.recipe):
        raise RuntimeError("the encoded picture does not read back as it was written")
    if options.credentials is None:
        return None
    manifest = read_manifest(data, options.file_format)
    if not manifest.holds or manifest.source_type != statement.source_type:
        raise RuntimeError(f"the signed manifest does not read back: {manifest.state} {manifest.problems}")
    return manifest
