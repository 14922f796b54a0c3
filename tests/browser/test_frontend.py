"""The workflow file in ComfyUI's own frontend: as a graph, as an App, and as what both submit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page

from packshot import Client, Workflow
from packshot.host.managed import HostStatus

FIELDS = ["Prompt", "Avoid", "Model", "Width", "Height", "Seed", "Steps"]


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.load("product-shot")


def load(page: Page, data: dict[str, Any]) -> None:
    page.evaluate("async workflow => { await window.app.loadGraphData(workflow) }", data)


def test_the_canvas_submits_what_we_convert(canvas: Page, host: HostStatus, workflow: Workflow) -> None:
    data = json.loads(json.dumps(workflow.data))
    data["extra"]["linearMode"] = False
    load(canvas, data)
    submitted = canvas.evaluate("async () => await window.app.graphToPrompt()")
    with Client(str(host.url)) as client:
        assert workflow.api_graph(client.object_info) == submitted["output"]
    assert submitted["workflow"]["extra"]["packshot"] == workflow.data["extra"]["packshot"]


def test_a_filled_in_workflow_opens_with_its_values(canvas: Page, host: HostStatus, workflow: Workflow) -> None:
    values = {"prompt": "ein „Becher“ in 青\nzweite Zeile", "negative": "", "width": 320, "seed": 2**50 - 1, "steps": 3}
    with Client(str(host.url)) as client:
        graph, opened = client.prepare(workflow).fill(values)
    load(canvas, opened)
    assert canvas.evaluate("async () => (await window.app.graphToPrompt()).output") == graph


def test_the_app_shows_the_contract_in_its_order_and_runs(canvas: Page, workflow: Workflow) -> None:
    load(canvas, workflow.data)
    panel = canvas.get_by_role("button", name="Run").last
    panel.wait_for()
    shown = canvas.locator("body").inner_text().splitlines()
    assert [line for line in shown if line in FIELDS] == FIELDS
    assert len(workflow.input_names) == len(FIELDS)
    panel.click()
    canvas.wait_for_selector("img[src*='product-shot_']:visible", timeout=120_000)
