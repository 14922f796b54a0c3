"""A small training: its pictures, its options, and what it leaves on a host."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from safetensors import safe_open

from packshot import Client
from packshot.brand.dataset.dataset import check_dataset
from packshot.comfy.job import Job
from packshot.host.managed import ManagedHost
from packshot.models.files.read import read_header
from packshot.paths import shipped
from packshot.run.training import send_dataset, training_workflow

BASE, TRIGGER, STEPS = "tiny-train", "kilnharbor", 12

KIT = shipped("examples") / "brands" / "aldern-quay"

# Everything that has a state: averaging, accumulation, dropout, a schedule with a warm-up.
OPTIONS = {
    "steps": STEPS, "learning_rate": 3e-2, "rank": 4, "alpha": 4.0, "resolution": 64, "seed": 7, "batch_size": 2,
    "accumulation": 2, "warmup": 2, "caption_dropout": 0.2, "ema_decay": 0.9, "validation_interval": 4,
    "sample_interval": 6, "checkpoint_interval": 1,
}  # fmt: skip

LAYERS = 10  # four in each stream of the double block, two in the single one


def draw(folder: Path) -> None:
    """Twelve pictures of six products in strong colours, with two captions between them."""
    folder.mkdir()
    for number, colour in enumerate(("#C0392B", "#27AE60", "#2E86C1", "#F39C12", "#8E44AD", "#16A085")):
        for view in range(2):
            image = Image.new("RGB", (96, 96), (235 - 9 * number, 225, 210 + 9 * view))
            pen = ImageDraw.Draw(image)
            left, top = 12 + 6 * number, 18 + 9 * view
            (pen.rectangle if number % 2 else pen.ellipse)((left, top, left + 36, top + 44), fill=colour)
            pen.line((4, 6 + 13 * number, 90, 20 + 11 * number), fill=colour, width=2)
            name = f"product-{number}-{view}"
            image.save(folder / f"{name}.png")
            kind = "mug" if number < 3 else "bottle"
            (folder / f"{name}.txt").write_text(f"{TRIGGER} {kind}", encoding="utf-8")
    rows = [
        {"file_name": path.name, "product": path.name[:9], "rights": "own", "people": False}
        for path in sorted(folder.glob("*.png"))
    ]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


@contextlib.contextmanager
def client_of(training_host: ManagedHost, out: Path) -> Iterator[Client]:
    with Client(str(training_host.status().url), out=out) as found:
        yield found


def submit(client: Client, folder: Path, **changes: Any) -> Job:
    dataset = check_dataset(folder, TRIGGER, resolution=64, validation_fraction=0.2).require()
    values = OPTIONS | {"base": BASE, "trigger": TRIGGER, "dataset": send_dataset(client.api, dataset)}
    return client.submit(training_workflow(), **(values | changes))


def lora_file(training_host: ManagedHost, name: str) -> Path:
    return training_host.home / "base" / "output" / "loras" / f"{name}.safetensors"


def training_folder(training_host: ManagedHost, name: str) -> Path:
    return training_host.home / "base" / "output" / "packshot" / "training" / name


def tensors(path: Path) -> dict[str, np.ndarray]:
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def steps_done(training_host: ManagedHost, name: str) -> int:
    """Steps in a run's checkpoint; -1: there is none."""
    path = training_folder(training_host, name) / "checkpoint.safetensors"
    if not path.is_file():
        return -1
    return int(json.loads(read_header(path).metadata["progress"])["step"])


def wait_for_step(training_host: ManagedHost, name: str, step: int) -> None:
    deadline = time.monotonic() + 240
    while steps_done(training_host, name) < step:
        assert time.monotonic() < deadline, f"no step {step} of {name}"
        time.sleep(0.01)


def same_weights(one: Path, other: Path) -> bool:
    """Equal bit by bit."""
    first, second = tensors(one), tensors(other)
    return first.keys() == second.keys() and all(first[name].tobytes() == second[name].tobytes() for name in first)
