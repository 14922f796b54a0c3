"""The metadata of a trained LoRA."""

from __future__ import annotations

import datetime
from dataclasses import replace

from packshot.brand.training.metadata import Brand, inherited_licence, training_metadata
from packshot.brand.training.recipe import (
    Recipe,
    native_side,
    token_limit,
)
from packshot.models.cards import load_card

RECIPE = Recipe(trigger="kilnharbor", steps=100, learning_rate=1e-3, warmup=10)


def test_the_metadata_inherit_the_licence_of_the_weights() -> None:
    assert inherited_licence(load_card("starter")) == "Apache-2.0"
    assert "FLUX" in inherited_licence(load_card("flux2-dev"))
    assert token_limit(load_card("starter")) == 77
    assert native_side(load_card("starter")) == 128
    assert token_limit(load_card("flux2-klein-4b-base")) == 512


def test_the_metadata_say_all_and_no_path_and_no_caption() -> None:
    said = training_metadata(
        name="kiln", card=load_card("starter"), recipe=replace(RECIPE, batch_size=4, accumulation=2),
        brand=Brand("Kiln Harbor", "ab" * 32), dataset="cd" * 32, pictures=30, step=100,
        stages=[[0, 60], [60, 100]], body="ef" * 32, version="0.1.0",
        now=datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc),
    )  # fmt: skip
    assert all(isinstance(value, str) and value for value in said.values())
    required = {"sai_model_spec", "architecture", "implementation", "title"}
    assert {f"modelspec.{key}" for key in required} <= said.keys()
    assert said["modelspec.title"] == "Kiln Harbor: kiln"
    assert said["modelspec.date"] == "2026-11-21T12:00:00+00:00"
    assert (said["ss_num_batches_per_epoch"], said["ss_epoch"]) == ("8", "25")
    assert said["packshot.stages"] == "60 steps from 0, 100 steps from 60"
    anonymous = training_metadata(
        name="kiln", card=load_card("starter"), recipe=RECIPE, brand=Brand(), dataset="cd", pictures=1, step=0,
        stages=[[0, 100]], body="ef", version="0.1.0", now=datetime.datetime.now(datetime.timezone.utc),
    )  # fmt: skip
    assert anonymous["modelspec.title"] == "kiln"
    assert not {"packshot.brand", "packshot.brand_kit", "modelspec.author", "packshot.stages"} & anonymous.keys()
