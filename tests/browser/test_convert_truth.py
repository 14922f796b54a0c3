"""The converter against the installed frontend, so that a new one cannot drift away unnoticed.

``graphToPrompt`` is what the canvas's Run button submits. It is asked for the workflows of ``canvas.json``, whose
recorded answers the unit tests go by, and for a sample of the official workflows that the host serves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page

from packshot.host.managed import HostStatus
from packshot.workflow import Workflow
from packshot.workflow.canvas.convert import convert
from packshot.workflow.canvas.graph import parse
from support.places import DATA

CASES: dict[str, dict[str, Any]] = json.loads((DATA / "canvas.json").read_text(encoding="utf-8"))
_EVERY = 12  # of the official workflows, one in so many
_SUBMIT = """async workflow => {
    await window.app.loadGraphData(workflow)
    return JSON.parse(JSON.stringify((await window.app.graphToPrompt()).output))
}"""
_EXACT = 2**53
# The canvas sends pictures of their scenes.
_RENDERED = {"Load3D", "Load3DAnimation", "Preview3D", "Preview3DAnimation"}


@pytest.fixture(scope="module")
def canvas_page(browser: Browser, host: HostStatus) -> Iterator[Page]:
    """One canvas for all workflows of this module."""
    page = browser.new_page()
    page.goto(str(host.url))
    page.wait_for_function("() => window.app && window.app.graph && window.app.vueAppReady", timeout=120_000)
    yield page
    page.close()


@pytest.fixture(scope="module")
def definitions(host: HostStatus) -> dict[str, Any]:
    answer: dict[str, Any] = requests.get(f"{host.url}/object_info", timeout=60).json()
    return answer


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
    return dict(list(flows.items())[::_EVERY])


def view(graph: dict[str, Any]) -> dict[str, Any]:
    """A graph with its numbers as JavaScript has them, and without titles, which the canvas may translate."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items() if key != "_meta"}
        if isinstance(value, list):
            return [plain(each) for each in value]
        return float(value) if type(value) is int and abs(value) > _EXACT else value

    return {
        id_: plain({**node, "inputs": {k: v for k, v in node["inputs"].items() if isinstance(v, list)}})
        if node.get("class_type") in _RENDERED
        else plain(node)
        for id_, node in graph.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_the_frontend_still_submits_what_was_recorded(
    canvas_page: Page, definitions: dict[str, Any], name: str
) -> None:
    workflow = CASES[name]["workflow"]
    submitted = canvas_page.evaluate(_SUBMIT, workflow)
    assert view(submitted) == view(CASES[name]["submitted"])
    assert view(Workflow(workflow, name).api_graph(definitions)) == view(submitted)


def test_official_workflows_are_submitted_as_the_canvas_does(
    canvas_page: Page, definitions: dict[str, Any], official: dict[str, Any]
) -> None:
    different = {}
    for name, workflow in official.items():
        submitted = view(canvas_page.evaluate(_SUBMIT, workflow))
        converted = view(convert(parse(workflow, name), definitions, name).nodes)
        if submitted != converted:
            different[name] = [id_ for id_ in {*submitted, *converted} if submitted.get(id_) != converted.get(id_)]
    assert not different
    assert len(official) >= 10
