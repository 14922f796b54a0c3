"""Do the workflows' pictures pass the channels' checks? On a real host, over photographs and renderings.

    python bench/channels.py [--host URL] [--out DIR] [--workflow NAME] [--smoke]

``white-background`` must pass ``amazon-main`` and ``google-merchant``. ``product-scene`` is measured against
``google-merchant``, with the product's own pixels and mask as the original: its background is a scene, which Amazon's
main image may not have. That the starter draws 256 pixels and not Google's 500 is shown and not counted.

Pictures: photographs that ship with scikit-image, previews that ship with ComfyUI's workflow templates and show one
thing, and twelve drawn products under a studio's light. What was measured stands in ``DIR/channels.jsonl`` and is not
measured again: stop it and go on as you like. Prints a line for each picture, and in the end how many passed; the exit
code is 1 where those are too few, but for ``--smoke``, which takes one drawn product.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from _common import say
from _options import add_host, add_smoke
from PIL import Image

from packshot import Client
from packshot.compose import matting
from packshot.compose.pixels import Pixels
from packshot.compose.product import Edge, Placement, Shadow, compose
from packshot.host.install import install
from packshot.host.managed import ManagedHost
from packshot.models.starter.files import write_starter
from packshot.paths import cache_dir
from packshot.quality.channels import load_channel
from packshot.quality.checks import Given
from packshot.quality.picture import Picture
from packshot.quality.run import Report, check_file

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from support.products import photograph

DRAWN = ("bottle", "mug", "box", "ball", "lamp", "bag", "shoe", "vase", "can", "watch", "chair", "teapot")
PHOTOGRAPHS = (
    "astronaut.png", "camera.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png", "horse.png",
    "motorcycle_left.png", "retina.jpg", "rocket.jpg",
)  # fmt: skip
PREVIEWS = (
    "02_qwen_Image_edit_subgraphed-1", "02_qwen_Image_edit_subgraphed-2", "3d_hunyuan3d_multiview_to_model-2",
    "3d_hunyuan3d_multiview_to_model_turbo-2", "api_hunyuan3d_model2uv-2", "api_stability_ai_sd3.5_t2i-1",
    "flux_kontext_dev_basic-1", "flux_kontext_dev_basic-2", "flux_schnell_full_text_to_image-1",
    "image_chrono_edit_14B-1", "image_chrono_edit_14B-2", "image_flux2_text_to_image_9b-1",
    "image_joyai_image_edit-1", "image_lens_turbo_t2i-1", "image_qwen_image_edit_2511-1",
    "templates-product_scene_relight-1", "utility_nanobanana_pro_product_upscale-1",
)  # fmt: skip
Line = dict[str, Any]  # workflow, picture, channel, passed and the reasons
GOOGLE = "google-merchant"
CHANNELS = ("amazon-main", GOOGLE)
LEAST = 20  # pictures that must pass, drawn ones not counted
_DRAWN = "drawn-"
_OF_THE_STARTER = {"side-too-short"}


def pictures(folder: Path) -> Iterator[Path]:
    """Write every photograph and preview as a PNG in ``folder``."""
    for name in PHOTOGRAPHS:
        yield _opened(folder, Path(skimage.__file__).parent / "data" / name)
    packages = cache_dir() / "host" / "venv"
    for name in PREVIEWS:
        found = packages.glob(f"lib/python*/site-packages/comfyui_workflow_templates_media_*/templates/{name}.webp")
        yield from (_opened(folder, file) for file in found)


def drawn(folder: Path) -> Iterator[Path]:
    """Draw the products, each as a PNG in ``folder``."""
    for name in DRAWN:
        yield _written(folder, f"{_DRAWN}{name}", np.rint(photograph(name)[0] * 255).astype(np.uint8))


def _opened(folder: Path, file: Path) -> Path:
    with Image.open(file) as image:
        return _written(folder, file.stem, np.asarray(image.convert("RGB")))


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
    picture: Pixels = Picture.from_array(np.asarray(Image.open(photo))).pixels.astype(np.float32) / np.float32(255)
    weights = matting.find_weights([cache_dir() / "host" / "models" / "background_removal"])
    assert weights is not None
    with Image.open(made) as image:
        ground: Pixels = np.zeros((image.height, image.width, 3), np.float32)
    mask = matting.matte(picture, weights)
    placed = compose(picture, mask, ground, Placement(fill, 0.5, 0.5), Edge(), Shadow(0.0))
    return Picture.from_array(np.dstack([placed.product, (placed.mask >= 1).astype(np.float32)]))


def line(workflow: str, photo: Path, channel: str, report: Report) -> Line:
    counted = set(report.reasons) - (_OF_THE_STARTER if workflow == "product-scene" else set())
    return {
        "workflow": workflow,
        "picture": photo.stem,
        "channel": channel,
        "passed": not counted,
        "reasons": list(report.reasons),
    }


def white_background(client: Client, photo: Path) -> list[Line]:
    made = client.submit("white-background", image=photo).result(600, stem=f"white-{photo.stem}").outputs[0].file
    return [line("white-background", photo, name, check_file(made, load_channel(name))) for name in CHANNELS]


def product_scene(client: Client, photo: Path) -> list[Line]:
    job = client.submit("product-scene", image=photo, fill=0.85, height=0.5)
    made = job.result(600, stem=f"scene-{photo.stem}").outputs[0].file
    # The starter's scene is small: what is measured is the product in it.
    own = Given(original=original(photo, made, 0.85))
    return [line("product-scene", photo, GOOGLE, check_file(made, load_channel(GOOGLE), own))]


WORKFLOWS = {"white-background": white_background, "product-scene": product_scene}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/channels"), help="pictures and results are kept here")
    parser.add_argument("--workflow", choices=WORKFLOWS, help="only this one")
    add_host(parser)
    add_smoke(parser)
    options = parser.parse_args()
    (options.out / "photographs").mkdir(parents=True, exist_ok=True)
    results = options.out / "channels.jsonl"
    lines: list[Line] = [json.loads(one) for one in results.read_text().splitlines()] if results.exists() else []
    names = [options.workflow] if options.workflow else list(WORKFLOWS)
    done = {(one["workflow"], one["picture"]) for one in lines}
    drawings = drawn(options.out / "photographs")
    photographs = [next(drawings)] if options.smoke else [*pictures(options.out / "photographs"), *drawings]
    left = [(name, photo) for name in names for photo in photographs if (name, photo.stem) not in done]
    with contextlib.ExitStack() as stack:
        if left:
            url = options.host or stack.enter_context(host_with_models(options.out / "host"))
            client = stack.enter_context(Client(url, out=options.out))
        for name, photo in left:
            say(f"{name}: {photo.stem}")
            new = WORKFLOWS[name](client, photo)
            with results.open("a") as file:
                file.writelines(json.dumps(one) + "\n" for one in new)
            lines += new
    enough = summary(lines, names, len(photographs))
    sys.exit(0 if enough or options.smoke else 1)


def summary(lines: list[Line], names: list[str], count: int) -> bool:
    """Print what passed; whether that is enough."""
    enough = True
    for name, channel in itertools.product(names, CHANNELS):
        here = [one for one in lines if (one["workflow"], one["channel"]) == (name, channel)]
        if not here:
            continue
        passed = [str(one["picture"]) for one in here if one["passed"]]
        drawn = sum(picture.startswith(_DRAWN) for picture in passed)
        print(f"{name}, {channel}: {len(passed)} of {len(here)} passed, {len(passed) - drawn} of them not drawn by us")
        for one in here:
            if one["reasons"]:
                print(f"    {one['picture']}: {', '.join(one['reasons'])}")
        enough = enough and len(here) == count and len(passed) - drawn >= LEAST
    return enough


if __name__ == "__main__":
    main()
