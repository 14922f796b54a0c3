"""Workflows that were damaged in any way: an error with a slug or a graph, never anything else."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packshot.errors import PackshotError
from packshot.workflow import Workflow
from packshot.workflow.canvas.convert import convert
from packshot.workflow.contract import read_contract
from support.places import DATA

CASES: dict[str, dict[str, Any]] = json.loads((DATA / "canvas.json").read_text(encoding="utf-8"))

INFO: dict[str, Any] = json.loads((DATA / "canvas_object_info.json").read_text(encoding="utf-8"))

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-30, 30)
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "1", "-10", "*", "Reroute", "PrimitiveNode", "value", "custom", "image"])
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


def damage(data: st.DataObject, workflow: Any) -> None:
    """Go down to some place in the file, and there replace, remove, repeat or swap something."""
    part = workflow
    while True:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if isinstance(part[key], dict | list) and part[key] and data.draw(st.integers(0, 5)):
            part = part[key]
            continue
        change = data.draw(st.sampled_from(["replace", "remove", "repeat", "swap"]))
        other = data.draw(st.sampled_from(keys))
        if change == "replace":
            part[key] = data.draw(values)
        elif change == "remove":
            del part[key]
        elif change == "swap":
            part[key], part[other] = part[other], part[key]
        elif isinstance(part, list):
            part.append(copy.deepcopy(part[key]))
        return


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), name=st.sampled_from(sorted(CASES)), times=st.integers(1, 4))
def test_a_damaged_workflow_gives_an_error_or_a_graph(data: st.DataObject, name: str, times: int) -> None:
    workflow = copy.deepcopy(CASES[name]["workflow"])
    workflow["extra"]["linearData"] = {
        "inputs": [[3, "seed"], ["20", "sigma"], ["a-b:2:sigma", "sigma"]],
        "outputs": [3],
    }
    for _ in range(times):
        damage(data, workflow)
    with contextlib.suppress(PackshotError):
        loaded = Workflow(workflow, name)
        api = convert(loaded.graph, INFO, name)
        assert all(isinstance(problem, PackshotError) for problem in api.problems)
        assert json.loads(json.dumps(api.nodes)).keys() == api.nodes.keys()
        for id_, node in api.nodes.items():
            for value in node["inputs"].values():
                assert not isinstance(value, list) or value[0] in api.nodes, id_
        canvas = dict(workflow)
        for field in api.fields.values():
            if field.home is not None:
                field.write(canvas, 1)
        json.dumps(canvas)
        read_contract(workflow, api, name)
