"""The converter against the installed frontend, for a sample of the official workflows that the host serves."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from playwright.sync_api import Page

from packshot.host.managed import HostStatus
from packshot.workflow.canvas.convert import convert
from packshot.workflow.canvas.graph import parse
from support.host.canvas import SUBMIT, view

EVERY = 12  # of the official workflows, one in so many


@pytest.fixture(scope="module")
def official(host: HostStatus, definitions: dict[str, Any]) -> dict[str, Any]:
    """A sample of the official workflows: of those whose nodes this host has, every so many in order of name."""
    index = requests.get(f"{host.url}/templates/index.json", timeout=60).json()
    names = sorted({each["name"] for category in index for each in category["templates"]})
    flows = {}
    for name in names:
        answer = requests.get(f"{host.url}/templates/{name}.json", timeout=60)
        if answer.ok and not convert(parse(answer.json(), name), definitions, name).problems:
            flows[name] = answer.json()
    return dict(list(flows.items())[::EVERY])


def test_official_workflows_are_submitted_as_the_canvas_does(
    canvas_page: Page, definitions: dict[str, Any], official: dict[str, Any]
) -> None:
    different = {}
    for name, workflow in official.items():
        submitted = view(canvas_page.evaluate(SUBMIT, workflow))
        converted = view(convert(parse(workflow, name), definitions, name).nodes)
        if submitted != converted:
            different[name] = [id_ for id_ in {*submitted, *converted} if submitted.get(id_) != converted.get(id_)]
    assert not different
    assert len(official) >= 10
