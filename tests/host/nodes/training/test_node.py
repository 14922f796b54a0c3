"""LoRA training on a real host: the file it leaves, and that nothing that stops a run changes what comes out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from packshot.brand import BrandKit
from packshot.comfy.events import NodeProgress
from packshot.errors import InputInvalid
from packshot.host.install import Installation
from packshot.host.managed import ManagedHost
from packshot.models.detect.detect import detect_header
from packshot.models.files.read import read_header
from packshot.run.training import TrainedLora, train_lora
from support.host.scripts import inside
from support.host.training import (
    BASE,
    KIT,
    LAYERS,
    OPTIONS,
    STEPS,
    TRIGGER,
    client_of,
    lora_file,
    same_weights,
    steps_done,
    submit,
    training_folder,
)


def test_the_gradient_is_that_of_finite_differences(installation: Installation, training_host: ManagedHost) -> None:
    """FLUX's blocks add in place, which a backward pass does not bear unless each overwritten value is kept."""
    pairs = inside(
        installation, "train_models.py", "gradients", training_host.models / "diffusion_models" / f"{BASE}.safetensors"
    )["pairs"]
    assert len(pairs) == 2 * LAYERS
    ours, measured = (np.array([pair[at] for pair in pairs]) for at in (1, 2))
    assert np.linalg.norm(ours - measured) < 0.02 * np.linalg.norm(measured)


