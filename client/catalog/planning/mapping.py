"""The templates of a run: which workflow input is filled from what."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import InputUnknown, nearest
from ...workflow import Workflow
from ..table.read import Table
from .items import DEFAULT_MAPPING, PHOTO


def mapping_for(workflow: Workflow, given: Mapping[str, str], table: Table) -> dict[str, str]:
    """The templates of a run: the user's own, and the default ones for inputs that the workflow has.

    An input ``image`` that loads a picture gets the product's, where the table has pictures at all.

    Raises:
        InputUnknown: a template for an input that the workflow does not have.
    """
    names = workflow.input_names
    for name in given:
        if name not in names:
            raise InputUnknown(
                f"{workflow.name} has no input '{name}'", place=f"input '{name}'", remedy=nearest(name, names)
            )
    default = {name: text for name, text in DEFAULT_MAPPING.items() if name in names}
    if "image" in workflow.loaded_inputs and any(product.images for product in table.products):
        default["image"] = PHOTO
    return {**default, **given}
