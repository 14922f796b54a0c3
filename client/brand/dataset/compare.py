"""What shows only when the pictures of a data set are compared: duplicates, leaks, and things that never vary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .faults import Fault, Picture
from .picture import SIDE, Look

_BITS = 5  # of 64 that may differ between the hashes of near duplicates
_DIFFERENCE = 8.0  # of 255, mean over the thumbnails of near duplicates
_STEP = 2  # grey levels that make an edge in the hash; noise on a plain background is none
_ENOUGH = 6  # pictures from which on a thing that repeats is no accident
_MARK_EDGE, _MARK_PIXELS = 8.0, 12  # grey levels of an edge, and how many of its pixels, at 128 x 128
_FRAME = 0.15  # of each side; products stand in the middle
_SAME_BACKGROUND, _SAME_PICTURE = 4.0, 6.0  # of 255, standard deviation over the set


def check_set(pictures: Sequence[Picture], looks: Sequence[Look]) -> list[Fault]:
    """Compare the pictures, which are as many as the looks and in their order."""
    faults = _check_pairs(pictures, looks)
    parts: dict[str, set[str]] = {}
    for picture in pictures:
        parts.setdefault(picture.product, set()).add(picture.part)
    for product, found in parts.items():
        if len(found) > 1:
            faults.append(
                Fault("leak", f"pictures of '{product}' are in both parts", "keep a product's pictures in one part")
            )
    if len(looks) >= _ENOUGH:
        faults += _check_variety(np.stack([look.thumbnail for look in looks]).astype(np.float32))
    return faults


def _check_pairs(pictures: Sequence[Picture], looks: Sequence[Look]) -> list[Fault]:
    """Equal and nearly equal pictures; across the two parts they are a leak."""
    faults = []
    first_with: dict[str, int] = {}
    small = [_shrunk(look) for look in looks]
    hashes = np.array([_hash(look) for look in looks])  # [pictures, 64]
    for later, look in enumerate(looks):
        first = first_with.setdefault(look.sha256, later)
        same = first != later
        if not same:
            alike = np.flatnonzero((hashes[:later] != hashes[later]).sum(axis=1) <= _BITS)
            near = [at for at in alike.tolist() if np.abs(small[at] - small[later]).mean() <= _DIFFERENCE]
            if not near:
                continue
            # A leak is said before anything else, so that the order of the pictures hides none.
            first = next((at for at in near if pictures[at].part != pictures[later].part), near[0])
        one, other = pictures[first], pictures[later]
        message = f"it is {'the' if same else 'almost the'} same as {one.name}"
        if one.part != other.part:
            remedy = "keep both in one part, or take one away"
            faults.append(Fault("leak", f"{message}, which is in the other part", remedy, other.name))
        elif same:
            faults.append(Fault("duplicate", message, "take one away", other.name))
        else:
            faults.append(Fault("near-duplicate", message, "take one away", other.name, "warning"))
    return faults


def _hash(look: Look) -> NDArray[np.bool_]:
    """64 bits: which of neighbouring grey values is clearly the brighter (a difference hash, after N. Krawetz)."""
    grey = Image.fromarray(look.thumbnail).convert("L").resize((9, 8), Image.Resampling.BOX)
    values = np.asarray(grey, dtype=np.int16)
    return (values[:, 1:] > values[:, :-1] + _STEP).ravel()


def _shrunk(look: Look) -> NDArray[np.float32]:
    """16 x 16 x 3 values in a row. Beside the hash, because a red mug and a blue one have the same outlines."""
    return np.asarray(Image.fromarray(look.thumbnail).resize((16, 16), Image.Resampling.BOX), dtype=np.float32).ravel()


def _check_variety(thumbnails: NDArray[np.float32]) -> list[Fault]:
    """Things that are the same in all pictures, which a LoRA learns along with the brand.

    Args:
        thumbnails: [pictures, 128, 128, 3], 0 to 255.
    """
    faults = []
    if float(thumbnails.std(axis=0).mean()) < _SAME_PICTURE:
        message = "the pictures hardly differ in colour and brightness"
        faults.append(Fault("little-variety", message, "add other products, views and light", "", "warning"))
    edge = np.concatenate([thumbnails[:, :4].reshape(len(thumbnails), -1, 3),
                           thumbnails[:, -4:].reshape(len(thumbnails), -1, 3)], axis=1)  # fmt: skip
    if float(edge.mean(axis=1).std(axis=0).max()) < _SAME_BACKGROUND:
        message = "all pictures have the same background, which the LoRA will bring along"
        faults.append(Fault("one-background", message, "vary it, unless it is part of the brand", "", "warning"))
    if _repeated_edges(thumbnails.mean(axis=3)) >= _MARK_PIXELS:
        message = "the same edges stand near the margin of most pictures: a watermark, a frame or a backdrop's line"
        faults.append(Fault("repeated-mark", message, "crop or retouch it: the LoRA would draw it", "", "warning"))
    return faults


def _repeated_edges(grey: NDArray[np.float32]) -> int:
    """Pixels near the margin whose gradient is the same in most pictures.

    The median over the pictures keeps what they share and forgets what differs (Dekel et al., On the Effectiveness of
    Visible Watermarks, CVPR 2017, section 3.1).
    """
    across, down = np.median(np.diff(grey, axis=2), axis=0), np.median(np.diff(grey, axis=1), axis=0)
    strength = np.zeros((SIDE, SIDE), dtype=np.float32)
    strength[:, 1:] += np.abs(across)
    strength[1:, :] += np.abs(down)
    inner = slice(round(_FRAME * SIDE), SIDE - round(_FRAME * SIDE))
    strength[inner, inner] = 0
    return int((strength > _MARK_EDGE).sum())
