"""Pictures and captions as the model takes them: latents and text embeddings, each made once and kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import torch

from ...client.brand.dataset.dataset import Dataset
from ...client.brand.dataset.faults import Picture
from ...client.brand.dataset.picture import training_pixels
from ...client.brand.training.recipe import Recipe, bucket
from ...client.errors import InputInvalid

Conditioning = list[list[Any]]  # core's: [[embedding, {…}]]


@dataclass(frozen=True, slots=True)
class Item:
    """A picture ready to be trained on.

    Attributes:
        latent: as the VAE gives it, float32, [1, channels, …, height, width], on the CPU.
        caption: what its text embedding is found by.
    """

    latent: torch.Tensor
    caption: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a run is trained on.

    Attributes:
        train, validation: the two parts, in the order of the files' names.
        texts: text embeddings by caption, on the CPU; the empty caption is among them.
    """

    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    texts: dict[str, Conditioning]

    def batches(self, size: int, generator: torch.Generator) -> list[list[int]]:
        """One pass over the training part in random order: indices, in batches of pictures of equal size."""
        buckets: dict[torch.Size, list[int]] = {}
        for index in torch.randperm(len(self.train), generator=generator).tolist():
            buckets.setdefault(self.train[index].latent.shape, []).append(index)
        found = [items[at : at + size] for items in buckets.values() for at in range(0, len(items), size)]
        return [found[at] for at in torch.randperm(len(found), generator=generator).tolist()]


def prepare(dataset: Dataset, recipe: Recipe, step: int, vae: Any, clip: Any, tick: Callable[[], None]) -> Prepared:
    """Encode every picture and every caption. The caller runs in inference mode; what is returned may be trained on.

    Args:
        step: sides of the pictures are multiples of it, in pixels.
        vae, clip: core's.
        tick: called after each picture and each caption.

    Raises:
        InputInvalid: a picture can no longer be read.
    """

    def items(pictures: Sequence[Picture]) -> tuple[Item, ...]:
        found = []
        for picture in pictures:
            found.append(Item(_latent(picture, recipe, step, vae), picture.caption))
            tick()
        return tuple(found)

    train, validation = items(dataset.part("train")), items(dataset.part("validation"))
    texts = {}
    for caption in dict.fromkeys(["", *(item.caption for item in (*train, *validation))]):
        texts[caption] = _trainable(clip.encode_from_tokens_scheduled(clip.tokenize(caption)))
        tick()
    return Prepared(train, validation, texts)


def _latent(picture: Picture, recipe: Recipe, step: int, vae: Any) -> torch.Tensor:
    comfy.model_management.throw_exception_if_processing_interrupted()
    try:
        pixels = training_pixels(picture.path, bucket(*picture.size, recipe.resolution, step))
    except (OSError, ValueError, SyntaxError) as error:
        raise InputInvalid(f"cannot be read: {error}", place=str(picture.path), remedy="check the data set") from error
    latent: torch.Tensor = vae.encode(torch.from_numpy(pixels)[None])
    return _trainable(latent).float()


def _trainable(value: Any) -> Any:
    """A copy on the CPU that autograd may keep: tensors made in inference mode cannot be saved for a backward pass."""
    if isinstance(value, torch.Tensor):
        with torch.inference_mode(False):
            return value.detach().to("cpu").clone()
    if isinstance(value, dict):
        return {key: _trainable(inner) for key, inner in value.items()}
    return [_trainable(inner) for inner in value] if isinstance(value, list | tuple) else value
