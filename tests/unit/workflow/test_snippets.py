"""Calls to paste, whatever the workflow says."""

from __future__ import annotations

import ast
import json
import subprocess
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from packshot.workflow import Workflow
from packshot.workflow.snippets import snippets
from support.canvas_graphs import flow
from support.places import DATA

INFO: dict[str, Any] = json.loads((DATA / "object_info.json").read_text())


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
