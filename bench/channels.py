"""Do the workflows' pictures pass the channels' checks? On a real host, over photographs and renderings.

    python bench/channels.py [--host URL] [--out DIR]

``white-background`` must pass ``amazon-main`` and ``google-merchant``. ``product-scene`` is measured against
``google-merchant``, with the product's own pixels and mask as the original: its background is a scene, which Amazon's
main image may not have. That the starter draws 256 pixels and not Google's 500 is shown and not counted.

Pictures: twelve drawn products under a studio's light, photographs that ship with scikit-image, and previews of
products that ship with ComfyUI's workflow templates. Prints a line for each, and says how many passed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage
from _common import say
from PIL import Image

from packshot import Client
from packshot.comfy.host import ManagedHost
from packshot.comfy.install import install
from packshot.compose import matting
from packshot.compose.pixels import Pixels
from packshot.compose.product import Edge, Placement, Shadow, compose
from packshot.models.starter import write_starter
from packshot.paths import cache_dir
from packshot.quality.channels import load_channel
from packshot.quality.checks import Given
from packshot.quality.picture import Picture
from packshot.quality.run import Report, check_file

sys.path.append(str(Path(__file__).parents[1] / "tests" / "unit"))
from products import photograph

DRAWN = ("bottle", "mug", "box", "ball", "lamp", "bag", "shoe", "vase", "can", "watch", "chair", "teapot")
PHOTOGRAPHS = (
    "coffee.png",
    "astronaut.png",
    "chelsea.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "horse.png",
    "retina.jpg",
)
PREVIEWS = "comfyui_workflow_templates_media_*/templates/*product*.webp"
LEAST = 20  # pictures that must pass
_OF_THE_STARTER = {"side-too-short"}


def pictures(folder: Path) -> Iterator[Path]:
    """Every picture as a PNG in ``folder``."""
    for name in DRAWN:
        yield _written(folder, f"drawn-{name}", np.rint(photograph(name)[0] * 255).astype(np.uint8))
    for name in PHOTOGRAPHS:
        with Image.open(Path(skimage.__file__).parent / "data" / name) as image:
            yield _written(folder, name.partition(".")[0], np.asarray(image.convert("RGB")))
    for file in sorted((cache_dir() / "host" / "venv").glob(f"lib/python*/site-packages/{PREVIEWS}")):
        with Image.open(file) as image:
            if getattr(image, "n_frames", 1) == 1:
                yield _written(folder, file.stem, np.asarray(image.convert("RGB")))


@contextlib.contextmanager
def host_with_models(home: Path) -> Iterator[str]:
    """A host on the shared models: the starter, and what the matting node asked for once."""
    models = cache_dir() / "host" / "models"
    write_starter(models)
    managed = ManagedHost(home, install(cache_dir() / "host", say), models)
    try:
        yield str(managed.up(progress=say).url)
    finally:
        managed.down()


def _written(folder: Path, name: str, pixels: np.ndarray) -> Path:
    file = folder / f"{name}.png"
    Image.fromarray(pixels).save(file)
    return file


def original(photo: Path, made: Path, fill: float) -> Picture:
    """The product's own pixels and mask as they lie in a product scene, made here from the photograph alone."""
    picture = Picture.from_array(np.asarray(Image.open(photo))).pixels.astype(np.float32) / 255
    weights = matting.find_weights([cache_dir() / "host" / "models" / "background_removal"])
    assert weights is not None
    with Image.open(made) as image:
        ground: Pixels = np.zeros((image.height, image.width, 3), np.float32)
    mask = matting.matte(picture, weights)
    placed = compose(picture, mask, ground, Placement(fill, 0.5, 0.5), Edge(), Shadow(0.0))
    return Picture.from_array(np.dstack([placed.product, (placed.mask >= 1).astype(np.float32)]))


def line(workflow: str, photo: Path, channel: str, report: Report) -> dict[str, object]:
    counted = set(report.reasons) - (_OF_THE_STARTER if workflow == "product-scene" else set())
    answer = {"workflow": workflow, "picture": photo.stem, "channel": channel, "passed": not counted}
    print(json.dumps({**answer, "reasons": list(report.reasons)}), flush=True)
    return answer


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--host", help="a running host with the matting model; by default one is started")
    options.add_argument("--out", type=Path, default=Path("out/channels"), help="the pictures are kept here")
    given = options.parse_args()
    amazon, google = load_channel("amazon-main"), load_channel("google-merchant")
    with contextlib.ExitStack() as stack:
        (given.out / "photographs").mkdir(parents=True, exist_ok=True)
        url = given.host or stack.enter_context(host_with_models(given.out / "host"))
        client = stack.enter_context(Client(url, out=given.out))
        lines = []
        for photo in pictures(given.out / "photographs"):
            say(photo.stem)
            white = (
                client.submit("white-background", image=photo).result(600, stem=f"white-{photo.stem}").outputs[0].file
            )
            lines += [line("white-background", photo, one.id, check_file(white, one)) for one in (amazon, google)]
            scene = client.submit("product-scene", image=photo, fill=0.85, height=0.5)
            made = scene.result(600, stem=f"scene-{photo.stem}").outputs[0].file
            # The starter's scene is small: what is measured is the product in it.
            own = Given(original=original(photo, made, 0.85))
            lines.append(line("product-scene", photo, google.id, check_file(made, google, own)))
    passed = [
        sum(bool(one["passed"]) for one in lines if (one["workflow"], one["channel"]) == case)
        for case in (("white-background", amazon.id), ("white-background", google.id), ("product-scene", google.id))
    ]
    figures = dict(zip(("white_amazon", "white_google", "scene_google"), passed, strict=True))
    print(json.dumps({"pictures": len(lines) // 3, **figures}))
    sys.exit(0 if min(passed) >= LEAST else 1)


if __name__ == "__main__":
    main()
