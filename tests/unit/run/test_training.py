"""The recipe as a workflow."""

from __future__ import annotations

from packshot.brand.training.recipe import (
    Recipe,
)
from packshot.run.training import training_workflow


def test_every_field_of_the_recipe_is_an_input_of_the_workflow() -> None:
    names = training_workflow().input_names
    assert set(Recipe.__dataclass_fields__) <= set(names)
    assert {"base", "dataset", "output_name", "resume", "brand", "brand_kit"} <= set(names)
