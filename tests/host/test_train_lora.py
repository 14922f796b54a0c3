"""LoRA training on a real host: the file it leaves, and that nothing that stops a run changes what comes out."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from PIL import Image, ImageDraw
from safetensors import safe_open

from packshot import Client
from packshot.brand import BrandKit
from packshot.brand.dataset.dataset import check_dataset
from packshot.comfy.job import Job
from packshot.errors import InputInvalid, JobCancelled
from packshot.host.install import Installation
from packshot.host.managed import ManagedHost
from packshot.models.detect.detect import detect
from packshot.models.files.read import read_header
from packshot.paths import shipped
from packshot.run.training import send_dataset, training_workflow
from support.host.own_hosts import card, component
from support.places import INSIDE

SCRIPT = INSIDE / "train_models.py"
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


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "pictures"
    draw(folder)
    return folder


@pytest.fixture(scope="module")
def managed(
    installation: Installation, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ManagedHost]:
    """A host with a tiny FLUX.1, an autoencoder that encodes, and the starter's text encoder."""
    home = tmp_path_factory.mktemp("training")
    shelf = home / "models"
    inside(installation, "write", shelf)
    encoder = shelf / "text_encoders" / "starter-clip-l.safetensors"
    encoder.parent.mkdir()
    encoder.symlink_to(models / "text_encoders" / encoder.name)
    own = card(BASE, resolution={**card(BASE)["resolution"], "min_pixels": 4096})
    own["components"][2] = component("vae", "tiny-train-vae.safetensors")
    own["sampling"] |= {"steps": 2, "cfg": 1.0, "guidance": 3.5, "shift_node": "ModelSamplingFlux"}
    cards = home / "settings" / "packshot" / "cards"
    cards.mkdir(parents=True)
    (cards / f"{BASE}.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(home / "settings"))
        patch.setenv("OMP_NUM_THREADS", "1")  # more threads gain a tiny model nothing, and lose on a busy machine
        host = ManagedHost(home / "host", installation, shelf)
        try:
            host.up()
            yield host
        finally:
            host.down()


def inside(installation: Installation, what: str, *files: Path) -> Any:
    """An answer of ``train_models.py``, which runs with the host's Python."""
    command = [str(installation.python), str(SCRIPT), what, str(installation.comfyui), *map(str, files)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=300).stdout)


@contextlib.contextmanager
def client(managed: ManagedHost, out: Path) -> Iterator[Client]:
    with Client(str(managed.status().url), out=out) as found:
        yield found


def submit(client: Client, folder: Path, **changes: Any) -> Job:
    dataset = check_dataset(folder, TRIGGER, resolution=64, validation_fraction=0.2).require()
    values = OPTIONS | {"base": BASE, "trigger": TRIGGER, "dataset": send_dataset(client.api, dataset, lambda: None)}
    return client.submit(training_workflow(), **(values | changes))


def lora_file(managed: ManagedHost, name: str) -> Path:
    return managed.home / "base" / "output" / "loras" / f"{name}.safetensors"


def training_folder(managed: ManagedHost, name: str) -> Path:
    return managed.home / "base" / "output" / "packshot" / "training" / name


def tensors(path: Path) -> dict[str, np.ndarray]:
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def steps_done(managed: ManagedHost, name: str) -> int:
    """Steps in a run's checkpoint; -1: there is none."""
    path = training_folder(managed, name) / "checkpoint.safetensors"
    if not path.is_file():
        return -1
    return int(json.loads(read_header(path).metadata["progress"])["step"])


def wait_for_step(managed: ManagedHost, name: str, step: int) -> None:
    deadline = time.monotonic() + 240
    while steps_done(managed, name) < step:
        assert time.monotonic() < deadline, f"no step {step} of {name}"
        time.sleep(0.01)


def same_weights(one: Path, other: Path) -> bool:
    """Equal bit by bit."""
    first, second = tensors(one), tensors(other)
    return first.keys() == second.keys() and all(first[name].tobytes() == second[name].tobytes() for name in first)


