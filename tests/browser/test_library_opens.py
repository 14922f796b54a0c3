"""Every workflow of the library in ComfyUI's own frontend: on the canvas, and as an App."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page

from packshot import Client, Workflow
from packshot.host.managed import HostStatus
from packshot.workflow.app_mode import read_app_mode
from packshot.workflow.versions import library
from support.host.routes import token

_OPEN = "async workflow => { await window.app.loadGraphData(workflow) }"
_SUBMIT = "async () => JSON.parse(JSON.stringify((await window.app.graphToPrompt()).output))"
# Types that the canvas does not know. It marks nodes as well whose pictures or weights this host does not have.
_UNKNOWN = (
    "() => window.app.graph.nodes.map(node => node.type).filter(type => !window.LiteGraph.registered_node_types[type])"
)
_SHOWN = "() => window.app.graph.serialize().extra.linearData.inputs.length"


@pytest.fixture(scope="module")
def page(browser: Browser, host: HostStatus) -> Iterator[Page]:
    """One canvas for all workflows of this module."""
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    page.goto(str(host.url))
    page.wait_for_function("() => window.app && window.app.graph && window.app.vueAppReady", timeout=120_000)
    yield page
    page.close()


def opened(page: Page, workflow: Workflow, *, app: bool) -> dict[str, Any]:
    data = copy.deepcopy(workflow.data)
    data["extra"]["linearMode"] = app
    page.evaluate(_OPEN, data)
    return data


@pytest.mark.parametrize("name", sorted(library()))
def test_it_opens_on_the_canvas_and_submits_what_python_does(page: Page, host: HostStatus, name: str) -> None:
    workflow = Workflow.load(name)
    opened(page, workflow, app=False)
    assert page.evaluate(_UNKNOWN) == []
    with Client(str(host.url)) as client:
        graph = workflow.prepare(client.object_info, runs=False).api.nodes
    assert page.evaluate(_SUBMIT) == json.loads(json.dumps(graph))


@pytest.mark.parametrize("name", sorted(library()))
def test_it_opens_as_an_app_with_its_fields_in_order_and_asks_for_no_new_version(
    page: Page, host: HostStatus, name: str
) -> None:
    workflow = Workflow.load(name)
    opened(page, workflow, app=True)
    app = read_app_mode(workflow.data)
    assert app is not None
    labels = [field.label for field in app.inputs]
    assert all(labels)
    page.get_by_role("button", name="Run").last.wait_for()
    page.wait_for_function("label => document.body.innerText.split('\\n').includes(label)", arg=labels[-1])
    shown = [line.strip() for line in page.locator("body").inner_text().splitlines()]
    found = [line for line in shown if line in labels]
    assert list(dict.fromkeys(found)) == labels
    assert page.evaluate(_SHOWN) == len(labels)  # the frontend drops entries that lead to nothing
    body = {"workflow": page.evaluate("app.rootGraph.serialize()")}
    described = requests.post(
        f"{host.url}/packshot/workflow/contract", json=body, headers=token(host), timeout=60
    ).json()
    assert described["changes"]["changes"] == []
