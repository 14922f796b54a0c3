"""Draws simple products in the light of a studio, each with its exact mask."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Draw: TypeAlias = ImageDraw.ImageDraw
SIZE = 512


def _bottle(draw: Draw) -> None:
    draw.rounded_rectangle((190, 190, 322, 460), 26, fill=(28, 92, 60))
    draw.polygon([(190, 215), (232, 120), (280, 120), (322, 215)], fill=(28, 92, 60))
    draw.rectangle((232, 60, 280, 130), fill=(24, 80, 52))
    draw.rectangle((228, 48, 284, 80), fill=(180, 150, 60))
    draw.rectangle((190, 270, 322, 390), fill=(238, 230, 210))
    draw.ellipse((232, 300, 280, 348), fill=(180, 40, 40))


def _mug(draw: Draw) -> None:
    draw.ellipse((310, 210, 420, 350), outline=(180, 50, 40), width=26)
    draw.rounded_rectangle((140, 170, 350, 420), 24, fill=(196, 60, 48))
    draw.ellipse((140, 150, 350, 195), fill=(120, 30, 26))


def _box(draw: Draw) -> None:
    draw.polygon([(110, 190), (270, 250), (270, 450), (110, 370)], fill=(52, 84, 150))
    draw.polygon([(270, 250), (410, 190), (410, 370), (270, 450)], fill=(34, 56, 108))
    draw.polygon([(110, 190), (250, 140), (410, 190), (270, 250)], fill=(92, 128, 196))


def _ball(draw: Draw) -> None:
    draw.ellipse((130, 150, 390, 410), fill=(224, 120, 30))
    draw.arc((30, 150, 290, 410), -60, 60, fill=(60, 30, 10), width=7)
    draw.arc((230, 150, 490, 410), 120, 240, fill=(60, 30, 10), width=7)


def _lamp(draw: Draw) -> None:
    draw.rectangle((248, 220, 264, 420), fill=(60, 50, 44))
    draw.ellipse((180, 400, 332, 446), fill=(60, 50, 44))
    draw.polygon([(200, 90), (312, 90), (380, 250), (132, 250)], fill=(210, 170, 60))


def _bag(draw: Draw) -> None:
    draw.arc((176, 90, 336, 300), 180, 360, fill=(70, 40, 20), width=18)
    draw.polygon([(130, 200), (382, 200), (420, 430), (92, 430)], fill=(126, 76, 40))
    draw.rectangle((130, 200, 382, 236), fill=(90, 52, 28))
    draw.ellipse((240, 300, 272, 332), fill=(220, 190, 90))


def _shoe(draw: Draw) -> None:
    draw.polygon([(90, 250), (190, 200), (220, 260), (330, 320), (420, 340), (430, 390), (90, 390)], fill=(40, 60, 120))
    draw.rounded_rectangle((84, 378, 440, 412), 14, fill=(20, 22, 30))
    for x in range(225, 320, 28):
        draw.line((x, 250 + x // 6, x + 30, 290 + x // 8), fill=(235, 235, 240), width=8)


def _vase(draw: Draw) -> None:
    draw.ellipse((150, 180, 362, 440), fill=(46, 120, 140))
    draw.rectangle((222, 100, 290, 220), fill=(46, 120, 140))
    draw.ellipse((206, 84, 306, 116), fill=(30, 84, 100))
    draw.rectangle((152, 300, 360, 322), fill=(230, 200, 120))


def _can(draw: Draw) -> None:
    draw.rectangle((180, 110, 332, 430), fill=(200, 30, 60))
    draw.ellipse((180, 406, 332, 454), fill=(150, 20, 46))
    draw.ellipse((180, 86, 332, 134), fill=(150, 150, 158))
    draw.rectangle((180, 220, 332, 330), fill=(250, 220, 80))


def _watch(draw: Draw) -> None:
    draw.rectangle((216, 50, 296, 470), fill=(60, 36, 28))
    draw.ellipse((156, 160, 356, 360), fill=(30, 32, 40))
    draw.ellipse((174, 178, 338, 342), fill=(230, 226, 214))
    draw.line((256, 260, 256, 200), fill=(30, 30, 30), width=8)
    draw.line((256, 260, 300, 280), fill=(30, 30, 30), width=8)


def _chair(draw: Draw) -> None:
    for x in (150, 330):
        draw.rectangle((x, 280, x + 24, 460), fill=(110, 70, 40))
    draw.rectangle((150, 70, 354, 250), fill=(150, 40, 60))
    draw.polygon([(130, 240), (374, 240), (394, 300), (110, 300)], fill=(170, 50, 70))


def _teapot(draw: Draw) -> None:
    draw.ellipse((300, 200, 440, 350), outline=(50, 110, 80), width=22)
    draw.polygon([(60, 200), (96, 196), (190, 300), (190, 360)], fill=(60, 130, 95))
    draw.ellipse((130, 180, 370, 420), fill=(60, 130, 95))
    draw.ellipse((190, 160, 310, 210), fill=(50, 110, 80))
    draw.ellipse((236, 130, 264, 168), fill=(220, 180, 90))


PRODUCTS: dict[str, Callable[[Draw], None]] = {
    "bottle": _bottle, "mug": _mug, "box": _box, "ball": _ball, "lamp": _lamp, "bag": _bag, "shoe": _shoe,
    "vase": _vase, "can": _can, "watch": _watch, "chair": _chair, "teapot": _teapot,
}  # fmt: skip


def photograph(name: str, backdrop: tuple[float, float, float] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A product of :data:`PRODUCTS`: picture ``[512, 512, 3]`` and its exact mask, float32 in 0..1.

    The light falls off to the sides, and the picture has the noise of a sensor.

    Args:
        backdrop: its colour; where None, one that follows from the name and darkens downwards.
    """
    random = np.random.default_rng(zlib.crc32(name.encode()))
    drawn = Image.new("RGBA", (SIZE, SIZE))
    PRODUCTS[name](ImageDraw.Draw(drawn))
    smooth = np.asarray(drawn.convert("RGBa").filter(ImageFilter.BoxBlur(1)).convert("RGBA"), np.float32) / 255
    mask = smooth[..., 3]
    light = 1.12 - 0.35 * np.abs(np.linspace(-0.7, 1.3, SIZE))[None, :, None]
    own = random.uniform(0.62, 0.92, 3) * (1 - 0.15 * np.linspace(0, 1, SIZE)[:, None, None])
    behind = np.broadcast_to(own if backdrop is None else backdrop, (SIZE, SIZE, 3))
    picture = smooth[..., :3] * light * mask[..., None] + behind * (1 - mask[..., None])
    return np.clip(picture + random.normal(0, 0.006, picture.shape), 0, 1).astype(np.float32), mask


