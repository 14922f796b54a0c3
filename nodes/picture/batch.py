"""Pictures between core and our compositing: batches of tensors there, one array at a time here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import comfy.model_management
import comfy.utils
import numpy as np
import torch

from ...client.compose.pixels import Pixels
from ...client.errors import InputInvalid

Tensor = Any
Made = TypeVar("Made")


def colours(image: Tensor) -> list[Pixels]:
    """The pictures of an IMAGE ``[B, H, W, C]`` of any dtype and device, float32 ``[H, W, 3]``, without their alpha."""
    pixels = _array(image)
    return list(pixels[..., :3] if pixels.shape[3] >= 3 else np.repeat(pixels[..., :1], 3, axis=3))


def alphas(image: Tensor) -> list[Pixels] | None:
    """The alpha of each picture of an IMAGE with four channels; None where all of it is opaque."""
    if image.shape[3] != 4 or bool((image[..., 3] >= 1).all()):
        return None
    return list(_array(image)[..., 3])


def masks(mask: Tensor) -> list[Pixels]:
    """The masks of a MASK ``[B, H, W]`` or ``[H, W]``, float32."""
    return list(_array(mask.reshape(-1, *mask.shape[-2:])))


def _array(tensor: Tensor) -> Pixels:
    values: Pixels = tensor.detach().to(device="cpu", dtype=torch.float32).numpy()
    return np.ascontiguousarray(np.clip(values, 0.0, 1.0))


def together(**batches: Sequence[Made] | None) -> Iterator[tuple[Made | None, ...]]:
    """One of each at a time. A batch of one goes with every one of the others, and so does None.

    Raises:
        InputInvalid: an empty batch, or batches of different sizes, none of them one.
    """
    for name, batch in batches.items():
        if batch is not None and not len(batch):
            raise InputInvalid(
                "the batch holds no picture",
                place=f"input '{name}'",
                remedy="link a batch of at least one; look at what the node before it selects",
            )
    sizes = {name: len(batch) for name, batch in batches.items() if batch is not None and len(batch) != 1}
    if len(set(sizes.values())) > 1:
        said = ", ".join(f"{count} of '{name}'" for name, count in sizes.items())
        raise InputInvalid(
            f"the batches differ: {said}", place="the inputs", remedy="link as many of each, or only one"
        )
    for number in range(max(sizes.values(), default=1)):
        yield tuple(None if batch is None else batch[0 if len(batch) == 1 else number] for batch in batches.values())


def each(rows: Iterator[tuple[Any, ...]], make: Callable[..., Made]) -> list[Made]:
    """Make something of each row, with progress on the node; between two of them the run can be cancelled."""
    todo = list(rows)
    bar = comfy.utils.ProgressBar(len(todo))
    made = []
    for row in todo:
        made.append(make(*row))
        bar.update(1)
    return made


def stacked(pictures: Sequence[Any]) -> Tensor:
    """Arrays as one float32 tensor, where core keeps what nodes pass to each other. Half floats cannot hold 255ths.

    Raises:
        InputInvalid: they differ in size.
    """
    if len({picture.shape for picture in pictures}) > 1:
        raise InputInvalid(
            "the pictures made differ in size, and one batch holds one size",
            place="the inputs",
            remedy="use pictures of one size, or run them one by one",
        )
    result = torch.from_numpy(np.stack(pictures).astype(np.float32))
    return result.to(comfy.model_management.intermediate_device())
