"""The starter model: small weights that ComfyUI's own loaders take and that draw, so that everything runs at once.

Three safetensors files are put together from trained tensors that Packshot ships and tensors that are built (see
:mod:`.weights`); nothing is downloaded. The model knows the products, colours and backgrounds of
``bench/starter/scenes``, in English and German, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import ModelCorrupt
from ...hashes import file_sha256
from ...paths import atomic_write
from .tensors import Tensor
from .weights import autoencoder, diffusion_model, text_encoder

_TYPES = {"F16": "<f2", "F32": "<f4", "I64": "<i8"}
_DESCRIPTION = (
    "A small model of Packshot's own making for trying things out. It draws 25 kinds of products in 12 colours before"
    " 6 backgrounds, asked for in English or German, and nothing else."
)


@dataclass(frozen=True, slots=True)
class StarterFile:
    """One file: where it goes below the models folder, what it holds, and the SHA-256 that it must have."""

    path: str
    title: str
    architecture: str
    tensors: Callable[[], Iterator[Tensor]]
    sha256: str


FILES = (
    StarterFile(
        "diffusion_models/starter-flux2.safetensors",
        "Packshot starter: diffusion model",
        "Flux.2",
        diffusion_model,
        "6fc982b83127d5690f7c339daeacdb6df442256b82a8eb11c5340441718543b8",
    ),
    StarterFile(
        "text_encoders/starter-clip-l.safetensors",
        "Packshot starter: text encoder",
        "CLIP-L",
        text_encoder,
        "74e49dccaef3b9ed4beb422712c065d34b67490383f22596d0a2b51d1f791df7",
    ),
    StarterFile(
        "vae/starter-flux2-vae.safetensors",
        "Packshot starter: autoencoder",
        "Flux.2 VAE",
        autoencoder,
        "58c625f226130339821ed1654c5e4e76f040248bc0c5d446e59f70e429aed545",
    ),
)


def write_starter(models: Path, progress: Callable[[str], None] | None = None) -> list[Path]:
    """Put the starter model's files into a models folder; files that are there and right are left alone.

    Args:
        models: ComfyUI's models folder; 0.33 GB are written below it, in some seconds.
        progress: called with one line for each file that is written.

    Returns:
        The files' paths.

    Raises:
        OutputUnwritable: the folder or the disk refuses.
        ModelCorrupt: what was generated is not what it should be.
    """
    paths = []
    for file in FILES:
        path = models / file.path
        if not _is_right(path, file.sha256):
            if progress is not None:
                progress(f"generating {file.path}")
            _generate(file, path)
        paths.append(path)
    return paths


def _is_right(path: Path, sha256: str) -> bool:
    """Whether a file is there and whole; reading it all takes a third of a second."""
    try:
        return file_sha256(path) == sha256
    except OSError:
        return False  # not there, or not readable: it is made anew


def _generate(file: StarterFile, path: Path) -> None:
    """Write one file; what is there already is replaced only by what has the right SHA-256."""
    digest = hashlib.sha256()
    with atomic_write(path) as out:
        for part in content(file):
            digest.update(part)
            out.write(part)
        if digest.hexdigest() != file.sha256:
            raise ModelCorrupt(
                f"generated with SHA-256 {digest.hexdigest()}, which should be {file.sha256}",
                place=str(path),
                remedy="report this, with your versions of Python and NumPy and your processor",
            )


def content(file: StarterFile) -> Iterator[bytes]:
    """A file's bytes, a tensor at a time.

    The format: eight bytes of header length, a JSON header padded with spaces, the tensors. It is written here because
    safetensors' own writer holds all tensors in memory and puts the metadata in no fixed order.
    """
    header: dict[str, object] = {
        "__metadata__": {
            "modelspec.sai_model_spec": "1.0.1",
            "modelspec.title": file.title,
            "modelspec.architecture": file.architecture,
            "modelspec.author": "The Packshot authors",
            "modelspec.license": "Apache-2.0",
            "modelspec.description": _DESCRIPTION,
        }
    }
    offset = 0
    for tensor in file.tensors():
        span = [offset, offset := offset + tensor.nbytes]
        header[tensor.name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": span}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little")
    yield text
    for tensor in file.tensors():
        yield np.ascontiguousarray(tensor.fill(tensor.name, tensor.shape), dtype=_TYPES[tensor.dtype]).tobytes()
