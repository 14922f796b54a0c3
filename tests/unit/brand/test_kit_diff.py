"""What changed between two kits."""

from __future__ import annotations

from pathlib import Path

from support.kit_files import load


def test_differences_go_by_names(tmp_path: Path) -> None:
    before = load(
        tmp_path, {"name": "x", "palette": [{"name": "a", "hex": "#111111"}, {"name": "b", "hex": "#222222"}]}
    )
    after = load(tmp_path, {"name": "x", "palette": [
        {"name": "c", "hex": "#333333"}, {"name": "b", "hex": "#222222"}, {"name": "a", "hex": "#111112"},
    ], "prompt": {"suffix": "light"}})  # fmt: skip
    said = {(change.what, change.where): (change.before, change.after) for change in before.diff(after)}
    assert said == {
        ("changed", "palette[a].hex"): ("#111111", "#111112"),
        ("added", "palette[c].name"): (None, "c"),
        ("added", "palette[c].hex"): (None, "#333333"),
        ("added", "prompt.suffix"): (None, "light"),
    }
    assert before.diff(before) == []
