"""Configurations for other trainers."""

from __future__ import annotations

import itertools
import re
import shlex
import sys
from typing import Any

import pytest
import yaml

from packshot.brand.training.exports import TRAINERS, export
from packshot.brand.training.recipe import (
    TIMESTEP_SAMPLINGS,
    Recipe,
)
from packshot.errors import InputInvalid
from support.places import DATA

GOLDEN = DATA / "training"

EXPORTS = [
    ("ai-toolkit", "flux2-klein-4b-base"), ("ai-toolkit", "z-image"), ("musubi-tuner", "flux2-klein-4b-base"),
    ("musubi-tuner", "qwen-image"), ("sd-scripts", "flux1-dev"),
]  # fmt: skip

EXPORTED = Recipe(trigger="kilnharbor", resolution=1024, ema_decay=0.99, shift=2.5, sample_interval=250)


def exported(trainer: Any, card: str) -> dict[str, str]:
    return export(trainer, card, "kiln", EXPORTED, '/data/kiln "harbor"')


@pytest.mark.parametrize(("trainer", "card"), EXPORTS)
def test_the_configuration_of_another_trainer_is_the_golden_one(trainer: str, card: str) -> None:
    golden = {path.name: path.read_text(encoding="utf-8") for path in (GOLDEN / trainer / card).iterdir()}
    assert exported(trainer, card) == golden


@pytest.mark.parametrize("card", ["flux2-klein-4b-base", "z-image"])
def test_ai_toolkit_gets_the_recipe(card: str) -> None:
    (text,) = exported("ai-toolkit", card).values()
    (process,) = yaml.safe_load(text)["config"]["process"]
    assert process["network"] == {"type": "lora", "linear": 16, "linear_alpha": 16.0}
    train = process["train"]
    assert (train["steps"], train["lr"], train["timestep_type"]) == (500, 2e-4, "sigmoid")
    assert train["ema_config"] == {"use_ema": True, "ema_decay": 0.99}
    assert process["datasets"][0]["folder_path"] == '/data/kiln "harbor"'
    assert "warmup 20; shift 2.5" in text.splitlines()[0]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is in Python 3.11 and newer")
@pytest.mark.parametrize(("trainer", "card"), EXPORTS[2:])
def test_kohyas_trainers_get_the_recipe(trainer: str, card: str) -> None:
    import tomllib

    files = exported(trainer, card)
    data = tomllib.loads(files["kiln-dataset.toml"])
    (dataset,) = data["datasets"]
    folder = dataset["subsets"][0]["image_dir"] if trainer == "sd-scripts" else dataset["image_directory"]
    assert folder == '/data/kiln "harbor"'
    assert data["general"]["caption_extension"] == ".txt"
    assert (dataset if trainer == "sd-scripts" else data["general"])["resolution"] == [1024, 1024]
    commands = [line for line in files["kiln.sh"].replace("\\\n", " ").splitlines() if not line.startswith("#")]
    words = shlex.split(commands[-1])
    options = {name: value for name, value in itertools.pairwise(words) if name.startswith("--")}
    assert options["--network_dim"] == options["--network_alpha"] == "16"
    assert (options["--learning_rate"], options["--max_train_steps"]) == ("0.0002", "500")
    assert options["--lr_warmup_steps"] == "20"
    assert "ema_decay 0.99" in files["kiln.sh"]
    assert re.search(r"/home|/root", files["kiln.sh"]) is None


def test_a_model_that_a_trainer_does_not_know_is_refused_with_one_that_does() -> None:
    with pytest.raises(InputInvalid, match="not known to train flux1-dev") as caught:
        export("ai-toolkit", "flux1-dev", "kiln", EXPORTED, "data")
    assert "sd-scripts" in caught.value.remedy
    assert {trainer for trainer, _ in EXPORTS} == set(TRAINERS)
    assert set(TIMESTEP_SAMPLINGS) == {"logit-normal", "uniform"}
