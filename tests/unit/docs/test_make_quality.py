"""The page on checks says what the checks are, and its picture can be drawn."""

from __future__ import annotations

from make_quality import channels_table, checks_table, sheet

from packshot.quality.channels import channel_ids
from packshot.quality.registry import all_checks
from support.places import ROOT

PAGE = ROOT / "docs" / "quality.md"


def test_the_tables_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert checks_table() in text, "run: make docs"
    assert channels_table() in text, "run: make docs"
    for name in (*all_checks(), *channel_ids()):
        assert f"| `{name}` |" in text


def test_every_planted_fault_of_the_picture_is_found() -> None:
    # Drawing it raises where a check passes the fault that its tile shows.
    assert sheet().width > 1000
