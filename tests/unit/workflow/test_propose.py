"""Inputs and outputs proposed for a workflow without a contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from packshot.workflow import Workflow
from packshot.workflow.canvas.convert import convert
from packshot.workflow.check import check
from packshot.workflow.contract import read_contract
from packshot.workflow.propose import outputs_of, propose, with_contract
from support.canvas_graphs import flow
from support.places import DATA

INFO: dict[str, Any] = json.loads((DATA / "object_info.json").read_text())

CANVAS: dict[str, Any] = json.loads((DATA / "canvas_object_info.json").read_text())

CASES: dict[str, dict[str, Any]] = json.loads((DATA / "canvas.json").read_text(encoding="utf-8"))


def test_what_people_change_is_proposed_in_the_order_of_a_form() -> None:
    data = flow()
    api = convert(Workflow(data, "x").graph, INFO, "x")
    found = propose(data, api)
    assert [(each.kind, each.widget) for each in found] == [
        ("picture", "image"),
        ("text", "value"),
        ("seed", "seed"),
        ("sampling", "steps"),
        ("sampling", "cfg"),
        ("sampling", "denoise"),
    ]
    assert outputs_of(data, api, INFO) == {"image": "11"}


def test_a_proposal_becomes_a_contract_and_an_app_that_agree() -> None:
    data = flow()
    api = convert(Workflow(data, "x").graph, INFO, "x")
    chosen = propose(data, api)[:3]
    made = with_contract(data, "mug-shot", "A mug.", chosen, outputs_of(data, api, INFO))
    assert [problem.message for problem in check(Workflow(made, "x"), INFO)] == ["extra.packshot has no version"]
    again = convert(Workflow(made, "x").graph, INFO, "x")
    assert list(read_contract(made, again, "x").inputs) == [each.name for each in chosen]
    assert [each.name for each in propose(made, again) if each.kind == "app"] == [each.name for each in chosen]
    # Another order in App Mode is followed, and names and help stay.
    made["extra"]["packshot"]["inputs"][chosen[0].name]["help"] = "A photograph."
    made["extra"]["linearData"]["inputs"].reverse()
    shown = [each for each in propose(made, again) if each.kind == "app"]
    assert [each.name for each in shown] == [each.name for each in reversed(chosen)]
    assert shown[-1].help == "A photograph."
    assert "extra" in data
    assert not data["extra"]


@pytest.mark.parametrize("name", CASES)
def test_every_proposal_of_a_real_workflow_can_be_an_input(name: str) -> None:
    data = CASES[name]["workflow"]
    api = convert(Workflow(data, name).graph, CANVAS, name)
    assert api.problems == []
    found = propose(data, api)
    names = [each.name for each in found]
    assert len(set(names)) == len(names)
    assert all(each.isidentifier() for each in names)
    made = with_contract(data, "real", "", found, outputs_of(data, api, CANVAS))
    known = {problem.message for problem in check(Workflow(data, name), CANVAS)}
    wrong = [p.message for p in check(Workflow(made, name), CANVAS) if p.message not in known]
    assert wrong == ["extra.packshot has no version"]
