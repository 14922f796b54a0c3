"""YAML from others is read within bounds."""

from __future__ import annotations

import pytest
import yaml
from hostile.files import YAMLS

from packshot.bounded_yaml import read_yaml
from packshot.budget import OverBudget


@pytest.mark.parametrize("name", [name for name in YAMLS if name != "yaml-large"])
def test_what_nobody_writes_by_hand_is_refused(name: str) -> None:
    with pytest.raises((OverBudget, yaml.YAMLError)):
        read_yaml(YAMLS[name].encode())


def test_aliases_merges_and_numbers_that_people_write_are_read() -> None:
    text = "a: &a {x: 1, y: 0x1F}\nb: *a\nc: {<<: *a, y: 2.5}\nd: [1_000, -3, .inf]\n"
    assert read_yaml(text.encode()) == {
        "a": {"x": 1, "y": 31},
        "b": {"x": 1, "y": 31},
        "c": {"x": 1, "y": 2.5},
        "d": [1000, -3, float("inf")],
    }
