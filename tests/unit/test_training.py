"""The recipe of a LoRA: its rules, its schedule, its metadata, and the same recipe for other trainers."""

from __future__ import annotations

import datetime
import itertools
import math
import re
import shlex
import sys
from dataclasses import replace
from typing import Any

import pytest
import yaml

from packshot.brand.training.exports import TRAINERS, export
from packshot.brand.training.metadata import Brand, inherited_licence, training_metadata
from packshot.brand.training.recipe import (
    DEFAULT_TARGETS,
    SCHEDULES,
    TIMESTEP_SAMPLINGS,
    Recipe,
    bucket,
    crop_loss,
    native_side,
    read_targets,
    token_limit,
)
from packshot.errors import InputInvalid
from packshot.models.cards import load_card
from packshot.run.training import training_workflow
from support.places import DATA

RECIPE = Recipe(trigger="kilnharbor", steps=100, learning_rate=1e-3, warmup=10)
GOLDEN = DATA / "training"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"steps": 0}, "steps"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"rank": 513}, "rank"),
        ({"alpha": -1.0}, "alpha"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"caption_dropout": 1.5}, "caption_dropout"),
        ({"seed": 2**64}, "seed"),
        ({"warmup": 101}, "warmup"),
        ({"targets": ()}, "targets"),
        ({"schedule": "exponential"}, "training options"),
        ({"timestep_sampling": "beta"}, "training options"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_its_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        replace(RECIPE, **changes)
    assert place in caught.value.place


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_learning_rate_rises_and_then_falls_as_its_schedule_says(schedule: Any) -> None:
    recipe = replace(RECIPE, schedule=schedule)
    rates = [recipe.learning_rate_at(step) for step in range(recipe.steps)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[9] == pytest.approx(1e-3)
    assert rates[:10] == sorted(rates[:10])
    assert max(rates) == pytest.approx(1e-3)
    after = rates[10:]
    assert after == sorted(after, reverse=True)
    assert rates[55] == pytest.approx({"constant": 1e-3, "cosine": 5e-4, "linear": 5e-4}[schedule])
    assert rates[-1] == pytest.approx({"constant": 1e-3, "cosine": 3.05e-7, "linear": 1.11e-5}[schedule], rel=0.01)


def test_without_a_warm_up_the_first_step_has_the_full_rate() -> None:
    assert replace(RECIPE, warmup=0).learning_rate_at(0) == pytest.approx(1e-3)


def test_what_is_due_every_so_many_steps_is_due_at_the_end_too() -> None:
    assert [step for step in range(1, 101) if RECIPE.due(40, step)] == [40, 80, 100]
    assert [step for step in range(1, 101) if RECIPE.due(0, step)] == [100]


def test_the_targets_are_attention_and_feed_forward_layers() -> None:
    flux = [
        "img_in", "time_in.in_layer", "double_blocks.0.img_attn.qkv", "double_blocks.0.img_mlp.0",
        "double_blocks.0.img_mod.lin", "single_blocks.3.linear1", "single_blocks.3.modulation.lin",
        "final_layer.linear", "final_layer.adaLN_modulation.1",
    ]  # fmt: skip
    assert RECIPE.choose(flux) == [flux[2], flux[3], flux[5]]
    others = ["layers.1.attention.qkv", "layers.1.feed_forward.w1", "transformer_blocks.2.attn.to_q", "norm_out.linear"]
    assert RECIPE.choose(others) == others[:3]
    assert replace(RECIPE, targets=read_targets(" *img_in , *.lin")).choose(flux) == ["img_in", flux[4], flux[6]]
    assert read_targets(" , ") == DEFAULT_TARGETS
    with pytest.raises(InputInvalid, match="no linear layer"):
        replace(RECIPE, targets=("*nothing*",)).choose(flux)


def test_a_checkpoint_belongs_to_all_that_decides_its_weights() -> None:
    own = RECIPE.fingerprint("set", "base")
    assert own == replace(RECIPE, validation_interval=1, sample_interval=2, checkpoint_interval=3).fingerprint(
        "set", "base"
    )
    changed = {"rank": 8, "alpha": 2.0, "seed": 1, "learning_rate": 2e-3, "batch_size": 2, "accumulation": 2,
               "trigger": "other", "resolution": 256, "shift": 3.0, "caption_dropout": 0.0, "ema_decay": 0.5,
               "targets": ("*attn*",), "schedule": "linear", "timestep_sampling": "uniform", "warmup": 5,
               "steps": 200}  # fmt: skip
    prints = {replace(RECIPE, **{name: value}).fingerprint("set", "base") for name, value in changed.items()}
    assert len(prints | {own, RECIPE.fingerprint("other", "base"), RECIPE.fingerprint("set", "other")}) == 19
    constant = replace(RECIPE, schedule="constant")
    longer = replace(constant, steps=200)
    assert constant.fingerprint("set", "base") == longer.fingerprint("set", "base"), "a constant rate has no end"


@pytest.mark.parametrize("size", [(1000, 1000), (1500, 1000), (1000, 1777), (4000, 1000), (64, 300), (7, 7)])
@pytest.mark.parametrize(("resolution", "step"), [(512, 16), (1024, 32), (64, 16), (128, 16)])
def test_a_bucket_keeps_area_and_proportions(size: tuple[int, int], resolution: int, step: int) -> None:
    width, height = bucket(*size, resolution, step)
    assert width % step == height % step == 0
    assert width * height == pytest.approx(resolution**2, rel=0.35 if resolution < 256 else 0.08)
    if resolution >= 512 and 0.5 <= size[0] / size[1] <= 2:
        assert crop_loss(size, (width, height)) < 0.05


def test_crop_loss_is_the_share_that_is_cut_off() -> None:
    assert crop_loss((200, 100), (100, 100)) == pytest.approx(0.5)
    assert crop_loss((100, 300), (100, 150)) == pytest.approx(0.5)
    assert crop_loss((512, 512), (64, 64)) == 0


def test_the_metadata_inherit_the_licence_of_the_weights() -> None:
    assert inherited_licence(load_card("starter")) == "Apache-2.0"
    assert "FLUX" in inherited_licence(load_card("flux2-dev"))
    assert token_limit(load_card("starter")) == 77
    assert native_side(load_card("starter")) == 128
    assert token_limit(load_card("flux2-klein-4b-base")) == 512


def test_the_metadata_say_all_and_no_path_and_no_caption() -> None:
    said = training_metadata(
        name="kiln", card=load_card("starter"), recipe=replace(RECIPE, batch_size=4, accumulation=2),
        brand=Brand("Kiln Harbor", "ab" * 32), dataset="cd" * 32, pictures=30, step=100, body="ef" * 32,
        version="0.1.0", now=datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc),
    )  # fmt: skip
    assert all(isinstance(value, str) and value for value in said.values())
    required = {"sai_model_spec", "architecture", "implementation", "title"}
    assert {f"modelspec.{key}" for key in required} <= said.keys()
    assert said["modelspec.title"] == "Kiln Harbor: kiln"
    assert said["modelspec.date"] == "2026-11-21T12:00:00+00:00"
    assert (said["ss_num_batches_per_epoch"], said["ss_epoch"]) == ("8", "25")
    anonymous = training_metadata(
        name="kiln", card=load_card("starter"), recipe=RECIPE, brand=Brand(), dataset="cd", pictures=1, step=0,
        body="ef", version="0.1.0", now=datetime.datetime.now(datetime.timezone.utc),
    )  # fmt: skip
    assert anonymous["modelspec.title"] == "kiln"
    assert not {"packshot.brand", "packshot.brand_kit", "modelspec.author"} & anonymous.keys()


def test_every_field_of_the_recipe_is_an_input_of_the_workflow() -> None:
    names = training_workflow().input_names
    assert set(Recipe.__dataclass_fields__) <= set(names)
    assert {"base", "dataset", "output_name", "resume", "brand", "brand_kit"} <= set(names)


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
