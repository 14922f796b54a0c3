"""The converter against the installed frontend, so that a new one cannot drift away unnoticed.

``graphToPrompt`` is what the canvas's Run button submits. It is asked for the workflows of ``canvas.json``, whose
recorded answers the unit tests go by.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page

from packshot.workflow import Workflow
from support.host.canvas import SUBMIT, view
from support.places import DATA

CASES: dict[str, dict[str, Any]] = json.loads((DATA / "canvas.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_the_frontend_still_submits_what_was_recorded(
    canvas_page: Page, definitions: dict[str, Any], name: str
) -> None:
    workflow = CASES[name]["workflow"]
    submitted = canvas_page.evaluate(SUBMIT, workflow)
    assert view(submitted) == view(CASES[name]["submitted"])
    assert view(Workflow(workflow, name).api_graph(definitions)) == view(submitted)
