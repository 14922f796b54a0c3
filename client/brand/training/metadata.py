"""What a trained LoRA's file says of itself, so that it can be found, judged and made again years later.

Three vocabularies side by side: Stability AI's ModelSpec 1.0.1, kohya's ``ss_`` keys that LoRA managers read, and our
own ``packshot.`` keys. No path and no caption is among them: files of a brand are passed on.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...models.cards import Card
from ...models.licensing.licences import UNKNOWN, load_licence
from .recipe import Recipe


@dataclass(frozen=True, slots=True)
class Brand:
    """Whose LoRA it is.

    Attributes:
        name: the brand's name; empty: nobody's.
        kit: SHA-256, in hex, of the brand kit (:attr:`~..kit.BrandKit.hash`); empty: none.
    """

    name: str = ""
    kit: str = ""


def inherited_licence(card: Card) -> str:
    """The SPDX expression that a LoRA for the card's model stands under: that of the weights it is derived from.

    Text encoders and VAE are only looked through; nothing of them is in the LoRA.
    """
    weights = [*card.slot("checkpoint"), *card.slot("diffusion_model")]
    ids = dict.fromkeys([card.licence, *(component.licence for component in weights)])
    return " AND ".join(load_licence(licence).spdx for licence in ids if licence != UNKNOWN) or UNKNOWN


def training_metadata(
    *,
    name: str,
    card: Card,
    recipe: Recipe,
    brand: Brand,
    dataset: str,
    pictures: int,
    step: int,
    stages: Sequence[Sequence[int]],
    body: str,
    version: str,
    now: datetime.datetime,
) -> dict[str, str]:
    """The metadata of a LoRA file after ``step`` steps.

    Args:
        name: of the file, without its suffix.
        card: of the base model.
        dataset: hash of the data set.
        pictures: that were trained on.
        stages: ``[first step, steps]`` of each time that the run was started with another number of steps.
        body: SHA-256, in hex, of everything in the file that follows the header.
        version: Packshot's.
        now: with a time zone.
    """
    batches = -(-pictures // recipe.batch_size)
    title = f"{brand.name}: {name}" if brand.name else name
    spec = {
        "sai_model_spec": "1.0.1",
        "architecture": f"{card.family}/lora",
        "implementation": "https://github.com/comfyanonymous/ComfyUI",
        "title": title,
        "description": f"LoRA for {card.name}, trained on {pictures} pictures for {step} steps",
        "author": brand.name,
        "date": now.isoformat(timespec="seconds"),
        "license": inherited_licence(card),
        "hash_sha256": f"0x{body}",
        "trigger_phrase": recipe.trigger,
        "usage_hint": f"Put '{recipe.trigger}' into the prompt; strength 0.5 to 1.",
        "tags": ", ".join(filter(None, ("lora", brand.name))),
        "resolution": f"{recipe.resolution}x{recipe.resolution}",
    }
    kohya = {
        "network_module": "networks.lora",
        "network_dim": str(recipe.rank),
        "network_alpha": f"{recipe.alpha:g}",
        "base_model_version": card.family,
        "sd_model_name": card.id,
        "output_name": name,
        "learning_rate": f"{recipe.learning_rate:g}",
        "lr_scheduler": recipe.schedule,
        "lr_warmup_steps": str(recipe.warmup),
        "optimizer": "torch.optim.adamw.AdamW",
        "steps": str(step),
        "max_train_steps": str(recipe.steps),
        "epoch": str(-(-step * recipe.accumulation // batches)),
        "num_train_images": str(pictures),
        "num_batches_per_epoch": str(batches),
        "batch_size_per_device": str(recipe.batch_size),
        "gradient_accumulation_steps": str(recipe.accumulation),
        "caption_dropout_rate": f"{recipe.caption_dropout:g}",
        "resolution": f"({recipe.resolution}, {recipe.resolution})",
        "seed": str(recipe.seed),
        "training_finished_at": f"{now.timestamp():.0f}",
    }
    own = {
        "version": version,
        "card": card.id,
        "brand": brand.name,
        "brand_kit": brand.kit,
        "dataset": dataset,
        "timestep_sampling": recipe.timestep_sampling,
        "shift": f"{recipe.shift:g}",
        "ema_decay": f"{recipe.ema_decay:g}",
        "targets": ", ".join(recipe.targets),
        "stages": ", ".join(f"{steps} steps from {first}" for first, steps in stages) if len(stages) > 1 else "",
    }
    return {**_prefixed("modelspec.", spec), **_prefixed("ss_", kohya), **_prefixed("packshot.", own)}


def _prefixed(prefix: str, values: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}{key}": value for key, value in values.items() if value}
