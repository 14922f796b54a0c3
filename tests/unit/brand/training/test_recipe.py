"""The recipe of a training."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from packshot.brand.training.recipe import (
    DEFAULT_TARGETS,
    SCHEDULES,
    Recipe,
    bucket,
    changed_fields,
    crop_loss,
    read_targets,
)
from packshot.errors import InputInvalid

RECIPE = Recipe(trigger="kilnharbor", steps=100, learning_rate=1e-3, warmup=10)


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


CHANGES: dict[str, Any] = {
    "rank": 8, "alpha": 2.0, "seed": 1, "learning_rate": 2e-3, "batch_size": 2, "accumulation": 2,
    "trigger": "other", "resolution": 256, "shift": 3.0, "caption_dropout": 0.0, "ema_decay": 0.5,
    "targets": ("*attn*",), "schedule": "linear", "timestep_sampling": "uniform", "warmup": 5,
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), CHANGES.items())
def test_a_checkpoint_names_the_field_in_which_a_recipe_differs(name: str, value: Any) -> None:
    before = json.loads(json.dumps(RECIPE.settled("set", "starter")))
    changed = changed_fields(before, replace(RECIPE, **{name: value}).settled("set", "starter"))
    assert list(changed) == [name]
    old = getattr(RECIPE, name)
    shown = [", ".join(option) if isinstance(option, tuple) else str(option) for option in (old, value)]
    assert changed[name] == f"{name} was {shown[0]} and is {shown[1]}"


def test_a_checkpoint_fits_other_lengths_and_intervals_and_no_other_set_or_base() -> None:
    before = RECIPE.settled("set", "starter")
    longer = replace(RECIPE, steps=200, validation_interval=1, sample_interval=2, checkpoint_interval=3)
    assert changed_fields(before, longer.settled("set", "starter")) == {}
    assert changed_fields(before, RECIPE.settled("set", "flux1-dev")) == {"base": "base was starter and is flux1-dev"}
    assert list(changed_fields(before, replace(RECIPE, rank=4).settled("other", "starter"))) == ["dataset", "rank"]
    assert "pictures" in changed_fields(before, RECIPE.settled("other", "starter"))["dataset"]


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