@pytest.fixture(scope="module")
def whole(managed: ManagedHost, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The answer of ``packshot lora train`` for a run that nothing stops."""
    out = tmp_path_factory.mktemp("whole") / "whole.safetensors"
    command = [sys.executable, "-m", "packshot", "lora", "train", str(pictures), "--trigger", TRIGGER, "--base", BASE]
    command += ["--brand", str(KIT), "--out", str(out), "--host", str(managed.status().url), "--held-out", "0.2"]
    for name, value in OPTIONS.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_gradient_is_that_of_finite_differences(installation: Installation, managed: ManagedHost) -> None:
    """FLUX's blocks add in place, which a backward pass does not bear unless each overwritten value is kept."""
    pairs = inside(installation, "gradients", managed.models / "diffusion_models" / f"{BASE}.safetensors")["pairs"]
    assert len(pairs) == 2 * LAYERS
    ours, measured = (np.array([pair[at] for pair in pairs]) for at in (1, 2))
    assert np.linalg.norm(ours - measured) < 0.02 * np.linalg.norm(measured)


def test_the_command_brings_back_a_lora_that_says_what_it_is(whole: dict[str, Any]) -> None:
    file = Path(whole["file"])
    header = read_header(file)
    said = header.metadata
    assert said["modelspec.sai_model_spec"] == "1.0.1"
    assert said["modelspec.architecture"] == "other/lora"
    assert said["modelspec.license"] == "Apache-2.0"
    assert said["modelspec.trigger_phrase"] == TRIGGER
    body = hashlib.sha256(file.read_bytes()[header.body :]).hexdigest()
    assert said["modelspec.hash_sha256"] == f"0x{body}"
    assert (said["ss_network_dim"], said["ss_network_alpha"], said["ss_steps"]) == ("4", "4", str(STEPS))
    assert said["packshot.brand_kit"] == BrandKit.load(KIT).hash
    assert said["packshot.dataset"] == whole["dataset"]
    assert not any(str(part) in text for part in (file.parent, Path.home()) for text in said.values())
    found = detect(header)
    assert (found.kind, found.lora.rank if found.lora else 0) == ("lora", 4)
    assert whole["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    with Image.open(whole["samples"]) as grid:
        assert min(grid.size) >= 64


def test_core_applies_every_layer_and_strength_is_linear(
    installation: Installation, managed: ManagedHost, whole: dict[str, Any]
) -> None:
    base = managed.models / "diffusion_models" / f"{BASE}.safetensors"
    seen = inside(installation, "apply", base, Path(whole["file"]))
    assert (seen["layers"], seen["patches"], seen["keys"]) == (LAYERS, LAYERS, 3 * LAYERS)
    assert seen["finite"]
    assert seen["change"] > 0
    assert seen["off_middle"] < 1e-4


def test_the_hosts_loaders_see_the_lora(managed: ManagedHost, whole: dict[str, Any], tmp_path: Path) -> None:
    with client(managed, tmp_path) as found:
        assert whole["name_on_host"] in json.dumps(found.object_info["LoraLoader"]["input"])


@pytest.mark.usefixtures("whole")
def test_the_loss_on_held_out_pictures_falls_and_the_pictures_change(managed: ManagedHost) -> None:
    folder = training_folder(managed, "whole")
    losses = json.loads((folder / "losses.json").read_text(encoding="utf-8"))
    assert len(losses["loss"]) == STEPS
    assert [step for step, _ in losses["validation"]] == [0, 4, 8, 12]
    assert losses["validation"][-1][1] < 0.95 * losses["validation"][0][1]
    grids = []
    for step in (6, 12):
        with Image.open(folder / f"sample-{step:06}.png") as image:
            grids.append(np.asarray(image, dtype=np.int16))
    assert np.abs(grids[0] - grids[1]).max() > 0


def test_killed_in_the_middle_it_leaves_whole_files_and_goes_on_to_the_same_weights(
    managed: ManagedHost, pictures: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    with client(managed, tmp_path) as found:
        submit(found, pictures, output_name="killed")
        wait_for_step(managed, "killed", 3)
        pid = managed.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(10)
    left = steps_done(managed, "killed")
    assert 3 <= left < STEPS
    assert tensors(lora_file(managed, "killed")).keys() == tensors(Path(whole["file"])).keys()
    assert not same_weights(lora_file(managed, "killed"), Path(whole["file"]))
    managed.up()
    with client(managed, tmp_path) as found:
        submit(found, pictures, output_name="killed").result(300)
    assert steps_done(managed, "killed") == STEPS
    assert same_weights(lora_file(managed, "killed"), Path(whole["file"]))


def test_cancelled_it_keeps_the_last_step_and_goes_on_to_the_same_weights(
    managed: ManagedHost, pictures: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    with client(managed, tmp_path) as found:
        # Only the cancel itself can have written a checkpoint beyond the beginning.
        job = submit(found, pictures, output_name="cancelled", checkpoint_interval=0)
        for event in job.events(240):
            if getattr(event, "value", 0) >= 12 + 3 + 3:  # pictures, captions with the empty one, and some steps
                job.cancel()
                break
        with pytest.raises(JobCancelled):
            job.result(120)
        assert 0 < steps_done(managed, "cancelled") < STEPS
        submit(found, pictures, output_name="cancelled").result(300)
    assert same_weights(lora_file(managed, "cancelled"), Path(whole["file"]))


def test_another_recipe_under_the_same_name_is_refused(
    managed: ManagedHost, pictures: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    before = Path(whole["file"]).read_bytes()
    with client(managed, tmp_path) as found, pytest.raises(InputInvalid, match="another recipe"):
        submit(found, pictures, output_name="whole", rank=8, alpha=8.0).result(300)
    assert tensors(lora_file(managed, "whole")).keys() == tensors(Path(whole["file"])).keys()
    assert Path(whole["file"]).read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "no-such-folder"}, "no folder 'no-such-folder'"),
        ({"dataset": "../output"}, "no folder"),
        ({"output_name": "../escape"}, "is no name for a file"),
    ],
)
def test_what_cannot_run_is_refused_before_the_queue(
    managed: ManagedHost, pictures: Path, tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    with client(managed, tmp_path) as found:
        with pytest.raises(InputInvalid) as caught:
            submit(found, pictures, **changes)
        assert words in caught.value.message
        assert found.api.queue() == {"queue_running": [], "queue_pending": []}


def test_the_host_checks_the_pictures_itself(managed: ManagedHost, pictures: Path, tmp_path: Path) -> None:
    with client(managed, tmp_path) as found, pytest.raises(InputInvalid, match="trigger-missing"):
        submit(found, pictures, output_name="refused", trigger="otherbrand").result(300)
    assert not lora_file(managed, "refused").exists()
