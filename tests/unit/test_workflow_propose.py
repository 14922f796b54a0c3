"""Inputs that a workflow could have, the calls that a person can copy, and the runs that a machine remembers."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.catalog.known_runs import known_runs, remember_run, run_id
from packshot.workflow import Workflow
from packshot.workflow.canvas.convert import convert
from packshot.workflow.check import check
from packshot.workflow.contract import read_contract
from packshot.workflow.propose import outputs_of, propose, with_contract
from packshot.workflow.snippets import snippets
from support.places import DATA

INFO: dict[str, Any] = json.loads((DATA / "object_info.json").read_text())
CANVAS: dict[str, Any] = json.loads((DATA / "canvas_object_info.json").read_text())
CASES: dict[str, dict[str, Any]] = json.loads((DATA / "canvas.json").read_text(encoding="utf-8"))


def flow(text: str = "a mug", title: str = "Photo") -> dict[str, Any]:
    return {
        "nodes": [
            {"id": 7, "type": "KSampler", "widgets_values": [5, "fixed", 20, 8.0, "euler", "normal", 1.0]},
            {"id": 9, "type": "LoadImage", "title": title, "widgets_values": ["example.png", "image"]},
            {"id": 10, "type": "PrimitiveStringMultiline", "title": title, "widgets_values": [text]},
            {
                "id": 11,
                "type": "SaveImage",
                "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
                "widgets_values": ["out"],
            },
        ],
        "links": [[1, 9, 0, 11, 0, "IMAGE"]],
        "extra": {},
    }


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


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_calls_can_be_pasted_whatever_the_workflow_says(text: str) -> None:
    data = flow(text, text)
    data["extra"] = {"packshot": {"name": text, "inputs": {"prompt": {"node": 10, "widget": "value"}}, "outputs": {}}}
    workflow = Workflow(data, "x")
    prepared = workflow.prepare(INFO)
    found = snippets(workflow, prepared.contract, prepared.api.nodes, "http://127.0.0.1:8188")
    (call,) = [
        node
        for node in ast.walk(ast.parse(found["python"]))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "submit"
    ]
    assert [ast.literal_eval(keyword.value) for keyword in call.keywords] in ([text], [])


def test_the_shell_gives_curl_the_prompt_as_it_is() -> None:
    text = 'it\'s a "mug" $(touch /tmp/no) `id` \\ \n JSON\nJSON\n ü'
    data = flow(text)
    data["extra"] = {"packshot": {"name": "a'b $x", "inputs": {}, "outputs": {}}}
    workflow = Workflow(data, "x")
    prepared = workflow.prepare(INFO)
    found = snippets(workflow, prepared.contract, prepared.api.nodes, "http://127.0.0.1:8188")
    shell = "curl() { printf '%s\\n' \"$@\" >&2; cat; }\npackshot() { printf '%s\\n' \"$@\"; }\n"
    done = subprocess.run(["bash", "-c", shell + found["curl"]], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"prompt": prepared.api.nodes}
    assert "http://127.0.0.1:8188/prompt" in done.stderr.splitlines()
    done = subprocess.run(["bash", "-c", shell + found["catalogue"]], capture_output=True, text=True, check=True)
    assert "a'b $x.app.json" in done.stdout.splitlines()


# -- runs


def test_runs_are_remembered_newest_first_and_forgotten_when_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert known_runs() == {}
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
        (folder / "ledger.sqlite").touch()
        remember_run(folder)
    assert list(known_runs()) == [run_id(folders[1]), run_id(folders[0])]
    remember_run(folders[0])
    assert list(known_runs().values()) == folders
    (folders[0] / "ledger.sqlite").unlink()
    assert list(known_runs().values()) == folders[1:]


@pytest.mark.parametrize("content", ["", "{", "3", '{"a": 1}', "[1, null, {}]", "\x00"])
def test_a_damaged_list_of_runs_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "cache" / "packshot" / "runs.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    assert known_runs() == {}
    (tmp_path / "ledger.sqlite").touch()
    remember_run(tmp_path)
    assert list(known_runs().values()) == [tmp_path]
