"""Node definitions as hosts give them, and as they should not."""

from __future__ import annotations

import pytest

from packshot.workflow.canvas.definitions import input_specs

INPUT = {"required": {"text": ["STRING", {}], "clip": ["CLIP"]}}


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (["clip", "text"], ["clip", "text"]),
        (["clip"], ["clip", "text"]),
        ([["clip", "text"]], ["text", "clip"]),
        ([None, {}, 3, "gone", "clip"], ["clip", "text"]),
        ("clip", ["text", "clip"]),
        (None, ["text", "clip"]),
    ],
)
def test_an_order_that_is_none_leaves_the_declared_one(order: object, names: list[str]) -> None:
    definition = {"input": INPUT, "input_order": {"required": order}}
    assert [spec.name for spec in input_specs(definition)] == names
