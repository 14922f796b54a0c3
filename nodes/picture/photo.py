"""The node that loads a photograph through the one door for photographs."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
from comfy_api.latest import io, ui

from ...client.compose.file_kind import ENDINGS
from ...client.compose.photograph import Photograph, PhotographRecord, read_photograph
from ...client.errors import PackshotError, PhotographInvalid
from ..refusal import refusing, tell
from . import batch

_INPUT = "image"
_UNSHOWN = ("HEIF", "TIFF", "JXL")  # formats that a browser does not show: the canvas gets a preview
#: What the artist reads of each change; see PhotographRecord.
_WORDS = {
    "first-frame": "first frame of several",
    "base-picture": "without its gain map or second picture",
    "eight-bit": "reduced to 8 bits",
    "upright": "turned upright",
    "converted": "converted from {profile} to sRGB",
    "cmyk": "CMYK without a profile, converted by plain subtraction",
    "assumed-srgb": "no colour profile, taken as sRGB",
    "broken-profile": "colour profile not readable, taken as sRGB",
}


class PackshotLoadPhoto(io.ComfyNode):
    """A photograph whole, upright and in sRGB, whatever its file is."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """A file of the input folder; its picture, its mask, and the picture with its alpha."""
        return io.Schema(
            node_id="PackshotLoadPhoto",
            display_name="Packshot Load Photo",
            category="Packshot/Photograph",
            description="Loads a photograph whole, upright and in sRGB, as a shop's page shows it. Reads JPEG, PNG,"
            " WebP, TIFF, HEIC and AVIF by their bytes, and refuses what is no picture.",
            search_aliases=["load image", "photo", "heic", "iphone", "cmyk", "icc", "display p3", "exif", "upload"],
            inputs=[
                io.Combo.Input(
                    "image",
                    options=_photographs(),
                    upload=io.UploadType.image,
                    tooltip="The photograph, in the input folder. Choose a file to upload it.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    id="image_out", display_name="image", tooltip="The photograph; white where it is transparent."
                ),
                io.Mask.Output(
                    display_name="mask", tooltip="White is opaque: the product, where the file is a cut-out."
                ),
                io.Image.Output(display_name="cutout", tooltip="The photograph with its alpha, for Packshot Matte."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, image: str | None) -> bool | str:
        """Refuse a file that is not there, or is no picture, before anything is queued."""
        if image is None:
            return True
        try:
            path = _path(image)
            status = path.stat()
            _decodable(path, image, (status.st_mtime_ns, status.st_size))
        except PackshotError as error:
            return error.report()
        return True

    @classmethod
    def fingerprint_inputs(cls, image: str) -> str:
        """The file's content: a file of the same name may be another photograph."""
        return hashlib.sha256(_path(image).read_bytes()).hexdigest()

    @classmethod
    def execute(cls, image: str) -> io.NodeOutput:
        """Decode the photograph, and show what was done with it."""
        with refusing():
            photograph = read_photograph(_path(image), image, place=f"input '{_INPUT}', {image}")
        origin = photograph.origin
        pixels = batch.stacked([photograph.on_white.astype(np.float32) / np.float32(255)])
        preview = ui.PreviewImage(pixels, cls=cls).as_dict() if photograph.record.format in _UNSHOWN else {}
        sentence = tell(cls.hidden.unique_id, [_sentence(origin)]) or {}
        account = {"photographs": [{"input": cls.hidden.unique_id, **origin.as_dict()}]}
        return io.NodeOutput(pixels, *_alpha(photograph), ui={**preview, **sentence, **account})


@lru_cache(maxsize=64)
def _decodable(path: Path, name: str, stamp: tuple[int, int]) -> None:  # noqa: ARG001 (part of the cache's key)
    """Raise PhotographInvalid for a file that cannot be decoded; each state of a file is decoded once."""
    read_photograph(path, name, place=f"input '{_INPUT}', {name}")


def _path(image: str) -> Path:
    """The file that a name of ComfyUI's means, such as ``mug.jpg`` or ``folder/mug.jpg [output]``."""
    if not folder_paths.exists_annotated_filepath(image):
        raise PhotographInvalid(
            f"the host has no photograph '{image}'",
            place=f"input '{_INPUT}'",
            remedy="upload it: choose a file on the node, or give its path to the client",
            reason="not-found",
        )
    return Path(folder_paths.get_annotated_filepath(image))


def _photographs() -> list[str]:
    entries = os.scandir(folder_paths.get_input_directory())
    return sorted(entry.name for entry in entries if entry.name.lower().endswith(ENDINGS) and entry.is_file())


def _alpha(photograph: Photograph) -> tuple[Any, Any]:
    """The mask, and the picture with its alpha: RGBA where it has some."""
    colours = photograph.pixels.astype(np.float32) / np.float32(255)
    if photograph.alpha is None:
        return batch.stacked([np.ones(colours.shape[:2], np.float32)]), batch.stacked([colours])
    opacity = photograph.alpha.astype(np.float32) / np.float32(255)
    return batch.stacked([opacity]), batch.stacked([np.dstack([colours, opacity])])


def _sentence(record: PhotographRecord) -> str:
    done = [_WORDS[change].format(profile=record.profile) for change in record.changes if change in _WORDS]
    return f"{record.format}, {record.width} x {record.height}: {', '.join(done) or 'as it is'}"