def bucket(side: int = 2400, wire: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A bucket with a handle of thin wire: picture ``[side, side, 3]``, its exact mask, and the handle alone as flags.

    Args:
        wire: thickness of the handle, in pixels.
    """
    body, handle = Image.new("L", (side, side)), Image.new("L", (side, side))
    box = [round(share * side) for share in (0.3, 0.42, 0.7, 0.85)]
    ImageDraw.Draw(body).rounded_rectangle(box, side // 30, fill=255)
    arc = [round(share * side) for share in (0.32, 0.14, 0.68, 0.8)]
    ImageDraw.Draw(handle).arc(arc, 180, 360, fill=255, width=wire)
    solid = np.maximum(np.asarray(body), np.asarray(handle))
    mask = np.asarray(Image.fromarray(solid).filter(ImageFilter.GaussianBlur(0.7)), np.float32) / 255
    alone = (np.asarray(handle) > 0) & (np.asarray(body) == 0)
    colour = np.array([0.62, 0.16, 0.12], np.float32) * np.linspace(1.1, 0.8, side, dtype=np.float32)[None, :, None]
    behind = 0.86 * np.linspace(1, 0.94, side, dtype=np.float32)[:, None, None]
    picture = colour * mask[..., None] + behind * (1 - mask[..., None])
    grain = np.random.default_rng(4).normal(0, 0.006, picture.shape)
    return np.clip(picture + grain, 0, 1).astype(np.float32), mask, alone
