"""A brand's look on the starter: pictures with a kit's LoRA at some strength, and their share in its palette."""

from __future__ import annotations

import io
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scenes.captions import product

from packshot import Client
from packshot.brand import BrandKit
from packshot.brand.prompt import compose
from packshot.quality.channels import load_channel
from packshot.quality.checks import Given
from packshot.quality.picture import Picture
from packshot.quality.run import check_picture
from packshot.run.brand import branded
from packshot.workflow import Workflow


def at_strength(kit: BrandKit, strength: float) -> BrandKit:
    """The kit with its LoRAs at another strength, as far as it allows; at 0 with none."""
    loras = (lora.model_copy(update={"strength": strength}) for lora in kit.loras)
    return kit.model_copy(update={"loras": tuple(loras) if strength else ()})


def prompt_of(kit: BrandKit, type: str, colour: str) -> str:
    """What is asked for at every strength: a product in a plain colour, in the brand's words, its triggers said."""
    triggers = [word for lora in kit.loras for word in lora.trigger_words]
    return compose(kit, product(type, colour), triggers=triggers).positive


def drawn(client: Client, kit: BrandKit, prompt: str, seed: int, side: int = 128) -> NDArray[np.uint8]:
    """One picture of ``product-shot`` with the kit in it, uint8 [side, side, 3]."""
    workflow = branded(Workflow.load("product-shot"), kit)
    job = client.submit(workflow, prompt=prompt, negative="", seed=seed, width=side, height=side)
    (output,) = job.result(300).outputs
    with Image.open(io.BytesIO(output.read())) as image:
        return np.asarray(image.convert("RGB"))


def coverage(kit: BrandKit, pixels: NDArray[np.uint8]) -> float:
    """The check ``palette.coverage``: the share of the picture's pixels that have a colour of the palette."""
    given = Given(palette={colour.name: colour.hex for colour in kit.palette})
    report = check_picture(Picture.from_array(pixels), load_channel("plain"), given)
    (share,) = (verdict.value for verdict in report.verdicts if verdict.id == "palette.coverage")
    return cast(float, share)
