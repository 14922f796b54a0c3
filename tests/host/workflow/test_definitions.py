"""Definitions live and saved."""

from __future__ import annotations

import json
from pathlib import Path

from packshot import Client
from packshot.host.managed import HostStatus
from packshot.paths import shipped
from packshot.workflow.canvas.definitions import input_specs
from support.host.catalogs import packshot_json
from support.places import DATA

# -- check and migrate -------------------------------------------------------------------------------------------------


def test_definitions_live_and_saved_give_the_same_answer(host: HostStatus, tmp_path: Path) -> None:
    path = tmp_path / "spoilt.app.json"
    text = (shipped("workflows") / "product-shot.app.json").read_text()
    path.write_text(text.replace('"starter"', '"startr"').replace("VAEDecode", "VAEDecod"))
    with Client(str(host.url)) as client:
        saved = tmp_path / "object_info.json"
        saved.write_text(json.dumps(client.api.json("GET", "/object_info")))
    live = packshot_json("workflow", "check", path, "--host", host.url, code=2)
    assert live == packshot_json("workflow", "check", path, "--object-info", saved, code=2)
    assert {each["slug"] for each in live["problems"]} == {"node-missing", "input-invalid"}
    assert packshot_json("workflow", "check", "product-shot", "product-shot@1.0.0", "--host", host.url)["ok"]


def test_what_the_tests_know_of_the_host_is_so(host: HostStatus) -> None:
    """The stored definitions and replacements, apart from lists of files."""
    nodes = json.loads((DATA / "workflow_nodes.json").read_text())
    with Client(str(host.url)) as client:
        assert client.api.node_replacements() == json.loads((DATA / "node_replacements.json").read_text())
        for name, stored in nodes.items():
            live = client.object_info[name]
            assert [(s.name, s.type) for s in input_specs(live)] == [(s.name, s.type) for s in input_specs(stored)]
            assert live["output"] == stored["output"]
