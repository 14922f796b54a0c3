from __future__ import annotations

import re

from support.places import ROOT


def test_every_promise_names_tests_that_are_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and ".py`" in line]
    assert len(rows) >= 25
    tests = {name for row in rows for name in re.findall(r"`([\w/]+\.py)`", row)}
    assert {name for name in tests if not (ROOT / "tests" / name).is_file()} == set()
