"""Bytes of weights that a file puts on the device, by the phase that uses them; read from its header alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import ModelCorrupt
from ..detect.detect import detect_header
from ..detect.model_shapes import variants
from ..files.header import Header
from ..files.read import read_header

# Prefixes of the parts of a whole checkpoint, as core's classes in comfy/supported_models.py have them.
_DIFFUSION = ("model.diffusion_model.",)
_VAE = ("first_stage_model.", "vae.")
_ENCODERS = ("cond_stage_model.", "conditioner.", "text_encoders.")

# Parameters of the VAE of images, of any number of latent channels: counted over the shapes of the published weights.
_VAE_PARAMETERS = 83_653_863


@dataclass(frozen=True, slots=True)
class Parts:
    """Bytes of weights.

    Attributes:
        total: of the file, which may be less than the sum where the parts of a checkpoint are not known.
        family: of the diffusion model, as :func:`~.detect.detect` tells; None where it holds none.
    """

    encoder: int = 0
    diffusion: int = 0
    vae: int = 0
    total: int = 0
    family: str | None = None

    @classmethod
    def of(cls, slot: str, size: int, family: str | None = None) -> Parts:
        """A file that is one part."""
        return cls(
            encoder=size if slot == "text_encoder" else 0,
            diffusion=size if slot == "diffusion_model" else 0,
            vae=size if slot == "vae" else 0,
            total=size,
            family=family,
        )

    def __add__(self, other: Parts) -> Parts:
        return Parts(
            self.encoder + other.encoder,
            self.diffusion + other.diffusion,
            self.vae + other.vae,
            self.total + other.total,
            self.family or other.family,
        )


def split_checkpoint(family: str, size: int, parameters: int | None, width: float, *, encoders: bool) -> Parts:
    """The parts of a checkpoint that is not there.

    Its bytes are shared out by the parameters of each part. Where those of the whole are not known, because its parts
    are of several precisions, the diffusion model and the VAE are taken to be of the file's own.

    Args:
        width: bytes of a weight in the file's precision.
        encoders: it holds text encoders too; where not, what is no diffusion model counts as the VAE.
    """
    diffusion = next((variant.parameters for variant in variants() if variant.base == family), None)
    if diffusion is None:
        return Parts(size if encoders else 0, size, size, size, family)  # not known: each is taken for all, to be safe
    share = size / parameters if parameters is not None else width
    vae = min(size, round(_VAE_PARAMETERS * share))
    model = min(size - vae, round(diffusion * share))
    if not encoders:
        vae = size - model
    return Parts(size - model - vae, model, vae, size, family)


def weigh(path: Path, slot: str) -> Parts | None:
    """What a file weighs on the device; None where it is not there or its header cannot be read."""
    if not path.is_file():
        return None
    try:
        header = read_header(path)
    except ModelCorrupt:
        return None
    family = detect_header(header).base
    if slot != "checkpoint":
        return Parts.of(slot, _bytes(header, ("",)), family)
    encoder, diffusion, vae = (_bytes(header, prefixes) for prefixes in (_ENCODERS, _DIFFUSION, _VAE))
    return Parts(encoder, diffusion, vae, _bytes(header, ("",)), family)


def _bytes(header: Header, prefixes: tuple[str, ...]) -> int:
    """Bytes of the tensors below some prefixes. Core turns 32-bit weights into 16 bit while it loads them."""
    return sum(
        tensor.nbytes // (2 if tensor.dtype == "F32" else 1)
        for name, tensor in header.tensors.items()
        if name.startswith(prefixes)
    )
