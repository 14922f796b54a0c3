"""With the extension on, the canvas submits byte for byte the prompts that it submits without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, Route

from packshot.host.managed import HostStatus
from packshot.workflow.versions import library

_EVERY = 45  # of the official workflows, one in so many; bench/canvas.py compares them all

_SUBMIT = """async workflow => {
    await window.app.loadGraphData(workflow)
    return JSON.stringify((await window.app.graphToPrompt()).output)
}"""


def without_extension(page: Page) -> None:
    """Let a page load everything but ours."""

    def others(route: Route) -> None:
        listed = route.fetch().json()
        route.fulfill(json=[each for each in listed if "/extensions/packshot/" not in each])

    page.route("**/extensions", others)


@pytest.fixture(scope="module")
def both(browser: Browser, host: HostStatus) -> Iterator[tuple[Page, Page]]:
    """Two canvases: with the extension, and without."""
    pages = [browser.new_page(), browser.new_page()]
    without_extension(pages[1])
    for page in pages:
        page.goto(str(host.url))
        page.wait_for_function("() => window.app && window.app.graph && window.app.vueAppReady", timeout=120_000)
    loaded = (
        "() => performance.getEntriesByType('resource').some((each) => each.name.includes('/extensions/packshot/'))"
    )
    assert [page.evaluate(loaded) for page in pages] == [True, False]
    yield pages[0], pages[1]
    for page in pages:
        page.close()


@pytest.fixture(scope="module")
def official(host: HostStatus) -> dict[str, Any]:
    index = requests.get(f"{host.url}/templates/index.json", timeout=60).json()
    names = sorted({each["name"] for category in index for each in category["templates"]})
    answers = {name: requests.get(f"{host.url}/templates/{name}.json", timeout=60) for name in names[::_EVERY]}
    return {name: answer.json() for name, answer in answers.items() if answer.ok}


def test_official_workflows_are_submitted_alike(both: tuple[Page, Page], official: dict[str, Any]) -> None:
    different = [name for name, flow in official.items() if len({page.evaluate(_SUBMIT, flow) for page in both}) > 1]
    assert not different
    assert len(official) >= 8


@pytest.mark.parametrize("vue", [False, True])
def test_our_own_workflows_are_submitted_alike(both: tuple[Page, Page], vue: bool) -> None:
    for page in both:
        page.evaluate("on => window.app.extensionManager.setting.set('Comfy.VueNodes.Enabled', on)", vue)
    for name, path in library().items():
        flow = json.loads(path.read_text(encoding="utf-8"))
        flow["extra"]["linearMode"] = False
        for page in both:
            page.evaluate("flow => window.app.loadGraphData(flow)", flow)
            page.wait_for_timeout(300)  # for what our modules add to nodes
        sent = {page.evaluate("async () => JSON.stringify((await app.graphToPrompt()).output)") for page in both}
        assert len(sent) == 1, name