def test_the_command_brings_back_a_lora_that_says_what_it_is(trained: dict[str, Any]) -> None:
    file = Path(trained["file"])
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
    assert said["packshot.dataset"] == trained["dataset"]
    assert not any(str(part) in text for part in (file.parent, Path.home()) for text in said.values())
    found = detect_header(header)
    assert (found.kind, found.lora.rank if found.lora else 0) == ("lora", 4)
    assert trained["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    with Image.open(trained["samples"]) as grid:
        assert min(grid.size) >= 64


def test_core_applies_every_layer_and_strength_is_linear(
    installation: Installation, training_host: ManagedHost, trained: dict[str, Any]
) -> None:
    base = training_host.models / "diffusion_models" / f"{BASE}.safetensors"
    seen = inside(installation, "train_models.py", "apply", base, Path(trained["file"]))
    assert (seen["layers"], seen["patches"], seen["keys"]) == (LAYERS, LAYERS, 3 * LAYERS)
    assert seen["finite"]
    assert seen["change"] > 0
    assert seen["off_middle"] < 1e-4


def test_the_hosts_loaders_see_the_lora(training_host: ManagedHost, trained: dict[str, Any], tmp_path: Path) -> None:
    with client_of(training_host, tmp_path) as found:
        assert trained["name_on_host"] in json.dumps(found.object_info["LoraLoader"]["input"])


@pytest.mark.usefixtures("trained")
def test_the_loss_on_held_out_pictures_falls_and_the_pictures_change(training_host: ManagedHost) -> None:
    folder = training_folder(training_host, "whole")
    losses = json.loads((folder / "losses.json").read_text(encoding="utf-8"))
    assert len(losses["loss"]) == STEPS
    assert [step for step, _ in losses["validation"]] == [0, 4, 8, 12]
    assert losses["validation"][-1][1] < 0.95 * losses["validation"][0][1]
    grids = []
    for step in (6, 12):
        with Image.open(folder / f"sample-{step:06}.png") as image:
            grids.append(np.asarray(image, dtype=np.int16))
    assert np.abs(grids[0] - grids[1]).max() > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rank": 8, "alpha": 8.0}, ["another recipe", "rank was 4 and is 8", "alpha was 4.0 and is 8.0"]),
        ({"learning_rate": 1e-3}, ["learning_rate was 0.03 and is 0.001"]),
        ({"steps": 5}, ["12 steps already, and 5"]),
    ],
)
@pytest.mark.usefixtures("trained")
def test_another_recipe_under_the_same_name_is_refused_before_anything_is_encoded(
    training_host: ManagedHost, training_pictures: Path, tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    before = lora_file(training_host, "whole").read_bytes()
    with client_of(training_host, tmp_path) as found:
        job = submit(found, training_pictures, output_name="whole", **changes)
        steps = [event for event in job.events(300) if isinstance(event, NodeProgress) and event.title == "Train LoRA"]
        with pytest.raises(InputInvalid) as caught:
            job.result(300)
    assert all(text in caught.value.message for text in words), caught.value.message
    assert [event.value for event in steps if event.value] == [], "each picture that is encoded is a step"
    assert lora_file(training_host, "whole").read_bytes() == before


def test_the_same_inputs_write_a_finished_file_no_second_time(
    training_host: ManagedHost, training_pictures: Path, trained: dict[str, Any], tmp_path: Path
) -> None:
    lora = lora_file(training_host, "whole")
    before, when = lora.read_bytes(), lora.stat().st_mtime_ns
    with client_of(training_host, tmp_path) as found:
        # What only decides how often it looks makes the node run again.
        submit(found, training_pictures, output_name="whole", sample_interval=5, brand="Kiln").result(300)
    assert (lora.read_bytes(), lora.stat().st_mtime_ns) == (before, when)
    assert steps_done(training_host, "whole") == STEPS
    lora.unlink()
    with client_of(training_host, tmp_path) as found:
        submit(found, training_pictures, output_name="whole", sample_interval=4).result(300)
    assert same_weights(lora, Path(trained["file"]))
    lora.write_bytes(before)


def test_more_steps_go_on_from_a_finished_training_in_a_new_file(
    training_host: ManagedHost, training_pictures: Path, tmp_path: Path
) -> None:
    def train(steps: int, **options: Any) -> TrainedLora:
        values = OPTIONS | {"steps": steps, "sample_interval": 0} | options
        url = str(training_host.status().url)
        out = tmp_path / "more.safetensors"
        return train_lora(training_pictures, TRIGGER, out, base=BASE, validation_fraction=0.2, host=url, **values)

    first = train(6)
    before = first.file.read_bytes()
    longer = train(9)
    assert (first.file.name, first.name_on_host) == ("more.safetensors",) * 2
    assert (longer.file.name, longer.name_on_host) == ("more-2.safetensors",) * 2
    assert first.file.read_bytes() == lora_file(training_host, "more").read_bytes() == before
    assert longer.file.read_bytes() == lora_file(training_host, "more-2").read_bytes()
    said = read_header(longer.file).metadata
    assert (said["ss_steps"], said["ss_output_name"]) == ("9", "more-2")
    assert said["packshot.stages"] == "6 steps from 0, 9 steps from 6"
    assert "from step 6 on" in longer.notes[-1]
    losses = json.loads((training_folder(training_host, "more") / "losses.json").read_text(encoding="utf-8"))
    assert len(losses["loss"]) == 9
    assert not same_weights(longer.file, first.file)
    again = train(9)
    assert (again.file, again.sha256) == (longer.file, longer.sha256)
    anew = train(6, anew=True)
    assert anew.file.name == "more-3.safetensors"
    assert same_weights(anew.file, first.file), "the same recipe from the beginning"
    assert first.file.read_bytes() == lora_file(training_host, "more").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "no-such-folder"}, "no folder 'no-such-folder'"),
        ({"dataset": "../output"}, "no folder"),
        ({"output_name": "../escape"}, "is no name for a file"),
    ],
)
def test_what_cannot_run_is_refused_before_the_queue(
    training_host: ManagedHost, training_pictures: Path, tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    with client_of(training_host, tmp_path) as found:
        with pytest.raises(InputInvalid) as caught:
            submit(found, training_pictures, **changes)
        assert words in caught.value.message
        assert found.api.queue() == {"queue_running": [], "queue_pending": []}


def test_the_host_checks_the_pictures_itself(
    training_host: ManagedHost, training_pictures: Path, tmp_path: Path
) -> None:
    with client_of(training_host, tmp_path) as found, pytest.raises(InputInvalid, match="trigger-missing"):
        submit(found, training_pictures, output_name="refused", trigger="otherbrand").result(300)
    assert not lora_file(training_host, "refused").exists()
