"""The routes of the open workflow: its contract, and releases of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from packshot import Client, Workflow
from packshot.host.managed import HostStatus
from support.host.routes import ask, refused

Json = dict[str, Any]


@pytest.fixture
def shot() -> Json:
    """Our own workflow, as the canvas would send it."""
    data: Json = json.loads(json.dumps(Workflow.load("product-shot").data))
    return data


# -- the workflow


def test_the_contract_is_what_the_client_sees(host: HostStatus, shot: Json) -> None:
    found = ask(host, "workflow/contract", {"workflow": shot}).json()
    with Client(str(host.url)) as client:
        contract = client.prepare(Workflow(shot, "x")).contract
    assert [each["name"] for each in found["inputs"]] == list(contract.inputs)
    assert [each["default"] for each in found["inputs"]] == [spec.default for spec in contract.inputs.values()]
    assert found["problems"] == []
    assert found["changes"]["level"] == "none"
    assert found["reference"] == f"product-shot@{found['version']}"
    compile(found["snippets"]["python"], "snippet", "exec")
    shot["extra"]["packshot"]["inputs"].pop("seed")
    found = ask(host, "workflow/contract", {"workflow": shot}).json()
    assert found["changes"]["level"] == "major"
    assert found["changes"]["next"] == "2.0.0"
    assert any("has no name" in problem["message"] for problem in found["problems"])


def test_a_file_that_is_no_workflow_has_problems_and_no_contract(host: HostStatus) -> None:
    refused(ask(host, "workflow/contract", {}), 400)
    refused(ask(host, "workflow/contract", {"workflow": {"nodes": 3}}), 400)
    unknown = {"nodes": [{"id": 1, "type": "<b>No</b>", "pos": [0, 0], "widgets_values": []}], "links": []}
    found = ask(host, "workflow/contract", {"workflow": unknown}).json()
    assert found["problems"][0]["slug"] == "node-missing"
    assert found["snippets"] == {}


def test_an_app_is_proposed_released_and_released_again(host: HostStatus, shot: Json) -> None:
    for key in ("packshot", "linearData", "linearMode"):
        del shot["extra"][key]
    proposed = ask(host, "workflow/app", {"workflow": shot}).json()
    names = [each["name"] for each in proposed["inputs"]]
    kinds = [each["kind"] for each in proposed["inputs"]]
    assert {"text", "model", "size", "seed", "sampling"} <= set(kinds)
    assert len(set(names)) == len(names)
    refused(ask(host, "workflow/release", {"workflow": shot, "name": "routes-test"}), 400)
    refused(ask(host, "workflow/app", {"workflow": shot, "name": "x", "inputs": ["nothing"]}), 400)
    for name in ("../x", "A", "", "x" * 65, "a--b", "con.fig"):
        refused(ask(host, "workflow/app", {"workflow": shot, "name": name, "inputs": names[:2]}), 400)
        refused(ask(host, "workflow/release", {"workflow": shot, "name": name}), 400)
    made = ask(host, "workflow/app", {"workflow": shot, "name": "routes-test", "inputs": names[:3]}).json()["workflow"]
    found = ask(host, "workflow/contract", {"workflow": made}).json()
    assert [each["name"] for each in found["inputs"]] == names[:3]
    assert [problem["message"] for problem in found["problems"]] == ["extra.packshot has no version"]

    first = ask(host, "workflow/release", {"workflow": made, "name": "routes-test", "summary": "<i>"}).json()
    assert (first["version"], first["before"]) == ("1.0.0", "")
    assert ask(host, "workflow/contract", {"workflow": first["workflow"]}).json()["problems"] == []
    again = refused(ask(host, "workflow/release", {"workflow": first["workflow"], "name": "routes-test"}), 400)
    assert "nothing has changed" in again
    more = ask(host, "workflow/app", {"workflow": first["workflow"], "name": "routes-test", "inputs": names[:4]}).json()
    second = ask(host, "workflow/release", {"workflow": more["workflow"], "name": "routes-test"}).json()
    assert (second["version"], second["before"], second["level"]) == ("1.1.0", "1.0.0", "minor")
    saved = requests.get(f"{host.url}/userdata/workflows%2Froutes-test.app.json", timeout=30).json()
    assert saved == second["workflow"]
    assert saved["extra"]["packshot"]["summary"] == "<i>"


def test_a_release_never_takes_the_place_of_another_workflow(host: HostStatus, shot: Json) -> None:
    url = f"{host.url}/userdata/workflows%2Fmine.app.json"
    requests.post(url, data=b'{"nodes": [], "links": []}', timeout=30)
    refused(ask(host, "workflow/release", {"workflow": shot, "name": "mine"}), 409)
    assert requests.get(url, timeout=30).json() == {"nodes": [], "links": []}
