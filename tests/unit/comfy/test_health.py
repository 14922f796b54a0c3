"""Whether two answers come from the same start of a host."""

from __future__ import annotations

import pytest

from packshot.comfy.health import Health, changed


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [("a", "b", True), ("a", "a", False), (None, "b", False), ("a", None, False)],
)
def test_a_boot_has_changed_only_where_both_are_known(before: str | None, after: str | None, expected: bool) -> None:
    assert changed(Health(True, boot=before), Health(True, boot=after)) is expected
